"""The pages say what is: links lead somewhere, code compiles, commands parse, generated parts are fresh."""

from __future__ import annotations

import ast
import configparser
import importlib
import importlib.metadata
import importlib.util
import itertools
import json
import re
import shlex
import sys
import tomllib
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple

import msgspec
import pytest
import typer

import harness
from harness.cli.app import build
from harness.faults import FAULTS
from harness.history.records import FaultRecord, Header, Observation, Op, PhaseRecord

ROOT = Path(__file__).resolve().parents[2]
README = ROOT / "README.md"
PAGES = (README, *sorted((ROOT / "docs").rglob("*.md")))
MOST_LINES = 150

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(?<!!)\[[^\]]+\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)

EXTENSION_POINTS = frozenset(
    {
        *("harness.engine.cluster", "harness.faults.observed", "harness.faults.targets"),
        *("harness.history.records", "harness.history.script"),
    }
)
"""Modules beside the facade that whoever adds a backend, fault or checker imports from."""

OWN_MODULES = frozenset({"stop", "handed_out", "acme"})
"""What a reader makes from the pages themselves."""

SHELL = frozenset({".", "break", "cd", "docker", "done", "export", "for", "grep", "ssh", "sudo", "systemctl"})
"""Commands that are not ours to check."""


class Block(NamedTuple):
    """One fenced block of a page."""

    page: Path
    language: str
    text: str

    def __str__(self) -> str:
        number = self.page.read_text(encoding="utf-8").partition(self.text)[0].count("\n") + 1
        return f"{self.page.relative_to(ROOT)}:{number}"


def blocks(*languages: str) -> list[Block]:
    """Every fenced block in one of the languages."""
    return [
        Block(page, language, text)
        for page in PAGES
        for language, text in FENCE.findall(page.read_text(encoding="utf-8"))
        if language in languages
    ]


def names(pages: tuple[Path, ...]) -> list[str]:
    """How pages are called in test ids."""
    return [str(page.relative_to(ROOT)) for page in pages]


each_page = pytest.mark.parametrize("page", PAGES, ids=names(PAGES))


@each_page
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file, and a heading of it if it says which."""
    prose = FENCE.sub("", page.read_text(encoding="utf-8"))
    for link in LINK.findall(prose):
        if link.startswith("https://"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link}: no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings."""
    headings = HEADING.findall(FENCE.sub("", page.read_text(encoding="utf-8")))
    return frozenset(re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings)


def test_every_page_is_reached_from_the_readme() -> None:
    """By following links one finds every page."""
    reached, waiting = set[Path](), [README]
    while waiting:
        page = waiting.pop()
        reached.add(page)
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            target = (page.parent / link.partition("#")[0]).resolve()
            if target in PAGES and target not in reached:
                waiting.append(target)
    assert reached == set(PAGES)


@each_page
def test_a_page_is_short_and_names_no_machine(page: Path) -> None:
    """Nobody reads more in one go, and a path of somebody's machine helps nobody."""
    text = page.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MOST_LINES
    assert not re.search(r"(?<![\w.$~/])/(tmp|home|root|work|Users)\b", text)


@cache
def generator() -> ModuleType:
    """``docs/generate.py``, which is no package."""
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def test_generated_parts_are_up_to_date() -> None:
    """What the pages say of options, claims, scenarios and faults is what the code says."""
    assert generator().stale(write=False) == [], "run `python docs/generate.py`"


def test_every_generated_part_is_on_a_page() -> None:
    """Nothing is generated for nobody."""
    regions = [name for page in PAGES for _, name, _ in generator().REGION.findall(page.read_text("utf-8"))]
    assert sorted(regions) == sorted(generator().GENERATED)


@pytest.mark.parametrize("block", blocks("python"), ids=str)
def test_python_compiles_and_imports_public_names_only(block: Block) -> None:
    """Whoever copies a block finds what it imports, in what we promise to keep."""
    for statement in ast.walk(ast.parse(block.text)):
        if isinstance(statement, ast.Import):
            for alias in statement.names:
                assert is_importable(alias.name), alias.name
        elif isinstance(statement, ast.ImportFrom):
            module = str(statement.module)
            assert is_importable(module), module
            for alias in statement.names if module.startswith("harness") else ():
                home = importlib.import_module(module)
                assert alias.name in (harness.__all__ if module == "harness" else vars(home)), alias.name


def is_importable(module: str) -> bool:
    """Whether a page may import the module: ours, the standard library's, pytest, or made on a page."""
    top = module.partition(".")[0]
    if top == "harness":
        return module == "harness" or module in EXTENSION_POINTS
    return top in {*sys.stdlib_module_names, "pytest"} or top in OWN_MODULES


Known = Op | Header | PhaseRecord | FaultRecord | Observation


@pytest.mark.parametrize("block", blocks("json"), ids=str)
def test_json_is_what_we_write(block: Block) -> None:
    """Example records are records of the present format; other documents are documents."""
    if not block.text.startswith('{"type"'):
        assert json.loads(block.text)["format_version"] == 1
        return
    for line in block.text.splitlines():
        record = msgspec.json.decode(line, type=Known)
        assert set(json.loads(line)) <= {"type", *record.__struct_fields__}


@pytest.mark.parametrize("block", blocks("toml"), ids=str)
def test_toml_is_toml(block: Block) -> None:
    """What is to be pasted into a pyproject.toml can be."""
    assert tomllib.loads(block.text)


@pytest.mark.parametrize("block", blocks("yaml"), ids=str)
def test_yaml_is_of_our_own_workflow(block: Block) -> None:
    """The shortened workflow uses the actions, at the versions, and the command of the real one."""
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
    for action, version in re.findall(r"uses: (\S+)@v(\d+)", block.text):
        assert re.search(rf"uses: {action}@\w+ # v{version}\.", workflow), action
    assert "tox run -e integration -- --backend" in block.text
    assert "tox run -e integration -- --backend" in workflow


def test_no_block_is_left_unchecked() -> None:
    """A language that no test here knows is a block that nobody checks; plain text is output."""
    every = {language for page in PAGES for language, _ in FENCE.findall(page.read_text("utf-8"))}
    assert every <= {"python", "json", "toml", "yaml", "console", "text"}


def commands() -> list[tuple[str, ...]]:
    """Every simple command in a console block, each once."""
    found: dict[tuple[str, ...], None] = {}
    for block in blocks("console"):
        assert block.text.startswith("$ "), f"{block} begins with no command"
        for line in re.findall(r"^\$ (.+)$", block.text, re.MULTILINE):
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            for is_end, words in itertools.groupby(lexer, lambda word: set(word) <= set("&|;")):
                if not is_end:
                    found[tuple(itertools.dropwhile("do".__eq__, words))] = None
    return list(found)


@pytest.mark.parametrize("words", commands(), ids=shlex.join)
def test_a_command_parses(words: tuple[str, ...], pytester: pytest.Pytester) -> None:
    """Every command of a page has the options and names it uses."""
    program, arguments = Path(words[0]).name, list(words[1:])
    match program:
        case "pytest":
            parse_pytest(pytester, arguments)
        case "harness":
            parse_harness(arguments)
        case "tox":
            assert arguments[arguments.index("-e") + 1] in tox_environments()
        case "pip":
            check_extras(arguments)
        case "python" | "python3" if arguments[0] == "-m":
            assert importlib.util.find_spec(arguments[1])
        case "python" | "python3":
            assert (ROOT / arguments[0]).is_file()
        case _:
            assert words[0] in SHELL, f"nobody checks {words[0]!r}"


def parse_pytest(pytester: pytest.Pytester, arguments: list[str]) -> None:
    """Parse a command line of pytest, our options and markers included; raises ``UsageError``."""
    plugin = () if any(point.name == "harness" for point in installed()) else ("-p", "harness.pytest_plugin")
    config = pytester.parseconfigure(*plugin, *arguments)
    for argument in config.args:
        if argument.startswith("suites/"):
            assert (ROOT / argument).exists(), argument


def installed() -> tuple[importlib.metadata.EntryPoint, ...]:
    """The plugins of pytest in this environment."""
    return tuple(importlib.metadata.entry_points(group="pytest11"))


def parse_harness(arguments: list[str]) -> None:
    """Parse a command line of ``harness``; raises what click raises."""
    group: Any = typer.main.get_command(build())
    name, *rest = arguments
    command = group.commands[name]
    context = command.make_context(name, list(rest))
    if hasattr(command, "list_commands"):
        command.get_command(context, rest[0]).make_context(rest[0], rest[1:], parent=context)


@cache
def tox_environments() -> frozenset[str]:
    """The environments of ``tox.ini``, with what stands in braces expanded."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(ROOT / "tox.ini")
    found = set(re.split(r",\s*", parser["tox"]["env_list"]))
    for section in parser.sections():
        name, _, choices = section.removeprefix("testenv:").partition("{")
        found.update(name + choice for choice in choices.removesuffix("}").split(","))
    return frozenset(found)


def check_extras(arguments: list[str]) -> None:
    """Extras that are named exist."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for argument in arguments:
        for extras in re.findall(r"broker.harness.*\[(.+)\]", argument):
            assert set(extras.split(",")) <= set(project["optional-dependencies"])


def test_the_readme_begins_with_the_two_commands() -> None:
    """On its first screen, each on one line that can be pasted."""
    screen = README.read_text(encoding="utf-8").splitlines()[:20]
    for environment in ("integration", "tests"):
        line = f"$ python3 -m venv .venv && .venv/bin/pip install tox && .venv/bin/tox -e {environment}"
        assert line in screen


@pytest.mark.parametrize("name", ["README.md", "docs/reference/faults.md"])
def test_every_fault_is_explained(name: str) -> None:
    """A fault that is registered is named, beside the generated table."""
    written = generator().REGION.sub("", (ROOT / name).read_text(encoding="utf-8"))
    faults = {fault.__name__ for fault in FAULTS} - {"NoFault"}
    assert {fault for fault in faults if f"`{fault}" not in written} == set()


def test_every_variable_of_ours_is_documented() -> None:
    """An environment variable that the code reads is in the reference."""
    options = (ROOT / "docs" / "reference" / "options.md").read_text(encoding="utf-8")
    folders = (Path(harness.__file__).parent, ROOT / "suites")
    sources = [path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.py")]
    read = {name for source in sources for name in re.findall(r'"(BROKER_HARNESS_[A-Z_]+)"', source)}
    assert {name for name in read if f"`{name}`" not in options} == set()
