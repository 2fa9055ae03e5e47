"""Fill in the parts of these pages that the code knows best: ``python docs/generate.py``.

A page has ``<!-- generated: NAME -->`` and ``<!-- end -->``; what stands between them is replaced by
what the function of that name returns. ``--check`` changes nothing, and exits with 1 if something
would have changed. ``tests/docs`` checks the same.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, Field, dataclass, fields
from pathlib import Path
from typing import Any

from harness.backends import backend_names, load_backend
from harness.checkers.registry import ALWAYS, CHECKERS
from harness.cli.app import build
from harness.engine.versions import catalogue
from harness.faults import FAULTS
from harness.model.capability import Capability
from harness.model.claim import Claim
from harness.pytest_plugin import MARKERS, pytest_addoption

DOCS = Path(__file__).resolve().parent
SUITES = DOCS.parent / "suites"
REGION = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
IDS = re.compile(r"([A-I]\d*(?:(?:, | and )[A-I]\d*)*): ")
TEST = (ast.FunctionDef, ast.AsyncFunctionDef)
FAULT_STEPS = ("inject", "verify", "reacted", "heal")


def table(heading: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table; cells must not hold line ends."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in lines)


def sentence(documented: object) -> str:
    """The first paragraph of a docstring, on one line, without the markup of code."""
    text = (inspect.getdoc(documented) or "").partition("\n\n")[0]
    return " ".join(text.replace("``", "`").split())


@dataclass(frozen=True, slots=True)
class Scenario:
    """One test function of ``suites/``, as its source tells; without ``nodes`` it leases no cluster."""

    ids: tuple[str, ...]
    page: str
    test: str
    says: str
    nodes: tuple[int, ...]
    capabilities: tuple[str, ...]
    faults: str

    @property
    def place(self) -> list[tuple[str, int]]:
        """Its place in the order of the ids; those without one come last."""
        return [(each[0], int(each[1:] or 0)) for each in self.ids] or [("Z", 0)]

    @property
    def backends(self) -> str:
        """Which backends can run it."""
        return ", ".join(
            name
            for name in backend_names()
            if set(self.nodes) & set(load_backend(name).node_counts)
            and set(self.capabilities) <= {str(each) for each in load_backend(name).capabilities}
        )


def found_scenarios() -> Iterator[Scenario]:
    """Every scenario of ``suites/``; one whose module's docstring does not begin with an id has none."""
    for path in sorted(SUITES.rglob("test_*.py")):
        module = ast.parse(path.read_text(encoding="utf-8"))
        matched = IDS.match(ast.get_docstring(module) or "")
        ids = tuple(re.split(r", | and ", matched[1])) if matched else ()
        for function in module.body:
            if isinstance(function, TEST) and function.name.startswith("test_"):
                yield _scenario(path, ids, function)


def _scenario(path: Path, ids: tuple[str, ...], function: ast.FunctionDef | ast.AsyncFunctionDef) -> Scenario:
    has_case = any(argument.arg == "case" for argument in function.args.args)
    nodes: tuple[int, ...] = (1,) if has_case else ()
    capabilities: list[str] = []
    faults = ""
    for mark in function.decorator_list:
        if not isinstance(mark, ast.Call):
            continue
        name = ast.unparse(mark.func).removeprefix("pytest.mark.")
        if name == "cluster":
            value = next(ast.literal_eval(k.value) for k in mark.keywords if k.arg == "nodes")
            nodes = value if isinstance(value, tuple) else (value,)
        elif name == "requires":
            capabilities += [str(Capability[ast.unparse(each).rpartition(".")[2]]) for each in mark.args]
        elif name == "parametrize" and ast.literal_eval(mark.args[0]) == "fault":
            faults = ast.unparse(mark.args[1]).strip("[]")
    page = path.relative_to(DOCS.parent).as_posix()
    says = " ".join((ast.get_docstring(function) or "").split("\n\n")[0].split())
    return Scenario(ids, page, function.name, says, nodes, tuple(capabilities), faults)


def scenarios() -> str:
    """A row for each test function of ``suites/``."""
    rows = []
    for one in sorted(found_scenarios(), key=lambda found: found.place):
        where = f"[`{one.test}`](../../{one.page})"
        nodes = " or ".join(map(str, one.nodes))
        varied = f" Parameters: `{one.faults}`." if one.faults else ""
        needs = ", ".join(f"`{each}`" for each in one.capabilities)
        cells = [", ".join(one.ids), f"{where}: {one.says}{varied}", nodes, needs, one.backends]
        rows.append([cell or "-" for cell in cells])
    return table(("id", "scenario", "nodes", "needs", "backends"), rows)


def claims() -> str:
    """A table for each backend, a row for each claim."""
    parts = []
    for name in backend_names():
        rows = [_claim(claim) for claim in load_backend(name).claims]
        parts.append(f"## {name}\n\n{table(('guarantee', 'tiers', 'if', 'promise', 'in its words'), rows)}")
    return "\n\n".join(parts)


def _claim(claim: Claim) -> list[str]:
    promise = f"{claim.promise} ({claim.bound})" if claim.bound else str(claim.promise)
    linked = f"[source]({claim.source})" if claim.source.startswith("https://") else claim.source
    when = f"`{claim.condition}`" if claim.condition else "always"
    words = f'"{claim.quote}" ({linked})'
    return [str(claim.guarantee), ", ".join(claim.tiers) or "all", when, promise, words]


def backends() -> str:
    """What there is to run on: sizes, tiers and tested versions."""
    rows = []
    for name in backend_names():
        backend = load_backend(name)
        tiers = "; ".join(f"{n}: {', '.join(backend.tiers(n))}" for n in backend.node_counts)
        rows.append([f"`{name}`", ", ".join(catalogue().entry(name).versions), tiers])
    return table(
        ("backend", "tested versions, default first", "tiers by number of nodes, default first"), rows
    )


def capabilities() -> str:
    """Which backend can do what."""
    able = {name: load_backend(name).capabilities for name in backend_names()}
    rows = [[f"`{each}`", *("yes" if each in able[name] else "-" for name in able)] for each in Capability]
    return table(("capability", *able), rows)


def faults() -> str:
    """A row for each registered fault, in the words of its four steps."""
    rows = []
    for fault in FAULTS:
        parameters = ", ".join(_parameter(one) for one in fields(fault))  # type: ignore[arg-type]
        steps = [sentence(getattr(fault, step)) for step in FAULT_STEPS]
        rows.append([f"`{fault.__name__}({parameters})`", *steps])
    return table(("fault", "inject", "verify: it bites when", "reacted: it may be healed when", "heal"), rows)


def _parameter(field: Field[Any]) -> str:
    return field.name if field.default is MISSING else f"{field.name}={field.default!r}".replace("'", '"')


def checkers() -> str:
    """A row for each checker."""
    always = {type(checker) for checker in ALWAYS}
    rows = []
    for checker in CHECKERS:
        asked = "always" if checker in always else "when a scenario asks"
        wrong = sentence(sys.modules[checker.__module__])
        guarantee = str(checker.guarantee)  # type: ignore[attr-defined]
        rows.append([f"`{checker.__name__}`", guarantee, asked, wrong])
    return table(("checker", "guarantee", "asked", "what it finds"), rows)


class _Added:
    """Stands in for pytest's parser, and keeps what the plugin adds."""

    def __init__(self) -> None:
        self.options: list[tuple[str, dict[str, Any]]] = []
        self.inis: list[tuple[str, dict[str, Any]]] = []

    def getgroup(self, name: str, description: str) -> _Added:
        """The group is the parser itself."""
        del name, description
        return self

    def addoption(self, name: str, **about: Any) -> None:
        """Keep an option."""
        self.options.append((name, about))

    def addini(self, name: str, **about: Any) -> None:
        """Keep an ini key."""
        self.inis.append((name, about))


def _added() -> _Added:
    added = _Added()
    pytest_addoption(added)  # type: ignore[arg-type]
    return added


def options() -> str:
    """A row for each option that the plugin adds to pytest."""
    rows = [
        [f"`{' '.join(filter(None, (name, about.get('metavar'))))}`", about["help"]]
        for name, about in _added().options
    ]
    return table(("option", "meaning"), rows)


def inis() -> str:
    """A row for each key that the plugin adds to pytest's configuration."""
    rows = [
        [f"`{name}`", about["type"], f"`{about['default']}`", about["help"]] for name, about in _added().inis
    ]
    return table(("key", "type", "default", "meaning"), rows)


def markers() -> str:
    """A row for each marker of the plugin."""
    rows = []
    for marker in MARKERS:
        form, _, meaning = marker.partition(": ")
        rows.append([f"`{form}`", meaning])
    return table(("marker", "meaning"), rows)


def commands() -> str:
    """A row for each command of ``harness``, with its arguments and options."""
    import typer  # noqa: PLC0415 - the command line's alone

    group: Any = typer.main.get_command(build())
    rows = []
    for name, command in group.commands.items():
        listed = [one.opts[0] for one in command.params if one.opts[0] != "--help"]
        parts = [f"`{each}`" for each in (*listed, *_subcommands(command))]
        rows.append([f"`harness {name}`", command.help.partition("\n")[0], ", ".join(parts)])
    return table(("command", "what it does", "arguments and options"), rows)


def _subcommands(command: Any) -> list[str]:
    # They may be made only when asked for, so the attribute that holds them proves nothing.
    return list(command.list_commands(None)) if hasattr(command, "list_commands") else []


GENERATED: dict[str, Callable[[], str]] = {
    function.__name__: function
    for function in (
        *(scenarios, claims, backends, capabilities, faults, checkers),
        *(options, inis, markers, commands),
    )
}


def filled_in(text: str) -> str:
    """The text of a page with its generated parts made anew; raises ``KeyError`` for an unknown name."""
    return REGION.sub(lambda match: f"{match[1]}\n{GENERATED[match[2]]()}\n\n{match[3]}", text)


def stale(*, write: bool) -> list[str]:
    """The pages whose generated parts were not what the code says; ``write`` brings them up to date."""
    changed = []
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        fresh = filled_in(text)
        if fresh != text:
            changed.append(page.relative_to(DOCS.parent).as_posix())
            if write:
                page.write_text(fresh, encoding="utf-8")
    return changed


if __name__ == "__main__":
    is_check = sys.argv[1:] == ["--check"]
    pages = stale(write=not is_check)
    print("\n".join(pages) or "everything is up to date")
    raise SystemExit(is_check and bool(pages))
