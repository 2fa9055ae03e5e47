"""The state directory: one for all processes of a user, and nobody else's."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from harness.engine.statedir import state_directory
from harness.model.errors import BadOption


def test_the_variable_comes_first(state: Path) -> None:
    """BROKER_HARNESS_STATE names the directory, which is made for this user alone."""
    assert state_directory() == state
    assert state.stat().st_mode & 0o777 == 0o700


def test_the_runtime_directory_comes_second(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the variable it is in XDG_RUNTIME_DIR."""
    monkeypatch.delenv("BROKER_HARNESS_STATE")
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    assert state_directory() == tmp_path / "broker-harness"


@pytest.mark.parametrize("runtime", ["", "/nowhere/at/all"])
def test_the_temporary_directory_comes_last(
    runtime: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a runtime directory it is in the temporary one, with the user in its name."""
    monkeypatch.delenv("BROKER_HARNESS_STATE")
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path))
    assert state_directory() == tmp_path / f"broker-harness-{os.geteuid()}"


def test_a_directory_that_others_may_enter_is_closed(state: Path) -> None:
    """A directory of ours with a wider mode is narrowed."""
    state.mkdir(mode=0o755)
    state.chmod(0o755)
    assert state_directory().stat().st_mode & 0o777 == 0o700


def test_a_directory_of_somebody_else_is_refused(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a shared temporary directory another user may have made it first."""
    state.mkdir()
    monkeypatch.setattr(os, "geteuid", lambda: state.stat().st_uid + 1)
    with pytest.raises(BadOption, match="owns it; set BROKER_HARNESS_STATE"):
        state_directory()


def test_a_link_is_refused(state: Path, tmp_path: Path) -> None:
    """A symbolic link would let others choose where our locks are."""
    state.symlink_to(tmp_path)
    with pytest.raises(BadOption, match="not a directory"):
        state_directory()


def test_what_cannot_be_made_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A path below a file is named in the error."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("BROKER_HARNESS_STATE", str(tmp_path / "file" / "state"))
    with pytest.raises(BadOption, match=r"BROKER_HARNESS_STATE: .* cannot be made"):
        state_directory()
