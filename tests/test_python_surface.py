"""The Python surface: docs/python.md runs as it stands, names are loaded lazily, results show themselves."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.mediapipe_here import skip_without_landmarker

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "python.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.mark.slow
def test_the_notebook_runs_in_a_kernel_and_its_results_show_as_tables(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="trains a network: pip install 'nvfair-tools[all]'")
    skip_without_landmarker("builds a data set: pip install 'nvfair-tools[all]'")
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    notebook = nbformat.read(ROOT / "examples" / "notebook.ipynb", as_version=4)
    # What a kernel is asked beyond the page: whether each result shows itself as a table, and the report was written.
    results = ("data", "result", "comparison", "report", "outcome")
    checks = "\n".join(f"assert '<table' in {name}._repr_html_(), '{name}'" for name in results)
    checks += (
        "\nassert 'no submission.yaml here' in checked._repr_html_()\nassert Path('runs/own/index.html').is_file()"
    )
    notebook.cells.append(nbformat.v4.new_code_cell(checks))
    nbclient.NotebookClient(notebook, timeout=1500, resources={"metadata": {"path": str(tmp_path)}}).execute()
    tables = [output for cell in notebook.cells for output in cell.get("outputs", ()) if "data" in output]
    assert any("<table" in output["data"].get("text/html", "") for output in tables)


def test_the_notebook_is_the_page() -> None:
    """`python docs/make_notebook.py` writes it: the page is run through the notebook."""
    spec = importlib.util.spec_from_file_location("make_notebook", ROOT / "docs" / "make_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    maker = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(maker)
    assert (ROOT / "examples" / "notebook.ipynb").read_text(encoding="utf-8") == maker.notebook()


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
