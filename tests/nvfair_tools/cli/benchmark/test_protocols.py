"""`nvfair protocols`: list, show and count, as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmark import protocols
from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Protocol
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, ["protocols", *map(str, words)], catch_exceptions=False)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data"), World(people=(1, 1, 3), clips=2, frames=80))


def test_the_list_names_every_protocol_and_every_member_of_a_sweep() -> None:
    lines = {line.split()[0]: line.split()[1] for line in run("list").stdout.splitlines()}
    for name in protocols.names():
        assert lines[name] == protocols.load(name).digest[:12]
        for member in protocols.load_all(name):
            assert lines[member.name] == member.digest[:12]


def test_what_is_shown_is_the_protocol_and_its_digest(tmp_path: Path) -> None:
    done = run("show", "nvfair-enrol-k-4")
    displayed = json.loads(done.stdout)
    assert parse_protocol(displayed) == protocols.load("nvfair-enrol-k-4")
    assert done.stderr == f"digest {protocols.load('nvfair-enrol-k-4').digest}\n"
    own_rows = tmp_path / "mine.json"
    own_rows.write_text('{"name": "mine"}')
    assert json.loads(run("show", own_rows).stdout)["time"]["window"] == 71


def test_trials_are_counted_for_each_cell(data: Dataset) -> None:
    text = run("count", "nvfair-seen", data.folder).stdout
    # 3 people with 2 clips: a pair of selves a face; 2 selves x 4 videos that two others drive.
    assert "  alpha: 3 genuine, 24 impostor, 3 of 3 targets" in text
    assert "18 videos of 3 people" not in text
    assert "36 videos of 3 people" in text
    across = run("count", "nvfair-cross-generator", data.folder).stdout
    assert "  alpha>beta: 6 genuine, 24 impostor, 3 of 3 targets" in across
    assert "  beta>alpha:" in across


def test_targets_without_trials_are_named_with_the_reason(data: Dataset) -> None:
    text = run("count", "nvfair-enrol-k", data.folder).stdout
    assert "nvfair-enrol-k-1 " in text
    assert "0 genuine, 0 impostor, 0 of 3 targets" in text
    assert "target_without_clips_for_a_template: 3 (toy:02, toy:03, toy:04)" in text


def test_what_cannot_be_counted_is_refused_in_words(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="split 'nowhere' has no usable reenactment"):
        run("count", "nvfair-seen", data.folder, "--split", "nowhere")
    own_rows = tmp_path / "mine.json"
    own_rows.write_text(Protocol(name="m", generators={"test": ["beta"]}, trials={"across_generators": True}).to_json())
    with pytest.raises(NvfairError, match="no cell among beta"):
        run("count", own_rows, data.folder)
