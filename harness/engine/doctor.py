"""What this machine can do for the harness: each finding with what to do about it.

Nothing is concluded from a name or a version: what needs a container is tried in one.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine import discovery, trial
from harness.engine.free_space import engine_place
from harness.engine.images import image_id, needed
from harness.engine.steps import Step, StepFailed
from harness.engine.versions import Image, Kind, catalogue
from harness.model.errors import HarnessError

if TYPE_CHECKING:
    import docker

_GIB = 1024**3
_DISK = 2 * _GIB
"""The images of the three backends are 0.9 GB, and a build needs its parts twice for a moment."""
_MEMORY = 1 * _GIB
"""Three Kafka nodes are 0.5 GB, and the workers come on top."""
_CLIENTS = {"nats": ("nats", "nats-py"), "kafka": ("confluent_kafka",) * 2, "redis": ("redis",) * 2}
_SETUP = "run `harness setup`"


class State(StrEnum):
    """``unknown``: it could not be tried."""

    OK = "ok"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at; without a ``required`` one nothing runs, without another less does."""

    check: str
    state: State
    detail: str
    remedy: str = ""
    required: bool = False


def examine() -> Iterator[Finding]:
    """Look at everything, each finding as soon as it is there; changes nothing on the machine."""
    try:
        client = discovery.connect()
    except HarnessError as error:
        said, _, hint = str(error).partition("\nhint: ")
        yield Finding("engine", State.MISSING, said, hint, required=True)
        yield from _untried("no engine answers")
    else:
        yield _engine(client)
        yield from _images(client)
        yield from _tried(client)
    yield _fuse()
    yield _loop()
    yield _disk()
    yield _memory()
    yield from _clients()


def lacks(findings: list[Finding]) -> list[str]:
    """Return the names of what is required and missing."""
    return [finding.check for finding in findings if finding.required and finding.state is State.MISSING]


def _engine(client: docker.DockerClient) -> Finding:
    version = client.version()["Version"]
    return Finding("engine", State.OK, f"{version} at {os.environ['DOCKER_HOST']}", required=True)


def _images(client: docker.DockerClient) -> Iterator[Finding]:
    known = catalogue()
    defaults = [(name, known.entry(name).default) for name in known.names(Kind.BACKEND)]
    for image in needed(defaults):
        if image_id(client, image):
            yield Finding(f"image {image}", State.OK, image.tag)
        else:
            yield Finding(f"image {image}", State.MISSING, "not here yet; made when first used", _SETUP)


def _tried(client: docker.DockerClient) -> Iterator[Finding]:
    mesh = Image("mesh", catalogue().entry("mesh").default)
    if not image_id(client, mesh):
        yield from _untried("trying it takes the mesh image, which is not here yet")
        return
    seen = trial.run(client, mesh.tag)
    for probe in trial.PROBES:
        failure = seen[probe.name]
        state = State.MISSING if failure else State.OK
        remedy = probe.remedy if failure else ""
        yield Finding(probe.name, state, failure or probe.gives, remedy, required=probe.required)


def _untried(why: str) -> Iterator[Finding]:
    for probe in trial.PROBES:
        yield Finding(probe.name, State.UNKNOWN, why, _SETUP, required=probe.required)


def _fuse() -> Finding:
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        return Finding("FUSE", State.MISSING, f"/dev/fuse: {error.strerror}", "load the kernel module fuse")
    return Finding("FUSE", State.OK, "/dev/fuse opens")


def _loop() -> Finding:
    if os.geteuid() != 0:
        return Finding("loop devices", State.UNKNOWN, "only root may try", "run `harness doctor` as root")
    try:
        with tempfile.NamedTemporaryFile(prefix="broker-harness-loop-") as file:
            file.truncate(1024**2)
            device = _silent("attaching a loop device", "losetup", "--find", "--show", file.name).strip()
            _silent("detaching a loop device", "losetup", "--detach", device)
        _silent("looking for mkfs.ext4", "mkfs.ext4", "-V")
    except (OSError, StepFailed) as error:
        remedy = "install mount and e2fsprogs; in a container, give it loop devices (--privileged)"
        return Finding("loop devices", State.MISSING, str(error), remedy)
    return Finding("loop devices", State.OK, "for power loss and full disks")


def _silent(what: str, *argv: str) -> str:
    return Step(what, argv, seconds=10).run(lambda _: None)


def _disk() -> Finding:
    place = engine_place()
    free = shutil.disk_usage(place).free
    detail = f"{free / _GIB:.1f} GiB free at {place}, {_DISK / _GIB:.0f} needed"
    if free < _DISK:
        return Finding("disk", State.MISSING, detail, "free some; `docker image prune`", required=True)
    return Finding("disk", State.OK, detail, required=True)


def _memory(meminfo: Path = Path("/proc/meminfo")) -> Finding:
    try:
        fields = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        free = int(fields["MemAvailable"].split()[0]) * 1024
    except (OSError, KeyError, ValueError) as error:
        return Finding("memory", State.UNKNOWN, f"{meminfo}: {error}", required=True)
    detail = f"{free / _GIB:.1f} GiB available, {_MEMORY / _GIB:.0f} needed"
    if free < _MEMORY:
        return Finding("memory", State.MISSING, detail, "end what else runs here", required=True)
    return Finding("memory", State.OK, detail, required=True)


def _clients() -> Iterator[Finding]:
    for backend, (module, package) in _CLIENTS.items():
        if importlib.util.find_spec(module):
            yield Finding(f"client {backend}", State.OK, f"{package} {importlib.metadata.version(package)}")
        else:
            remedy = f"pip install 'broker-harness[{backend}]'"
            yield Finding(f"client {backend}", State.MISSING, f"{package} is not installed", remedy)
