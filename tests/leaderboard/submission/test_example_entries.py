"""The first entries of a board go the whole way, and the public set is the one that the project means."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark import protocols
from leaderboard.settings import read_settings
from leaderboard.store.files import SubmissionFiles
from leaderboard.submission.check import find_problems
from leaderboard.submission.example_entries import landmark_spread, write_embeddings_submission, write_scores_submission
from leaderboard.submission.scoring import score_submission
from leaderboard.submission.submission import read_submission, submission_digest
from leaderboard.submission.test_set import TestSet
from leaderboard.submission.test_set import windows_under_test as windows_of
from nvfair_tools.cli.board.demo import PUBLIC_SET_DIGEST, content_digest, public_set_settings
from nvfair_tools.cli.board.groups import board
from nvfair_tools.dataset import Dataset


def test_a_baseline_and_a_control_are_good_submissions(dataset: Dataset, tmp_path: Path) -> None:
    from benchmark.controls import shape_scorer

    test, windows = TestSet(dataset), windows_of(dataset, protocols.load("nvfair-seen"))
    training = {"datasets": [], "people": [], "generators": ["alpha"]}
    first = write_embeddings_submission(
        tmp_path / "a", windows, landmark_spread(windows), trained_on=["alpha"], method="spread", training=training
    )
    second = write_scores_submission(tmp_path / "b", test, shape_scorer(windows), method="shape", kind="control")
    for folder, cells in ((first, 2), (second, 4)):
        assert find_problems(folder, test) == []
        assert (
            sum(
                len(test.expected_rows(protocols.load(e.protocol)).cells(["alpha"]))
                for e in read_submission(folder).entries
            )
            == 2
        )
        assert len([c for row in score_submission(folder, test).entries for c in _generators(row)]) == cells
    assert read_submission(second).kind == "control"


def _generators(row) -> list[str]:

    return list(row.figures["generators"])


def test_spread_does_not_change_with_size_and_place(dataset: Dataset) -> None:
    import dataclasses

    windows = windows_of(dataset, protocols.load("nvfair-seen"))
    moved = dataclasses.replace(windows, landmarks=windows.landmarks * 2 + 30)
    assert np.allclose(landmark_spread(windows), landmark_spread(moved), atol=1e-4)


def test_the_public_set_is_named_by_its_recipe() -> None:
    assert public_set_settings().world_hash() == "014ece70ca64b6ee2e11d012dffb0a40"


@pytest.mark.slow
def test_the_demo_goes_from_nothing_to_a_page(tmp_path: Path) -> None:
    done = CliRunner().invoke(board, ["demo", str(tmp_path / "demo"), "--workers", "1"], catch_exceptions=False)
    assert "landmark spread: nvfair-unseen, sim-latent: AUC 0." in done.output
    assert "still frame: nvfair-seen" in done.output
    assert "temporal-cnn: nvfair-seen, sim-keypoint" in done.output
    assert "motion-signature: nvfair-unseen, sim-spline" in done.output
    assert content_digest(Dataset.open(tmp_path / "demo" / "dataset")) == PUBLIC_SET_DIGEST
    page = (tmp_path / "demo" / "site" / "index.html").read_text()
    assert "mean face shape" in page
    entries = tmp_path / "demo" / "entries"
    assert sorted(path.name for path in entries.glob("*.zip")) == [
        "head-pose-only.zip",
        "landmark-spread.zip",
        "mean-face-shape.zip",
        "motion-signature.zip",
        "still-frame.zip",
        "temporal-cnn.zip",
    ]
    test_set = TestSet(Dataset.open(tmp_path / "demo" / "dataset"))
    videos = test_set.dataset.videos
    trained = videos[(videos["split"] == "train") & (videos["generator"] == "sim-keypoint")]
    baseline = read_submission(entries / "landmark-spread").training
    assert set(baseline.people) == {*trained["driver"], *trained["target"]}, "it declares whom it has seen"
    for folder in (path for path in entries.iterdir() if path.is_dir()):
        assert find_problems(folder, test_set) == [], "what a reader copies is good, and agrees with its own file"
        submission = read_submission(folder)
        for entry in submission.entries:
            assert set(entry.trained_on_generators) <= set(submission.training.generators), folder
    settings = read_settings(tmp_path / "demo")
    identity = submission_digest(entries / "temporal-cnn", read_submission(entries / "temporal-cnn"))
    assert (SubmissionFiles(settings.files).folder_of(identity) / "reproduce" / "checkpoint.json").is_file()
