"""A cluster of real containers: starting it, attaching to it, and everything one can do to it.

Order of birth: network, link proxy (so that clients' addresses are known before any node is
configured), one mesh helper per node (owns the network namespace and mounts the volume), the
files, the nodes. Nothing here waits for a broker: what ready means is the backend's knowledge.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from harness.engine import mesh, shares, syscalls
from harness.engine.blueprint import DATA, Addresses, Blueprint
from harness.engine.containers import ContainerPlan, published_ports, start_container
from harness.engine.cuts import HeldCuts
from harness.engine.description import (
    FORMAT_VERSION,
    ClusterDescription,
    NodeDescription,
    Port,
    load,
    save,
)
from harness.engine.discovery import connect
from harness.engine.disk import Disk
from harness.engine.files import Files, FolderFiles, VolumeFiles
from harness.engine.labels import CLUSTER, EXPIRES, OWNER, ROLE
from harness.engine.ownership import KEPT
from harness.engine.proxy import API_PORT, LinkProxy, listen_port
from harness.engine.sweep import remove_cluster
from harness.model.cluster import IMAGE, ClusterSpec, Edge, Endpoint, NodeState, Toxic
from harness.model.damage import Share, Strain
from harness.model.errors import DeadlineExceeded, HarnessError, UnknownName
from harness.model.link import Link

if TYPE_CHECKING:
    from docker.models.containers import Container

MESH_IMAGE = "broker-harness/mesh:1"
PROXY_IMAGE = "broker-harness/toxiproxy:2.12.0"
FREEZE_WITHIN = 10.0
KILLED = 128 + 9
"""The exit code of what SIGKILL has ended, be it ours or that of an engine whose patience is over."""
KEPT_SECONDS = 24 * 3600.0
"""How long a cluster that is kept on purpose stays before a sweep may take it."""


def start_cluster(
    blueprint: Blueprint,
    spec: ClusterSpec,
    owner: str,
    cluster_id: str = "",
    kept_seconds: float = KEPT_SECONDS,
) -> ContainerCluster:
    """Start the containers of a cluster and describe it in a file.

    ``owner`` labels everything created, ``cluster_id`` (made up when empty) names it.
    ``kept_seconds`` is how long a cluster whose owner keeps it on purpose stays. Whatever fails,
    what was created is removed again.
    """
    cluster_id = cluster_id or secrets.token_hex(4)
    try:
        return ContainerCluster(_Birth(cluster_id, blueprint, spec, owner, kept_seconds).run())
    except BaseException:
        remove_cluster(cluster_id)
        raise


def attach_cluster(cluster_id: str) -> ContainerCluster:
    """A handle on a cluster that some process has started."""
    return ContainerCluster(load(cluster_id))


class _Birth:
    """The making of one cluster; each step needs what the one before has made."""

    def __init__(
        self, cluster_id: str, blueprint: Blueprint, spec: ClusterSpec, owner: str, kept_seconds: float
    ) -> None:
        self._id = cluster_id
        self._blueprint = blueprint
        self._spec = spec
        self._owner = owner
        self._prefix = f"bh-{cluster_id}"
        self._nodes = tuple(f"n{i}" for i in range(1, spec.nodes + 1))
        self._ports = tuple(blueprint.ports())
        self._labels = {OWNER: owner, CLUSTER: cluster_id}
        if owner.startswith(KEPT):
            self._labels[EXPIRES] = str(int(time.time() + kept_seconds))

    def run(self) -> ClusterDescription:
        connect().networks.create(self._prefix, driver="bridge", labels=self._labels)
        with ThreadPoolExecutor(max_workers=4) as pool:
            helpers_started = pool.map(self._start_helper, self._nodes)
            proxy = self._start_proxy()
            helpers = dict(zip(self._nodes, helpers_started, strict=True))
        api, addresses = self._address(proxy)
        link_proxy = LinkProxy(api)
        _until(link_proxy.answers, "link proxy answers", 10.0)
        link_proxy.populate(self._nodes, self._ports)
        with ThreadPoolExecutor(max_workers=4) as pool:
            nodes = dict(pool.map(lambda node: self._start_node(node, helpers[node], addresses), self._nodes))
        description = self._describe(proxy, api, addresses, nodes)
        save(description)
        return description

    def _labelled(self, role: str) -> dict[str, str]:
        return {**self._labels, ROLE: role}

    def _start_proxy(self) -> Container:
        count = len(self._ports)
        listening = [listen_port(i, j) for i in range(len(self._nodes)) for j in range(count)]
        return start_container(
            ContainerPlan(
                name=f"{self._prefix}-proxy",
                image=PROXY_IMAGE,
                command=("/toxiproxy", "-host=0.0.0.0"),
                labels=self._labelled("proxy"),
                network=self._prefix,
                alias="proxy",
                ports=(API_PORT, *listening),
            ),
        )

    def _start_helper(self, node: str) -> Container:
        self._make_storage(node)
        return start_container(
            ContainerPlan(
                name=f"{self._prefix}-{node}-mesh",
                image=MESH_IMAGE,
                command=mesh.COMMAND,
                labels=self._labelled("mesh"),
                network=self._prefix,
                alias=node,
                # A helper that held a disk would go on seeing the one that has lost its power.
                volumes={} if self._spec.storage == IMAGE else {f"{self._prefix}-{node}": DATA},
                options={"cap_add": ["NET_ADMIN"], "stdin_open": True, "init": True},
            ),
        )

    def _make_storage(self, node: str) -> None:
        if self._spec.storage == IMAGE:
            Disk(self._id, node).make()
        else:
            connect().volumes.create(f"{self._prefix}-{node}", labels=self._labels)

    def _put_files(self, node: str, helper: Container, files: Mapping[str, str]) -> None:
        if self._spec.storage != IMAGE:
            mesh.put_files(helper, files)
            return
        for name, content in files.items():
            path = Disk(self._id, node).data / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        # A power loss must not take the configuration with it.
        Disk(self._id, node).write_back()

    def _address(self, proxy: Container) -> tuple[tuple[str, int], Addresses]:
        published = published_ports(proxy)
        outside, inside = {}, {}
        for i, node in enumerate(self._nodes):
            for j, port in enumerate(self._ports):
                key = (node, port.link, port.name)
                outside[key] = Endpoint(*published[listen_port(i, j)])
                inside[key] = Endpoint("proxy", listen_port(i, j))
        return published[API_PORT], Addresses(self._nodes, outside, inside)

    def _start_node(
        self,
        node: str,
        helper: Container,
        addresses: Addresses,
    ) -> tuple[str, NodeDescription]:
        plan = self._blueprint.node(self._spec, node, addresses)
        if plan.files:
            self._put_files(node, helper, plan.files)
        name = f"{self._prefix}-{node}"
        volume = str(Disk(self._id, node).data) if self._spec.storage == IMAGE else name
        container = start_container(
            ContainerPlan(
                name=name,
                image=plan.image,
                command=plan.command,
                labels=self._labelled("node"),
                network=f"container:{helper.id}",
                environment=plan.environment,
                volumes={volume: DATA},
                options={"stop_signal": plan.stop_signal},
            ),
        )
        helper.reload()
        address = helper.attrs["NetworkSettings"]["Networks"][self._prefix]["IPAddress"]
        return node, NodeDescription(str(container.id), str(helper.id), volume, address)

    def _describe(
        self,
        proxy: Container,
        api: tuple[str, int],
        addresses: Addresses,
        nodes: dict[str, NodeDescription],
    ) -> ClusterDescription:
        image = connect().containers.get(next(iter(nodes.values())).container).image
        return ClusterDescription(
            format_version=FORMAT_VERSION,
            id=self._id,
            owner=self._owner,
            spec=self._spec,
            network=self._prefix,
            proxy=str(proxy.id),
            api=api,
            image=image.tags[0] if image and image.tags else "",
            image_digest=str(image.id) if image else "",
            megabytes=self._blueprint.megabytes,
            nodes=nodes,
            outside=tuple(
                Port(node, link, name, *endpoint)
                for (node, link, name), endpoint in addresses.outside.items()
            ),
        )


class ContainerCluster:
    """The controls of a running cluster (``model.cluster.Cluster``), from its description alone."""

    def __init__(self, description: ClusterDescription) -> None:
        self.description = description
        self._proxy = LinkProxy(description.api)
        self._cuts = HeldCuts()
        self._cutting = threading.Lock()
        self._endpoints = {
            (port.node, port.link, port.name): Endpoint(port.host, port.port) for port in description.outside
        }

    @property
    def id(self) -> str:
        """The cluster's id, by which another process attaches."""
        return self.description.id

    @property
    def spec(self) -> ClusterSpec:
        """What the cluster was asked to be."""
        return self.description.spec

    @property
    def nodes(self) -> tuple[str, ...]:
        """The names of the nodes."""
        return tuple(self.description.nodes)

    def endpoint(self, node: str, link: Link, port: str = "client") -> Endpoint:
        """Where clients of ``link`` reach a port of ``node``; the same for the cluster's whole life."""
        self._described(node)
        return self._endpoints[node, link, port]

    def state(self, node: str) -> NodeState:
        """What the engine says of a node."""
        container = self._container(node)
        running = container.status in {"running", "paused"}
        killed = not running and container.attrs["State"]["ExitCode"] == KILLED
        return NodeState(running=running, paused=container.status == "paused", killed=killed)

    def log(self, node: str, lines: int | None = None, since: float = 0.0) -> str:
        """The last ``lines`` (all when ``None``) of what a node has written since ``since``."""
        # The engine's client refuses a 0 as the time from which on, and a None as the number of lines.
        text = self._container(node).logs(tail="all" if lines is None else lines, since=since or None)
        return text.decode(errors="replace")

    def pause(self, node: str) -> None:
        """Freeze every process of the node; its kernel still answers TCP."""
        _until(lambda: self._frozen(node), f"{node} is frozen", FREEZE_WITHIN)

    def unpause(self, node: str) -> None:
        """Let a frozen node go on."""
        container = self._container(node)
        if container.status == "paused":
            container.unpause()

    def kill(self, node: str) -> None:
        """SIGKILL the node's first process; its volume stays."""
        container = self._container(node)
        if container.status in {"running", "paused"}:
            container.kill()

    def stop(self, node: str, grace: float = 10.0) -> None:
        """Ask the node to stop, and kill it after ``grace`` seconds."""
        container = self._container(node)
        if container.status == "running":
            container.stop(timeout=int(grace))

    def start(self, node: str) -> None:
        """Start a node that was killed or stopped, on the volume it had."""
        container = self._container(node)
        if container.status not in {"running", "paused"}:
            container.start()

    def sever(self, link: Link, nodes: Sequence[str]) -> None:
        """Cut a link to some nodes: open connections end, new ones get no answer."""
        self._proxy.set_enabled(self._proxies(link, nodes), enabled=False)

    def restore(self, link: Link, nodes: Sequence[str]) -> None:
        """Let a severed link carry connections again."""
        self._proxy.set_enabled(self._proxies(link, nodes), enabled=True)

    def add_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Put a toxic in force on a link to some nodes, for open and new connections."""
        self._proxy.add_toxic(self._proxies(link, nodes), toxic)

    def rest_toxic(self, link: Link, nodes: Sequence[str], toxic: Toxic) -> None:
        """Let everything pass that toxic."""
        self._proxy.rest_toxic(self._proxies(link, nodes), toxic)

    def cut(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Drop every packet of these edges where it arrives."""
        with self._cutting:
            self._cuts.take(edges, holder)
            self._change_edges(edges, add=True)

    def mend(self, edges: Sequence[Edge], holder: str = "") -> None:
        """Let the packets of these edges pass, unless another holder has them cut."""
        with self._cutting:
            self._change_edges(self._cuts.give(edges, holder), add=False)

    def passes(self, edge: Edge) -> bool:
        """Send a packet along the edge and see whether it gets past the rules."""
        source, destination = self._described(edge.source), self._described(edge.destination)
        return mesh.packet_arrives(source, destination, edge.port)

    def disk_folder(self, node: str) -> Path:
        """Where this machine sees the data of a node that has a disk of its own."""
        return self._disk(node).data

    def write_back(self, node: str) -> None:
        """Write to the node's disk all that the kernel holds for it."""
        self._disk(node).write_back()

    def lose_power(self, node: str) -> None:
        """Take the power from the node: what it had not synced is gone from its disk.

        It is frozen while the device is copied and killed as it is: let go on for a moment, it
        could sync and acknowledge what is not in the copy.
        """
        disk = self._disk(node)
        self.pause(node)
        disk.prepare_loss()
        disk.lose_unsynced()
        self.kill(node)
        disk.swap()

    def power_lost(self, node: str) -> str:
        """The evidence of a power loss on the disk of a node."""
        return self._disk(node).what_remained()

    def fill_disk(self, node: str) -> None:
        """Leave no room on the node's disk."""
        self._disk(node).fill()

    def free_disk(self, node: str) -> None:
        """Give the room back."""
        self._disk(node).free()

    def write_refused(self, node: str) -> str:
        """What a write beside the node's data is refused with, for want of room."""
        return self._disk(node).refusal()

    def tamper(self, node: str, calls: Sequence[str], effect: str) -> None:
        """Give system calls of the node an effect, by strace in a container of the cluster's own."""
        syscalls.tamper(self.description, node, calls, effect)

    def tampered(self, node: str) -> int:
        """How many calls strace says it has hit."""
        return syscalls.count(self.description, node)

    def let_be(self, node: str) -> None:
        """Have strace let go of the node."""
        syscalls.let_be(self.description, node)

    def files(self, node: str, pattern: str) -> Sequence[str]:
        """The files of the node's data whose path matches a pattern of the shell."""
        return self._files(node).find(pattern)

    def read_file(self, node: str, path: str) -> bytes:
        """What a file of the node's data holds."""
        return self._files(node).read(path)

    def write_file(self, node: str, path: str, content: bytes) -> None:
        """Replace a file of the node's data."""
        self._files(node).write(path, content)

    def share(self, node: str) -> Share:
        """The node's share of the machine."""
        return shares.share(self._container(node))

    def set_share(self, node: str, share: Share) -> None:
        """Give the node another share while it runs."""
        shares.set_share(self._container(node), share)

    def strain(self, node: str) -> Strain:
        """What the kernel counts for the node."""
        return shares.strain(self._container(node))

    def heal(self) -> None:
        """Undo every fault: run every node, mend every edge, restore every link, rest every toxic."""
        self._proxy.reset()
        with self._cutting:
            self._cuts.clear()
            _each(self._heal_node, self.nodes)

    def remove(self) -> None:
        """Take the cluster away, and the file that describes it."""
        remove_cluster(self.id)

    def _files(self, node: str) -> Files:
        described = self._described(node)
        if self.spec.storage == IMAGE:
            return FolderFiles(Disk(self.id, node).data)
        return VolumeFiles(connect().containers.get(described.helper))

    def _disk(self, node: str) -> Disk:
        self._described(node)
        if self.spec.storage != IMAGE:
            raise HarnessError(f"{self.spec}: no disks; mark the case cluster(storage='image')")
        return Disk(self.id, node)

    def _frozen(self, node: str) -> bool:
        from docker.errors import APIError  # noqa: PLC0415 - not at start-up

        container = self._container(node)
        if container.status == "running":
            try:
                container.pause()
            except APIError as error:
                # runc gives up on a process whose threads come and go faster than a busy machine
                # freezes them, and lets it go on: nothing has been done then.
                if "unable to freeze" not in str(error):
                    raise
                return False
        return True

    def _heal_node(self, node: str) -> None:
        self.let_be(node)
        self.set_share(node, Share())
        if self.spec.storage == IMAGE:
            self.free_disk(node)
        self.unpause(node)
        self.start(node)
        mesh.run(self._described(node).helper, mesh.FLUSH)

    def _change_edges(self, edges: Sequence[Edge], *, add: bool) -> None:
        arriving: dict[str, list[tuple[str, int | None]]] = {}
        for edge in edges:
            address = self._described(edge.source).address
            arriving.setdefault(edge.destination, []).append((address, edge.port))

        def change(node: str) -> None:
            mesh.run(self._described(node).helper, mesh.cut_commands(arriving[node], add=add))

        _each(change, arriving)

    def _proxies(self, link: Link, nodes: Sequence[str]) -> list[str]:
        for node in nodes:
            self._described(node)
        return [
            f"{port.node}.{port.link}.{port.name}"
            for port in self.description.outside
            if port.link == link and port.node in nodes
        ]

    def _described(self, node: str) -> NodeDescription:
        try:
            return self.description.nodes[node]
        except KeyError:
            raise UnknownName("node", node, self.nodes) from None

    def _container(self, node: str) -> Container:
        return connect().containers.get(self._described(node).container)


def _each(control: Callable[[str], None], nodes: Iterable[str]) -> None:
    """Run a control on several nodes side by side; the first error is raised after all have ended."""
    names = list(nodes)
    if len(names) == 1:
        control(names[0])
        return
    with ThreadPoolExecutor(max_workers=max(1, len(names))) as pool:
        list(pool.map(control, names))


def _until(condition: Callable[[], bool], what: str, within: float) -> None:
    deadline = time.monotonic() + within
    while not condition():
        if time.monotonic() > deadline:
            raise DeadlineExceeded(what, within, "nothing yet")
        time.sleep(0.01)
