"""The study of verification: bounds from the formula of no errors, counts by hand, and who drives whom."""

from __future__ import annotations

import csv
from pathlib import Path

import pandas as pd
import pytest

from examples.studies.verification.footage import prepare
from examples.studies.verification.outcomes import CASES, ranking, table, upper_bound
from tests.nvfair_tools.clips import face_clip


@pytest.mark.parametrize("tries", [3, 24, 72])
def test_without_errors_the_bound_is_that_of_the_formula(tries: int) -> None:
    assert upper_bound(0, tries) == pytest.approx(1 - 0.05 ** (1 / tries))
    assert upper_bound(tries, tries) == upper_bound(0, 0) == 1.0


def test_outcomes_are_counted_by_case_and_person() -> None:
    own, other = "this person on the own face", "another person on this face"
    rows = [(own, "a", "match", -0.5)] * 3 + [(own, "b", "no_match", -1.5), (own, "b", "unlike_training", -1.0)]
    rows += [(other, "a", "no_match", -1.2)] * 2 + [(other, "b", "match", -0.9)]
    answers = pd.DataFrame(rows, columns=["case", "person", "outcome", "score"]).assign(kind="cross")
    counted = {row.case: row for row in table(answers)}
    assert set(counted) == set(CASES)
    right, wrong = counted[own], counted[other]
    assert (right.videos, right.match, right.no_match, right.no_answer, right.wrong) == (5, 3, 1, 1, 1)
    assert (right.people, right.people_wrong) == (2, 1)
    assert (wrong.videos, wrong.match, wrong.wrong, wrong.people_wrong) == (3, 1, 1, 1)
    assert right.upper == pytest.approx(upper_bound(1, 4))
    # -0.5 (three times) is above all impostors, -1.0 above two of three, -1.5 above none.
    assert ranking(answers.assign(kind=["real"] * 2 + ["cross"] * 6).iloc[2:])["reenactments"] == pytest.approx(5 / 9)


def test_clips_that_enrol_drive_nobody_and_halves_share_no_frame(tmp_path: Path) -> None:
    clips, study = tmp_path / "clips", tmp_path / "study"
    names = {"X1": ["neutral", "angry"], "X2": ["neutral", "happy"], "long1": [""], "long2": [""], "short": [""]}
    clips.mkdir()
    rows = []
    for person, emotions in names.items():
        for emotion in emotions:
            frames = 40 if emotion or person == "short" else 130
            name = f"{person}_front_{emotion}_1.mp4" if emotion else f"{person}.mp4"
            face_clip(clips / name, frames=frames, size=64)
            rows.append([name, person, "mead" if emotion else "web", "25/1", frames])
    with open(clips / "clips.csv", "w", newline="") as file:
        csv.writer(file).writerows([["path", "person", "collection", "fps", "frames"], *rows])
    study.mkdir()
    recipe = prepare(clips, study)
    assert prepare(clips, study) == recipe
    pairs = pd.read_csv(study / "pairs.csv")
    enrolled = pd.read_csv(study / "enrolled.csv")
    drives = {"X1_front_angry_1.mp4", "X2_front_happy_1.mp4", "short.mp4"}
    assert set(pairs["clip"]) == drives | {f"long{n}-{half}.mp4" for n in (1, 2) for half in "ab"}
    assert set(enrolled[enrolled["split"] == "test"]["path"].map(lambda path: Path(path).name)) == {
        "X1_front_neutral_1.mp4",
        "X2_front_neutral_1.mp4",
    }
    # The short clip's person is not enrolled, so drives others alone; nobody drives a face of the other split.
    assert "web:short" not in set(pairs["target"]) | set(enrolled["identity"])
    assert set(pairs[pairs["driver"].isin(["mead:x1", "mead:x2"])]["target"]) == {"mead:x1", "mead:x2"}
