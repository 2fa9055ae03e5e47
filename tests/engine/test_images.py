"""Having an image: in which order it is looked for, and what is told when it cannot be had."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from docker.errors import APIError, BuildError, ImageNotFound
from filelock import FileLock

from harness.engine import building, images
from harness.engine.images import How, Provided, ensure, ensure_all, needed, provide
from harness.engine.pulling import PullFailed
from harness.engine.recipes import Build
from harness.engine.tools import ToolMissing
from harness.engine.versions import Image, catalogue
from harness.model.errors import DeadlineExceeded, ImageUnavailable, UnknownName

NATS = Image("nats", "2.15.2")
OFFICIAL = "docker.io/library/nats:2.15.2-scratch"


class Engine:
    """An engine with the images of ``tags``; ``contexts`` are what it was given to build."""

    def __init__(self) -> None:
        self.tags: set[str] = set()
        self.contexts: list[tuple[str, dict[str, str], list[str]]] = []
        self.build_error: Exception | None = None
        self.pruned: list[dict[str, Any]] = []
        self.pullable: set[str] = set()
        self.prepare_error: Exception | None = None

    @property
    def images(self) -> Engine:
        return self

    def get(self, tag: str) -> Tag:
        if tag not in self.tags:
            raise ImageNotFound("no such image")
        return Tag(self, tag)

    def build(self, *, path: str, tag: str, buildargs: dict[str, str], **_: Any) -> None:
        self.contexts.append((tag, buildargs, sorted(entry.name for entry in Path(path).iterdir())))
        if self.build_error:
            raise self.build_error
        self.tags.add(tag)

    def prune(self, filters: dict[str, Any]) -> None:
        self.pruned.append(filters)

    def pull(self, reference: str, say: object) -> None:
        if reference not in self.pullable:
            raise PullFailed(f"{reference}: no such host")
        self.tags.add(reference)

    def prepare(self, build: Build) -> None:
        if self.prepare_error:
            raise self.prepare_error
        (build.context / "made").touch()


class Tag:
    """An image of the engine by one of its names."""

    def __init__(self, engine: Engine, tag: str) -> None:
        self.engine = engine
        self.id = f"id of {tag}"

    def tag(self, repository: str, tag: str) -> None:
        self.engine.tags.add(f"{repository}:{tag}")


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Return an engine without images, registry or need of tools."""
    engine = Engine()
    monkeypatch.setattr(images, "connect", lambda: engine)
    monkeypatch.setattr(images, "pull", engine.pull)
    monkeypatch.setattr(building, "pull", engine.pull)
    monkeypatch.setattr(Build, "prepare", preparing(engine))
    return engine


def preparing(engine: Engine) -> Callable[[Build], None]:
    """Return a method of builds that leaves the preparing to ``engine``."""

    def prepare(build: Build) -> None:
        engine.prepare(build)

    return prepare


def silent(_: str) -> None:
    """Take a line of progress and leave it."""


def test_the_local_tag_comes_first(engine: Engine) -> None:
    """What is here is used, whoever made it."""
    engine.tags.add(NATS.tag)
    engine.pullable.add(OFFICIAL)
    assert provide(NATS, silent) == Provided(NATS, How.PRESENT)


def test_the_official_image_comes_second(engine: Engine) -> None:
    """It is pulled and has our tag from then on."""
    engine.pullable.add(OFFICIAL)
    assert provide(NATS, silent) == Provided(NATS, How.PULLED)
    assert engine.tags == {OFFICIAL, NATS.tag}
    assert engine.contexts == []


def test_a_build_comes_last(engine: Engine) -> None:
    """It is built from a copy of its folder and what the recipe made, and the user is told why."""
    said: list[str] = []
    assert provide(NATS, said.append) == Provided(NATS, How.BUILT)
    assert engine.contexts == [(NATS.tag, {"VERSION": "2.15.2"}, ["Dockerfile", "made"])]
    assert said == [
        f"nats 2.15.2: not pulled: {OFFICIAL}: no such host",
        "nats 2.15.2: building the image",
        "nats 2.15.2: built",
    ]


def test_what_no_registry_has_is_built_on_what_one_has(engine: Engine) -> None:
    """The mesh helper is ours alone; where there is a registry its base is not, and no tool is needed."""
    base = "docker.io/library/debian:trixie-slim"
    engine.pullable.add(base)
    assert provide(Image("mesh", "1"), silent).how is How.BUILT
    ((_, arguments, files),) = engine.contexts
    assert arguments == {"VERSION": "1", "BASE": base}
    assert "made" not in files


def test_what_cannot_be_built_on_an_official_image_is_built_from_packages(engine: Engine) -> None:
    """A registry that is not there keeps nobody from building."""
    said: list[str] = []
    assert provide(Image("mesh", "1"), said.append).how is How.BUILT
    assert said == [
        "mesh 1: not built on an official image: docker.io/library/debian:trixie-slim: no such host",
        "mesh 1: building the image",
        "mesh 1: built",
    ]
    assert "made" in engine.contexts[0][2]


def test_a_build_has_its_base_first(engine: Engine) -> None:
    """Kafka's image stands on one with Java in it, which all its versions share."""
    ensure("kafka", "4.3.1", silent)
    ensure("kafka", "3.9.1", silent)
    java = Image("jre", catalogue().entry("jre").default).tag
    assert [tag for tag, _, _ in engine.contexts] == [
        java,
        "broker-harness/kafka:4.3.1",
        "broker-harness/kafka:3.9.1",
    ]
    assert engine.contexts[1][1] == {"VERSION": "4.3.1", "BASE": java}


def test_nothing_of_a_build_stays(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are made outside the package, and taken away however it ends."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    engine.build_error = APIError("no")
    with pytest.raises(ImageUnavailable):
        ensure("nats", "2.15.2", silent)
    assert list(tmp_path.glob("broker-harness-build-*")) == []


def test_what_cannot_be_had_names_all_that_was_tried(engine: Engine) -> None:
    """The error has the reason of each way, and what can be had instead."""
    engine.prepare_error = ToolMissing("go is missing")
    with pytest.raises(ImageUnavailable) as caught:
        ensure("nats", "2.99.0", silent)
    message = str(caught.value)
    assert "image broker-harness/nats:2.99.0 cannot be had: not pulled: " in message
    assert "; not built from packages: go is missing\nhint: nats can be had as 2.15.2, " in message
    assert "any release of the Go module github.com/nats-io/nats-server/v2" in message
    assert "with /nats-server, as broker-harness/nats:2.99.0" in message


def test_a_failed_build_is_quoted_and_leaves_no_image(engine: Engine) -> None:
    """The builder's last lines are in the error; the layers that went well are taken away."""
    engine.build_error = BuildError(
        "returned a non-zero code: 1", iter([{"stream": "Redis server v=8.0.3\n"}])
    )
    with pytest.raises(ImageUnavailable, match=r"(?s)non-zero code: 1\n    Redis server v=8\.0\.3"):
        ensure("redis", "8.0.2", silent)
    assert engine.pruned == [{"dangling": True, "label": "broker-harness.image=redis"}]


def test_an_unknown_name_is_refused(engine: Engine) -> None:
    """A misspelt name is refused with the nearest one."""
    with pytest.raises(UnknownName, match="did you mean 'nats'"):
        ensure("natz", "1", silent)


def test_two_threads_build_an_image_once(engine: Engine) -> None:
    """Who comes second waits, and finds the image there."""
    provided: list[Provided] = []
    threads = [threading.Thread(target=lambda: provided.append(provide(NATS, silent))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(one.how for one in provided) == [How.BUILT, How.PRESENT, How.PRESENT, How.PRESENT]
    assert len(engine.contexts) == 1


def test_another_process_is_waited_for_and_not_for_ever(
    engine: Engine, state: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The wait is told of, and ends with an error that names the lock."""
    monkeypatch.setattr(images, "_LOCK_SECONDS", 0.05)
    (state / "images").mkdir(parents=True)
    path = state / "images" / "nats-2.15.2.lock"
    said: list[str] = []
    with FileLock(path), pytest.raises(DeadlineExceeded, match=r"nats-2\.15\.2\.lock is held"):
        provide(NATS, said.append)
    assert said == ["nats 2.15.2: waiting for another process that provides it"]


def test_several_are_had_in_the_order_given(engine: Engine) -> None:
    """Each is had once, however often it is asked for."""
    engine.tags.add("broker-harness/mesh:1")
    wanted = [NATS, Image("mesh", "1"), NATS]
    assert ensure_all(wanted, silent) == [
        Provided(NATS, How.BUILT),
        Provided(Image("mesh", "1"), How.PRESENT),
    ]


def test_one_of_several_that_fails_does_not_keep_the_others(engine: Engine) -> None:
    """The others are there when the error comes."""
    with pytest.raises(UnknownName):
        ensure_all([Image("natz", "1"), NATS], silent)
    assert NATS.tag in engine.tags


def test_clusters_need_their_parts_too() -> None:
    """The link proxy and the mesh helper come first; the reference model adds nothing."""
    assert needed([("nats", "2.15.2"), ("kafka", "4.3.1"), ("memory", "1")]) == [
        Image("toxiproxy", "2.12.0"),
        Image("mesh", "1"),
        Image("nats", "2.15.2"),
        Image("kafka", "4.3.1"),
    ]
