"""A checkpoint's own record fills a submission in, travels with its embeddings, and contradicts a wrong declaration."""

from pathlib import Path

import pyarrow.parquet as pq
import pytest
import yaml

pytest.importorskip("torch")

import benchmark
from benchmark import protocols
from benchmark.methods.candidates import as_candidate
from benchmark.methods.checkpoint import load_checkpoint
from leaderboard.submission.check import find_problems
from leaderboard.submission.checkpoint_facts import create_declaration
from leaderboard.submission.submission import read_submission
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems

NETWORK = "pretrained:temporal-cnn"


@pytest.fixture(scope="module")
def submission(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `submit init --checkpoint` and `embed` leave: nothing is filled in by hand."""
    folder = tmp_path_factory.mktemp("network") / "mine"
    create_declaration(folder, NETWORK)
    benchmark.embed(dataset, NETWORK, folder / "embeddings" / "test.parquet")
    text = (folder / "submission.yaml").read_text().replace("nvfair-seen", "nvfair-unseen")
    (folder / "submission.yaml").write_text(text)
    return folder


def with_training(submission: Path, folder: Path, entry: dict[str, object] | None = None, **training: object) -> Path:
    """A copy of the submission with other values in `training`, and in its entry."""
    content = yaml.safe_load((submission / "submission.yaml").read_text())
    content["training"] |= training
    content["entries"][0] |= entry or {}
    (folder / "embeddings").mkdir(parents=True)
    (folder / "submission.yaml").write_text(yaml.safe_dump(content))
    (folder / "embeddings" / "test.parquet").write_bytes((submission / "embeddings" / "test.parquet").read_bytes())
    return folder


def test_the_record_of_a_checkpoint_fills_in_what_it_knows(submission: Path) -> None:
    content, own = read_submission(submission), load_checkpoint(NETWORK).declaration
    assert content.method == "temporal-cnn"
    assert content.parameters == load_checkpoint(NETWORK).describe()["parameters"]
    declared = content.training.declaration
    assert {role: declared.roles()[role].people for role in declared.roles()} == {
        role: exposure.people for role, exposure in own.roles().items()
    }
    assert declared.training.generators == own.training.generators
    assert frozenset(content.entries[0].trained_on_generators) == own.training.generators
    text = (submission / "submission.yaml").read_text()
    assert "# namespace:id of everybody used for training" in text, "the explanations stay"
    assert max(map(len, text.splitlines())) <= 120


def test_what_is_written_so_passes_the_check(submission: Path, dataset: Dataset) -> None:
    assert find_problems(submission, dataset) == []


def test_a_declaration_that_leaves_out_what_the_checkpoint_has_seen_is_a_problem(
    submission: Path, dataset: Dataset, tmp_path: Path
) -> None:
    untrained = with_training(
        submission,
        tmp_path / "untrained",
        {"trained_on_generators": []},
        people=[],
        generators=[],
        selection={"people": [], "generators": []},
    )
    people, generators = find_problems(untrained, dataset)
    assert "embeddings/test.parquet says that its checkpoint has seen" in people
    assert " whom the declaration does not name, such as sim-" in people
    assert "in training, which the declaration does not name there" in generators
    assert "nvfair submit init FOLDER --checkpoint RUN" in people
    # A generator that it was not trained on.
    boastful = with_training(submission, tmp_path / "boastful", {"trained_on_generators": ["alpha"]})
    (problem,) = find_problems(boastful, dataset)
    assert "trained_on_generators names 'alpha', on which the checkpoint" in problem
    # Unknown is an answer.
    unknown = with_training(
        submission, tmp_path / "unknown", people="unknown", selection={"people": "unknown", "generators": []}
    )
    assert find_problems(unknown, dataset) == []


def test_a_record_that_is_no_declaration_is_a_problem(submission: Path, dataset: Dataset, tmp_path: Path) -> None:
    copy = with_training(submission, tmp_path / "copy")
    table = pq.read_table(copy / "embeddings" / "test.parquet")
    meta = {**table.schema.metadata, b"nvfair.declaration": b'{"training": ' + b"[" * 5000}
    pq.write_table(table.replace_schema_metadata(meta), copy / "embeddings" / "test.parquet")
    (problem,) = find_problems(copy, dataset)
    assert "what it says of its training cannot be read" in problem


def test_evaluation_takes_the_file_of_a_checkpoint_as_it_is_and_no_other_declaration(
    submission: Path, tmp_path: Path
) -> None:
    file = submission / "embeddings" / "test.parquet"
    candidate = as_candidate(file)
    assert candidate.declaration.to_json() == load_checkpoint(NETWORK).declaration.to_json()
    candidate.check_protocol(protocols.load("nvfair-unseen"))
    with pytest.raises(NvfairError, match="its windows are"):
        candidate.check_protocol(protocols.load("nvfair-duration-1"))
    empty = tmp_path / "empty.yaml"
    roles = ("training", "selection", "thresholds", "cohorts")
    empty.write_text(yaml.safe_dump({role: {"people": [], "generators": []} for role in roles}))
    with pytest.raises(Problems, match=r"test\.parquet says that its checkpoint has seen \d+ (person|people) whom"):
        as_candidate(file, declaration=empty)
