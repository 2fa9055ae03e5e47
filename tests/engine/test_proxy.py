"""The link proxy's API, against a server that speaks it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from harness.engine.blueprint import ProxiedPort
from harness.engine.proxy import FIRST_PORT, PORTS_PER_NODE, LinkProxy, listen_port, proxy_name
from harness.model.errors import HarnessError
from harness.model.link import Link

PORTS = (
    ProxiedPort(Link.PUBLISHER, 4222),
    ProxiedPort(Link.ADMIN, 4222),
    ProxiedPort(Link.ADMIN, 26379, "sentinel"),
)


class Toxiproxy(ThreadingHTTPServer):
    """What of toxiproxy's API is used: as strict as it, and remembering what was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.proxies: dict[str, dict[str, Any]] = {}
        self.asked: list[str] = []
        self.speaks = threading.Event()
        self.speaks.set()

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a caller that did not wait for its answer."""


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Toxiproxy

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_GET(self) -> None:
        self._answer(None)

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self._answer(json.loads(self.rfile.read(length)) if length else None)

    def _answer(self, body: Any) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        self.server.speaks.wait(10.0)
        # A browser could be made to speak to it by any page, so it refuses browsers.
        browser = self.headers.get("User-Agent", "Mozilla").startswith("Mozilla")
        status, answer = (403, "User agent not allowed") if browser else self._act(body)
        content = json.dumps(answer).encode() if answer is not None else b""
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _act(self, body: Any) -> tuple[int, Any]:
        proxies = self.server.proxies
        match self.command, self.path.split("/")[1:]:
            case "GET", ["version"]:
                return 200, {"version": "2.12.0"}
            case "GET", ["proxies"]:
                return 200, proxies
            case "POST", ["populate"]:
                proxies.update({proxy["name"]: {**proxy, "toxics": []} for proxy in body})
                return 201, {"proxies": body}
            case "POST", ["proxies", name] if name in proxies:
                proxies[name].update(body)
                return 200, proxies[name]
        return 404, {"error": "proxy not found"}


@pytest.fixture
def server() -> Iterator[Toxiproxy]:
    """Serve on a port of this machine."""
    with Toxiproxy() as made:
        thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def proxy(server: Toxiproxy) -> LinkProxy:
    """Speak to it."""
    return LinkProxy(("127.0.0.1", server.server_port), timeout=2.0)


def test_every_port_of_every_node_gets_a_listener(proxy: LinkProxy, server: Toxiproxy) -> None:
    """In one call; no two listen on one port, and each leads to its node."""
    proxy.populate(("n1", "n2"), PORTS)
    assert server.asked == ["POST /populate"]
    assert set(proxy.names()) == {
        f"{node}.{name}"
        for node in ("n1", "n2")
        for name in ("publisher.client", "admin.client", "admin.sentinel")
    }
    assert server.proxies["n2.admin.sentinel"] == {
        "name": "n2.admin.sentinel",
        "listen": f"0.0.0.0:{FIRST_PORT + PORTS_PER_NODE + 2}",
        "upstream": "n2:26379",
        "enabled": True,
        "toxics": [],
    }
    assert len({each["listen"] for each in server.proxies.values()}) == 6


def test_links_are_severed_by_name_and_restored(proxy: LinkProxy) -> None:
    """The others are left alone; a reset restores all."""
    proxy.populate(("n1", "n2"), PORTS)
    proxy.set_enabled(["n1.publisher.client", "n2.publisher.client"], enabled=False)
    severed = {name for name, enabled in proxy.names().items() if not enabled}
    assert severed == {"n1.publisher.client", "n2.publisher.client"}
    proxy.set_enabled(["n1.publisher.client"], enabled=True)
    assert proxy.names()["n1.publisher.client"]
    assert not proxy.names()["n2.publisher.client"]
    proxy.reset()
    assert all(proxy.names().values())


def test_a_refusal_says_what_was_asked(proxy: LinkProxy) -> None:
    """With the status and what the proxy answered."""
    with pytest.raises(HarnessError, match=r"POST /proxies/n9 answered 404: .*proxy not found"):
        proxy.set_enabled(["n9"], enabled=False)


def test_a_proxy_that_is_up_answers(proxy: LinkProxy, server: Toxiproxy) -> None:
    """It takes us for no browser; one that is not there, or does not answer in time, does not."""
    assert proxy.answers()
    server.speaks.clear()
    hasty = LinkProxy(("127.0.0.1", server.server_port), timeout=0.05)
    assert not hasty.answers()
    server.speaks.set()
    assert not LinkProxy(("127.0.0.1", 1), timeout=0.5).answers()


def test_no_two_listeners_share_a_port() -> None:
    """Nodes have more room than any backend has ports."""
    ports = [listen_port(node, port) for node in range(5) for port in range(PORTS_PER_NODE)]
    assert len(set(ports)) == len(ports)


def test_a_proxys_name_tells_node_link_and_port() -> None:
    """The cluster's description and the API agree on it."""
    assert proxy_name("n1", PORTS[2]) == "n1.admin.sentinel"
