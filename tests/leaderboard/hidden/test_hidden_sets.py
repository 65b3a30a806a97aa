"""Hidden sets: authors embed the blind copy, the board scores by the key; nothing else comes out otherwise."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from leaderboard.hidden.blind_copy import write_blind_copy
from leaderboard.hidden.blind_key import KEY_FILE, BlindKey, write_key
from leaderboard.store.datasets import register_datasets
from leaderboard.store.results import Store
from leaderboard.submission.check import find_problems
from leaderboard.submission.scoring import score_submission
from leaderboard.submission.test_set import TestSet
from leaderboard.submission.test_set import windows_under_test as windows_of
from nvfair_tools.cli.board.groups import board as board_commands
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import Board
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration

SEEN = protocols.load("nvfair-seen")


@pytest.fixture(scope="module")
def hidden(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, TestSet]:
    """The blind copy, and the hidden set as the board scores on it."""
    folder = tmp_path_factory.mktemp("hidden")
    free = replace(dataset, videos=dataset.videos.assign(licence="CC0-1.0", permitted_use="any"))
    key = write_blind_copy(free, folder / "copy", folder / "key.json", [SEEN])
    return Dataset.open(folder / "copy"), TestSet(dataset, key.names)


def embedded(folder: Path, dataset: Dataset) -> None:
    """The same method as the good submission's, on any data set."""
    windows = windows_of(dataset, SEEN)
    spread = [windows.landmarks[start : start + windows.length].std(axis=0).ravel() for start in windows.start]
    write_embeddings(folder / "embeddings" / "test.parquet", windows, np.array(spread, dtype=np.float32), {})


def test_a_method_on_the_blind_copy_gets_the_figures_that_it_gets_with_open_eyes(
    submission: Path, dataset: Dataset, hidden
) -> None:
    open_eyes = [row.figures for row in score_submission(submission, dataset).entries]
    copy, test = hidden
    embedded(submission, copy)
    assert find_problems(submission, copy) == []  # what an author can check offline
    assert find_problems(submission, test) == []
    assert [row.figures for row in score_submission(submission, test).entries] == open_eyes


def test_names_of_the_hidden_set_itself_are_unknown_to_it(submission: Path, hidden) -> None:
    text = "\n".join(find_problems(submission, hidden[1]))
    assert "missing: 54 of 54 videos" in text
    assert "videos that are not to be tested: 54" in text


def test_scores_are_not_taken_on_hidden_sets(submission: Path, hidden) -> None:
    (submission / "scores.csv").write_text("trial,score\n")
    write_declaration(
        submission,
        VALID_DECLARATION
        | {"entries": [{**VALID_DECLARATION["entries"][0], "embeddings": None, "scores": "scores.csv"}]},
    )
    for test_set in hidden:
        (problem,) = find_problems(submission, test_set)
        assert "a list of its trials would tell who drives whom" in problem


def test_the_blind_copy_has_no_labels_to_score_by(submission: Path, hidden) -> None:
    embedded(submission, hidden[0])
    with pytest.raises(NvfairError, match="no labels to score by"):
        score_submission(submission, hidden[0])


def test_files_that_are_no_longer_those_submitted_are_not_scored(submission: Path, dataset: Dataset) -> None:
    identity, _, first = score_submission(submission, dataset)
    assert [row.figures for row in score_submission(submission, dataset, expected_digest=identity).entries] == [
        row.figures for row in first
    ]
    path = submission / "embeddings" / "test.parquet"
    table = pq.read_table(path)
    pq.write_table(table.slice(1).append_column("note", table.slice(1).column("video")), path)
    with pytest.raises(NvfairError, match="restore the files that were submitted"):
        score_submission(submission, dataset, expected_digest=identity)


@pytest.mark.parametrize("relation", ["seen", "unseen"])
@pytest.mark.parametrize("generator", ["alpha", "beta", "no such generator"])
def test_a_hidden_set_does_not_tell_its_generators_for_nothing(
    submission: Path, hidden, relation: str, generator: str
) -> None:
    """The check passes whatever generator an author guesses, and what has none is scored to nothing."""
    copy, test = hidden
    embedded(submission, copy)
    training = {"datasets": [], "people": [], "generators": [generator]}
    entry = {"protocol": f"nvfair-{relation}", "embeddings": "embeddings/test.parquet"}
    entries = [{**entry, "trained_on_generators": [generator]}]
    write_declaration(submission, {**VALID_DECLARATION, "training": training, "entries": entries})
    assert find_problems(submission, test) == []
    (row,) = score_submission(submission, test).entries
    expected = {name for name in ("alpha", "beta") if (name == generator) == (relation == "seen")}
    assert set(row.figures["generators"]) == expected


def test_a_hidden_set_takes_one_entry_a_protocol(submission: Path, hidden) -> None:
    embedded(submission, hidden[0])
    first, second = VALID_DECLARATION["entries"]
    write_declaration(submission, {**VALID_DECLARATION, "entries": [first, second, first, first]})
    for test_set in hidden:
        problems = find_problems(submission, test_set)
        assert [problem.partition(";")[0] for problem in problems] == [
            "submission.yaml: entry 2: entry 0 is of protocol 'nvfair-seen' too",
            "submission.yaml: entry 3: entry 0 is of protocol 'nvfair-seen' too",
        ]


def test_a_key_that_lacks_a_video_names_no_video(submission: Path, dataset: Dataset) -> None:
    with pytest.raises(NvfairError, match="does not know 54 test videos") as caught:
        TestSet(dataset, {}).expected_rows(SEEN)
    assert "toy" not in str(caught.value)
    assert str(dataset.folder) not in str(caught.value)


def test_a_board_is_not_started_on_a_hidden_set_that_its_settings_do_not_call_hidden(
    tmp_path: Path, dataset: Dataset
) -> None:
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / "dataset.json").write_text("{}")
    (folder / KEY_FILE).write_text("{}")
    for feedback, is_taken in (({}, False), ({"feedback": "coarse"}, True), ({"feedback": "full"}, True)):
        setting = {"toy": {"folder": str(folder), **feedback}}
        board = Board(tmp_path / f"board {feedback}", "sqlite:///board.sqlite", dataset, datasets=setting)
        store = board.store()
        if is_taken:
            register_datasets(store.engine, board.settings)
        else:
            with pytest.raises(NvfairError, match=r"(?s)do not say that it is hidden.*feedback to coarse"):
                register_datasets(store.engine, board.settings)
        store.close()


def test_a_result_that_the_maintainer_adds_on_a_hidden_set_is_sealed_from_the_start(
    submission: Path, hidden, dataset: Dataset, tmp_path: Path
) -> None:
    copy, test = hidden
    embedded(submission, copy)
    folder = Path(shutil.copytree(dataset.folder, tmp_path / "set"))
    write_key(folder / KEY_FILE, BlindKey(test.digest, test.names))
    url = f"sqlite:///{tmp_path / 'board.sqlite'}"
    outcome = CliRunner().invoke(board_commands, ["add", str(submission), "--dataset", str(folder), "--store", url])
    assert outcome.exit_code == 0, outcome.output
    store = Store(url)
    assert {(result.feedback, result.sealed) for result in store.results()} == {("coarse", True)}
    store.close()
