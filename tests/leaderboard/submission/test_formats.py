"""Embeddings and scores, as Parquet and as CSV, give the figures of the same numbers; what is wrong is told by line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from benchmark import protocols
from benchmark.methods.embedding_files import read_embeddings, video_embeddings
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.trials import make_trials, trial_name
from leaderboard.submission.check import find_problems
from leaderboard.submission.scoring import score_submission
from leaderboard.submission.test_set import TestSet
from nvfair_tools.dataset import Dataset
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration

SEEN = protocols.load("nvfair-seen")
ENTRY = {"protocol": "nvfair-seen", "trained_on_generators": ["alpha"]}


def declare_entry(folder: Path, **file: str) -> None:
    """Declares one entry with this file."""
    write_declaration(folder, VALID_DECLARATION | {"entries": [ENTRY | file]})


def figures(folder: Path, dataset: Dataset) -> dict:
    return score_submission(folder, dataset).entries[0].figures["generators"]


@pytest.fixture
def scores(submission: Path, dataset: Dataset) -> pd.DataFrame:
    """Scores of all seen trials, by the benchmark's scorer from the good submission's embeddings; one by one."""
    videos = TestSet(dataset).expected_rows(SEEN).videos
    table = read_embeddings(submission / "embeddings" / "test.parquet")
    scorer = Scorer(video_embeddings(table, videos["video"].tolist()), SEEN.scoring)
    rows = []
    for target_trials in make_trials(videos, "alpha", SEEN.trials):
        scored = scorer.score(target_trials)
        for pairs, values in ((target_trials.genuine, scored.genuine), (target_trials.impostor, scored.impostor)):
            for (a, b), value in zip(pairs, values, strict=True):
                rows.append((trial_name(videos["video"][a], videos["video"][b]), value))
    return pd.DataFrame(rows, columns=["trial", "score"])


def as_csv(submission: Path) -> pd.DataFrame:
    table = pq.read_table(submission / "embeddings" / "test.parquet").to_pandas()
    values = pd.DataFrame(np.stack(table["embedding"].to_numpy()))
    values.columns = [f"embedding_{n}" for n in values.columns]
    return pd.concat([table[["video", "window", "start_frame"]], values], axis=1)


def test_embeddings_as_csv_give_the_figures_of_the_same_numbers(submission: Path, dataset: Dataset) -> None:
    declare_entry(submission, embeddings="embeddings/test.parquet")
    before = figures(submission, dataset)
    as_csv(submission).to_csv(submission / "test.csv", index=False)
    declare_entry(submission, embeddings="test.csv")
    assert find_problems(submission, dataset) == []
    assert figures(submission, dataset) == before


@pytest.mark.parametrize("name", ["scores.parquet", "scores.csv"])
def test_scores_give_the_figures_of_the_embeddings_they_were_made_from(
    submission: Path, dataset: Dataset, scores: pd.DataFrame, name: str
) -> None:
    declare_entry(submission, embeddings="embeddings/test.parquet")
    before = figures(submission, dataset)
    mixed = scores.sample(frac=1, random_state=1)
    mixed.to_csv(submission / name, index=False) if name.endswith("csv") else mixed.to_parquet(submission / name)
    declare_entry(submission, scores=name)
    assert find_problems(submission, dataset) == []
    scored_figures = figures(submission, dataset)["alpha"]
    # Only embeddings say what trials beside the protocol's would score, and how far apart embeddings are.
    assert set(before["alpha"]) - set(scored_figures) == {"cross_cross"}
    assert scored_figures.pop("distances") is None
    assert scored_figures == {key: before["alpha"][key] for key in scored_figures}


def test_minus_infinity_is_the_lowest_of_scores(submission: Path, dataset: Dataset, scores: pd.DataFrame) -> None:
    lowest = scores.sort_values("score").index[:5]
    declare_entry(submission, scores="scores.csv")
    for value in (-1e9, -np.inf):
        changed = scores.copy()
        changed.loc[lowest, "score"] = value
        changed.to_csv(submission / "scores.csv", index=False)
        assert find_problems(submission, dataset) == []
        scored_figures = figures(submission, dataset)
        if value == -1e9:
            before = scored_figures
    assert {
        key: scored_figures["alpha"][key] for key in ("auc_mean", "auc_pooled", "eer", "per_target", "tpr_at_fmr")
    } == {key: before["alpha"][key] for key in ("auc_mean", "auc_pooled", "eer", "per_target", "tpr_at_fmr")}


def test_every_kind_of_wrong_score_is_told_at_once(submission: Path, dataset: Dataset, scores: pd.DataFrame) -> None:
    rows = scores.astype({"score": object}).values.tolist()
    rows[0][1], rows[1][1], rows[2][1] = "inf", "nan", "high"
    rows[3][0] = "|".join(reversed(rows[3][0].split("|")))
    rows[4] = rows[5]
    rows += [["=1+1", 0.5], ["a|b|c", 0.5]]
    pd.DataFrame(rows, columns=["trial", "score"]).to_csv(submission / "scores.csv", index=False)
    declare_entry(submission, scores="scores.csv")
    text = "\n".join(find_problems(submission, dataset))
    assert "scores that are NaN or plus infinity: line 2 (trial " in text
    assert "line 3" in text
    assert "score is no number: line 4" in text
    assert "1 trial with the videos in the wrong order" in text
    assert "rows that repeat a trial: line 7" in text
    assert f"without a score: 2 of {len(scores)} trials" in text
    assert "trials that are none of nvfair-seen's: 2, such as '=1+1', 'a|b|c'" in text


def test_an_entry_names_one_file(submission: Path, dataset: Dataset) -> None:
    for file in ({}, {"embeddings": "embeddings/test.parquet", "scores": "embeddings/test.parquet"}):
        declare_entry(submission, **file)
        (message,) = find_problems(submission, dataset)
        assert message == "submission.yaml: entries.0: name either `embeddings` or `scores`, and not both"


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda text: text.encode("utf-16"), "UTF-16"),
        (lambda text: text.encode() + "Käse,0,0\n".encode("latin-1"), "line 110: byte 0xe4 is not UTF-8"),
        (
            lambda text: text.replace("embedding_3,", "embedding_X,").encode(),
            "embedding_0 to embedding_250 are not all",
        ),
        (lambda text: text.replace("video,", "vide,").encode(), "column 'video' (string) is missing"),
        (lambda text: text.replace("window,", "video,").encode(), "two columns are called 'video'"),
        (lambda text: text.splitlines()[0].encode(), "there are no rows"),
        (lambda text: b"", "column 'video' (string) is missing"),
        (
            lambda text: text.replace("\n", ",7\n").replace(",7\n", "\n", 1).encode(),
            "line 2 has 256 cells; expected 255",
        ),
        (
            lambda text: text.replace("\n", "\n\n", 1).encode(),
            "a value of the embedding is no number: line 2 (video '')",
        ),
        (lambda text: text.replace(",0,0,", ",0.5,0,", 1).encode(), "window is no whole number: line 2"),
        (lambda text: text.replace(",0,0,", ",9,0,", 1).encode(), "windows that the protocol does not have: line 2"),
        (lambda text: text.replace(",0,0,", ",0,1,", 1).encode(), "begin elsewhere than the protocol's: line 2"),
    ],
)
def test_csv_that_is_wrong_is_told_with_its_line(
    submission: Path, dataset: Dataset, edit: Callable[[str], bytes], message: str
) -> None:
    text = as_csv(submission).to_csv(index=False)
    (submission / "test.csv").write_bytes(edit(text))
    declare_entry(submission, embeddings="test.csv")
    assert message in "\n".join(find_problems(submission, dataset))


def test_a_mark_of_byte_order_and_windows_line_ends_do_no_harm(submission: Path, dataset: Dataset) -> None:
    text = as_csv(submission).to_csv(index=False, lineterminator="\r\n")
    (submission / "test.csv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    declare_entry(submission, embeddings="test.csv")
    assert find_problems(submission, dataset) == []


def test_declared_in_any_role_an_overlap_is_an_overlap_and_silence_hides_none(
    submission: Path, dataset: Dataset
) -> None:
    people = TestSet(dataset).expected_rows(SEEN).people
    for training, overlap in (
        ({"people": []}, []),
        ({"people": [people[0]]}, [people[0]]),
        ({"people": "unknown"}, "unknown"),
        ({"people": [], "cohorts": {"people": "unknown"}}, "unknown"),
        ({"people": [], "selection": {"people": [people[1]]}}, [people[1]]),
        ({"people": "unknown", "thresholds": {"people": [people[1]]}}, [people[1]]),
    ):
        content = copy.deepcopy(VALID_DECLARATION)
        content["training"] |= training
        write_declaration(submission, content)
        assert score_submission(submission, dataset).entries[0].figures["overlap"] == overlap


def test_a_generator_used_in_any_role_is_not_unseen(submission: Path, dataset: Dataset) -> None:
    for touched in (["beta"], "unknown"):
        content = copy.deepcopy(VALID_DECLARATION)
        content["training"]["selection"] = {"generators": touched}
        write_declaration(submission, content)
        assert (
            "nvfair-unseen: none of the tested generators (alpha, beta) is unseen"
            in find_problems(submission, dataset)[0]
        )


def test_pairs_of_generators_and_templates_are_scored_from_embeddings(submission: Path, dataset: Dataset) -> None:
    for protocol, cells in (
        ("nvfair-cross-generator", ["alpha>beta", "beta>alpha"]),
        ("nvfair-cross-cross", ["alpha", "beta"]),
    ):
        write_declaration(
            submission, VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][0] | {"protocol": protocol}]}
        )
        assert find_problems(submission, dataset) == []
        assert sorted(figures(submission, dataset)) == cells


def test_protocols_that_stand_for_several_and_scores_of_templates_are_refused(
    submission: Path, dataset: Dataset
) -> None:
    for protocol, message in (("nvfair-enrol-k", "stands for several"), ("avaprintdb-seen", "has one pooled figure")):
        write_declaration(
            submission, VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][0] | {"protocol": protocol}]}
        )
        assert message in find_problems(submission, dataset)[0]


def test_scores_of_pairs_of_generators(submission: Path, dataset: Dataset) -> None:
    across = protocols.load("nvfair-cross-generator")
    expected = TestSet(dataset).expected_rows(across)
    keys = expected.trial_keys(expected.cells(["alpha", "beta"]))
    count = len(expected.videos)
    names = [f"{expected.public_ids[key // count]}|{expected.public_ids[key % count]}" for key in keys]
    pd.DataFrame({"trial": names, "score": np.arange(len(keys))}).to_csv(submission / "scores.csv", index=False)
    write_declaration(submission, VALID_DECLARATION | {"entries": [{"protocol": across.name, "scores": "scores.csv"}]})
    assert find_problems(submission, dataset) == []
    assert sorted(figures(submission, dataset)) == ["alpha>beta", "beta>alpha"]
