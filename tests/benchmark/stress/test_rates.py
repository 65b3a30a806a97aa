"""Error rates under stress, on videos whose scores follow by hand from angles that the tests choose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmark
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.stress.driverless import AS_ITSELF, AS_OWNER, OTHER_MOUTH, OWN_MOUTH, mixed_rows, sound_rows
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rate_tests import run_rate_tests
from benchmark.stress.rates import GROUPS, IMITATION, SPEECH, UNSTRESSED, StressRate, Threshold
from benchmark.stress.split_trials import age_group, group_rows, speech_rows
from benchmark.stress.stressed_cell import StressedCell
from benchmark.stress.tracks import ChangedTracks, Track
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark.stress.angle_world import PROTOCOL, Angle, score, write_angles

# Genuine pairs differ by 4, 20, 16 and 4 degrees; impostor pairs by 11, 26, 27, 30, 31, 40, 56, 56, 60, 60, 86 and 90.
ANGLES = {
    ("A", "A"): [0, 4, 20],
    ("B", "A"): [31, 60],
    ("B", "B"): [100, 104],
    ("A", "B"): [130, 160, 190],
}


def stressed(dataset: Dataset, validation: np.ndarray | None = None) -> StressedCell:
    return StressedCell(dataset, Angle(), PROTOCOL, "alpha", dataset.videos, validation)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    spoken = {"A-0": "x", "A-1": "x", "A-2": "y", "B-0": "x"}
    return write_angles(tmp_path_factory.mktemp("angles") / "set", ANGLES, content=spoken)


def test_the_threshold_accepts_at_most_its_share_of_impostors(dataset: Dataset) -> None:
    cell = stressed(dataset)
    # A quarter of twelve is three: 11, 26 and 27 degrees; the next, 30, is rejected.
    assert score(30.5) < cell.threshold.value < score(27)
    row = cell.unstressed_row()
    assert (row.genuine, row.impostor, row.people) == (4, 12, 2)
    assert (row.fnmr, row.fmr) == (0.0, 0.25)
    assert row.rule == "FMR at most 0.25 on the unstressed trials"


def test_validation_people_set_the_threshold_where_there_are_any(dataset: Dataset) -> None:
    validation = np.array([score(degrees) for degrees in (12, 15, 60, 70)])
    cell = stressed(dataset, validation)
    assert score(15) < cell.threshold.value < score(12)
    row = cell.unstressed_row()
    assert (row.fnmr, row.fmr) == (0.5, 1 / 12)  # 20 and 16 degrees are rejected, 11 is accepted
    assert row.rule == "FMR at most 0.25 on validation people"
    assert Threshold.choose(np.array([score(90)]), 0.25, np.empty(0)).rule.endswith("unstressed trials")


def test_a_change_of_one_side_is_not_a_change_of_both(dataset: Dataset) -> None:
    def later(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        return points + np.float32([15, 0]), valid, time

    cell = stressed(dataset, np.array([score(degrees) for degrees in (12, 28.5, 60, 70)]))  # accepts below 28.5
    probe, enrolment, both = cell.changed_rows(
        "re-encoding", "15 degrees", ChangedTracks.of(dataset, later), ("probe", "enrolment", "both")
    )
    # Probe minus enrolled is 15 degrees more: genuine 19, 35, 31, 19; of the impostors only 11 + 15 is below.
    assert (probe.fnmr, probe.fmr) == (0.5, 1 / 12)
    # 15 degrees less: genuine -11, 5, 1, -11; impostors -4, 11, 12, 15, 16, 25, 41, 41, 45, 45, 71, 75.
    assert (enrolment.fnmr, enrolment.fmr) == (0.0, 0.5)
    plain = cell.unstressed_row()
    assert replace(both, test=UNSTRESSED, case=plain.case, side="") == plain
    assert [row.side for row in (probe, enrolment, both)] == ["probe", "enrolment", "both"]


def test_a_video_that_is_lost_on_one_side_loses_the_trials_of_that_side(dataset: Dataset) -> None:
    def blind(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        return points, valid & (video != "A-A-2"), time

    rows = stressed(dataset).changed_rows(
        "re-encoding", "blind", ChangedTracks.of(dataset, blind), ("probe", "enrolment", "both")
    )
    # It is the second of two genuine pairs, and the first of two impostor pairs.
    assert [(row.genuine, row.impostor, row.lost) for row in rows] == [(2, 12, 2), (4, 10, 2), (2, 10, 4)]


def test_trials_are_split_by_spoken_content(dataset: Dataset) -> None:
    same, different, hard, easy = speech_rows(stressed(dataset), RatePlan())
    # B's second clip is unknown: one genuine pair and six impostor pairs are in no row.
    assert "7 trials" in same.note
    assert (same.genuine, same.fnmr, same.impostor, same.fmr) == (1, 0.0, 4, 0.25)  # 4; 31, 27, 30, 60 degrees
    assert (different.genuine, different.fnmr, different.impostor, different.fmr) == (2, 0.0, 2, 0.5)  # 20, 16; 11, 90
    assert (hard.genuine, hard.impostor) == (2, 4)
    assert (easy.genuine, easy.impostor) == (1, 2)
    silent = replace(dataset, videos=dataset.videos.assign(content=None))
    (row,) = speech_rows(stressed(silent), RatePlan())
    assert "what is spoken" in row.skipped


def test_groups_have_rates_from_ten_people_on(tmp_path: Path) -> None:
    people = [f"p{n:02d}" for n in range(19)]
    # Three of the first ten differ from themselves by 58 degrees, everybody else by 5.
    angles = {(person, person): [0, 58 if n < 3 else 5] for n, person in enumerate(people)}
    # Impostors differ by 2 (6 pairs), 40 (13), 45 (13) and 55 to 60 degrees (44).
    angles |= {(people[(n + 1) % 19], person): [45 if 3 <= n < 16 else 60, 60] for n, person in enumerate(people)}
    gender = {person: {"gender": "f" if n < 10 else "m", "age": "31" if n else None} for n, person in enumerate(people)}
    rows = {row.case: row for row in group_rows(stressed(write_angles(tmp_path / "set", angles, gender)), RatePlan())}
    # A quarter of 76 is 19: those of 2 and of 40 degrees, so that 58 degrees are rejected.
    women, men, everybody = rows["gender: f"], rows["gender: m"], rows["collection: toy"]
    assert (women.people, women.genuine, women.impostor) == (10, 10, 40)
    assert (women.fnmr, women.fmr) == (0.3, 13 / 40)
    assert (everybody.fnmr, everybody.fmr) == (3 / 19, 0.25)
    assert (men.people, men.genuine, men.fnmr, men.fmr, men.auc) == (9, 9, None, None, None)
    assert men.note == "blank: FNMR of 9 people, FMR of 9 people; at least 10 are needed"
    # The tenth woman's impostor is a man: nine are left for the rate within the group.
    within = rows["gender: f, impostors of the same group"]
    assert (within.fnmr, within.fmr, within.impostor) == (0.3, None, 36)
    assert rows["age: 30–39"].people == 18


@pytest.mark.parametrize(
    ("age", "group"), [("24", "20–29"), ("30.0", "30–39"), ("9", "0–9"), (" old ", "old"), ("", None), (None, None)]
)
def test_ages_in_years_are_grouped_by_decade(age: str | None, group: str | None) -> None:
    assert age_group(age) == group


def test_videos_that_sound_drives_are_accepted_where_they_look_like_the_enrolled(tmp_path: Path) -> None:
    dataset = write_angles(tmp_path / "set", {**ANGLES, ("A", "A"): [0, 4, 50]})
    owner, itself = sound_rows(stressed(dataset), RatePlan(texts=3))
    # Impostors differ by 10, 19, 26, 27, ...: three are accepted. A face that speaks stands at its first video's angle:
    # 0 for A (enrolled 0, 4, 50), 130 for B (enrolled 100, 104), so 3 of 5 enrolled videos accept each of 3 texts.
    assert (owner.case, owner.genuine, owner.impostor, owner.lost) == (AS_OWNER, 0, 15, 0)
    assert owner.fmr == 0.6
    assert owner.fnmr is None
    assert (itself.case, itself.impostor, itself.fmr) == (AS_ITSELF, 6, 1.0)


def test_a_mixed_video_is_compared_with_clips_that_are_no_part_of_it(tmp_path: Path) -> None:
    angles = {("A", "A"): [0, 0, 0], ("B", "A"): [35, 35], ("B", "B"): [100, 100], ("A", "B"): [150] * 3}
    rows = {row.case: row for row in mixed_rows(stressed(write_angles(tmp_path / "set", angles)), RatePlan())}
    # The method looks at a point of the upper face. One of A's three and one of B's two clips is part of the video.
    assert {case: (row.impostor, row.fmr) for case, row in rows.items()} == {OWN_MOUTH: (3, 0.0), OTHER_MOUTH: (3, 1.0)}


def test_an_interrupted_run_goes_on_where_it_stopped(dataset: Dataset, tmp_path: Path) -> None:
    class Counted(Angle):
        embedded = 0

        def embed(self, batch: WindowBatch) -> np.ndarray:
            Counted.embedded += 1
            return super().embed(batch)

    plan = RatePlan(tests=(IMITATION, SPEECH, GROUPS))
    rows = run_rate_tests(dataset, Counted(), PROTOCOL, plan, store=tmp_path)
    first = Counted.embedded
    assert run_rate_tests(dataset, Counted(), PROTOCOL, plan, store=tmp_path) == rows
    assert Counted.embedded == first
    # Another test is run beside the finished ones; a damaged file, another plan and another method are made again.
    run_rate_tests(dataset, Counted(), PROTOCOL, replace(plan, tests=("disguise",)), store=tmp_path)
    assert Counted.embedded > first
    for path in (tmp_path / "rows").iterdir():
        path.write_text("{")
    assert run_rate_tests(dataset, Counted(), PROTOCOL, plan, store=tmp_path) == rows
    before = Counted.embedded
    run_rate_tests(dataset, Counted(), PROTOCOL, replace(plan, seed=1), store=tmp_path)
    assert Counted.embedded > before


def test_an_evaluation_has_the_rates_in_its_results_and_its_page(dataset: Dataset, tmp_path: Path) -> None:
    results = benchmark.evaluate(dataset, Angle(), out=tmp_path, protocols=PROTOCOL, stress="quick")
    assert results.stress_rates == run_rate_tests_as_tuple(dataset)
    assert benchmark.read_results(tmp_path / "results.json").stress_rates == results.stress_rates
    assert "Error rates under stress" in (tmp_path / "index.html").read_text()
    assert len(list((tmp_path / "stress" / "rows").iterdir())) == 6  # those that could be run
    plain = benchmark.evaluate(dataset, Angle(), protocols=PROTOCOL)
    assert "stress_rates" not in plain.to_json()


def run_rate_tests_as_tuple(dataset: Dataset) -> tuple[StressRate, ...]:
    return tuple(run_rate_tests(dataset, Angle(), PROTOCOL, RatePlan.quick()))


def test_a_method_that_has_touched_test_people_is_refused(dataset: Dataset) -> None:
    class Trained(Angle):
        declaration = replace(Declaration.untrained(), training=RoleExposure(frozenset({"A"}), frozenset({"beta"})))

    with pytest.raises(Problems, match=r"1 test person was in training: A"):
        benchmark.stress_test(dataset, Trained(), protocol=PROTOCOL, tests=[GROUPS])
    rows = benchmark.stress_test(dataset, Trained(), protocol=PROTOCOL, tests=[GROUPS], allow_overlap=True)
    assert [row.test for row in rows][:2] == [UNSTRESSED, GROUPS]


def test_tests_that_cannot_be_run_say_why_and_the_others_run(dataset: Dataset) -> None:
    rows = run_rate_tests(dataset, Angle(), PROTOCOL, RatePlan.quick())
    skipped = {row.test: row.skipped for row in rows if row.skipped}
    assert set(skipped) == {"re-encoding", "imitation"}
    assert "landmarks only" in skipped["re-encoding"]
    assert "simulated" in skipped["imitation"]
    assert {row.test for row in rows} >= {"disguise", "mixed drivers", "driven by sound", "speech content"}
    assert [StressRate.from_json(json.loads(json.dumps(row.to_json()))) for row in rows] == rows
    with pytest.raises(NvfairError, match="no stress test 'noise'"):
        RatePlan(tests=("noise",))
    with pytest.raises(NvfairError, match="'beta' has no test video"):
        run_rate_tests(dataset, Angle(), PROTOCOL, generators=["beta"])
