"""`nvfair weights` as a user runs it, on real files."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from functools import partial

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from generators import checkpoint
from generators import weights as store
from generators.checkpoint import Layout
from generators.errors import GeneratorError
from nvfair_tools.cli import cli

LAYOUTS = [Layout("small", ("small.pt",), {"net": partial(nn.Linear, 3, 2)}, "MIT", "https://example.org", variant="a")]


@pytest.fixture
def file(monkeypatch, tmp_path):
    monkeypatch.setattr(checkpoint, "known_layouts", lambda: LAYOUTS)
    monkeypatch.setattr(store, "known_layouts", lambda: LAYOUTS)
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path / "store"))
    torch.save({"net": nn.Linear(3, 2).state_dict()}, tmp_path / "vox.pth.tar")
    return tmp_path / "vox.pth.tar"


def run(*arguments):
    return CliRunner().invoke(cli, ["weights", *map(str, arguments)])


def test_a_file_is_added_listed_and_removed(file):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    added = run("add", file, "--source", "https://a.b/c", "--licence", "CC-BY-NC-4.0")
    assert added.exit_code == 0
    assert "added small-vox" in added.output
    listed = run("list").output
    for part in ("small-vox: small (a)", "CC-BY-NC-4.0", sha256, "vox.pth.tar", "https://a.b/c"):
        assert part in listed
    assert "removed small-vox" in run("remove", "small-vox").output
    assert "no weights are registered" in run("list").output


def test_a_chosen_name_is_what_create_is_given(file):
    assert run("add", file, "--name", "mine", "--generator", "small").exit_code == 0
    assert store.resolve("mine", LAYOUTS[0]).licence == "MIT"


def test_a_fetch_checks_the_hash(file):
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    wrong = run("fetch", "mine", "--url", file.as_uri(), "--sha256", "0" * 64)
    assert isinstance(wrong.exception, GeneratorError)
    assert "fetched mine" in run("fetch", "mine", "--url", file.as_uri(), "--sha256", sha256).output


def test_a_mistake_is_one_message_without_a_traceback(tmp_path):
    path = tmp_path / "page.pth"
    path.write_text("<!DOCTYPE html>")
    command = [sys.executable, "-m", "nvfair_tools", "weights", "add", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "page.pth: this is a web page" in done.stderr
    assert "Traceback" not in done.stderr


def test_help_needs_no_torch():
    code = (
        "import sys; from click.testing import CliRunner; from nvfair_tools.cli import cli;"
        "assert CliRunner().invoke(cli, ['weights', '--help']).exit_code == 0; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
