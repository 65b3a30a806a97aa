"""On hidden data sets only rounded headline figures leave the server."""

import json
from pathlib import Path

import pytest

from leaderboard.ranking.redaction import coarse_figures
from leaderboard.submission.scoring import score_submission
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server, copy_with_method, get_with_token, wait_until


def test_values_are_rounded_and_intervals_widened() -> None:
    figures = {
        "generators": {
            "alpha": {
                "auc_mean": {"value": 0.8349, "low": 0.8101, "high": 0.8501, "people": 30},
                "auc_pooled": {"value": 0.82, "low": None, "high": None, "people": 30},
                "trials": {"genuine": 9, "impostor": 54, "targets": 3},
            }
        },
        "overlap": [],
    }
    redacted = coarse_figures(figures)["generators"]["alpha"]
    assert redacted["auc_mean"] == {"value": 0.83, "low": 0.81, "high": 0.86, "people": 30}
    assert redacted["auc_pooled"] == {"value": 0.82, "low": None, "high": None, "people": 30}
    assert redacted["trials"] == {"genuine": 9, "impostor": 54, "targets": 3}


@pytest.mark.parametrize("value", [0.0, 0.57, 0.29, 1.0])
def test_a_value_on_a_step_stays_there(value: float) -> None:
    interval = {"auc_mean": {"value": value, "low": value, "high": value, "people": 3}}
    redacted = coarse_figures({"generators": {"a": interval}})["generators"]["a"]["auc_mean"]
    assert (redacted["value"], redacted["low"], redacted["high"]) == (value, value, value)


def test_nothing_about_one_person_and_nothing_new_gets_through(submission: Path, dataset: Dataset) -> None:
    _, _, rows = score_submission(submission, dataset)
    figures = rows[0].figures
    figures["generators"]["alpha"]["added later"] = {"toy:06": 0.123}
    figures["added later"] = "toy:07"
    figures["overlap"] = ["toy:06"]
    assert "toy:06" in json.dumps(figures)  # the figures do tell of people
    assert "toy:" not in json.dumps(coarse_figures(figures))
    assert "0.123" not in json.dumps(coarse_figures(figures))


def test_a_hidden_data_set_tells_no_more_anywhere_on_a_running_board(
    tmp_path: Path, dataset: Dataset, valid_submission: Path
) -> None:
    from leaderboard.client import Client

    hidden = {"toy": {"folder": str(dataset.folder), "feedback": "coarse"}}
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset, datasets=hidden)
    token = board.token("ann")
    server = Server(board, "--with-worker")
    try:
        with Client(server.url, token) as client:
            digest = client.submit(
                copy_with_method(valid_submission, tmp_path / "s", "hidden"), phase="development"
            ).digest
            submission = client.wait_until_scored(digest, seconds=600, poll_seconds=0.1)
            assert submission.results[0].feedback == "coarse"
            wait_until(lambda: client.get_table().total)
        for path in (f"/api/v1/submissions/{digest}", "/api/v1/submissions", "/api/v1/table", "/"):
            text = get_with_token(server.url + path, token)
            assert "hidden" in text
            assert not any(word in text for word in ("toy:0", "per_target", "tpr_at_fmr", "eer"))
    finally:
        server.stop()
