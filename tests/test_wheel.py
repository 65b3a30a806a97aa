"""The wheel ships the four packages with all their data files, and nothing else."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nvfair_tools", "generators", "benchmark", "leaderboard")


def test_the_wheel_ships_exactly_the_four_packages_with_their_data(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = tmp_path / "source"
    expected = set()
    for package in PACKAGES:
        shutil.copytree(ROOT / package, source / package, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
        expected |= {p.relative_to(source).as_posix() for p in (source / package).rglob("*") if p.is_file()}
    for folder in ("tests", "docs", "examples"):
        (source / folder).mkdir()
        (source / folder / "__init__.py").write_text("")
    for name in ("pyproject.toml", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    (source / "README.md").write_text("The page itself does not matter here.\n")
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"nvfair = nvfair_tools.cli:main" in archive.read(entry_points)
    assert shipped == expected
