"""Limits of clips: how a recipe states them, what breaks them, and what the table and the sentences say."""

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from nvfair_tools.errors import NvfairError
from nvfair_tools.quality.clip_limits import CHECKS, LIMITS, broken_checks
from nvfair_tools.quality.clip_measures import MEASURES
from nvfair_tools.quality.clip_table import (
    CLIP_SCHEMA,
    identity_sentences,
    read_clip_table,
    summarise_clips,
    without_person,
    write_clip_table,
)
from nvfair_tools.recipe.quality_rule import DEFAULT_LIMITS, ClipCheckRule

GOOD = {"face_size": 150.0, "whole_share": 1.0, "yaw": 10.0, "pitch": 5.0, "roll": 5.0, "sharpness": 0.3,
        "luminance": 120.0, "dark_share": 0.0, "bright_share": 0.0, "repeated_share": 0.0, "frozen_seconds": 0.0,
        "jitter": 0.001, "frame_cosine": 0.8}  # fmt: skip


def rule(**content: object) -> ClipCheckRule:
    return ClipCheckRule.model_validate(content)


def broken(measures: dict[str, float], flags: tuple[str, ...] = (), **content: object) -> list[tuple[str, str, str]]:
    """(check, flag, action) of what a clip breaks."""
    return [(check.check, check.flag, check.action) for check in broken_checks(GOOD | measures, flags, rule(**content))]


def test_every_check_with_a_limit_has_a_default_and_a_measure():
    assert set(LIMITS) == set(DEFAULT_LIMITS)
    assert {measure for measure, *_ in LIMITS.values()} <= set(MEASURES)
    assert set(CHECKS) <= set(ClipCheckRule.model_fields)


def test_a_check_is_a_limit_an_action_both_or_left_out():
    whole = rule(action="reject", yaw=25, pitch="flag", roll={"limit": 12}, jitter=False, people="largest", cuts="off")
    assert (whole.yaw.limit, whole.yaw.action) == (25, "reject")
    assert (whole.pitch.limit, whole.pitch.action) == (DEFAULT_LIMITS["pitch"], "flag")
    assert (whole.roll.limit, whole.roll.action) == (12, "reject")
    assert whole.jitter is None
    assert whole.cuts is None
    assert (whole.people.policy, whole.people.action) == ("largest", "reject")
    assert rule().sharpness.action == "flag"
    for wrong in ({"yaw": "perhaps"}, {"yaw": -1}, {"blur": 3}, {"people": "two"}, {"yaw": {"limits": 3}}):
        with pytest.raises(ValidationError):
            rule(**wrong)


def test_a_good_clip_breaks_nothing_and_each_limit_is_broken_just_beyond_it():
    assert broken({}) == []
    for name, (measure, is_least, flag, _) in LIMITS.items():
        limit = DEFAULT_LIMITS[name]
        assert broken({measure: limit}) == []
        assert broken({measure: limit * (0.99 if is_least else 1.01)}) == [(name, flag, "flag")]
        assert broken({measure: limit * (0.99 if is_least else 1.01)}, **{name: "reject"}) == [(name, flag, "reject")]
        assert broken({measure: limit * (0.99 if is_least else 1.01)}, **{name: False}) == []


def test_a_measure_that_is_not_known_breaks_nothing():
    assert list(broken_checks({}, (), rule())) == []


def test_cuts_and_further_faces_are_known_from_flags_and_counts():
    assert broken({}, ("hard_cut",)) == [("cuts", "hard_cut", "flag")]
    assert broken({}, ("face_jumped",), cuts="reject") == [("cuts", "face_jumped", "reject")]
    assert broken({}, ("several_faces",)) == [("people", "several_faces", "flag")]
    assert broken({"detected_several_share": 0.5}) == [("people", "several_faces", "flag")]
    several = {"several_share": 0.5, "smaller_share": 0.04}
    assert broken(several, ("several_faces",), people="largest") == []
    assert broken(several | {"detected_smaller_share": 0.25}, people="largest") == [("people", "several_faces", "flag")]


def table() -> pd.DataFrame:
    """Four clips of two names: two look alike across names, one does not look like its person."""
    empty = dict.fromkeys(MEASURES, np.nan) | {"flagged": [], "rejected": [], "measured_by": "1, -, -"}
    ann = empty | {"identity": "x:ann", "person_group": 0, "label": "confirmed", "own_cosine": 0.7}
    ann |= {"nearest_person": "x:bob", "nearest_cosine": 0.6, "other_names": ["x:bob"], "other_names_cosine": [0.65]}
    bob = {"identity": "x:bob", "label": "only_clip", "nearest_person": "x:ann", "other_names": ["x:ann"]}
    wrong = {"label": "not_confirmed", "person_group": 1, "own_cosine": 0.1, "nearest_person": "x:cy"}
    rows = [
        ann | {"clip": "1", "yaw": 10.0},
        ann | {"clip": "2", "yaw": 20.0},
        ann | wrong | {"clip": "3", "yaw": 30.0, "flagged": ["identity"]},
        ann | bob | {"clip": "4", "yaw": 50.0, "own_cosine": np.nan, "rejected": ["yaw"]},
    ]
    return pd.DataFrame(rows, columns=CLIP_SCHEMA.names)


def test_the_summary_counts_and_describes_each_check(tmp_path):
    write_clip_table(tmp_path / "clips.parquet", table())
    rows = read_clip_table(tmp_path / "clips.parquet")
    summary = summarise_clips(rows, rule(roll=False).model_dump()).set_index("check")
    assert summary.loc["yaw", ["limit", "measured", "flagged", "rejected"]].tolist() == ["≤ 40", 4, 0, 1]
    assert summary.loc["yaw", ["p5", "median", "p95"]].tolist() == pytest.approx([11.5, 25, 47])
    assert summary.loc["identity", ["measured", "flagged"]].tolist() == [3, 1]
    assert summary.loc["sharpness", "measured"] == 0
    assert "roll" not in summary.index


def test_every_pair_is_named():
    text = "\n".join(identity_sentences(table(), rule().model_dump(), {"3": "party.mp4"}))
    assert "verified by faces in 4 of 4 clips. Confirmed by other clips of the person: 2," in text
    assert "Two people under one name, x:ann: 1, 2 | party.mp4." in text
    assert "Two names for one person: x:ann and x:bob (cosine 0.65)." in text
    assert "x:cy" not in text  # a clip of another person is not a second name


def test_without_a_network_the_sentence_says_that_identity_was_not_verified():
    unseen = table().assign(label=None)
    assert next(identity_sentences(unseen, rule().model_dump(), {})).startswith("Identity was not verified: no")
    assert "left out" in next(identity_sentences(table(), rule(identity=False).model_dump(), {}))


def test_a_person_can_be_taken_out_of_the_table():
    left = without_person(table(), "x:ann", ["nothing"])
    assert left["clip"].tolist() == ["4"]
    assert left["nearest_person"].isna().all()
    assert left["nearest_cosine"].isna().all()
    assert [list(names) for names in left["other_names"]] == [[]]


def test_another_file_is_no_table(tmp_path):
    (tmp_path / "clips.parquet").write_text("no table")
    with pytest.raises(NvfairError, match="not a table of clips' measures"):
        read_clip_table(tmp_path / "clips.parquet")
