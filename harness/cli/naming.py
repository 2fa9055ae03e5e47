"""Names of kept clusters: made up where none is given, and each taken once."""

from __future__ import annotations

import random
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from harness.cli.kept import kept_clusters, labelled, owner_of
from harness.model.errors import BadOption

_FORM = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_QUALITIES = (
    "brave",
    "bright",
    "calm",
    "eager",
    "fair",
    "gentle",
    "keen",
    "lively",
    "quick",
    "sunny",
    "wise",
)
_ANIMALS = ("badger", "crane", "finch", "hare", "heron", "lynx", "marten", "otter", "robin", "seal", "wren")


@contextmanager
def reserved(name: str | None) -> Iterator[str]:
    """Hold a name, made up if there is none, while its cluster is being started.

    Raises ``BadOption`` for one that has no proper form, or is taken.
    """
    from filelock import FileLock, Timeout  # noqa: PLC0415 - pays for what it uses only

    from harness.engine.statedir import state_directory  # noqa: PLC0415

    taken = _taken()
    chosen = made_up(taken) if name is None else checked(name)
    lock = FileLock(state_directory() / f"{owner_of(chosen)}.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise BadOption("name", chosen, "a cluster of that name is being started") from None
    try:
        if chosen in taken or chosen in _taken():
            raise BadOption("name", chosen, "it is taken (see `harness status`)")
        yield chosen
    finally:
        # While it is still held: whoever waits for it then sees that its file is gone.
        Path(lock.lock_file).unlink(missing_ok=True)
        lock.release()


def checked(name: str) -> str:
    """Return a name that has the form of one; raises ``BadOption`` for any other."""
    if not _FORM.fullmatch(name):
        raise BadOption("name", name, "use at most 40 lower-case letters, digits and hyphens")
    return name


def made_up(taken: Collection[str]) -> str:
    """Return a readable name that is not taken."""
    free = {f"{quality}-{animal}" for quality in _QUALITIES for animal in _ANIMALS} - set(taken)
    return random.choice(sorted(free))


def _taken() -> set[str]:
    prefix = owner_of("")
    named = {kept.description.owner for kept in kept_clusters()} | {thing.owner for thing in labelled()}
    return {owner.removeprefix(prefix) for owner in named}
