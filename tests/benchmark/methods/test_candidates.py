"""Finding what is to be evaluated, and refusing what cannot be."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from benchmark import protocols
from benchmark.evaluation.run import evaluate
from benchmark.evaluation.sections import select_test_videos
from benchmark.methods import candidates
from benchmark.methods.candidates import as_candidate
from benchmark.methods.declaration import Declaration, parse_declaration
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.trials.trials import make_trials, trial_name
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark import toy_methods

UNSEEN = protocols.load("nvfair-unseen")
SIZE = "tests.benchmark.toy_methods:MotionSize"


def test_a_dotted_path_and_an_entry_point_name_the_same_method(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        candidates, "entry_points", lambda group: [EntryPoint("size", SIZE, group)] if group == "nvfair.methods" else []
    )
    first, second = as_candidate(SIZE), as_candidate("size")
    assert first.name == second.name == "motion-size"
    values = [
        [cell.figures.auc_by_target for cell in evaluate(small, [method], [UNSEEN]).cells] for method in (first, second)
    ]
    assert values[0] == values[1]


def test_a_toy_method_answers_to_the_interface() -> None:
    assert isinstance(toy_methods.MotionSize(), Method)


def test_a_method_in_the_present_folder_is_found_and_hides_no_package(tmp_path, monkeypatch) -> None:
    (tmp_path / "my_motion.py").write_text("from tests.benchmark.toy_methods import MotionSize\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [folder for folder in sys.path if folder])
    assert as_candidate("my_motion:MotionSize").name == "motion-size"
    assert sys.path[-1] == str(tmp_path)
    monkeypatch.delitem(sys.modules, "my_motion")


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nothing", "no method 'nothing'"),
        ("no.such.module:Thing", "there is no module"),
        ("tests.benchmark.toy_methods:Missing", "has no 'Missing'"),
        ("tests.benchmark.toy_methods:Unfinished", "it has no declaration, needs, time, embed"),
    ],
)
def test_what_is_not_there_is_said_in_words(name: str, words: str) -> None:
    with pytest.raises(NvfairError, match=words):
        as_candidate(name)


def test_embeddings_that_are_not_finite_name_method_and_video(small: Dataset) -> None:
    with pytest.raises(NvfairError, match=r"method broken: not finite: 1 of 108 embeddings, the first .* alpha-06"):
        evaluate(small, [as_candidate("tests.benchmark.toy_methods:Broken")], [UNSEEN])


@pytest.mark.parametrize(("name", "words"), [("Mesh", "did not keep"), ("Pictures", "has no file")])
def test_a_data_set_that_lacks_what_a_method_needs_is_refused(small: Dataset, name: str, words: str) -> None:
    with pytest.raises(NvfairError, match=words):
        evaluate(small, [as_candidate(f"tests.benchmark.toy_methods:{name}")], [UNSEEN])


def test_unknown_training_is_a_relation_of_its_own_and_is_said(small: Dataset) -> None:
    results = evaluate(small, [as_candidate("tests.benchmark.toy_methods:Secretive")], [UNSEEN])
    assert {cell.relation for cell in results.cells} == {"unknown"}
    assert results.methods["secretive"].people["training"] is None
    assert any("secretive does not say" in warning for warning in results.warnings)


def test_a_method_a_class_and_a_candidate_do_as_well_as_a_name(small: Dataset) -> None:
    method = toy_methods.MotionSize()
    by_value = as_candidate(method)
    assert by_value.name == as_candidate(toy_methods.MotionSize).name == "motion-size"
    assert as_candidate(by_value) is by_value
    with pytest.raises(NvfairError, match="Unfinished: it has no declaration, needs, time, embed"):
        as_candidate(toy_methods.Unfinished())  # type: ignore[arg-type]


def test_two_methods_of_one_name_are_refused(small: Dataset) -> None:
    with pytest.raises(NvfairError, match="share the name motion-size"):
        evaluate(small, [as_candidate(SIZE), as_candidate(SIZE)], [UNSEEN])


def _scores(small: Dataset, path: Path, declare: bool = True) -> pd.DataFrame:
    """Scores by trial for the protocol: minus the difference of two numbers that belong to the videos."""
    videos = read_windows(small, UNSEEN, videos=select_test_videos(small, UNSEEN)["video"]).videos
    number = np.arange(len(videos)) % 7
    ids = videos["video"].to_numpy()
    rows = [
        (trial_name(ids[a], ids[b]), -abs(float(number[a] - number[b])))
        for generator in ("alpha", "beta")
        for target_trials in make_trials(videos, generator, UNSEEN.trials)
        for pairs in (target_trials.genuine, target_trials.impostor)
        for a, b in pairs
    ]
    table = pd.DataFrame(rows, columns=["trial", "score"])
    _store(table, path)
    if declare:
        text = yaml.safe_dump(Declaration.untrained().to_json())
        path.with_name(path.name + candidates.DECLARATION_SUFFIX).write_text(text)
    return table


def _store(table: pd.DataFrame, path: Path) -> None:
    if path.suffix == ".csv":
        table.to_csv(path, index=False)
    else:
        table.to_parquet(path, index=False)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_file_of_scores_does_as_well(small: Dataset, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine{suffix}"
    table = _scores(small, path)
    results = evaluate(small, [as_candidate(path)], [UNSEEN])
    shuffled = tmp_path / f"again{suffix}"
    _store(table.sample(frac=1, random_state=0), shuffled)
    again = evaluate(
        small, [as_candidate(shuffled, declaration=path.with_name(path.name + ".declaration.yaml"))], [UNSEEN]
    )
    assert [c.figures.auc_by_target for c in results.cells] == [c.figures.auc_by_target for c in again.cells]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.iloc[1:], "has no score"),
        (lambda t: pd.concat([t, t.iloc[:1]]), "is given twice"),
        (lambda t: t.assign(score=t["score"].where(t.index > 0)), "is not a number"),
        (lambda t: t.drop(columns="score"), "no column 'score'"),
    ],
)
def test_scores_that_lack_something_name_the_trial(small: Dataset, tmp_path: Path, change, words: str) -> None:
    path = tmp_path / "mine.parquet"
    _store(change(_scores(small, path)), path)
    with pytest.raises(NvfairError, match=words):
        evaluate(small, [as_candidate(path)], [UNSEEN])


def test_a_file_without_a_declaration_is_refused_with_the_form_that_is_wanted(small: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    _scores(small, path, declare=False)
    with pytest.raises(NvfairError, match=r"mine\.parquet\.declaration\.yaml"):
        as_candidate(path)


def test_a_declaration_that_contradicts_itself_is_refused(small: Dataset) -> None:
    """A validation list that contains a training person, or a test person, of the maker's own."""
    item = as_candidate(SIZE)
    made = parse_declaration(
        {
            "training": {"people": ["toy:00"], "generators": []},
            "selection": {"people": ["toy:00"], "generators": []},
            "thresholds": {"people": [], "generators": []},
            "cohorts": {"people": ["toy:77"], "generators": []},
            "held_out": ["toy:77"],
        }
    )
    method = toy_methods.MotionSize()
    method.declaration = made
    with pytest.raises(Problems, match="1 person is in training and in selection: toy:00") as caught:
        evaluate(small, [replace(item, method=method)], [UNSEEN])  # type: ignore[type-var]
    assert "1 person is in cohorts and in test: toy:77" in str(caught.value)


def test_windows_that_a_method_does_not_take_are_refused(small: Dataset) -> None:
    method = toy_methods.MotionSize()
    method.time = UNSEEN.time
    longer = Protocol(name="longer", time={"window": 80})
    with pytest.raises(NvfairError, match="trained on windows"):
        evaluate(small, [candidates.MethodCandidate(method)], [longer])


def test_several_protocols_make_sections(small: Dataset) -> None:
    pooled = Protocol(name="pooled", scoring={"headline": "pooled-auc"})
    results = evaluate(small, [as_candidate(SIZE)], [UNSEEN, pooled])
    assert [(entry.protocol.name, entry.section) for entry in results.protocols] == [
        ("nvfair-unseen", 0),
        ("pooled", 1),
    ]
    assert {(cell.section, cell.protocol) for cell in results.cells} == {(0, "nvfair-unseen"), (1, "pooled")}
