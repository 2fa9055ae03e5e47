"""The faults: one file each, registered in one line here; other packages add theirs by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points

from harness.faults.bandwidth import Bandwidth
from harness.faults.bit_flip import BitFlip
from harness.faults.bridge import Bridge
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
from harness.faults.transfer_leadership import TransferLeadership
from harness.faults.truncate import Truncate
from harness.model.errors import UnknownName

FAULTS: tuple[type[Fault], ...] = (
    NoFault,
    Pause,
    Kill,
    Sever,
    Isolate,
    PowerLoss,
    Bandwidth,
    Flap,
    Latency,
    LimitBytes,
    LostReply,
    Reset,
    Slice,
    SlowClose,
    Stall,
    Stop,
    KillDuringRecovery,
    RollingRestart,
    TransferLeadership,
    Halves,
    Bridge,
    Ring,
    CutEdges,
    DiskFull,
    FailFsync,
    SlowFsync,
    BitFlip,
    Truncate,
    RollBack,
    TightenCpu,
    TightenMemory,
)
ENTRY_POINTS = "broker_harness.faults"


def fault_class(name: str) -> type[Fault]:
    """The fault of that class name, ours or another package's; raises ``UnknownName``."""
    known = {fault.__name__.lower(): fault for fault in FAULTS}
    known |= {point.name.lower(): point.load() for point in entry_points(group=ENTRY_POINTS)}
    try:
        return known[name.lower()]
    except KeyError:
        raise UnknownName("fault", name, known) from None


__all__ = [
    "FAULTS",
    "Bandwidth",
    "BitFlip",
    "Bridge",
    "CutEdges",
    "DiskFull",
    "FailFsync",
    "Fault",
    "Field",
    "Flap",
    "Halves",
    "Hit",
    "Isolate",
    "Kill",
    "KillDuringRecovery",
    "Latency",
    "LimitBytes",
    "LostReply",
    "NoFault",
    "Pause",
    "PowerLoss",
    "Reset",
    "Ring",
    "RollBack",
    "RollingRestart",
    "Sever",
    "Slice",
    "SlowClose",
    "SlowFsync",
    "Stall",
    "Stop",
    "TightenCpu",
    "TightenMemory",
    "TransferLeadership",
    "Truncate",
    "fault_class",
]
