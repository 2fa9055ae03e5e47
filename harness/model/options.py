"""Options that are passed on by name, refused at once when there is none of that name."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from harness.model.errors import UnknownName

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    T = TypeVar("T", bound=DataclassInstance)


def with_options(made: type[T], options: Mapping[str, Any]) -> T:
    """An instance of the dataclass ``made``; raises ``UnknownName`` for an option it does not have."""
    known = [field.name for field in dataclasses.fields(made)]
    for name in options:
        if name not in known:
            raise UnknownName("option", name, known)
    return made(**options)
