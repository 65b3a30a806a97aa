"""Recordings with one motion are found under any name; different ones are not."""

import numpy as np
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.leakage.copies import motion_checks
from nvfair_tools.leakage.motion_copies import MOST_DISTANCE, find_motion_copies
from nvfair_tools.leakage.motion_hash import STEP, SYMMETRIC, MotionHash, motion_hash
from tests.nvfair_tools.leakage.planted import with_copy


@pytest.mark.parametrize("same_person", [False, True])
def test_a_mirrored_smaller_later_begun_copy_is_found_under_another_name_and_under_its_own(
    clean, tmp_path, same_person
):
    driver = None if same_person else Dataset.open(clean).identities["identity"].iloc[-1]
    folder, original, copy = with_copy(clean, tmp_path / "planted", driver)
    others, own = motion_checks(Dataset.open(folder))
    check, empty = (own, others) if same_person else (others, own)
    assert (check.verdict, check.cases, empty.verdict) == ("DEFECT", 1, "ok")
    text = f"{check.named[0].key} {check.named[0].detail}"
    assert original in text
    assert copy in text
    assert "mirrored" in text
    assert "not mirrored" not in text


def test_the_offset_is_the_second_that_was_cut_off(clean, tmp_path):
    folder, original, copy = with_copy(clean, tmp_path / "planted")
    tracks = Dataset.open(folder).tracks([copy, original])
    hashes = [motion_hash(landmarks, valid, time) for _, landmarks, valid, time in tracks]
    (pair,) = find_motion_copies(hashes)
    assert (pair.first, pair.second, pair.mirrored) == (0, 1, True)
    assert pair.offset == pytest.approx(-1.0, abs=STEP)
    assert pair.overlap > 1.9


def test_recordings_of_a_clean_set_are_no_copies(clean):
    others, own = motion_checks(Dataset.open(clean))
    assert (others.verdict, own.verdict) == ("ok", "ok")
    assert not others.partial


def test_a_motion_at_another_speed_is_another_motion(clean):
    dataset = Dataset.open(clean)
    video = dataset.videos.loc[dataset.videos["kind"] == "real", "video"].iloc[0]
    rows = dataset.frames(video)
    hashes = [motion_hash(rows.landmarks, rows.valid, rows.time * factor) for factor in (1.0, 1.3)]
    assert find_motion_copies(hashes) == []


def test_blocks_do_not_matter(clean, tmp_path, monkeypatch):
    folder, _, _ = with_copy(clean, tmp_path / "planted")
    dataset = Dataset.open(folder)
    real = dataset.videos.loc[dataset.videos["kind"] == "real", "video"]
    hashes = [motion_hash(landmarks, valid, time) for _, landmarks, valid, time in dataset.tracks(real)]
    whole = find_motion_copies(hashes)
    monkeypatch.setattr("nvfair_tools.leakage.motion_copies._ROWS", 7)
    small = find_motion_copies(hashes)
    assert [(pair.first, pair.second) for pair in small] == [(pair.first, pair.second) for pair in whole]
    assert len(whole) == 1


def test_the_distance_is_that_of_the_overlap_as_a_whole_and_by_parts_of_the_face():
    """Of two signals that are laid over each other by hand; mouth, eyes and head count alike in one half of it."""
    rng = np.random.default_rng(3)
    common = np.cumsum(rng.normal(size=(150, 8)), axis=0)
    common -= common.mean(axis=0)
    first, second = common[:120], common[30:] + rng.normal(0, 0.5, (120, 8))
    hashes = [
        MotionHash(signal.astype(np.float32), np.array([anchor, anchor + 9]), np.eye(2, 72, dtype=np.float32))
        for signal, anchor in ((first, 60), (second, 30))
    ]
    (pair,) = find_motion_copies(hashes, most=1.0)
    under, over = first[30:], second[:90]
    like = [
        (under[:, part] * over[:, part]).sum() / np.sqrt((under[:, part] ** 2).sum() * (over[:, part] ** 2).sum())
        for part in (range(8), (0, 1, 4), (2, 3), (5, 6, 7))
    ]
    expected = 1 - like[0] / 2 - (like[1] + like[2] + like[3]) / 6
    assert pair.distance == pytest.approx(expected, abs=1e-4)
    assert (pair.offset, pair.overlap) == (pytest.approx(30 * STEP), pytest.approx(90 * STEP))
    assert SYMMETRIC == 6
    assert MOST_DISTANCE < 1


@pytest.mark.parametrize("frames", [0, 1, 40])
def test_too_short_a_track_has_no_hash(frames):
    landmarks = np.random.default_rng(0).uniform(0, 100, (frames, 126, 2)).astype(np.float32)
    assert motion_hash(landmarks, np.ones(frames, bool), np.arange(frames) / 25) is None


def test_without_landmarks_in_the_folder_nothing_is_passed(clean):
    dataset = Dataset.open(clean)
    away = Dataset(clean / "elsewhere", dataset.meta, dataset.identities, dataset.videos)
    for check in motion_checks(away):
        assert (check.verdict, check.explanation) == ("not checked", "no landmarks in the folder")
