"""The link proxy of a cluster, driven over toxiproxy's HTTP API.

One container per cluster, started before the nodes and never restarted, publishes the ports that
clients use: endpoints survive whatever happens to the nodes. A link of a node is one proxy, named
``<node>.<link>.<port name>``. Severing a link disables its proxies: open connections are closed,
new ones are accepted by the engine's own port proxy and then reset, so that nothing can be
concluded from a TCP connect.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any

from harness.engine.blueprint import ProxiedPort
from harness.model.errors import HarnessError

API_PORT = 8474
FIRST_PORT = 20000
PORTS_PER_NODE = 20


def listen_port(node_index: int, port_index: int) -> int:
    """The proxy's own port for the ``port_index``-th proxied port of the ``node_index``-th node."""
    return FIRST_PORT + PORTS_PER_NODE * node_index + port_index


def proxy_name(node: str, port: ProxiedPort) -> str:
    """The name of a proxy in the API."""
    return f"{node}.{port.link}.{port.name}"


class LinkProxy:
    """The HTTP API of one toxiproxy; each call is bounded by ``timeout`` seconds."""

    def __init__(self, address: tuple[str, int], timeout: float = 5.0) -> None:
        self._address = address
        self._timeout = timeout

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        connection = HTTPConnection(*self._address, timeout=self._timeout)
        try:
            # Without a User-Agent of a program toxiproxy takes the caller for a browser and refuses.
            headers = {"User-Agent": "broker-harness", "Content-Type": "application/json"}
            connection.request(method, path, None if body is None else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
        except OSError as error:
            where = "{}:{}".format(*self._address)
            raise HarnessError(f"link proxy at {where}: {method} {path} got no answer: {error}") from error
        finally:
            connection.close()
        if response.status >= 400:  # noqa: PLR2004 - HTTP's own boundary
            raise HarnessError(f"link proxy: {method} {path} answered {response.status}: {content.decode()}")
        return json.loads(content) if content else None

    def answers(self) -> bool:
        """Whether the API is up."""
        try:
            self._request("GET", "/version")
        except (HarnessError, HTTPException, ValueError):
            return False
        return True

    def populate(self, nodes: Sequence[str], ports: Sequence[ProxiedPort]) -> None:
        """Make every proxy in one call."""
        proxies = [
            {
                "name": proxy_name(node, port),
                "listen": f"0.0.0.0:{listen_port(i, j)}",
                "upstream": f"{node}:{port.port}",
                "enabled": True,
            }
            for i, node in enumerate(nodes)
            for j, port in enumerate(ports)
        ]
        self._request("POST", "/populate", proxies)

    def set_enabled(self, names: Iterable[str], *, enabled: bool) -> None:
        """Sever (``enabled=False``: open connections are closed) or restore links by name."""
        for name in names:
            self._request("POST", f"/proxies/{name}", {"enabled": enabled})

    def names(self) -> dict[str, bool]:
        """Every proxy and whether it is enabled."""
        return {name: proxy["enabled"] for name, proxy in self._request("GET", "/proxies").items()}

    def reset(self) -> None:
        """Enable every proxy and remove every toxic."""
        self._request("POST", "/reset")
