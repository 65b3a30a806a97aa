"""The study of real people by their tracks: its figures against other counts, and the whole way at tiny size."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from benchmark.metrics.intervals import people_weights
from examples.studies.real_people import __main__ as command
from examples.studies.real_people.coverage import measure_coverage
from examples.studies.real_people.page import BEGIN, END, difference_text, figure_text
from examples.studies.real_people.people_statistics import (
    Design,
    chance_statistics,
    difference_over_people,
    holm,
    mean_statistics,
    method_statistics,
    sign_flip_p_value,
)
from examples.studies.real_people.plan import Coverage, Plan, read_plan
from examples.studies.real_people.results import FIGURES, read_log
from examples.studies.real_people.stand_ins import write_stand_ins
from nvfair_tools.errors import NvfairError
from tests.mediapipe_here import skip_without_landmarker

ROOT = Path(__file__).resolve().parents[2]
PLAN = ROOT / "examples" / "studies" / "real_people" / "real_people.yaml"
LOG = ROOT / "docs" / "experiments" / "real_people.jsonl"
MODELS = ROOT.parent / "shared" / "models" / "avaprintdb_graph"

# Person 2 is in two sessions; person 5 has one clip in a session, so no genuine trial.
PERSON = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 4, 4, 5])
SESSION = np.array([0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1])


@pytest.fixture(scope="module")
def scores() -> np.ndarray:
    """Scores of two methods on three pairs of faces, with ties."""
    random = np.random.default_rng(3)
    same = PERSON[:, None] == PERSON[None, :]
    return np.round(random.normal(size=(2, 3, len(PERSON), len(PERSON))) + 0.7 * same, 1)


def trials(person: int | None = None, without: int = -1) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(pairs, whether genuine, session) of all ordered pairs of clips, or of those with `person` in them."""
    rows = []
    for i in range(len(PERSON)):
        for j in range(len(PERSON)):
            people = {PERSON[i], PERSON[j]}
            if i != j and SESSION[i] == SESSION[j] and (person is None or person in people) and without not in people:
                rows.append((i, j, len(people) == 1, SESSION[i]))
    rows = np.array(rows)
    return rows[:, :2], rows[:, 2].astype(bool), rows[:, 3]


def person_auc(scores: np.ndarray, person: int, without: int = -1) -> float:
    """The person's AUC by scikit-learn: within sessions, weighted by their numbers of comparisons, mean over faces."""
    pairs, genuine, session = trials(person, without)
    of_faces = []
    for table in scores:
        values = table[pairs[:, 0], pairs[:, 1]]
        wins = comparisons = 0.0
        for number in np.unique(session):
            rows = session == number
            count = genuine[rows].sum() * (~genuine[rows]).sum()
            if count:
                wins += count * roc_auc_score(genuine[rows], values[rows])
                comparisons += count
        of_faces.append(wins / comparisons)
    return float(np.mean(of_faces))


def pooled_auc(scores: np.ndarray, without: int = -1) -> float:
    pairs, genuine, _ = trials(without=without)
    return float(np.mean([roc_auc_score(genuine, table[pairs[:, 0], pairs[:, 1]]) for table in scores]))


def test_figures_are_those_of_the_trials_within_sessions(scores):
    design = Design.of(PERSON, SESSION)
    for table in scores:
        method = method_statistics(table, design)
        assert [person for person, _ in method.targets] == [0, 1, 2, 3, 4]
        np.testing.assert_allclose(method.auc_by_person, [person_auc(table, person) for person in range(5)], atol=1e-12)
        assert method.pooled.auc == pytest.approx(pooled_auc(table), abs=1e-12)


def test_the_mean_of_methods_is_the_mean_of_their_figures_and_chance_is_a_half(scores):
    design = Design.of(PERSON, SESSION)
    methods = [method_statistics(table, design) for table in scores]
    mean = mean_statistics(methods)
    np.testing.assert_allclose(mean.auc_by_person, np.mean([method.auc_by_person for method in methods], axis=0))
    assert mean.pooled.auc == pytest.approx(np.mean([method.pooled.auc for method in methods]))
    chance = chance_statistics(mean)
    assert chance.pooled.auc == 0.5
    assert (chance.auc_by_person == 0.5).all()


@pytest.mark.parametrize("figure", ["mean", "pooled"])
def test_the_jackknife_leaves_a_person_out_as_genuine_and_as_impostor(scores, figure):
    design = Design.of(PERSON, SESSION)
    first, second = (method_statistics(table, design) for table in scores)
    tested = difference_over_people(first, second, people_weights(6, 400, 0), 0.95, 0.8, figure)

    def difference(without: int) -> float:
        if figure == "pooled":
            return pooled_auc(scores[0], without) - pooled_auc(scores[1], without)
        people = [person for person in range(5) if person != without]
        return np.mean([person_auc(scores[0], p, without) - person_auc(scores[1], p, without) for p in people])

    left_out = np.array([difference(person) for person in range(6)])
    error = np.sqrt(5 / 6 * np.square(left_out - left_out.mean()).sum())
    assert tested.value == pytest.approx(difference(-1), abs=1e-12)
    # Student's t with 5 degrees of freedom: 2.5706 (any table).
    assert tested.jackknife_high - tested.value == pytest.approx(2.5706 * error, rel=1e-4)
    # ... and 0.9195 at 80 %; the resamples' error from the interval's own half width.
    if figure == "pooled":
        assert tested.detectable == pytest.approx((2.5706 + 0.9195) / 2.5706 * (tested.high - tested.value), rel=1e-3)


def test_the_sign_flip_test_counts_all_patterns():
    assert sign_flip_p_value(np.array([1.0, 2.0, 3.0, 4.0])) == pytest.approx(2 / 16)
    # The sums of +-1 +-2 +-5 are 8, 6, 4, 2 and their negatives: six of eight lie as far out as 1 - 2 + 5 = 4.
    assert sign_flip_p_value(np.array([1.0, -2.0, 5.0])) == pytest.approx(6 / 8)


def test_p_values_are_corrected_for_their_number():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == [1.0, 1.0]


def test_the_simulation_finds_an_advantage_and_no_difference_where_there_is_none():
    plan = read_plan(PLAN).plan
    plan = plan.model_copy(update={"coverage": Coverage(experiments=20, resamples=50)})
    design = Design.of(np.repeat(np.arange(11), 4), np.repeat(np.arange(11) % 3, 4))
    level, ahead = measure_coverage(plan, design)
    assert abs(level.truth) < 3 * level.deviation / np.sqrt(level.experiments)
    assert ahead.truth > 6 * ahead.deviation / np.sqrt(ahead.experiments)
    assert min(level.covered, ahead.covered) > 0.7


def test_a_plan_that_could_print_too_few_recorded_people_or_names_nobody_is_refused(tmp_path):
    content = yaml.safe_load(PLAN.read_text())
    wrong = {
        "at least 10 recorded people": {"fewest_people": 9},
        "'warp-parts' is not rendered": {"primary": {"generator": "warp-parts"}},
        "'our' is unknown": {"primary": {"generator": "warp-dense", "first": "our"}},
    }
    for text, change in wrong.items():
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump(content | change))
        with pytest.raises(NvfairError, match=text):
            Plan.read(tmp_path / "plan.yaml")


def test_every_opening_in_the_committed_log_names_a_plan_and_the_last_is_the_committed_one():
    entries = read_log(LOG)
    if not entries:
        pytest.skip("the tracks have not been read yet: there is no log")
    assert all(len(entry["plan_sha256"]) == 64 for entry in entries)
    assert entries[-1]["plan_sha256"] == read_plan(PLAN).sha256


@pytest.fixture(scope="module")
def stand_ins(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("stand-ins")
    write_stand_ins(folder, people=3, clips=2, sessions=1, frames=61, seed=9)
    return folder


def tiny_plan(path: Path, **changes: object) -> Path:
    content = yaml.safe_load(PLAN.read_text())
    content |= {"people": "simulated", "fewest_people": 3, "fewest_clips": 2, "faces": {"seed": 1, "count": 2}}
    content |= {"generators": ["warp-dense"], "resamples": 50, "coverage": {"experiments": 10, "resamples": 50}}
    content["published"] = content["published"][:2]
    content["exploratory"] = [row for row in content["exploratory"] if row["generator"] == "warp-dense"]
    path.write_text(yaml.safe_dump(content | changes))
    return path


def test_the_whole_way_leaves_aggregates_alone(stand_ins, tmp_path, monkeypatch):
    skip_without_landmarker()
    if not MODELS.is_dir():
        pytest.skip(f"the published networks are not on this machine ({MODELS})")
    page, log, work = (tmp_path / name for name in ("page.md", "log.jsonl", "work"))
    page.write_text(f"# Page\n\n{BEGIN}\n{END}\n\nThe end.\n")
    arguments = (stand_ins, tiny_plan(tmp_path / "plan.yaml"), MODELS, log, page, work)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(command, "score_all", interrupt)
        with pytest.raises(KeyboardInterrupt):
            command.run_study(*arguments)
    videos = sorted((work / "dataset").rglob("*.mp4"))
    assert len(videos) > 12
    assert work.stat().st_mode & 0o077 == 0
    command.run_study(*arguments)

    assert not work.exists()
    entries = read_log(log)
    assert [(entry["opening"], entry["event"]) for entry in entries] == [(1, "tracks read"), (1, "figures")]
    counts = entries[1]["counts"]
    assert (counts["people"], counts["clips"], counts["genuine_trials"]) == (3, 6, 6)
    assert len(entries[1]["methods"]) == 2 + 1 + 2 + 7
    text = page.read_text()
    assert text.startswith("# Page")
    assert text.endswith("The end.\n")
    assert "**Primary endpoint** (ours - mean of the published, warp-dense, mean AUC)" in text
    for row in entries[1]["methods"]:
        assert f"{row['mean'][0]:.3f}" in text
    # Nobody is named and no clip is.
    assert "stand-in" not in text + json.dumps(entries)


def test_too_few_people_other_weights_and_a_strange_folder_are_refused_before_anything_is_read(stand_ins, tmp_path):
    if not MODELS.is_dir():
        pytest.skip(f"the published networks are not on this machine ({MODELS})")
    log, work = tmp_path / "log.jsonl", tmp_path / "work"
    many = tiny_plan(tmp_path / "many.yaml", fewest_people=4)
    with pytest.raises(NvfairError, match="only 3 people are left"):
        command.run_study(stand_ins, many, MODELS, log, None, work)
    other = tiny_plan(tmp_path / "other.yaml", our_sha256="0" * 64)
    with pytest.raises(NvfairError, match="as the plan says"):
        command.run_study(stand_ins, other, MODELS, log, None, work)
    work.mkdir()
    with pytest.raises(NvfairError, match="not of this study"):
        command.run_study(stand_ins, tiny_plan(tmp_path / "plan.yaml"), MODELS, log, None, work)
    assert not log.exists()


def test_the_figures_in_the_readme_are_those_of_the_last_opening():
    entries = [entry for entry in read_log(LOG) if entry["event"] == FIGURES]
    if not entries:
        pytest.skip("the tracks have not been read yet: there is no log")
    rows = {row["method"]: row for row in entries[-1]["methods"] if row["generator"] == "warp-dense"}
    readme = (ROOT / "README.md").read_text()
    for name in ("ours", "published", "pretrained:temporal-cnn", "head pose only", "driver's face width"):
        assert f"| {figure_text(rows[name]['mean'])} | {figure_text(rows[name]['pooled'])} |" in readme, name
    primary = entries[-1]["primary"]
    assert f"{difference_text(primary)}, p = {primary['p_value']:.3f}" in readme
