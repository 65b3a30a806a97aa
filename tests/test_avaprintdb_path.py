"""AVAPrintDB from its files to its figures, on a generated tree with the published names.

Import of videos, which takes a plan and validation people, has its tests beside `nvfair import`.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from tests.benchmark.avaprintdb_tree import DEV, RAVDESS_TEST, write_features, write_list, write_tree

pytestmark = pytest.mark.slow


def run(*words: object) -> str:
    result = CliRunner().invoke(cli, ["avaprintdb", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def refusal(*words: object) -> str:
    result = CliRunner().invoke(cli, ["avaprintdb", *map(str, words)])
    assert isinstance(result.exception, NvfairError)
    return str(result.exception)


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Landmarks of CREMA-D by two generators and of RAVDESS's TEST people, CLIP features of CREMA-D, and two lists."""
    root = tmp_path_factory.mktemp("release")
    lists = root / "lists"
    lists.mkdir()
    cremad = write_tree(root, ("GAGA", "LIVE"), frames=75, clips=2)
    ravdess = write_tree(root, ("GAGA",), frames=75, clips=2, test=RAVDESS_TEST, dev=())
    write_features(root, "clip", frames=75)
    write_list(lists / "evaluation_pairs_CREMA-D_GAGA.csv", cremad)
    write_list(lists / "evaluation_pairs_RAVDESS_GAGA.csv", ravdess)
    return root


def test_from_files_to_figures(release: Path, tmp_path: Path) -> None:
    landmarks, features, lists = release / "landmarks", release / "embeddings" / "CLIPFeats", release / "lists"
    cremad_list, figures = lists / "evaluation_pairs_CREMA-D_GAGA.csv", tmp_path / "figures.json"
    # The list of validation people in the authors' code has a TEST person.
    people = "Actor_03,Actor_13,Actor_19,Actor_23"
    words = ("train", landmarks, tmp_path / "a", "--collection", "ravdess", "-g", "GAGA", "--validation-people", people)
    assert "ravdess:19 among the validation people: TEST" in refusal(*words)
    words = ("--collection", "cremad", "-g", "GAGA", "--epochs", 1, "--validation-people")
    text = run("train", landmarks, tmp_path / "graph", *words, f"{DEV[0]},{DEV[1]}")
    assert "at epoch 1 of 1; 6 videos, 0 left out as shorter than 70 frames" in text
    assert "recipe avaprintdb-graph, changed; validation loss" in text
    text = run("train", features, tmp_path / "clip", *words, "none", "--features", "clip")
    assert "recipe avaprintdb-attention, changed; training loss" in text

    # Within and across generators and collections, in one command.
    words = ("evaluate", landmarks, "--list", lists, "--checkpoint", tmp_path / "graph", "--out", figures)
    text = run(*words)
    assert "published 87.8" in text
    rows = {row["trials"]: row for row in json.loads(figures.read_text())}
    assert {name: (row["relation"], row["published"], row["people"]) for name, row in rows.items()} == {
        "evaluation_pairs_CREMA-D_GAGA": ("matched", 87.8, 4),
        "evaluation_pairs_RAVDESS_GAGA": ("cross-dataset", 77.3, 3),
    }
    # There is no RAVDESS by LIVE here: that list is named, and the other three are scored.
    message = refusal(*words, "-g", "LIVE")
    assert "graph on evaluation_pairs_RAVDESS_GAGA as LIVE is not scored: " in message
    assert "0 genuine trials and 0 impostor trials" in message
    rows = {row["trials"]: row for row in json.loads(figures.read_text())}
    assert len(rows) == 3
    across = rows["evaluation_pairs_CREMA-D_GAGA as LIVE"]
    assert (across["relation"], across["published"]) == ("cross-generator", 84.6)
    assert "no *.pt in this folder" in refusal("evaluate", landmarks, "--list", cremad_list, "--checkpoint", lists)

    text = run("evaluate", features, "--features", "clip", "--list", cremad_list, "--checkpoint", tmp_path / "clip")
    assert "[matched]" in text
    assert "published 86.4" in text
    assert "warning" not in text, "both checkpoints declare what they saw"
