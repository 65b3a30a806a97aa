"""Each page of docs/extending is tried: its steps are done in a copy of the packages, and its own test is run there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted(path for path in (ROOT / "docs" / "extending").glob("*.md") if path.name != "README.md")
PACKAGES = ("nvfair_tools", "generators", "benchmark", "leaderboard")
# Plugins that these tests do without: loading them takes longer than most of the tests.
UNUSED_PLUGINS = ("cacheprovider", "xdist", "schemathesis", "hypothesispytest")
# A fence that names a file is the file's content, or, as a diff, lines to add to it.
FENCE = re.compile(r"^```(python|json|html|diff) file=(\S+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def copy_packages(folder: Path) -> None:
    """The packages with what is compiled of them, pyproject.toml and the tests' helpers in `folder`."""
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name)
    for path in ROOT.joinpath("tests").rglob("*.py"):
        if not path.name.startswith("test_"):
            target = folder / path.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    shutil.copyfile(ROOT / "pyproject.toml", folder / "pyproject.toml")


def add_lines(path: Path, diff: str) -> None:
    """Adds the `+` lines of each hunk after its ` ` lines, which must stand in the file exactly once, in that order."""
    text = path.read_text(encoding="utf-8")
    for hunk in re.split(r"^@@.*\n", diff, flags=re.MULTILINE):
        lines = hunk.splitlines()
        if not lines:
            continue
        before = "".join(f"{line[1:]}\n" for line in lines if not line.startswith("+"))
        after = "".join(f"{line[1:]}\n" for line in lines)
        assert text.count(before) == 1, f"{path.name} does not hold these lines once:\n{before}"
        text = text.replace(before, after)
    path.write_text(text, encoding="utf-8")


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_what_the_page_says_works(page: Path, tmp_path: Path) -> None:
    text = page.read_text(encoding="utf-8")
    copy_packages(tmp_path)
    tests = []
    for kind, name, content in FENCE.findall(text):
        path = tmp_path / name
        if kind == "diff":
            add_lines(path, content)
            continue
        assert not path.exists(), f"{name} is there already"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        if path.name.startswith("test_"):
            tests.append(name)
    assert tests, f"{page.name} shows no test"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", *(f"-pno:{plugin}" for plugin in UNUSED_PLUGINS), *tests],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(tmp_path), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]


def test_there_is_a_page_for_each_thing_that_one_adds() -> None:
    assert [page.stem for page in PAGES] == [
        "board_page",
        "collection",
        "generator",
        "importer",
        "metric",
        "network",
        "protocol",
        "shortcut",
    ]
