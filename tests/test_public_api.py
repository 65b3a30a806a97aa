"""The public Python surface is frozen: docs/public_api.txt lists it, and the changelog names what has changed."""

from __future__ import annotations

import dataclasses
import importlib.util
import inspect
import re
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def api() -> ModuleType:
    spec = importlib.util.spec_from_file_location("public_api", ROOT / ".ci" / "public_api.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_surface_is_the_accepted_one_and_the_changelog_names_its_changes(api: ModuleType) -> None:
    pytest.importorskip("torch", reason="part of the surface: pip install 'nvfair-tools[all]'")
    pytest.importorskip("httpx", reason="part of the surface: pip install 'nvfair-tools[all]'")
    surface = api.surface_text()
    assert surface == api.SURFACE.read_text(encoding="utf-8"), "a line in CHANGELOG.md, then: make api"
    released, changelog = (path.read_text(encoding="utf-8") for path in (api.RELEASED, api.CHANGELOG))
    assert api.unnamed_changes(released, surface, changelog) == []


def test_every_name_of_the_python_page_is_on_the_surface(api: ModuleType) -> None:
    table = (ROOT / "docs" / "python.md").read_text(encoding="utf-8").partition("## Names")[2]
    names = set(re.findall(r"`((?:nvfair_tools|benchmark|leaderboard)\.\w+)", table))
    assert len(names) > 12
    assert names <= api.entries(api.SURFACE.read_text(encoding="utf-8")).keys()


@dataclasses.dataclass
class Example:
    """One of everything that a class may have."""

    size: int
    names: list[str] = dataclasses.field(default_factory=list)
    kind: str = "plain"

    def grown(self, by: float = 1.5, *, twice: bool = False) -> Example:
        return self

    @property
    def area(self) -> float:
        return 0.0

    @cached_property
    def volume(self) -> float:
        return 0.0

    @classmethod
    def load(cls, path: str | Path) -> Example:
        return cls(1)

    def _own(self) -> None: ...


def test_a_class_shows_its_fields_defaults_and_methods_and_hides_its_own(
    api: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(api, "PACKAGES", (Example.__module__.partition(".")[0],))
    assert list(api.described("x.Example", Example)) == [
        "x.Example: class",
        "    size: int",
        "    names: list[str] = list()",
        "    kind: str = 'plain'",
        "    area: property float",
        "    grown(self, by: float = 1.5, *, twice: bool = False) -> Example",
        "    classmethod load(cls, path: str | Path) -> Example",
        "    volume: property float",
    ]


def changed(function: Callable[..., object], parameter: str, changes: dict) -> Callable[..., object]:
    """A function with the signature of another, of which one parameter differs."""

    def copy() -> None: ...

    signature = inspect.signature(function)
    parameters = [item.replace(**changes) if item.name == parameter else item for item in signature.parameters.values()]
    copy.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    return copy


@pytest.mark.parametrize("changes", [{"default": 2.5}, {"name": "factor"}, {"annotation": "int"}])
def test_a_changed_default_name_or_type_needs_a_line_in_the_changelog(api: ModuleType, changes: dict) -> None:
    before = "\n".join(api.described("x.grown", Example.grown))
    after = "\n".join(api.described("x.grown", changed(Example.grown, "by", changes)))
    assert before != after
    text = "# Changelog\n\n## [Unreleased]\n\n{}\n\n## [0.1.0] - 2026-01-01\n\n- `x.grown` is new.\n"
    assert api.unnamed_changes(before, after, text.format("- Another thing, `x.grow`.")) == ["x.grown"]
    assert api.unnamed_changes(before, after, text.format("- `x.grown(by=...)` has changed.")) == []
    assert api.unnamed_changes(before, "", text.format("")) == ["x.grown"]
