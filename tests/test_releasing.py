"""A release: one version in all places, notes from the changelog, and refusals in words."""

from __future__ import annotations

import importlib.util
import re
import shutil
import tomllib
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from nvfair_tools import __version__
from nvfair_tools.doctor.packages import EXTRAS

ROOT = Path(__file__).resolve().parents[1]
PLACES = ("CHANGELOG.md", "CITATION.cff", "nvfair_tools/__init__.py", "docs/public_api.txt")


@pytest.fixture(scope="module")
def release() -> ModuleType:
    spec = importlib.util.spec_from_file_location("release", ROOT / ".ci" / "release.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A copy of the files that a release changes."""
    for name in PLACES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "docs" / "public_api_released.txt", tmp_path / "docs")
    return tmp_path


def test_the_version_is_written_once_and_every_place_agrees(release: ModuleType) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in project["project"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "nvfair_tools.__version__"}
    assert release.version_of(ROOT) == __version__
    assert list(release.problems_of(ROOT)) == []


def test_a_prepared_release_passes_its_check_and_has_the_changelogs_notes(release: ModuleType, tree: Path) -> None:
    (tree / "docs" / "public_api.txt").write_text("benchmark.evaluate()\n")
    notes = release.notes(tree, "Unreleased")
    assert len(release.problems_of(tree, "v9.8.7")) >= 3  # tag, changelog, surface
    release.prepare(tree, "9.8.7", date(2026, 12, 24))
    assert release.problems_of(tree, "v9.8.7") == []
    assert release.notes(tree, "9.8.7") == notes
    assert release.notes(tree, "Unreleased") == ""
    assert release.versions((tree / "CHANGELOG.md").read_text("utf-8"))[:2] == ["Unreleased", "9.8.7"]
    citation = yaml.safe_load((tree / "CITATION.cff").read_text("utf-8"))
    assert (citation["version"], citation["date-released"]) == ("9.8.7", date(2026, 12, 24))
    (problem,) = release.problems_of(tree, "v9.8.8")
    assert "v9.8.8" in problem


def test_a_second_release_follows_and_cites_one_day_only(release: ModuleType, tree: Path) -> None:
    release.prepare(tree, "9.8.7", date(2026, 12, 24))
    with pytest.raises(release.ReleaseError, match="nothing to release"):
        release.prepare(tree, "9.9.0rc1", date(2027, 1, 1))
    text = (tree / "CHANGELOG.md").read_text("utf-8")
    (tree / "CHANGELOG.md").write_text(text.replace("## [Unreleased]\n", "## [Unreleased]\n\n- A line.\n", 1), "utf-8")
    release.prepare(tree, "9.9.0rc1", date(2027, 1, 1))
    assert release.notes(tree, "9.9.0rc1") == "- A line."
    assert (tree / "CITATION.cff").read_text("utf-8").count("date-released") == 1
    with pytest.raises(release.ReleaseError, match="already"):
        release.prepare(tree, "9.8.7", date(2027, 1, 2))


@pytest.mark.parametrize("version", ["1", "v1.2.3", "1.2.3-rc1", "01.2.3", "1.2.3.dev0"])
def test_a_number_that_pypi_would_change_is_refused(release: ModuleType, tree: Path, version: str) -> None:
    with pytest.raises(release.ReleaseError, match="no version"):
        release.prepare(tree, version, date(2026, 1, 1))


def test_a_citation_of_another_version_is_a_problem(release: ModuleType, tree: Path) -> None:
    path = tree / "CITATION.cff"
    path.write_text(re.sub(r"^version: .*$", "version: 0.0.9", path.read_text("utf-8"), flags=re.MULTILINE), "utf-8")
    (problem,) = release.problems_of(tree)
    assert "CITATION.cff" in problem
    assert "0.0.9" in problem


def test_the_workflow_tries_every_extra() -> None:
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "wheels.yml").read_text("utf-8"))
    assert workflow["jobs"]["extra"]["strategy"]["matrix"]["extra"] == [extra or "core" for extra in EXTRAS]
    programs = {path.stem.removeprefix("use_") for path in (ROOT / "tests/wheels/programs").glob("use_*.py")}
    assert programs == {(extra or "core").replace("-", "_") for extra in EXTRAS}
