"""A fault's fields as options of the command line: ``target`` by position, the rest by name."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from harness.model.errors import BadOption, UnknownName

if TYPE_CHECKING:
    from harness.faults import Fault

TARGET = "target"
_OF_THE_COMMAND = frozenset({"cluster", "destination", "for", "json", "help"})
_WRITABLE = (str, bool, int, float)


def fault_names() -> list[str]:
    """Return what each fault that can be written on a command line is called there, others' included."""
    from importlib.metadata import entry_points  # noqa: PLC0415 - pays for what it uses only

    from harness.faults import ENTRY_POINTS, FAULTS  # noqa: PLC0415

    ours = [
        re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", fault.__name__).lower()
        for fault in FAULTS
        if _can_be_typed(fault)
    ]
    return list(dict.fromkeys([*ours, *(point.name.lower() for point in entry_points(group=ENTRY_POINTS))]))


def _can_be_typed(fault: type[Fault]) -> bool:
    """Whether each of its fields can be written, or may keep its default; a list of edges cannot."""
    try:
        list(options(fault))
    except BadOption:
        return False
    return True


def fault_named(name: str) -> type[Fault]:
    """Return the fault of that name; raises ``UnknownName`` with the nearest there is."""
    from harness.faults import fault_class  # noqa: PLC0415 - pays for what it uses only

    for spelling in (name, name.replace("-", "")):
        try:
            return fault_class(spelling)
        except UnknownName:
            continue
    raise UnknownName("fault", name, fault_names())


def summary(fault: type[Fault]) -> str:
    """Return what a fault says of itself, its fields named as they are written here."""
    kind: Any = fault
    written = {each.name: _written(each) for each in fields(kind)} if is_dataclass(kind) else {}
    text = inspect.cleandoc(fault.__doc__ or "")
    return re.sub(r"``(.+?)``", lambda match: written.get(match[1], match[1]), text)


def options(fault: type[Fault]) -> Iterator[inspect.Parameter]:
    """Yield a parameter for each field that can be written on a command line.

    A field of another type keeps its default. Raises ``BadOption`` where it has none, and for a
    fault that is no dataclass.
    """
    kind: Any = fault
    if not is_dataclass(kind):
        raise BadOption("fault", fault.__name__, "its parameters cannot be read: it is no dataclass")
    hints = get_type_hints(fault)
    for each in fields(kind):
        if not each.init:
            continue
        hint = hints[each.name]
        if _is_writable(hint):
            yield _parameter(each, hint)
        elif each.default is MISSING and each.default_factory is MISSING:
            raise BadOption("fault", fault.__name__, f"{each.name} ({hint}) cannot be written here")


def _is_writable(kind: Any) -> bool:
    return kind in _WRITABLE or (isinstance(kind, type) and issubclass(kind, Enum))


def _parameter(each: Field[Any], kind: Any) -> inspect.Parameter:
    how = _argument() if each.name == TARGET else _option(each, kind)
    return inspect.Parameter(
        each.name, inspect.Parameter.KEYWORD_ONLY, default=_default(each), annotation=Annotated[kind, how]
    )


def _default(each: Field[Any]) -> Any:
    if each.default is not MISSING:
        return each.default
    return inspect.Parameter.empty if each.default_factory is MISSING else each.default_factory()


def _argument() -> Any:
    from harness.model.role import Role  # noqa: PLC0415 - pays for what it uses only

    return typer.Argument(help=f"A node such as n1, or a role: {', '.join(Role)}.", metavar="TARGET")


def _option(each: Field[Any], kind: Any) -> Any:
    flag = _written(each)
    # A switch that is off by itself needs no word to be turned off.
    return typer.Option(f"{flag}/--no-{flag[2:]}" if kind is bool and each.default is True else flag)


def _written(each: Field[Any]) -> str:
    """Return what stands for a field on the command line."""
    word = each.name.replace("_", "-")
    if each.name == TARGET:
        return TARGET.upper()
    return f"--fault-{word}" if word in _OF_THE_COMMAND else f"--{word}"
