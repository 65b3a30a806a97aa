"""The networks that ship: found by name, small, trained on simulated people alone, and at work out of the box."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark.methods.candidates import as_candidate
from benchmark.methods.checkpoint import load_checkpoint
from benchmark.methods.embedding_files import read_embeddings
from benchmark.pretrained import checkpoint_folder, pretrained_names
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make


def test_both_networks_ship_and_are_small() -> None:
    assert pretrained_names() == ["motion-signature", "temporal-cnn"]
    size = sum(
        file.stat().st_size for name in pretrained_names() for file in checkpoint_folder(f"pretrained:{name}").iterdir()
    )
    assert size < 3_000_000


@pytest.mark.parametrize("name", ["motion-signature", "temporal-cnn"])
def test_each_declares_simulated_people_and_one_generator(name: str) -> None:
    checkpoint = load_checkpoint(f"pretrained:{name}")
    declared = checkpoint.declaration
    assert checkpoint.name == checkpoint.network.method == name
    assert declared.training.people is not None
    assert len(declared.training.people) == 111
    assert all(person.startswith("sim-") for person in declared.training.people)
    assert declared.training.generators == {"sim-keypoint"}
    assert as_candidate(f"pretrained:{name}").name == name


def test_an_unknown_name_is_told_with_those_there_are() -> None:
    with pytest.raises(NvfairError, match="motion-signature, temporal-cnn"):
        load_checkpoint("pretrained:nothing")
    assert checkpoint_folder("some/folder") == Path("some/folder")


@pytest.mark.parametrize("name", ["motion-signature", "temporal-cnn"])
def test_embed_works_out_of_the_box(tmp_path: Path, name: str) -> None:
    make(tmp_path / "data", World(people=(0, 0, 2), clips=1, generators=("alpha",)))
    out = tmp_path / "embeddings.parquet"
    made = CliRunner().invoke(
        cli, ["embed", str(tmp_path / "data"), str(out), "--checkpoint", f"pretrained:{name}", "--device", "cpu"]
    )
    assert made.exit_code == 0, made.output
    rows = read_embeddings(out)
    vectors = np.asarray(rows.embedding)
    assert len(vectors) > 0
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
