"""Running a program of the host that may take long: said as it goes, ended with us, quoted when it fails."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

Say = Callable[[str], None]
"""Takes one line of progress."""

_SAY_EVERY = 10.0
_TAIL = 12
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class StepFailed(Exception):
    """A step that ended with an error or not in time; ``output`` is all it wrote.

    It never reaches a user as such: whoever ran the step says what it was needed for.
    """

    def __init__(self, step: Step, how: str, output: str) -> None:
        super().__init__(f"{step.what}: `{shlex.join(step.argv)}` {how}{quoted(output)}")
        self.output = output


@dataclass(frozen=True, slots=True)
class Step:
    """A program to run: ``what`` names it in progress lines, ``env`` is added to our environment."""

    what: str
    argv: Sequence[str]
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 900.0

    def run(self, say: Say) -> str:
        """Run it and return what it wrote to both its outputs.

        Raises ``StepFailed`` if it ends with an error or takes longer than ``seconds``.
        """
        with tempfile.TemporaryFile() as output, self._start(output) as process:
            try:
                ended = self._watch(process, say)
            finally:
                _end(process)
            text = _read(output)
        if not ended:
            raise StepFailed(self, f"was ended after {self.seconds:g} s", text)
        if process.returncode:
            raise StepFailed(self, f"ended with {process.returncode}", text)
        return text

    def _start(self, output: IO[bytes]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            self.argv,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=self.cwd,
            env={**os.environ, **self.env},
        )

    def _watch(self, process: subprocess.Popen[bytes], say: Say) -> bool:
        started = time.monotonic()
        while (left := started + self.seconds - time.monotonic()) > 0:
            try:
                process.wait(min(_SAY_EVERY, left))
            except subprocess.TimeoutExpired:
                say(f"{self.what}: {time.monotonic() - started:.0f} s so far")
            else:
                return True
        return False


def quoted(text: str) -> str:
    """Return the last lines of ``text``, indented below a message."""
    lines = [line for line in _COLOUR.sub("", text).splitlines() if line.strip()]
    return "".join(f"\n    {line}" for line in lines[-_TAIL:])


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()


def _read(output: IO[bytes]) -> str:
    output.seek(0)
    return output.read().decode(errors="replace")
