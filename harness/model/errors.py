"""Every exception of the harness; each message is built here, so that call sites cannot drift.

What a broker's client raises is not wrapped: the workloads classify it (``Backend.classify``)
and record it. The classes below are what the *harness* raises at its user.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class HarnessError(Exception):
    """Anything the harness raises on purpose."""


class BadOption(HarnessError):
    """An argument or option that cannot be used, refused before anything has started."""

    def __init__(self, option: str, value: object, why: str) -> None:
        super().__init__(f"{option}: {value!r} cannot be used: {why}")


class Ambiguous(BadOption):
    """Nothing was named although several things could be meant."""

    def __init__(self, kind: str, known: Iterable[str]) -> None:
        HarnessError.__init__(self, f"{kind}: say which is meant ({', '.join(known)})")


class UnknownName(HarnessError):
    """A name that stands for nothing, with the nearest ones that do."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        choices = sorted(map(str, known))  # a StrEnum's repr is not what is typed
        near = difflib.get_close_matches(name, choices, n=1, cutoff=0.5)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        super().__init__(f"unknown {kind} {name!r}{meant} (known: {', '.join(choices)})")


class MissingExtra(HarnessError):
    """A backend whose client library is not installed."""

    def __init__(self, backend: str, module: str) -> None:
        super().__init__(
            f"backend {backend!r} needs the Python package {module!r}, which is not installed\n"
            f"hint: pip install 'broker-harness[{backend}]'",
        )


class DeadlineExceeded(HarnessError):
    """A condition that did not come true in time."""

    def __init__(self, condition: str, seconds: float, last_seen: object) -> None:
        super().__init__(f"{condition}: not within {seconds:g} s; last seen: {last_seen}")
        self.condition = condition
        self.last_seen = last_seen


class EngineUnavailable(HarnessError):
    """No container engine answers and none may be, or can be, started."""

    def __init__(self, tried: Iterable[str], remedy: str) -> None:
        super().__init__(f"no container engine answers (tried: {', '.join(tried)})\nhint: {remedy}")


class ImageUnavailable(HarnessError):
    """An image that is neither here, nor can be pulled, nor built."""

    def __init__(self, image: str, reasons: Iterable[str], remedy: str) -> None:
        super().__init__(f"image {image} cannot be had: {'; '.join(reasons)}\nhint: {remedy}")


class ClusterNotReady(HarnessError):
    """A cluster that did not become healthy; carries the last lines of each node's log."""

    def __init__(self, cluster: str, seconds: float, last_seen: object, logs: dict[str, str]) -> None:
        tails = "".join(f"\n--- {node}, last lines ---\n{tail}" for node, tail in logs.items())
        super().__init__(f"{cluster} not ready within {seconds:g} s; last seen: {last_seen}{tails}")


class NothingToTarget(HarnessError):
    """A role that no node holds at the moment of injection."""

    def __init__(self, role: str, where: str) -> None:
        super().__init__(f"no node is {str(role)!r} of {where} now, so there is nothing to hit")


class ViolationFound(AssertionError):
    """The verdict of a case: what the vendor promises was broken."""


class VerdictUnknown(Exception):
    """The verdict of a case that proves nothing: neither a pass nor a violation."""


class UnreadableHistory(HarnessError):
    """A history that cannot be judged: damaged, missing, or of a format this version does not know."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")
