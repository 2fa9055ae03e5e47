"""The public names of broker-harness, and nothing else.

Each is imported from its home when it is first asked for: every start of pytest in an environment
with the harness imports this module, and most of those runs have no use for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from harness.backends import load_backend
    from harness.backends.contract import Backend, CanTalk, Client, Observer, Subscription, Talk
    from harness.checkers.acked_stays_acked import AckedStaysAcked
    from harness.checkers.anomaly import Anomaly, CanAbstain, Checker
    from harness.checkers.dead_letter_exact import DeadLetterExact
    from harness.checkers.everything_delivered import EverythingDelivered
    from harness.checkers.failed_stays_out import FailedStaysOut
    from harness.checkers.judge import Finding, Judgement, Verdict, judge
    from harness.checkers.lease_honoured import LeaseHonoured
    from harness.checkers.no_altered_messages import NoAlteredMessages
    from harness.checkers.no_lost_messages import NoLostMessages
    from harness.checkers.no_phantom_messages import NoPhantomMessages
    from harness.checkers.no_stored_duplicates import NoStoredDuplicates
    from harness.checkers.one_message_per_position import OneMessagePerPosition
    from harness.checkers.per_key_order import PerKeyOrder
    from harness.checkers.right_destination import RightDestination
    from harness.faults.bandwidth import Bandwidth
    from harness.faults.bit_flip import BitFlip
    from harness.faults.bridge import Bridge
    from harness.faults.compose import Plan, all_of, flapping, hold, in_sequence, mix, quiet, repeat
    from harness.faults.contract import Fault, Field, Hit
    from harness.faults.cut_edges import CutEdges
    from harness.faults.disk_full import DiskFull
    from harness.faults.fail_fsync import FailFsync
    from harness.faults.flap import Flap
    from harness.faults.halves import Halves
    from harness.faults.isolate import Isolate
    from harness.faults.kill import Kill
    from harness.faults.kill_during_recovery import KillDuringRecovery
    from harness.faults.latency import Latency
    from harness.faults.limit_bytes import LimitBytes
    from harness.faults.lost_reply import LostReply
    from harness.faults.no_fault import NoFault
    from harness.faults.pause import Pause
    from harness.faults.power_loss import PowerLoss
    from harness.faults.reset import Reset
    from harness.faults.ring import Ring
    from harness.faults.roll_back import RollBack
    from harness.faults.rolling_restart import RollingRestart
    from harness.faults.sever import Sever
    from harness.faults.slice import Slice
    from harness.faults.slow_close import SlowClose
    from harness.faults.slow_fsync import SlowFsync
    from harness.faults.stall import Stall
    from harness.faults.stop import Stop
    from harness.faults.tighten_cpu import TightenCpu
    from harness.faults.tighten_memory import TightenMemory
    from harness.faults.transfer_leadership import CanTransferLeadership, TransferLeadership
    from harness.faults.truncate import Truncate
    from harness.history.store import read_case
    from harness.history.view import History
    from harness.model.capability import Capability
    from harness.model.claim import Claim, Guarantee, Promise
    from harness.model.cluster import CanShapeLinks, Cluster, ClusterSpec, Edge, Endpoint
    from harness.model.consumer import AckPolicy, Backlog, ConsumerConfig, Start
    from harness.model.damage import CanTamperWithCalls, CanTighten, HasDisks
    from harness.model.destination import Destination
    from harness.model.errors import (
        BadOption,
        ClusterNotReady,
        DeadlineExceeded,
        EngineUnavailable,
        HarnessError,
        ImageUnavailable,
        MissingExtra,
        NothingToTarget,
        UnknownName,
        UnreadableHistory,
        VerdictUnknown,
        ViolationFound,
    )
    from harness.model.link import Link
    from harness.model.message import Delivery, Message, Position, Receipt, Stored
    from harness.model.outcome import Outcome
    from harness.model.role import Role
    from harness.scenario.case import Case
    from harness.scenario.case_spec import CaseSpec
    from harness.scenario.striking import Strike
    from harness.waits import wait_for_condition
    from harness.workloads.consuming import Consuming
    from harness.workloads.publishing import Publishing, PublishingOptions
    from harness.workloads.recorded import RecordedClient

_HOMES = {
    "AckPolicy": "harness.model.consumer",
    "AckedStaysAcked": "harness.checkers.acked_stays_acked",
    "Anomaly": "harness.checkers.anomaly",
    "Backend": "harness.backends.contract",
    "Backlog": "harness.model.consumer",
    "BadOption": "harness.model.errors",
    "Bandwidth": "harness.faults.bandwidth",
    "BitFlip": "harness.faults.bit_flip",
    "Bridge": "harness.faults.bridge",
    "CanAbstain": "harness.checkers.anomaly",
    "CanShapeLinks": "harness.model.cluster",
    "CanTalk": "harness.backends.contract",
    "CanTamperWithCalls": "harness.model.damage",
    "CanTighten": "harness.model.damage",
    "CanTransferLeadership": "harness.faults.transfer_leadership",
    "Capability": "harness.model.capability",
    "Case": "harness.scenario.case",
    "CaseSpec": "harness.scenario.case_spec",
    "Checker": "harness.checkers.anomaly",
    "Claim": "harness.model.claim",
    "Client": "harness.backends.contract",
    "Cluster": "harness.model.cluster",
    "ClusterNotReady": "harness.model.errors",
    "ClusterSpec": "harness.model.cluster",
    "ConsumerConfig": "harness.model.consumer",
    "Consuming": "harness.workloads.consuming",
    "CutEdges": "harness.faults.cut_edges",
    "DeadLetterExact": "harness.checkers.dead_letter_exact",
    "DeadlineExceeded": "harness.model.errors",
    "Delivery": "harness.model.message",
    "Destination": "harness.model.destination",
    "DiskFull": "harness.faults.disk_full",
    "Edge": "harness.model.cluster",
    "Endpoint": "harness.model.cluster",
    "EngineUnavailable": "harness.model.errors",
    "EverythingDelivered": "harness.checkers.everything_delivered",
    "FailFsync": "harness.faults.fail_fsync",
    "FailedStaysOut": "harness.checkers.failed_stays_out",
    "Fault": "harness.faults.contract",
    "Field": "harness.faults.contract",
    "Finding": "harness.checkers.judge",
    "Flap": "harness.faults.flap",
    "Guarantee": "harness.model.claim",
    "Halves": "harness.faults.halves",
    "HarnessError": "harness.model.errors",
    "HasDisks": "harness.model.damage",
    "History": "harness.history.view",
    "Hit": "harness.faults.contract",
    "ImageUnavailable": "harness.model.errors",
    "Isolate": "harness.faults.isolate",
    "Judgement": "harness.checkers.judge",
    "Kill": "harness.faults.kill",
    "KillDuringRecovery": "harness.faults.kill_during_recovery",
    "Latency": "harness.faults.latency",
    "LeaseHonoured": "harness.checkers.lease_honoured",
    "LimitBytes": "harness.faults.limit_bytes",
    "Link": "harness.model.link",
    "LostReply": "harness.faults.lost_reply",
    "Message": "harness.model.message",
    "MissingExtra": "harness.model.errors",
    "NoAlteredMessages": "harness.checkers.no_altered_messages",
    "NoFault": "harness.faults.no_fault",
    "NoLostMessages": "harness.checkers.no_lost_messages",
    "NoPhantomMessages": "harness.checkers.no_phantom_messages",
    "NoStoredDuplicates": "harness.checkers.no_stored_duplicates",
    "NothingToTarget": "harness.model.errors",
    "Observer": "harness.backends.contract",
    "OneMessagePerPosition": "harness.checkers.one_message_per_position",
    "Outcome": "harness.model.outcome",
    "Pause": "harness.faults.pause",
    "PerKeyOrder": "harness.checkers.per_key_order",
    "Plan": "harness.faults.compose",
    "Position": "harness.model.message",
    "PowerLoss": "harness.faults.power_loss",
    "Promise": "harness.model.claim",
    "Publishing": "harness.workloads.publishing",
    "PublishingOptions": "harness.workloads.publishing",
    "Receipt": "harness.model.message",
    "RecordedClient": "harness.workloads.recorded",
    "Reset": "harness.faults.reset",
    "RightDestination": "harness.checkers.right_destination",
    "Ring": "harness.faults.ring",
    "Role": "harness.model.role",
    "RollBack": "harness.faults.roll_back",
    "RollingRestart": "harness.faults.rolling_restart",
    "Sever": "harness.faults.sever",
    "Slice": "harness.faults.slice",
    "SlowClose": "harness.faults.slow_close",
    "SlowFsync": "harness.faults.slow_fsync",
    "Stall": "harness.faults.stall",
    "Start": "harness.model.consumer",
    "Stop": "harness.faults.stop",
    "Stored": "harness.model.message",
    "Strike": "harness.scenario.striking",
    "Subscription": "harness.backends.contract",
    "Talk": "harness.backends.contract",
    "TightenCpu": "harness.faults.tighten_cpu",
    "TightenMemory": "harness.faults.tighten_memory",
    "TransferLeadership": "harness.faults.transfer_leadership",
    "Truncate": "harness.faults.truncate",
    "UnknownName": "harness.model.errors",
    "UnreadableHistory": "harness.model.errors",
    "Verdict": "harness.checkers.judge",
    "VerdictUnknown": "harness.model.errors",
    "ViolationFound": "harness.model.errors",
    "all_of": "harness.faults.compose",
    "flapping": "harness.faults.compose",
    "hold": "harness.faults.compose",
    "in_sequence": "harness.faults.compose",
    "judge": "harness.checkers.judge",
    "load_backend": "harness.backends",
    "mix": "harness.faults.compose",
    "quiet": "harness.faults.compose",
    "read_case": "harness.history.store",
    "repeat": "harness.faults.compose",
    "wait_for_condition": "harness.waits",
}

__all__ = [
    "AckPolicy",
    "AckedStaysAcked",
    "Anomaly",
    "Backend",
    "Backlog",
    "BadOption",
    "Bandwidth",
    "BitFlip",
    "Bridge",
    "CanAbstain",
    "CanShapeLinks",
    "CanTalk",
    "CanTamperWithCalls",
    "CanTighten",
    "CanTransferLeadership",
    "Capability",
    "Case",
    "CaseSpec",
    "Checker",
    "Claim",
    "Client",
    "Cluster",
    "ClusterNotReady",
    "ClusterSpec",
    "ConsumerConfig",
    "Consuming",
    "CutEdges",
    "DeadLetterExact",
    "DeadlineExceeded",
    "Delivery",
    "Destination",
    "DiskFull",
    "Edge",
    "Endpoint",
    "EngineUnavailable",
    "EverythingDelivered",
    "FailFsync",
    "FailedStaysOut",
    "Fault",
    "Field",
    "Finding",
    "Flap",
    "Guarantee",
    "Halves",
    "HarnessError",
    "HasDisks",
    "History",
    "Hit",
    "ImageUnavailable",
    "Isolate",
    "Judgement",
    "Kill",
    "KillDuringRecovery",
    "Latency",
    "LeaseHonoured",
    "LimitBytes",
    "Link",
    "LostReply",
    "Message",
    "MissingExtra",
    "NoAlteredMessages",
    "NoFault",
    "NoLostMessages",
    "NoPhantomMessages",
    "NoStoredDuplicates",
    "NothingToTarget",
    "Observer",
    "OneMessagePerPosition",
    "Outcome",
    "Pause",
    "PerKeyOrder",
    "Plan",
    "Position",
    "PowerLoss",
    "Promise",
    "Publishing",
    "PublishingOptions",
    "Receipt",
    "RecordedClient",
    "Reset",
    "RightDestination",
    "Ring",
    "Role",
    "RollBack",
    "RollingRestart",
    "Sever",
    "Slice",
    "SlowClose",
    "SlowFsync",
    "Stall",
    "Start",
    "Stop",
    "Stored",
    "Strike",
    "Subscription",
    "Talk",
    "TightenCpu",
    "TightenMemory",
    "TransferLeadership",
    "Truncate",
    "UnknownName",
    "UnreadableHistory",
    "Verdict",
    "VerdictUnknown",
    "ViolationFound",
    "all_of",
    "flapping",
    "hold",
    "in_sequence",
    "judge",
    "load_backend",
    "mix",
    "quiet",
    "read_case",
    "repeat",
    "wait_for_condition",
]


def __getattr__(name: str) -> object:
    """Import a public name from its home (PEP 562); raises ``AttributeError`` if there is none."""
    if name not in _HOMES:
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)
    value = globals()[name] = getattr(import_module(_HOMES[name]), name)
    return value


def __dir__() -> list[str]:
    """The public names, imported already or not."""
    return sorted({*globals(), *__all__})
