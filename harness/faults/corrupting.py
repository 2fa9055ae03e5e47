"""What the faults of files have in common: a node is killed, its files are changed, and healing starts it.

They change files of a node that does not run, as a disk does that answers with other data than it was
given; what a running node holds of a file in memory would hide the change.
"""

from __future__ import annotations

from collections.abc import Mapping

from anyio import to_thread

from harness.faults.contract import Field
from harness.model.damage import CanCorruptFiles
from harness.model.errors import BadOption, NothingToTarget


def corruptible(field: Field, fault: object) -> CanCorruptFiles:
    """The cluster as one whose files can be changed; raises ``BadOption`` where they cannot."""
    if not isinstance(field.cluster, CanCorruptFiles):
        raise BadOption("fault", str(fault), "it needs nodes in containers, which have files")
    return field.cluster


async def contents(field: Field, fault: object, node: str, pattern: str) -> dict[str, bytes]:
    """Every file of ``node`` that matches and is not empty; raises ``NothingToTarget`` if there is none."""
    cluster = corruptible(field, fault)

    def read() -> dict[str, bytes]:
        read = {path: cluster.read_file(node, path) for path in cluster.files(node, pattern)}
        return {path: content for path, content in read.items() if content}

    found = await to_thread.run_sync(read)
    if not found:
        raise NothingToTarget(f"file {pattern!r} with anything in it", node)
    return found


async def replace(field: Field, fault: object, node: str, files: Mapping[str, bytes]) -> None:
    """Write ``files`` to ``node``, which must not run."""
    cluster = corruptible(field, fault)
    for path, content in files.items():
        await field.act(cluster.write_file, node, path, content)
