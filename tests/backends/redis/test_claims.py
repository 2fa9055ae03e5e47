"""Claims are consistent, and the backend can be named without its library."""

from __future__ import annotations

import subprocess
import sys

import pytest

from harness.backends.redis import BACKEND
from harness.model.claim import Guarantee, Promise
from harness.model.errors import MissingExtra
from harness.model.link import Link


def excuses(tier: str) -> set[str]:
    """What has to be observed for a loss to be allowed at a tier."""
    losses = [claim for claim in BACKEND.claims if claim.guarantee is Guarantee.NO_LOSS]
    governing = [claim for claim in losses if not claim.tiers or tier in claim.tiers]
    assert [claim.promise for claim in governing if not claim.condition] == [Promise.PROMISED]
    return {claim.condition for claim in governing} - {""}


def test_loss_without_an_observed_reason_is_a_violation() -> None:
    """A killed or paused process excuses nothing; with every write synced, only a failover does."""
    assert excuses("always") == {"promotion"}
    assert excuses("everysec") == {"promotion", "power-loss", "fsync-stalled"}


def test_every_claim_has_its_source_and_quote() -> None:
    """A claim without the vendor's sentence is taste."""
    for claim in BACKEND.claims:
        assert claim.source.startswith("https://redis.io/docs/")
        assert claim.quote


def test_tiers_of_claims_exist() -> None:
    """A misspelt tier would silently apply to nothing."""
    tiers = {tier for claim in BACKEND.claims for tier in claim.tiers}
    assert tiers <= set(BACKEND.tiers(3))


def test_naming_the_backend_does_not_import_redis_py() -> None:
    """The package must load where the extra is missing."""
    code = "import sys, harness.backends.redis; b = harness.backends.redis.BACKEND; "
    code += "sys.exit('redis' in sys.modules or b.missing_extra() or 'redis' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("make", ["client", "observer"])
def test_missing_library_is_named(make: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error says what to install."""
    monkeypatch.setitem(sys.modules, "redis", None)
    arguments = (None, Link.PUBLISHER, "p") if make == "client" else (None,)
    with pytest.raises(MissingExtra, match=r"pip install 'broker-harness\[redis\]'"):
        getattr(BACKEND, make)(*arguments)
    assert "pip install 'broker-harness[redis]'" in BACKEND.missing_extra()
