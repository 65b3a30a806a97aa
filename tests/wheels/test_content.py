"""The wheel ships the four packages with all their data files and type information, and nothing else."""

import subprocess
import sys
import zipfile

import pytest

from nvfair_tools import __version__
from tests.wheels.building import PACKAGES, copy_source


def test_the_wheel_ships_exactly_the_four_packages_with_their_data(tmp_path):
    pytest.importorskip("setuptools", minversion="77")
    source = copy_source(tmp_path / "source")
    expected = {
        path.relative_to(source).as_posix()
        for package in PACKAGES
        for path in (source / package).rglob("*")
        if path.is_file()
    }
    code = f"from setuptools import build_meta; build_meta.build_wheel({str(tmp_path)!r})"
    done = subprocess.run([sys.executable, "-c", code], cwd=source, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stderr
    wheel = tmp_path / f"nvfair_tools-{__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
        entry_points = next(name for name in archive.namelist() if name.endswith("entry_points.txt"))
        assert b"nvfair = nvfair_tools.cli:main" in archive.read(entry_points)
    assert shipped == expected
    assert {f"{package}/py.typed" for package in PACKAGES} <= shipped
    assert not {name for name in shipped if name.endswith((".pt", ".pth", ".pth.tar", ".onnx", ".mp4"))}
