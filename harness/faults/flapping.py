"""A link that comes and goes while a fault is in force, and the thread that has it do so."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.faults.contract import Hit
from harness.model.cluster import Cluster
from harness.model.link import Link


@dataclass(frozen=True, slots=True)
class Flapping(Hit):
    """A hit with the thread that keeps hitting; a thread, because the cluster's controls block."""

    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)
    _errors: list[Exception] = field(default_factory=list)

    def start(self, cluster: Cluster, links: Sequence[Link], *, up: float, down: float) -> None:
        """Sever the links for ``down`` seconds, restore them for ``up`` seconds, and so on."""
        thread = threading.Thread(target=self._run, args=(cluster, links, up, down), name="flap", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End that, whatever the link is then; raises what went wrong in the thread."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        if self._errors:
            raise self._errors.pop()

    def _run(self, cluster: Cluster, links: Sequence[Link], up: float, down: float) -> None:
        try:
            while not self._over.is_set():
                for control, seconds in ((cluster.sever, down), (cluster.restore, up)):
                    for link in links:
                        control(link, self.nodes)
                    self._over.wait(seconds)
        except Exception as error:  # noqa: BLE001 - raised where the flapping is healed
            self._errors.append(error)
