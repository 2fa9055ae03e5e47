"""Options that are passed on by name."""

from __future__ import annotations

import pytest

from harness.model.consumer import ConsumerConfig
from harness.model.errors import UnknownName
from harness.model.options import with_options
from harness.workloads.publishing import PublishingOptions


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    """A slip of the pen is named, with what was probably meant."""
    with pytest.raises(UnknownName, match=r"unknown option 'rat'; did you mean 'rate'\?"):
        with_options(PublishingOptions, {"rat": 200})


def test_known_options_are_passed_on() -> None:
    """What the dataclass knows becomes its value."""
    assert with_options(ConsumerConfig, {"group": "billing", "lease": 2.0}).lease == 2.0
