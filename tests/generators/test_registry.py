"""Generators by name, and the page that describes them."""

from __future__ import annotations

import importlib
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import generators
from generators import GeneratorError
from generators.checkpoint import known_layouts
from generators.registry import FACTORIES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "generators.md"
NETWORKS = ("face-vid2vid", "lia", "tps")


def test_a_name_nearly_right_is_pointed_to():
    with pytest.raises(GeneratorError, match=r"'warp_dense'.*did you mean 'warp-dense'"):
        generators.create("warp_dense")


def test_an_unknown_option_is_refused_with_the_generators_name():
    with pytest.raises(GeneratorError, match=r"'warp-dense'.*colour"):
        generators.create("warp-dense", colour=1)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_network_generators_take_the_same_first_options(name):
    module, factory = FACTORIES[name].split(":")
    taken = inspect.signature(getattr(importlib.import_module(module), factory)).parameters
    assert list(taken)[:4] == ["weights", "device", "dtype", "batch"]


@pytest.mark.parametrize("name", NETWORKS)
def test_without_weights_a_network_generator_says_which_file_and_how(name, monkeypatch, tmp_path):
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path))
    files = [layout.files[0] for layout in known_layouts() if layout.generator == name]
    with pytest.raises(GeneratorError, match=rf"{name} needs weights.*`nvfair weights add FILE`.*{files[0]}.*licence"):
        generators.create(name)


def test_the_page_describes_every_generator_its_files_and_licence():
    page = PAGE.read_text()
    rows = {line.split("`")[1]: line for line in page.splitlines() if line.startswith("| `") and line.count("|") == 6}
    assert list(rows) == generators.names()
    for layout in known_layouts():
        assert layout.licence in rows[layout.generator]
        assert layout.files[0].removesuffix(" checkpoint").removesuffix(".pth.tar") in rows[layout.generator]


def test_importing_the_package_loads_no_network_library():
    code = "import sys, generators; generators.names(); print('torch' in sys.modules)"
    completed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert completed.stdout.strip() == "False"
