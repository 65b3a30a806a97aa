"""The study of converged training: its criterion by hand, its tables by hand, and the command at a tiny size."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmark.methods.network import network_class
from benchmark.training.state import TrainingState
from examples.studies.convergence import runs as runs_module
from examples.studies.convergence.__main__ import main
from examples.studies.convergence.plan import (
    CENTRED,
    OURS,
    PLAIN,
    RAW,
    REASONS,
    SHORTCUTS,
    SIZES,
    STILL,
    headline_runs,
    reason_runs,
    thinned_landmarks,
)
from examples.studies.convergence.plot import COLOURS, read_curve
from examples.studies.convergence.rankings import ranking_tables
from examples.studies.convergence.runs import (
    CAPPED,
    FITTED,
    FLATTENED,
    STOPPED,
    Result,
    read_results,
    stale_validations,
)
from examples.studies.convergence.scoring import SELF_CROSS, Cell
from examples.studies.convergence.tables import (
    BEGIN,
    END,
    figure_table,
    motion_tables,
    ordering_table,
    people_aucs,
    reason_table,
)
from nvfair_tools.landmarks.scheme import SCHEME_126

WORLD = """
name: tiny-world
seed: 5
difficulty: 0.2
clips: 3
cross: 2
lengths: {0: 70, 100: 110}
generators: [sim-latent, sim-spline]
motion_modes: {sim-latent: relative, sim-spline: relative}
framing: {scale: 0.1, place: 0.1}
sources:
  - {name: sim-tiny, train: 4, validation: 3, test: 7, texts: 3}
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a finished tiny study of two methods and the shortcuts."""
    folder = tmp_path_factory.mktemp("study")
    (folder / "tiny.yaml").write_text(WORLD)
    assert call(folder) == 0
    return folder


def call(folder: Path, *words: str) -> int:
    names = ["--worlds", str(folder / "tiny.yaml"), "--size", "tiny", "--seeds", "2", "--device", "cpu"]
    return main([str(folder), *names, "--methods", PLAIN, OURS, *words])


def test_stale_validations_are_counted_from_the_last_gain() -> None:
    curve = [0.600, 0.604, 0.605, 0.6051, 0.609, 0.611, 0.605, 0.610]
    # Gains over 0.600 are those above 0.605: 0.6051; over 0.6051, those above 0.6101: 0.611; then two are stale.
    assert [stale_validations(curve[: n + 1], 0.005) for n in range(len(curve))] == [0, 1, 2, 0, 1, 0, 1, 2]
    assert stale_validations(curve, 0.0) == 2


def test_the_train_loop_counts_stale_validations_in_the_same_way() -> None:
    network = network_class("temporal-cnn").from_options(next(iter(trainings())).options, 71)
    rng = np.random.default_rng(3)
    curve = list(np.round(0.6 + np.cumsum(rng.normal(0.001, 0.004, 60)), 6))
    for least_gain in (0.0, 0.005):
        state = TrainingState()
        for number, value in enumerate(curve):
            state.keep_best(value, network, least_gain)
            assert state.stale == stale_validations(curve[: number + 1], least_gain)
        assert state.best_value == max(curve)


def trainings():
    return (run for run in headline_runs("world1", SIZES["tiny"], 1) if run.method == PLAIN)


def test_thinned_landmarks_keep_their_mirror_images() -> None:
    assert thinned_landmarks(1) == ()
    landmarks = thinned_landmarks(3)
    assert 40 <= len(landmarks) <= 44
    assert {int(SCHEME_126.mirror[landmark]) for landmark in landmarks} == set(landmarks)


def test_methods_differ_in_their_input_alone_and_reasons_in_one_option() -> None:
    runs = [run for run in headline_runs("world1", SIZES["small"], 1) if run.method != SHORTCUTS]
    options = {run.method: run.options for run in runs}
    plain = options[PLAIN]
    assert replace(options[CENTRED], input="distances") == plain == replace(options[RAW], input="distances")
    assert replace(options[STILL], input="distances", loss=plain.loss) == plain
    assert (plain.patience, plain.least_gain, plain.schedule) == (5, 0.005, "constant")
    assert "small-network" not in {run.reason for run in reason_runs("world1", SIZES["small"], 1)}
    plain = next(run.options for run in headline_runs("world1", SIZES["full"], 1) if run.method == PLAIN)
    changed = {run.reason: run for run in reason_runs("world1", SIZES["full"], 1) if run.method == PLAIN}
    assert set(changed) == set(REASONS) - {"framing"}  # world1 has a fixed camera as it is
    assert (plain.width, plain.sizes) == (128, {})
    assert replace(changed["budget"].options, windows=plain.windows) == plain
    longer = changed["patience"].options
    assert (longer.patience, longer.windows) == (4 * plain.patience, 4 * plain.windows)
    assert replace(longer, patience=plain.patience, windows=plain.windows) == plain
    small = changed["small-network"].options
    assert (small.width, replace(small, sizes={}, width=plain.width)) == (32, plain)
    assert changed["network"].options.method == "nvfair-relative"
    for run in changed.values():
        assert run.settings == runs[0].settings or REASONS[run.reason].world is not None


def test_a_world_trained_on_absolute_motion_has_the_same_people_and_a_fixed_camera_others(tmp_path: Path) -> None:
    (tmp_path / "tiny.yaml").write_text(WORLD)
    world = str(tmp_path / "tiny.yaml")
    headline = next(headline_runs(world, SIZES["tiny"], 1)).settings
    absolute, framing = (
        next(reason_runs(world, SIZES["tiny"], 1, [name])).settings for name in ("absolute", "framing")
    )
    assert [generator.relative for generator in headline.simulated_generators()] == [True, True]
    assert [generator.relative for generator in absolute.simulated_generators()] == [False, True]
    assert absolute.draw_hash() == headline.draw_hash() != framing.draw_hash()
    assert framing.framing.scale == 0


def test_a_study_ends_with_results_curves_and_tables(study: Path) -> None:
    results = {(result.method, result.seed): result for result in read_results(study / "out")}
    assert {method for method, _ in results} >= {PLAIN, OURS, "mean face shape", "head pose only"}
    for seed in range(2):
        plain, ours = results[PLAIN, seed], results[OURS, seed]
        assert plain.state in (FLATTENED, CAPPED)
        assert ours.state == FITTED
        assert (plain.steps <= 6, len(plain.cells)) == (True, 4)  # two generators, two kinds of trials
        steps, values = read_curve(study / "out" / "curves" / f"{plain.key}.csv")
        assert values[steps.index(plain.best_step)] == pytest.approx(max(values)) == pytest.approx(plain.validation_auc)
    text = (study / "out" / "tables.md").read_text()
    assert "| raw coordinates | 0 | not run |" in text
    assert "*shortcut: head pose only*" in text


def test_the_picture_has_a_line_for_each_seed(study: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    assert call(study, "--tables", "--picture", str(tmp_path / "curves.svg")) == 0
    text = (tmp_path / "curves.svg").read_text()
    assert call(study, "--tables", "--picture", str(tmp_path / "curves.svg")) == 0
    assert (tmp_path / "curves.svg").read_text() == text
    assert text.count(f"stroke: {COLOURS[PLAIN]}") >= 2
    assert COLOURS[CENTRED] not in text  # nothing was trained on it


def test_tables_are_written_between_the_markers_of_a_page(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n")
    assert call(study, "--tables", "--write", str(page)) == 0
    assert page.read_text() == f"before\n{BEGIN}\n{(study / 'out' / 'tables.md').read_text()}{END}\nafter\n"
    page.write_text("no markers")
    assert call(study, "--tables", "--write", str(page)) == 2
    assert "lacks the markers" in capsys.readouterr().err


def test_running_again_makes_nothing_new_and_other_settings_are_refused(
    study: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runs_module, "train", None)
    assert call(study) == 0
    assert "5 runs, 5 of them finished before" in capsys.readouterr().out
    path = next((study / "out" / "results").glob("*plain*"))
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {"digest": "another"}))
    assert call(study) == 2
    assert "made with other settings" in capsys.readouterr().err
    path.write_text(before)


def test_a_deadline_stops_a_training_which_the_next_call_finishes_to_the_same_result(
    study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(study / "worlds", tmp_path / "worlds")
    shutil.copy(study / "tiny.yaml", tmp_path)
    with monkeypatch.context() as patched:  # the time is over once the first validation has been written
        is_over = property(lambda place: any((place.out / "curves").glob("*plain*")))
        patched.setattr(runs_module.Workplace, "is_over", is_over)
        call(tmp_path, "--methods", PLAIN, "--seeds", "1")
    path = next((tmp_path / "out" / "results").glob("*plain*"))
    stopped = Result.read(path)
    assert (stopped.state, stopped.steps, len(stopped.cells)) == (STOPPED, 2, 4)
    assert call(tmp_path, "--methods", PLAIN, "--seeds", "1") == 0
    finished, whole = Result.read(path), Result.read(study / "out" / "results" / path.name)
    assert replace(finished, seconds=0.0) == replace(whole, seconds=0.0)


def test_several_processes_give_the_results_of_a_single_process(study: Path, tmp_path: Path) -> None:
    shutil.copytree(study / "worlds", tmp_path / "worlds")
    shutil.copy(study / "tiny.yaml", tmp_path)
    assert call(tmp_path, "--methods", OURS, "--jobs", "2", "--seconds", "600") == 0
    for result in read_results(tmp_path / "out"):
        other = Result.read(study / "out" / "results" / f"{result.key}.json")
        for cell, same in zip(result.cells, other.cells, strict=True):
            aucs, others = ([cell_.people[person] for person in sorted(cell.people)] for cell_ in (cell, same))
            np.testing.assert_allclose(aucs, others, atol=0.02)


def test_mistakes_are_a_line_and_not_a_traceback(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--worlds", "world9"]) == 2
    assert "'world9' is unknown" in capsys.readouterr().err
    assert main([str(tmp_path), "--methods", "guess"]) == 2
    assert "'guess' is unknown" in capsys.readouterr().err


def result(method: str, seed: int, seen: float, unseen: float, reason: str = "") -> Result:
    """A result of eight people with these AUCs on average, as a target, and the same as an impostor."""
    offsets = np.linspace(-0.03, 0.03, 8)

    def cell(generator: str, mean: float) -> Cell:
        return Cell(generator, SELF_CROSS, {f"p{n}": (mean + x, mean + x) for n, x in enumerate(offsets)})

    return Result(
        key=f"{method}-{seed}", digest="", people="p", world="w", reason=reason, method=method, seed=seed, size="small",
        train_generator="a", state=FLATTENED, steps=900, best_step=400 + 100 * seed, validation_auc=0.7, seconds=1.0,
        device="cpu", cells=(cell("a", seen), cell("b", unseen), cell("c", unseen + 0.02)),
    )  # fmt: skip


def test_tables_average_over_seeds_and_unseen_generators() -> None:
    rows = [result(PLAIN, 0, 0.70, 0.60), result(PLAIN, 1, 0.72, 0.62), result(RAW, 0, 0.75, 0.55)]
    people = people_aucs(rows[:2], "unseen")
    assert np.mean([pair[0] for pair in people.values()]) == pytest.approx((0.60 + 0.62 + 0.62 + 0.64) / 4)
    plain = next(line for line in figure_table(rows).splitlines() if line.startswith("| plain"))
    # Eight people 0.06 / 7 apart, in both roles: t (7 degrees, 95 %) 2.3646 x error, the closed form of the jackknife.
    deviation = 2 * np.std(np.linspace(-0.03, 0.03, 8), ddof=1)
    half = 2.3646 * 7 / 6 * deviation / np.sqrt(8)
    assert f"0.710 ({0.71 - half:.3f}–{0.71 + half:.3f})" in plain
    assert "0.610–0.630" in plain
    assert "2 flattened; best at step 400–500" in plain
    ordering = ordering_table(rows)
    # Only seed 0 is common to both: 0.70 - 0.75 and 0.61 - 0.56, the same for everyone.
    assert "| distances beat raw coordinates, seen | -0.050 (-0.050, -0.050): **no, reversed** | not run |" in ordering
    assert "| distances beat raw coordinates, unseen | +0.050 (+0.050, +0.050): yes | not run |" in ordering
    assert "many frames beat one, seen | not run" in ordering


def test_worlds_of_the_same_people_are_compared_method_by_method() -> None:
    rows = [result(PLAIN, 0, 0.70, 0.60), replace(result(PLAIN, 0, 0.80, 0.55), world="w-absolute")]
    (table,) = motion_tables(rows)
    assert "#### w-absolute less w, the same people, size small" in table
    assert "| plain distances | 1 | +0.100 (+0.100, +0.100) | -0.050 (-0.050, -0.050) |" in table
    assert motion_tables([rows[0], replace(rows[1], people="others")]) == []


def test_methods_are_ranked_over_all_worlds_that_ran_them() -> None:
    aucs = {"w1": (0.7, 0.6, 0.5), "w2": (0.8, 0.7, 0.5), "w3": (0.6, 0.7, 0.5)}
    rows = [
        replace(result(method, 0, auc, auc), world=world)
        for world, values in aucs.items()
        for method, auc in zip((OURS, CENTRED, PLAIN), values, strict=True)
    ]
    shortcuts = [replace(result(name, 0, auc, 0.5), world="w1") for name, auc in (("weak", 0.52), ("strong", 0.55))]
    seen, unseen = ranking_tables([*rows, replace(result(RAW, 0, 0.9, 0.9), world="w1"), *shortcuts])
    lines = {line.split(" | ")[0].strip("| "): line for line in seen.splitlines()}
    assert lines["ours"].endswith("| 1, 1, 2 |")
    assert lines["centred distances"].endswith("| 2, 2, 1 |")
    assert lines["plain distances"].endswith("| 3, 3, 3 |")
    assert "0.900" in lines["raw coordinates"]
    assert lines["raw coordinates"].endswith("| not run | not run |  |")
    assert "0.550" in lines["*best shortcut*"]
    assert ", strong | not run | not run |" in lines["*best shortcut*"]
    # Rank sums 4, 5 and 9: S = 14, 12 S / (9 x 24) = 0.78.
    assert "Kendall's W of the 3 methods that ran in all worlds: 0.78." in seen
    assert "unseen generators" in unseen
    assert ranking_tables([row for row in rows if row.world == "w1"]) == []


def test_reasons_are_paired_with_the_headline_of_their_seeds() -> None:
    rows = [result(PLAIN, 0, 0.70, 0.60), result(PLAIN, 1, 0.80, 0.70), result(PLAIN, 1, 0.75, 0.60, "budget")]
    table = reason_table(rows)
    line = next(line for line in table.splitlines() if "125 steps | plain" in line)
    assert "-0.050 (-0.050, -0.050) | -0.100 (-0.100, -0.100)" in line
    assert "| trained on absolute motion | plain distances | 0 | not run |" in table
