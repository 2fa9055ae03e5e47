"""The link proxy of a cluster, driven over toxiproxy's HTTP API.

One container per cluster, started before the nodes and never restarted, publishes the ports that
clients use: endpoints survive whatever happens to the nodes. A link of a node is one proxy, named
``<node>.<link>.<port name>``. Severing a link disables its proxies: open connections are closed,
new ones are accepted by the engine's own port proxy and then reset, so that nothing can be
concluded from a TCP connect.

Toxics are never removed but put to rest: toxicity 0, by an update, which open connections honour
too. Removing one hands on what it holds under the lock of its proxy, 5 s for every chunk that
nobody takes; and the writer that found its client gone waits for the same lock. The API of such a
proxy answers nothing any more (toxiproxy 2.12.0, ``ToxicLink.RemoveToxic``, ``ToxicLink.write``).
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterable, Sequence
from http.client import HTTPConnection, HTTPException
from typing import Any

from harness.engine.blueprint import ProxiedPort
from harness.model.cluster import Toxic
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

    def add_toxic(self, names: Iterable[str], toxic: Toxic) -> None:
        """Put a toxic in force on links by name; what rests under its name wakes with these attributes."""
        for name in names:
            present = {each["name"] for each in self._request("GET", f"/proxies/{name}/toxics")}
            for stream in toxic.streams:
                own = f"{toxic.name}-{stream}"
                body = {"toxicity": 1.0, "attributes": dict(toxic.attributes)}
                if own in present:
                    self._request("POST", f"/proxies/{name}/toxics/{own}", body)
                else:
                    new = {"name": own, "type": toxic.kind, "stream": stream, **body}
                    self._request("POST", f"/proxies/{name}/toxics", new)

    def rest_toxic(self, names: Iterable[str], toxic: Toxic) -> None:
        """Let everything pass a toxic on links by name; where it never was, nothing happens."""
        wanted = {f"{toxic.name}-{stream}" for stream in toxic.streams}
        for name in names:
            self._rest(name, self._request("GET", f"/proxies/{name}/toxics"), wanted)

    def reset(self) -> None:
        """Enable every proxy and put every toxic to rest."""
        for name, proxy in self._request("GET", "/proxies").items():
            self._rest(name, proxy["toxics"], {toxic["name"] for toxic in proxy["toxics"]})
            if not proxy["enabled"]:
                self._request("POST", f"/proxies/{name}", {"enabled": True})

    def _rest(self, name: str, present: Iterable[dict[str, Any]], wanted: Container[str]) -> None:
        for toxic in present:
            if toxic["name"] in wanted and toxic["toxicity"] > 0:
                self._request("POST", f"/proxies/{name}/toxics/{toxic['name']}", {"toxicity": 0.0})
