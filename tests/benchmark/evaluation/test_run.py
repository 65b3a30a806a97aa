"""Evaluation end to end on a small data set: figures, refusals, exclusions and commands."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.controls import CROSSNESS, LENGTH, ORIGIN, POSE, SHAPE, STILL
from benchmark.evaluation.results import EvaluationResults
from benchmark.evaluation.run import EvaluationOptions, evaluate
from benchmark.evaluation.warnings import evaluation_warnings
from benchmark.methods.candidates import Candidate, MethodCandidate, as_candidate
from benchmark.methods.checkpoint import RECORD_FILE
from benchmark.methods.declaration import RoleExposure
from benchmark.methods.embedding_files import read_embeddings
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol
from benchmark.training.loop import train
from benchmark.trial_scores.figure_values import TrialCounts
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark.small_world import World, make

SEEN, UNSEEN = protocols.load("nvfair-seen"), protocols.load("nvfair-unseen")
OPTIONS = TrainOptions(
    generators=("alpha",), windows=160, batch=16, drivers=3, width=16, embedding=8, validate_every=80
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    broken = {"beta-06-clip-06-0": "gap", "beta-07-clip-06-1": "short", "beta-07-clip-08-1": "failed"}
    return make(tmp_path_factory.mktemp("data"), World(people=(4, 2, 4), clips=4), breaks=broken)


@pytest.fixture(scope="module")
def folder(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "alpha-run"
    train(data, out, OPTIONS, SEEN)
    return out


@pytest.fixture(scope="module")
def trained(folder: Path) -> MethodCandidate:
    candidate = as_candidate(folder)
    assert isinstance(candidate, MethodCandidate)
    return candidate


@pytest.fixture(scope="module")
def results(data: Dataset, trained: MethodCandidate) -> EvaluationResults:
    return evaluate(data, [trained], [SEEN, UNSEEN])


def test_cells_stand_under_the_protocol_their_generator_fits(results: EvaluationResults) -> None:
    assert {(cell.generator, cell.relation, cell.protocol) for cell in results.cells} == {
        ("alpha", "seen", "nvfair-seen"),
        ("beta", "unseen", "nvfair-unseen"),
    }


def test_figures_equal_a_plain_reckoning_from_the_embeddings(
    data: Dataset, folder: Path, results: EvaluationResults, tmp_path: Path
) -> None:
    """From the embeddings file alone, by loops: what somebody else would do with it."""
    out = tmp_path / "e.parquet"
    _run("embed", str(data.folder), str(out), "--checkpoint", str(folder), "-g", "alpha")
    table = read_embeddings(out)
    mean: dict[str, np.ndarray] = {}
    for video in dict.fromkeys(table.video):
        rows = table.embedding[table.video == video].astype(float)
        rows = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        mean[video] = rows.mean(axis=0) / np.linalg.norm(rows.mean(axis=0))
    about = data.videos.set_index("video")
    aucs = {}
    for target in sorted(about.loc[list(mean), "target"].unique()):
        self_videos = [v for v in mean if about["target"][v] == target == about["driver"][v]]
        cross_videos = [v for v in mean if about["target"][v] == target != about["driver"][v]]
        genuine = [-np.linalg.norm(mean[a] - mean[b]) for n, a in enumerate(self_videos) for b in self_videos[n + 1 :]]
        impostor = [-np.linalg.norm(mean[a] - mean[b]) for a in self_videos for b in cross_videos]
        aucs[target] = roc.auc(np.array(genuine), np.array(impostor))
    cell = next(c for c in results.cells if c.generator == "alpha")
    assert cell.figures.auc_by_target == pytest.approx(aucs)
    assert cell.figures.auc_mean.value == pytest.approx(np.mean(list(aucs.values())))
    assert cell.figures.trials == TrialCounts(genuine=4 * 6, impostor=4 * 4 * 12, targets=4)


def test_every_cell_has_its_shortcuts_and_cross_trials_beside_it(results: EvaluationResults) -> None:
    for cell in results.cells:
        shortcuts = results.shortcuts_of(cell)
        assert {shortcut.name for shortcut in shortcuts} == {SHAPE, STILL, POSE, CROSSNESS, ORIGIN, LENGTH}
        assert all(shortcut.figures.trials == cell.figures.trials for shortcut in shortcuts)
        best = max(shortcuts, key=lambda shortcut: shortcut.figures.auc_mean.value)
        assert results.strongest_shortcut(cell) == best
        auc = cell.figures.auc_mean
        assert cell.margin.value == pytest.approx(auc.value - best.figures.auc_mean.value)
        assert cell.margin.low is None
        assert cell.margin.reason.startswith("4 people")
        assert 0 <= cell.figures.cross_cross.auc_mean.value <= 1
        assert auc.low is None  # four people are too few for an interval
        assert auc.reason.startswith("4 people")
        assert 0 < cell.figures.permutation.p_value <= 1


def test_what_was_left_out_is_counted_with_its_reason(results: EvaluationResults) -> None:
    exclusions = results.exclusions[0]
    assert exclusions.videos_lost == {
        "face_missing": 1,
        "render_failed": 1,
        "shorter_than_a_window": 1,
    }
    assert exclusions.requested_videos - exclusions.scored_videos == 3
    once = dict.fromkeys(exclusions.videos_lost, 1)
    assert (exclusions.clips_lost, exclusions.people_lost) == (once, once)
    assert exclusions.people_without_videos == 0


def test_null_controls_run_by_default_and_are_at_chance(results: EvaluationResults) -> None:
    names = {row.name for row in results.nulls}
    assert names >= {"constant scores", "random embeddings", "drivers permuted by person"}
    assert all(row.passed for row in results.nulls)
    assert not any("Do not trust" in warning for warning in results.warnings)


def test_results_survive_a_json_file(results: EvaluationResults) -> None:
    content = json.loads(json.dumps(results.to_json(), allow_nan=False))
    assert content == results.to_json()
    assert EvaluationResults.from_json(content) == results


def test_thresholds_come_from_validation_people(results: EvaluationResults) -> None:
    for cell in results.cells:
        assert cell.validation.people == 2
        assert set(cell.figures.at_validation_threshold) >= {"eer", "fmr 0.01"}


def test_what_could_not_be_scored_counts_as_rejected(results: EvaluationResults) -> None:
    with_losses = next(cell for cell in results.cells if cell.generator == "beta").figures.failures
    assert with_losses.genuine > 0
    whole = next(cell for cell in results.cells if cell.generator == "alpha").figures.failures
    assert (whole.genuine, whole.impostor) == (0, 0)


def test_a_family_is_named_where_unseen_generators_share_it(results: EvaluationResults) -> None:
    assert any("within the toy family" in warning for warning in results.warnings)


def test_a_method_trained_on_another_landmarker_is_noted(data: Dataset, results: EvaluationResults) -> None:
    found_by = {"landmarks": {"landmarkers": ["mediapipe-tasks 1.2.3+64184e229b26"]}}
    seen = replace(data, meta=data.meta | found_by)
    name, record = next(iter(results.methods.items()))

    def warnings(**trained_on: str) -> str:
        methods = results.methods | {name: replace(record, data={**record.data, **trained_on})}
        return " ".join(evaluation_warnings(replace(results, methods=methods), seen))

    assert "found by mediapipe-facemesh 0.10.21, and these" in warnings(landmarkers="mediapipe-facemesh 0.10.21")
    assert "put their points" not in warnings(landmarkers="mediapipe-tasks 64184e229b26")
    assert "put their points" not in warnings()  # trained on simulated people, whose faces nothing found


def test_near_shortcuts_are_noted_once_a_checkpoint(results: EvaluationResults) -> None:
    near = sum(cell.is_near_shortcut for cell in results.cells)
    warnings = [warning for warning in results.warnings if "a shortcut comes near" in warning]
    assert len(warnings) == (1 if near else 0)
    assert all(f"on {near} generator" in warning for warning in warnings)


def test_results_repeat_themselves(data: Dataset, trained: MethodCandidate, results: EvaluationResults) -> None:
    again = evaluate(data, [trained], [SEEN, UNSEEN])
    assert replace(again, machine=results.machine) == results


def _with_exposure(trained: MethodCandidate, role: str, **more: str) -> Candidate:
    """The same method with one more person or generator in a role."""
    declaration = trained.declaration
    exposure = getattr(declaration, role)
    values = {key: getattr(exposure, key) for key in ("people", "generators")}
    grown = RoleExposure(**{key: value | {more[key]} if key in more else value for key, value in values.items()})
    method = replace(trained.method, declaration=replace(declaration, **{role: grown}))
    return MethodCandidate(method, trained.details)


@pytest.mark.parametrize("role", ["training", "selection", "thresholds", "cohorts"])
def test_test_people_that_were_touched_are_refused_or_stamped(
    data: Dataset, trained: MethodCandidate, role: str
) -> None:
    person = sorted(data.videos.loc[data.videos["split"] == "test", "target"])[0]
    touched = _with_exposure(trained, role, people=person)
    with pytest.raises(Problems, match=f"in {role}: {person}"):
        evaluate(data, [touched], [SEEN, UNSEEN])
    stamped = evaluate(data, [touched], [SEEN], EvaluationOptions(allow_overlap=True))
    assert all(person in " ".join(cell.contaminated) for cell in stamped.cells)
    assert any(warning.startswith("Contaminated") for warning in stamped.warnings)


def test_test_people_that_were_touched_are_left_out_on_request(data: Dataset, trained: MethodCandidate) -> None:
    people = sorted(set(data.videos.loc[data.videos["split"] == "test", "target"]))
    declaration = replace(trained.declaration, held_out=frozenset())  # else it would contradict itself
    unpromised = MethodCandidate(replace(trained.method, declaration=declaration), trained.details)
    touched = _with_exposure(unpromised, "training", people=people[0])
    results = evaluate(data, [touched], [SEEN], EvaluationOptions(leave_out_overlap=True))
    assert results.data.test_people == tuple(people[1:])
    assert not any(cell.contaminated for cell in results.cells)
    assert results.warnings[0] == f"Left out, as a method has touched them: 1 test person: {people[0]}."
    whole = evaluate(data, [trained], [SEEN], EvaluationOptions(leave_out_overlap=True))
    assert whole.data.test_people == tuple(people)
    assert not any("left out, whom" in warning for warning in whole.warnings)


def test_a_generator_called_unseen_must_not_have_been_touched(data: Dataset, trained: MethodCandidate) -> None:
    with pytest.raises(Problems, match="'alpha' is to be unseen, but training, selection used it"):
        evaluate(data, [trained], [UNSEEN], EvaluationOptions(generators=("alpha",)))
    for role in ("selection", "thresholds", "cohorts"):
        selected = _with_exposure(trained, role, generators="beta")
        with pytest.raises(Problems, match=f"'beta' is to be unseen, but {role} used it"):
            evaluate(data, [selected], [UNSEEN], EvaluationOptions(generators=("beta",)))
    stamped = evaluate(data, [selected], [UNSEEN], EvaluationOptions(generators=("beta",), allow_overlap=True))
    assert stamped.cells[0].contaminated


def test_another_window_length_is_refused(data: Dataset, trained: MethodCandidate) -> None:
    longer = Protocol(name="longer", time={"window": 80})
    with pytest.raises(NvfairError, match="trained on windows"):
        evaluate(data, [trained], [longer])


def _run(*arguments: str, code: int = 0) -> str:
    from nvfair_tools.cli import cli

    result = CliRunner().invoke(cli, list(arguments))
    if code == 0 and result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code
    return result.output


def test_the_commands_go_from_a_data_set_to_a_report(data: Dataset, tmp_path: Path) -> None:
    run, out = tmp_path / "beta-run", tmp_path / "report"
    _run(
        "train", str(data.folder), str(run), "-g", "beta", "--windows", "64", "--batch", "16", "--drivers", "3",
        "--width", "16", "--validate-every", "64", "--device", "cpu",
    )  # fmt: skip
    assert (run / RECORD_FILE).exists()
    text = _run("evaluate", str(data.folder), "--checkpoint", str(run), "--out", str(out), "--device", "cpu")
    assert "beta-run on beta (seen)" in text
    assert (out / "index.html").exists()
    assert len(json.loads((out / "results.json").read_text())["cells"]) == 2


def test_the_matrix_is_one_command_and_goes_on_where_it_stopped(data: Dataset, tmp_path: Path) -> None:
    words = ["matrix", str(data.folder), str(tmp_path), "--windows", "32", "--batch", "16", "--drivers", "3"]
    words += ["--width", "16", "--validate-every", "32", "--device", "cpu"]
    text = _run(*words)
    cells = json.loads((tmp_path / "report" / "results.json").read_text())["cells"]
    names = ("alpha", "beta")
    assert {(c["method"], c["generator"]) for c in cells} == {(a, b) for a in names for b in names}
    assert "2 x 2 cells" in text
    written = (tmp_path / "alpha" / RECORD_FILE).stat().st_mtime_ns
    _run(*words)
    assert (tmp_path / "alpha" / RECORD_FILE).stat().st_mtime_ns == written


def test_the_matrix_refuses_a_generator_of_its_own(data: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="every generator in turn"):
        _run("matrix", str(data.folder), str(tmp_path), "-g", "alpha")
