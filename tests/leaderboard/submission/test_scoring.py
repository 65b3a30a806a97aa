"""Scores come from the benchmark, are stored once, and are shown without what is private."""

import copy
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from leaderboard.pages.static_site import export_site
from leaderboard.store.results import Store
from leaderboard.submission.scoring import score_submission
from nvfair_tools.cli.board.groups import board, submit
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration


@pytest.fixture
def store(tmp_path: Path):
    open_store = Store(f"sqlite:///{tmp_path / 'board.sqlite'}")
    yield open_store
    open_store.close()


def test_seen_and_unseen_entries_are_scored_on_their_own_generators(submission: Path, dataset: Dataset) -> None:
    _, _, (seen, unseen) = score_submission(submission, dataset)
    assert list(seen.figures["generators"]) == ["alpha"]
    assert list(unseen.figures["generators"]) == ["beta"]


def test_the_figure_is_the_auc_of_all_pairs_of_one_target(submission: Path, dataset: Dataset) -> None:
    _, _, (seen, _) = score_submission(submission, dataset)
    figures = seen.figures["generators"]["alpha"]
    rows = pq.read_table(submission / "embeddings" / "test.parquet").to_pandas()
    unit = rows["embedding"].map(lambda e: np.asarray(e, dtype=float) / np.linalg.norm(np.asarray(e, dtype=float)))
    mean = unit.groupby(rows["video"]).sum().map(lambda v: v / np.linalg.norm(v))
    videos = dataset.usable()
    target = sorted(figures["per_target"])[0]
    table = videos[(videos["generator"] == "alpha") & (videos["target"] == target)].set_index("video")
    self_videos, cross_videos = table.index[table["kind"] == "self"], table.index[table["kind"] == "cross"]
    genuine = [-np.linalg.norm(mean[a] - mean[b]) for i, a in enumerate(self_videos) for b in self_videos[i + 1 :]]
    impostor = [-np.linalg.norm(mean[a] - mean[b]) for a in self_videos for b in cross_videos]
    wins = [(g > i) + (g == i) / 2 for g in genuine for i in impostor]
    assert figures["per_target"][target] == pytest.approx(np.mean(wins), abs=1e-12)


def test_a_bad_submission_is_refused_before_it_is_scored(submission: Path, dataset: Dataset) -> None:
    (submission / "embeddings" / "test.parquet").unlink()
    with pytest.raises(Problems, match="is not there"):
        score_submission(submission, dataset)


def test_adding_twice_changes_nothing(submission: Path, dataset: Dataset, store: Store) -> None:
    assert store.add(*score_submission(submission, dataset))
    before = list(store.results())
    assert not store.add(*score_submission(submission, dataset))
    assert list(store.results()) == before


def test_undeclared_training_people_stand_apart_from_comparable_entries(
    submission: Path, dataset: Dataset, store: Store, tmp_path: Path
) -> None:
    store.add(*score_submission(submission, dataset))
    hidden = copy.deepcopy(VALID_DECLARATION)
    hidden["method"], hidden["training"]["people"] = "says nothing", "unknown"
    write_declaration(submission, hidden)
    store.add(*score_submission(submission, dataset))
    page = export_site(store.results(), tmp_path / "site").read_text()
    comparable, apart = page.split("Not comparable</h2>", maxsplit=1)
    assert "landmark spread" in comparable
    assert "says nothing" not in comparable
    assert "training people unknown" in apart


def test_the_page_escapes_markup_and_keeps_the_contact_private(
    submission: Path, dataset: Dataset, store: Store, tmp_path: Path
) -> None:
    write_declaration(submission, {**VALID_DECLARATION, "method": "<script>alert(1)</script>"})
    store.add(*score_submission(submission, dataset))
    export_site(store.results(), tmp_path / "site")
    files = {path: path.read_text() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    pages = [text for path, text in files.items() if path.suffix == ".html"]
    assert sum("&lt;script&gt;alert(1)" in text for text in pages) > 3
    assert all("<script>" not in text for text in pages)
    assert all("private@example.org" not in text for text in files.values())


def test_the_command_goes_from_an_empty_folder_to_a_page(submission: Path, dataset: Dataset, tmp_path: Path) -> None:
    run, store = CliRunner(), f"sqlite:///{tmp_path / 'cli.sqlite'}"
    fresh = run.invoke(submit, ["init", str(tmp_path / "mine")], catch_exceptions=False)
    assert "fill it in" in fresh.output
    data = ["--dataset", str(dataset.folder)]
    checked = run.invoke(submit, ["check", str(submission), *data], catch_exceptions=False)
    assert checked.output.splitlines()[0].endswith(": good")
    packed = run.invoke(submit, ["pack", str(submission), str(tmp_path / "a.zip")], catch_exceptions=False)
    assert "submission.yaml and embeddings/test.parquet" in packed.output
    assert run.invoke(submit, ["check", str(tmp_path / "a.zip"), *data], catch_exceptions=False).exit_code == 0
    added = run.invoke(board, ["add", str(submission), *data, "--store", store], catch_exceptions=False)
    assert "2 entries scored" in added.output
    run.invoke(board, ["export", str(tmp_path / "site"), "--store", store], catch_exceptions=False)
    assert "scored here" in (tmp_path / "site" / "index.html").read_text()
