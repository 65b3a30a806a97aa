"""The Python surface: docs/python.md runs as it stands, names are loaded lazily, results show themselves."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_every_block_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="trains a network: pip install 'nvfair-tools[all]'")
    pytest.importorskip("mediapipe", reason="builds a data set: pip install 'nvfair-tools[all]'")
    monkeypatch.chdir(tmp_path)
    blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "page"}
    for number, block in enumerate(blocks, 1):
        exec(compile(block, f"docs/python.md, block {number}", "exec"), names)
    for name in ("data", "result", "comparison", "report", "outcome", "checked"):
        assert "<table" in names[name]._repr_html_(), name
    assert (tmp_path / "runs" / "own" / "index.html").is_file()


def test_a_method_of_ones_own_takes_at_most_thirty_lines() -> None:
    text = PAGE.read_text(encoding="utf-8").partition("## A method of your own")[2]
    block = BLOCK.search(text)
    assert block is not None
    assert len([line for line in block[1].splitlines() if line.strip()]) <= 30


@pytest.mark.parametrize("package", ["nvfair_tools", "benchmark", "leaderboard"])
def test_every_public_name_is_there_and_importing_the_package_loads_none(package: str) -> None:
    code = f"""
import sys, {package} as package
heavy = {{"torch", "pandas", "pyarrow", "fastapi", "sqlalchemy", "mediapipe", "scipy"}} & set(sys.modules)
assert not heavy, heavy
for name in package.__all__:
    assert getattr(package, name) is not None
    assert not isinstance(getattr(package, name), type(sys)), name
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_submodule_has_the_name_of_a_public_function() -> None:
    for package in ("nvfair_tools", "benchmark", "leaderboard"):
        stub = (ROOT / package / "__init__.pyi").read_text(encoding="utf-8")
        public = set(re.findall(r"as (\w+)$", stub, re.MULTILINE))
        modules = {path.stem for path in (ROOT / package).glob("*.py")}
        modules |= {path.name for path in (ROOT / package).iterdir() if path.is_dir()}
        assert not public & modules
