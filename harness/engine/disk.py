"""A node's disk as an ext4 image file, mounted by loop: a disk that can lose its power, or be full.

What the device holds is in the file; what only the kernel holds is not. A copy of the file, taken
while the node is frozen and repeated until two copies in a row are equal, is therefore the disk
after a power loss: ext4 replays its journal when the copy is mounted, and whatever nobody had
synced is gone.

In the state directory: ``disks/<cluster>/<node>.img``, mounted on ``disks/<cluster>/<node>``, of
which the node sees the folder ``data`` only. Beside that folder lie two canaries of ours: one
synced when the disk was made, one written and never synced just before the power went.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from harness.engine.statedir import state_directory
from harness.model.errors import DeadlineExceeded, HarnessError

MEGABYTES = 256
COPIES_WITHIN = 20.0
"""Seconds for two equal copies: the kernel may still be writing back what was synced before."""
COMMAND_SECONDS = 30.0
_CONTENT = b"canary" * 1024
_FILLER_STEP = 65536


def obstacle() -> str:
    """Why this process cannot give nodes disks of image files; empty if it can."""
    if os.geteuid() != 0:
        return "storage='image' mounts files by loop, which needs root"
    missing = [program for program in ("mkfs.ext4", "mount", "umount", "cmp") if not shutil.which(program)]
    return f"storage='image' needs {', '.join(missing)}" if missing else ""


@dataclass(frozen=True, slots=True)
class Disk:
    """The disk of one node; every method raises ``HarnessError`` with what the program said."""

    cluster: str
    node: str

    @property
    def image(self) -> Path:
        """The file that is the device."""
        return _directory() / self.cluster / f"{self.node}.img"

    @property
    def mountpoint(self) -> Path:
        """Where this machine sees the file system."""
        return _directory() / self.cluster / self.node

    @property
    def data(self) -> Path:
        """The part of it that the node sees."""
        return self.mountpoint / "data"

    def make(self) -> None:
        """Make and mount an empty disk, with the canary that is synced."""
        self.mountpoint.mkdir(parents=True)
        with self.image.open("wb") as device:
            device.truncate(MEGABYTES * 1024 * 1024)
        # Tables written now: the kernel would else go on writing them while the image is copied.
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-E", "lazy_itable_init=0,lazy_journal_init=0", self.image)
        self._mount()
        self.data.mkdir()
        self._write("synced", synced=True)

    def write_back(self) -> None:
        """Have the kernel write to the device all it holds for this file system, and no other."""
        _run("sync", "--file-system", self.mountpoint)

    def prepare_loss(self) -> None:
        """Write the canary that is never synced."""
        self._write("unsynced", synced=False)

    def lose_unsynced(self) -> None:
        """Replace the disk by what its device holds now; call ``swap`` once nothing uses it any more."""
        kept, again = self.image.with_suffix(".kept"), self.image.with_suffix(".again")
        deadline = time.monotonic() + COPIES_WITHIN
        _copy(self.image, kept)
        _copy(self.image, again)
        while not _equal(kept, again):
            if time.monotonic() > deadline:
                raise DeadlineExceeded(f"two equal copies of {self.image}", COPIES_WITHIN, "still written to")
            kept, again = again, kept
            _copy(self.image, again)
        again.unlink()
        if kept.suffix != ".kept":
            kept.rename(self.image.with_suffix(".kept"))

    def swap(self) -> None:
        """Mount the copy in the place of the disk; what the kernel still holds of the old one is lost."""
        _unmount(self.mountpoint)
        self.image.with_suffix(".kept").replace(self.image)
        self._mount()

    def what_remained(self) -> str:
        """The evidence of a power loss: the synced canary is whole, the other one is not; else empty."""
        synced, unsynced = self.mountpoint / "synced", self.mountpoint / "unsynced"
        if not synced.exists() or synced.read_bytes() != _CONTENT:
            return ""
        left = unsynced.read_bytes() if unsynced.exists() else b""
        if left == _CONTENT:
            return ""
        return f"on {self.node}'s disk the synced canary is whole, of the unsynced {len(left)} bytes are left"

    def fill(self) -> None:
        """Write until the device has no block left."""
        filler = os.open(self.mountpoint / "filler", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            free = os.statvfs(self.mountpoint)
            os.posix_fallocate(filler, 0, max(1, (free.f_bavail - 64) * free.f_frsize))
            for size in (_FILLER_STEP, 4096, 1):
                _write_until_full(filler, size)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
        finally:
            os.close(filler)

    def free(self) -> None:
        """Give back what ``fill`` took."""
        (self.mountpoint / "filler").unlink(missing_ok=True)

    def refusal(self) -> str:
        """What a write of a new file in the node's data is refused with; empty if it succeeds."""
        probe = self.data / ".broker-harness-probe"
        try:
            with probe.open("wb") as file:
                file.write(_CONTENT)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            return f"writing to {self.node}'s data: {error.strerror}" if error.errno == errno.ENOSPC else ""
        finally:
            probe.unlink(missing_ok=True)
        return ""

    def _mount(self) -> None:
        _run("mount", "-t", "ext4", "-o", "loop,noatime", self.image, self.mountpoint)

    def _write(self, name: str, *, synced: bool) -> None:
        with (self.mountpoint / name).open("wb") as file:
            file.write(_CONTENT)
            file.flush()
            if synced:
                os.fsync(file.fileno())
        if synced:
            folder = os.open(self.mountpoint, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)


def remove_disks(cluster: str) -> None:
    """Unmount and remove every disk of a cluster; nothing happens where it has none."""
    directory = _directory() / cluster
    if not directory.is_dir():
        return
    for mountpoint in sorted(directory.iterdir()):
        while mountpoint.is_dir() and mountpoint.is_mount():
            _unmount(mountpoint)
    shutil.rmtree(directory, ignore_errors=True)


def clusters_with_disks() -> set[str]:
    """The clusters that have disks here, alive or not."""
    directory = _directory()
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()


def _directory() -> Path:
    return state_directory() / "disks"


def _unmount(mountpoint: Path) -> None:
    # Lazily: a container that is going may still hold it, and the loop device goes with the last user.
    _run("umount", "-l", mountpoint)


def _copy(source: Path, target: Path) -> None:
    _run("cp", "--sparse=always", "--reflink=never", source, target)


def _equal(one: Path, other: Path) -> bool:
    return _ran("cmp", "-s", one, other).returncode == 0


def _write_until_full(file: int, size: int) -> None:
    try:
        while os.write(file, b"\0" * size):
            pass
        os.fsync(file)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise


def _run(*command: str | Path) -> None:
    done = _ran(*command)
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise HarnessError(f"{' '.join(map(str, command))}: exit status {done.returncode}: {said}")


def _ran(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=COMMAND_SECONDS)
