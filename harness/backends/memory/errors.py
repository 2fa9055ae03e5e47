"""What the memory broker's client raises, and which of it is a definite failure."""

from __future__ import annotations

from harness.model.outcome import Outcome


class BrokerError(Exception):
    """A refusal: the request was not carried out and never will be."""


class NoLeader(BrokerError):
    """Nobody leads the destination now."""

    def __init__(self, destination: str) -> None:
        super().__init__(f"{destination or 'the cluster'} has no leader now")


class UnknownDestination(BrokerError):
    """The destination was never created."""

    def __init__(self, destination: str) -> None:
        super().__init__(f"there is no destination {destination!r}; create it first")


class UnknownGroup(BrokerError):
    """The group was never subscribed."""

    def __init__(self, destination: str, group: str) -> None:
        super().__init__(f"{destination!r} has no group {group!r}; subscribe first")


class DestinationExists(BrokerError):
    """The destination is there with other settings."""

    def __init__(self, destination: str) -> None:
        super().__init__(f"{destination!r} exists with other settings")


class NotEnoughNodes(BrokerError):
    """More replicas were asked for than nodes answer."""

    def __init__(self, destination: str, replicas: int, nodes: int) -> None:
        super().__init__(f"{destination!r} asks for {replicas} replicas and {nodes} nodes answer")


class MessageTooLarge(BrokerError):
    """The payload is larger than the broker takes."""

    def __init__(self, message: str, size: int, limit: int) -> None:
        super().__init__(f"message {message!r} has {size} bytes and the limit is {limit}")


class LeaseLost(BrokerError):
    """The delivery is settled, or was handed out again since."""

    def __init__(self, destination: str, group: str, attempt: int) -> None:
        super().__init__(f"{group!r} no longer holds attempt {attempt} of this message of {destination!r}")


class ClientClosed(BrokerError):
    """The client or subscription was closed, or never connected, so nothing was sent."""

    def __init__(self, client: str) -> None:
        super().__init__(f"client {client!r} is not open, so nothing was sent")


class Refused(ConnectionRefusedError):
    """No connection could be made, so nothing was sent."""

    def __init__(self, link: str, node: str) -> None:
        super().__init__(f"no connection to {node} over the {link} link")


class ConnectionCut(ConnectionResetError):
    """The connection broke under a request, which may have been carried out."""

    def __init__(self, link: str, node: str) -> None:
        super().__init__(f"the {link} connection to {node} broke before the answer came")


class NoAnswer(TimeoutError):
    """No answer came in time; the request may be carried out yet."""

    def __init__(self, node: str, seconds: float) -> None:
        super().__init__(f"no answer from {node} within {seconds:.2f} s")


def outcome_of(error: Exception) -> Outcome:
    """``FAIL`` for a refusal and for what was never sent; unknown for everything else."""
    return Outcome.FAIL if isinstance(error, (BrokerError, Refused)) else Outcome.INFO
