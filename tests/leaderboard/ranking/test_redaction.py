"""On hidden data sets only rounded headline figures leave the server."""

import json
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from leaderboard.ranking.redaction import coarse_figures, public_figures
from leaderboard.store.tables import utc_now
from leaderboard.submission.scoring import score_submission
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server, copy_with_method, get_with_token
from tests.waiting import wait_until


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


def test_a_sealed_result_shows_its_answer_and_nothing_else() -> None:
    """Two results that differ in everything but the answer look the same."""
    first = {"generators": {"alpha": {"auc_mean": {"value": 0.91, "low": 0.9, "high": 0.92}}}, "overlap": ["toy:06"]}
    second = {"generators": {}, "overlap": []}
    for answer in (None, 0.9):
        shown_figures = [public_figures(figures, "coarse", sealed=True, answer=answer) for figures in (first, second)]
        assert shown_figures[0] == shown_figures[1]
    hidden = {"auc_mean": {"value": 0.9, "low": None, "high": None}}
    assert shown_figures[0] == {"generators": {"hidden": hidden}, "overlap": "sealed"}


SECRETS = ("toy:0", "per_target", "tpr_at_fmr", "eer", "beta")  # a method that was trained on alpha


def test_a_hidden_data_set_answers_nothing_before_its_phases_close_and_rounded_figures_after(
    tmp_path: Path, dataset: Dataset, valid_submission: Path
) -> None:
    from leaderboard.client import Client

    hidden = {"toy": {"folder": str(dataset.folder), "feedback": "coarse"}}
    later = (utc_now() + timedelta(days=1)).isoformat()
    phases = {"development": {"dataset": "toy", "closes": later}, "tight": {"dataset": "toy", "closes": later}}
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset, datasets=hidden, phases=phases)
    token = board.token("ann")
    server = Server(board, "--with-worker")
    try:
        with Client(server.url, token) as client:
            folder = copy_with_method(valid_submission, tmp_path / "s", "named")
            content = yaml.safe_load((folder / "submission.yaml").read_text())
            content["training"]["people"] = ["toy:06"]  # a test person: nobody is to learn that before the close
            (folder / "submission.yaml").write_text(yaml.safe_dump(content))
            digest = client.submit(folder, phase="development").digest
            submission = client.wait_until_scored(digest, seconds=600, poll_seconds=0.1)
            for result in submission.results:
                assert (result.feedback, result.sealed, result.sealed_until.isoformat()) == ("coarse", True, later)
                # AUC 1, but so few videos have no answer (`leaderboard.store.answers.chance_deviation`).
                assert result.figures == {"generators": {}, "overlap": "sealed"}
            assert client.get_account().quotas["development"].used == 2
            wait_until(lambda: "1 method has submitted" in httpx.get(server.url, timeout=300).text)
            assert client.get_table().total == 0
        addresses = ("/", f"/method/{digest}", f"/method/{digest}.json", "/data", "/board.json", "/board.csv")
        for path in (f"/api/v1/submissions/{digest}", "/api/v1/submissions", "/api/v1/table", *addresses):
            text = get_with_token(server.url + path, token).replace("[&#34;toy:06&#34;]", "")
            text = text.replace('"toy:06"', "").replace('<code class="name">toy:06</code>', "")  # as declared
            assert not any(word in text for word in SECRETS), path
    finally:
        server.stop()
    settings = board.folder / "board.yaml"
    settings.write_text(settings.read_text().replace(later, (utc_now() - timedelta(seconds=1)).isoformat()))
    server = Server(board)
    try:
        with Client(server.url, token) as client:
            result = client.get_submission(digest).results[0]
            assert (result.sealed, result.figures["overlap"], result.figures["rounded_to"]) == (
                False,
                ["test person 1"],
                0.01,
            )
            rows = client.get_table().rows
            assert {(row.generator, row.overlap) for row in rows} == {
                ("alpha", "1 test people"),
                ("beta", "1 test people"),
            }
    finally:
        server.stop()
