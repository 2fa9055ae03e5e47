"""The link proxy's toxics: put in force, put to rest, never removed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any

import pytest

from harness.engine.proxy import LinkProxy
from harness.model.cluster import Toxic

NAME = "n1.publisher.client"
SLOW = Toxic("slow", "latency", {"latency": 50})
ONE_WAY = Toxic("limit", "limit_data", {"bytes": 0}, upstream=False)


class Api(BaseHTTPRequestHandler):
    """As much of toxiproxy's HTTP API as the harness may use; everything else is refused."""

    proxies: dict[str, dict[str, Any]]

    def do_GET(self) -> None:
        """Name all proxies, or the toxics of one."""
        parts = self.path.split("/")[2:]
        self._answer(self.proxies[parts[0]]["toxics"] if parts else self.proxies)

    def do_POST(self) -> None:
        """Change a proxy, make a toxic, or change one."""
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        proxy = self.proxies[self.path.split("/")[2]]
        match self.path.split("/")[3:]:
            case []:
                proxy.update(body)
            case ["toxics"]:
                proxy["toxics"].append(body)
            case ["toxics", name]:
                next(each for each in proxy["toxics"] if each["name"] == name).update(body)
        self._answer({})

    def _answer(self, body: object) -> None:
        content = json.dumps(body).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name it has above
        """Say nothing."""


@pytest.fixture
def proxies() -> dict[str, dict[str, Any]]:
    """The state of the API: one proxy that is enabled and has no toxic."""
    return {NAME: {"enabled": True, "toxics": []}}


@pytest.fixture
def link_proxy(proxies: dict[str, dict[str, Any]]) -> Iterator[LinkProxy]:
    """A link proxy of that API."""
    handler = type("TheApi", (Api,), {"proxies": proxies})
    with HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield LinkProxy(("127.0.0.1", server.server_port))
        server.shutdown()
        thread.join()


def toxicities(proxies: dict[str, dict[str, Any]]) -> dict[str, float]:
    """Each toxic and how toxic it is."""
    return {toxic["name"]: toxic["toxicity"] for toxic in proxies[NAME]["toxics"]}


def test_a_toxic_is_made_in_each_direction(link_proxy: LinkProxy, proxies: dict[str, dict[str, Any]]) -> None:
    """A toxic is one of the API's for each stream it is in, with the attributes given."""
    link_proxy.add_toxic([NAME], SLOW)
    link_proxy.add_toxic([NAME], ONE_WAY)

    assert toxicities(proxies) == {"slow-upstream": 1.0, "slow-downstream": 1.0, "limit-downstream": 1.0}
    assert proxies[NAME]["toxics"][0]["attributes"] == {"latency": 50}


def test_a_toxic_at_rest_stays_and_lets_everything_pass(
    link_proxy: LinkProxy, proxies: dict[str, dict[str, Any]]
) -> None:
    """Rest is a toxicity of nothing, of that toxic alone; resting again changes nothing."""
    link_proxy.add_toxic([NAME], SLOW)
    link_proxy.add_toxic([NAME], ONE_WAY)
    link_proxy.rest_toxic([NAME], SLOW)
    link_proxy.rest_toxic([NAME], SLOW)

    assert toxicities(proxies) == {"slow-upstream": 0.0, "slow-downstream": 0.0, "limit-downstream": 1.0}


def test_a_toxic_at_rest_wakes_with_new_attributes(
    link_proxy: LinkProxy, proxies: dict[str, dict[str, Any]]
) -> None:
    """Putting it in force again makes no second one."""
    link_proxy.add_toxic([NAME], SLOW)
    link_proxy.rest_toxic([NAME], SLOW)
    link_proxy.add_toxic([NAME], Toxic("slow", "latency", {"latency": 70}))

    assert toxicities(proxies) == {"slow-upstream": 1.0, "slow-downstream": 1.0}
    assert proxies[NAME]["toxics"][1]["attributes"] == {"latency": 70}


def test_what_never_was_is_at_rest(link_proxy: LinkProxy, proxies: dict[str, dict[str, Any]]) -> None:
    """A fault whose injection failed midway is healed as a whole."""
    link_proxy.rest_toxic([NAME], SLOW)

    assert not toxicities(proxies)


def test_a_reset_enables_and_rests(link_proxy: LinkProxy, proxies: dict[str, dict[str, Any]]) -> None:
    """After a reset every proxy is enabled and no toxic does anything, but it is there."""
    link_proxy.add_toxic([NAME], SLOW)
    link_proxy.set_enabled([NAME], enabled=False)
    link_proxy.reset()

    assert proxies[NAME]["enabled"]
    assert toxicities(proxies) == {"slow-upstream": 0.0, "slow-downstream": 0.0}
