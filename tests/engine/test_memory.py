"""How much memory is left, by the kernel's own estimate."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from harness.engine import memory


def test_the_kernels_estimate_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is available without swapping, not what is free."""
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal: 32768000 kB\nMemFree: 1000 kB\nMemAvailable: 2048000 kB\n")
    monkeypatch.setattr(memory, "Path", {"/proc/meminfo": meminfo}.__getitem__)
    assert memory.available_megabytes() == 2000


def test_without_an_estimate_half_of_the_memory_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine whose kernel tells nothing."""
    monkeypatch.setattr(memory, "Path", {"/proc/meminfo": tmp_path / "gone"}.__getitem__)
    sizes = {"SC_PAGE_SIZE": 4096, "SC_PHYS_PAGES": 2 * 1024 * 256}
    monkeypatch.setattr(os, "sysconf", sizes.__getitem__)
    assert memory.available_megabytes() == 1024
