"""Deliberately broken brokers: each is the reference with one fault that a checker has to find.

``MemoryBackend(broker=DropsLastOfBatch)`` runs one. ``expected`` names the guarantees whose
checkers have to notice, ``needs`` what must happen first for the fault to show at all.
"""

from __future__ import annotations

from tests.mutants.delivering import (
    DeliversBackwards,
    DeliversCorrupted,
    DeliversOthersMessages,
    DeliversPhantom,
    DropsFirstOfBatch,
    DropsLastOfBatch,
    DropsMiddleOfBatch,
    SettlesForEveryGroup,
    SkipsForOneGroup,
    StopsDelivering,
    StrandsAStretch,
    SwapsTwoOfAKey,
)
from tests.mutants.mutant import Mutant, Needs
from tests.mutants.settling import (
    AcksOnDelivery,
    CountsAttemptsTwice,
    DeadLettersOnNak,
    DeadLettersTwice,
    DeliversAfterMaxDeliver,
    DeliversDeadLetters,
    DropsInsteadOfDeadLettering,
    ForgetsAcksOnFailover,
    ForgetsAcksOnRestart,
    HandsOutHeld,
    IgnoresExtension,
    LosesPendingOnRestart,
    NeverRedelivers,
    RedeliversAfterAck,
    RedeliversEarly,
    RewindsGroupOnFailover,
)
from tests.mutants.storing import (
    AcksBeforeStoring,
    AltersPayload,
    CountsAnewAfterRestart,
    DeduplicatesTooMuch,
    DropsHeader,
    ExchangesKeys,
    FailsButStores,
    ForgetsDestinationOnFailover,
    ForgetsTailOnRestart,
    IgnoresDeduplicationKey,
    NeverStoresEveryTenth,
    ServesMinority,
    StoresElsewhereToo,
    StoresPhantom,
    StoresTwice,
    SwapsInLog,
    TwoAtOnePosition,
)

MUTANTS: tuple[type[Mutant], ...] = (
    NeverStoresEveryTenth,
    AcksBeforeStoring,
    ForgetsTailOnRestart,
    ForgetsDestinationOnFailover,
    CountsAnewAfterRestart,
    ServesMinority,
    StoresTwice,
    IgnoresDeduplicationKey,
    DeduplicatesTooMuch,
    AltersPayload,
    DropsHeader,
    ExchangesKeys,
    StoresPhantom,
    StoresElsewhereToo,
    FailsButStores,
    TwoAtOnePosition,
    SwapsInLog,
    DropsLastOfBatch,
    DropsFirstOfBatch,
    DropsMiddleOfBatch,
    SkipsForOneGroup,
    SettlesForEveryGroup,
    StrandsAStretch,
    SwapsTwoOfAKey,
    DeliversBackwards,
    DeliversPhantom,
    DeliversCorrupted,
    DeliversOthersMessages,
    RedeliversAfterAck,
    ForgetsAcksOnFailover,
    ForgetsAcksOnRestart,
    RewindsGroupOnFailover,
    LosesPendingOnRestart,
    NeverRedelivers,
    AcksOnDelivery,
    RedeliversEarly,
    IgnoresExtension,
    HandsOutHeld,
    DeadLettersTwice,
    DropsInsteadOfDeadLettering,
    DeliversAfterMaxDeliver,
    DeliversDeadLetters,
    CountsAttemptsTwice,
    DeadLettersOnNak,
)
"""Each is caught by a checker, once what it needs has happened."""

STALLING: tuple[type[Mutant], ...] = (StopsDelivering,)
"""No checker judges these: their groups cannot be drained, which fails the case by its deadline."""

__all__ = ["MUTANTS", "STALLING", "Mutant", "Needs"]
