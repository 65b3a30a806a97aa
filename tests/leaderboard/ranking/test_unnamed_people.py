"""A board names nobody who did not agree to public display, and asks for no video that nobody may test on."""

import json
import shutil
from dataclasses import asdict, replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from benchmark import protocols
from leaderboard.pages.static_site import export_site
from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.comparison import compare
from leaderboard.ranking.redaction import NOT_NAMED, public_figures
from leaderboard.ranking.table_rows import submission_json
from leaderboard.store.results import StoredResult
from leaderboard.submission.scoring import UNNAMED, score_submission
from leaderboard.submission.test_set import TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import write_consents
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.uses import Answer, Consent
from tests.leaderboard.example_results import example_result

YES = Answer("yes", scope=frozenset({"research"}))
REFUSING = "toy:06"  # one of the three test people of the small world


@pytest.fixture(scope="module")
def consented(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The board's data set with a yes of everybody, but one no to display."""
    folder = tmp_path_factory.mktemp("asked") / "data"
    shutil.copytree(dataset.folder, folder)
    consents = dict.fromkeys(dataset.identities["identity"], Consent.of({}, YES))
    write_consents(folder, consents | {REFUSING: Consent.of({"display": Answer("no")}, YES)})
    return Dataset.open(folder)


def stored(submission: Path, dataset: Dataset) -> list[StoredResult]:
    digest, content, scores = score_submission(submission, dataset)
    return [
        StoredResult(
            content, digest, s.protocol, s.protocol_digest, s.dataset_digest, s.scorer, s.entry, s.figures, phase="x"
        )
        for s in scores
    ]


def test_scores_know_who_is_not_named_and_pages_do_not_say_it(
    submission: Path, consented: Dataset, dataset: Dataset, tmp_path: Path
) -> None:
    results = stored(submission, consented)
    assert all(result.figures[UNNAMED] == [REFUSING] for result in results)
    assert all(UNNAMED not in result.figures for result in stored(submission, dataset))
    export_site(results, tmp_path)
    site = {path: path.read_text() for path in tmp_path.rglob("*") if path.suffix in (".html", ".json", ".csv", ".md")}
    assert not [path.name for path, text in site.items() if REFUSING in text]
    page = next(text for path, text in site.items() if path.parent.name == "method" and path.suffix == ".html")
    assert "toy:07" in page
    assert "1 person has not agreed to be shown: without a row here, but in every mean." in page
    figures = [result.figures["generators"][name] for result in results for name in result.figures["generators"]]
    assert f"{figures[0]['auc_mean']['value']:.3f}" in page


def test_figures_lose_the_persons_rows_and_keep_the_means() -> None:
    figures = {
        UNNAMED: ["toy:1"],
        "overlap": ["toy:0", "toy:1"],
        "generators": {
            "a": {
                "auc_mean": {"value": 0.8},
                "per_target": {"toy:1": 0.1, "toy:10": 0.9},
                "people": [{"person": "toy:1"}],
            }
        },
    }
    public = public_figures(figures, "full", sealed=False, answer=None)
    assert public == {
        "people_left_out": 1,
        "overlap": ["toy:0", NOT_NAMED],
        "generators": {"a": {"auc_mean": {"value": 0.8}, "per_target": {"toy:10": 0.9}, "people": []}},
    }
    assert "toy:1" in figures["generators"]["a"]["per_target"]  # the stored figures are as they were


def test_ranks_and_means_are_over_everybody_and_tables_name_the_others() -> None:
    first, second = (
        example_result(name, {"alpha": mean}, number=n) for n, (name, mean) in enumerate([("a", 0.8), ("b", 0.7)])
    )
    worst = {}
    for result in (first, second):
        per_target = result.figures["generators"]["alpha"]["per_target"]
        worst[result.digest] = min(per_target, key=per_target.__getitem__)
    unnamed = sorted(set(worst.values()))
    limited = [replace(result, figures=result.figures | {UNNAMED: unnamed}) for result in (first, second)]
    plain, named = board_state([first, second]), board_state(limited)
    for before, after in zip(plain.view(plain.boards[0]).rows, named.view(named.boards[0]).rows, strict=True):
        assert (before.value, before.place) == (after.value, after.place)
        assert after.worst_person == (NOT_NAMED, before.worst_person[1])
    comparison = compare(named, first.digest, second.digest)
    assert comparison is not None
    (meeting,) = comparison.boards
    assert meeting.people_left_out == len(unnamed)
    assert {person for person, _, _ in meeting.people} == {f"toy:{n:02d}" for n in range(12)} - set(unnamed)
    plain_comparison = compare(plain, first.digest, second.digest)
    assert plain_comparison is not None
    lines = [[asdict(line) for line in lines] for lines in (meeting.lines, plain_comparison.boards[0].lines)]
    np.testing.assert_equal(*lines)  # an unknown figure, NaN, is equal to another


def test_declared_training_people_are_not_named_either() -> None:
    declared = {"training": {"datasets": [], "people": ["toy:00", "lab:x"], "generators": ["alpha"], "data": "unknown"}}
    result = example_result("a", {"alpha": 0.8}, declared=declared)
    result = replace(result, figures=result.figures | {UNNAMED: ["toy:00"]})
    text = submission_json(board_state([result]), result.digest)
    assert text is not None
    assert json.loads(text)["declaration"]["training"]["people"] == [NOT_NAMED, "lab:x"]
    assert "toy:00" not in text


def test_a_board_asks_for_no_video_of_whoever_may_not_be_tested_on(
    submission: Path, consented: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "data"
    shutil.copytree(consented.folder, folder)
    consents = dict.fromkeys(consented.identities["identity"], Consent.of({}, YES))
    ended = Consent.of({"training": replace(YES, expires=date(2026, 1, 2))}, YES)
    write_consents(folder, consents | {REFUSING: ended})
    with pytest.raises(Problems, match="videos that are not to be tested: 30, such as 'alpha-06"):
        score_submission(submission, Dataset.open(folder))
    write_consents(folder, dict.fromkeys(consents, ended))
    ended_set = TestSet(Dataset.open(folder))
    with pytest.raises(NvfairError, match=r"may be used today \(54 consent_expired\)"):
        ended_set.expected_rows(protocols.load("nvfair-seen"))
