"""Ingest's measurements and its policy, with the reasons of both."""

from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.curate.ingest import (
    Clip,
    TrackTask,
    TrackWorker,
    apply_policy,
)
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.curate.video_paths import clip_names, original_path, reenactment_path
from nvfair_tools.files import atomic_output
from nvfair_tools.landmarks.gaps import longest_gap
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from nvfair_tools.landmarks.track import load_track
from nvfair_tools.media import MediaError
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.items import ok
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.recipe import Policy
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.clips import run_ffmpeg
from tests.nvfair_tools.moving_portraits import write_clip

GOOD = {"frames": 100, "valid": 100, "valid_share": 1.0, "longest_gap": 0.0, "flags": []}


@pytest.mark.parametrize(
    ("facts", "policy", "reason"),
    [
        ({}, {}, ""),
        ({"valid": 0, "valid_share": 0.0}, {}, "no_face"),
        ({"frames": 15}, {}, "too_short"),
        ({"frames": 16}, {}, ""),
        ({"valid": 94, "valid_share": 0.94}, {}, "low_valid_share"),
        ({"valid": 95, "valid_share": 0.95}, {}, ""),
        ({"longest_gap": 0.24}, {}, "long_gap"),
        ({"longest_gap": 0.2}, {}, ""),
        ({"flags": ["several_faces"]}, {}, ""),
        ({"flags": ["several_faces"]}, {"several_faces": "reject"}, "several_faces"),
    ],
)
def test_the_policy_names_the_first_reason_against_a_clip(facts, policy, reason):
    result = apply_policy(GOOD | facts, Policy(**policy))
    assert (result.state, result.reason) == ("rejected" if reason else "ok", reason)
    assert bool(result.detail) == bool(reason)


@pytest.mark.parametrize(
    ("valid", "expected"),
    [
        ("1111", 0.0),
        ("1011", 0.1),
        ("0111", 0.1),
        ("1100", 0.2),
        ("10110001", 0.3),
        ("0000", 0.4),
        ("", 0.0),
    ],
)
def test_a_gap_lasts_until_the_face_is_back_or_the_clip_ends(valid, expected):
    mask = np.array([mark == "1" for mark in valid], dtype=bool)
    assert longest_gap(mask, np.arange(len(valid)) * 0.1, 0.1) == pytest.approx(expected)


def test_a_gap_in_a_variable_rate_is_measured_in_seconds_not_frames():
    assert longest_gap(np.array([True, False, True]), np.array([0.0, 0.04, 1.0]), 0.04) == pytest.approx(0.96)


def test_a_cut_file_yields_its_whole_frames_only_where_they_are_asked_for(tmp_path):
    whole = write_clip(tmp_path / "a.mp4", "hopper", 0, frames=40).read_bytes()
    cut = tmp_path / "cut.mp4"
    cut.write_bytes(whole[: len(whole) * 2 // 3])
    frames = list(whole_frames(cut, keep_truncated=True))
    assert 0 < len(frames) < 40
    with pytest.raises(MediaError, match="truncated"):
        list(whole_frames(cut, keep_truncated=False))


def test_a_tracked_clip_has_the_facts_that_later_stages_need(tmp_path):
    skip_without_landmarker()
    clip = write_clip(tmp_path / "a.mp4", "astronaut", 0, frames=12)
    worker = TrackWorker(LandmarkerSpec(*chosen_landmarker(), None, None))
    track = tmp_path / ".build" / "tracks" / "a.npz"
    result = worker.run(TrackTask(clip, track, "fail"))
    assert result.state == "ok"
    facts = result.facts
    assert (facts["frames"], facts["width"], facts["fps_num"], facts["fps_den"]) == (12, 160, 25, 1)
    assert (facts["valid_share"], facts["longest_gap"], facts["flags"]) == (1.0, 0.0, [])
    assert facts["path"] == ".build/tracks/a.npz"
    assert facts["bytes"] == track.stat().st_size
    assert len(load_track(track)) == 12


def test_a_clip_whose_times_mostly_go_back_is_refused_with_what_to_do(tmp_path):
    skip_without_landmarker()
    write_clip(tmp_path / "a.mp4", "astronaut", 0, frames=24)
    run_ffmpeg("-i", tmp_path / "a.mp4", "-c:v", "mjpeg", "-q:v", "3", tmp_path / "b.mkv")
    # Every fourth frame has the time of the frame before it.
    stuck = "setts=pts='if(mod(N,4),PTS,PTS-DURATION)':dts=NOPTS"
    run_ffmpeg("-i", tmp_path / "b.mkv", "-c", "copy", "-bsf:v", stuck, "-y", tmp_path / "stuck.mkv")
    worker = TrackWorker(LandmarkerSpec(*chosen_landmarker(), None, None))
    result = worker.run(TrackTask(tmp_path / "stuck.mkv", tmp_path / ".build" / "a.npz", "fail"))
    assert (result.state, result.reason, result.retryable) == ("failed", "unusable_times", False)
    assert "of 24 frames" in result.detail
    assert "constant rate" in result.detail


def clip(id: str, identity: str, name: str) -> Clip:
    row = ClipRow(Path(name), name, identity, identity.partition(":")[0], "", "", "", "row 2")
    return Clip(id, row, "train", ok())


def test_clip_names_are_plain_and_shared_by_no_two_clips_of_a_person():
    clips = [
        clip("a" * 20, "x:1", "day 1/Über--uns.mp4"),
        clip("b" * 20, "x:1", "day1/take.mp4"),
        clip("c" * 20, "x:1", "day2/Take.mov"),
        clip("d" * 20, "x:2", "take.mp4"),
        clip("e" * 20, "x:2", "--.mp4"),
    ]
    names = clip_names(clips)
    assert list(names.values()) == ["_ber-uns", "take-bbbbbbbb", "Take-cccccccc", "take", "clip"]


def test_clip_names_fit_every_file_system(tmp_path):
    long = "a" * 90 + "-" * 3 + "b" * 150
    clips = [
        clip("a" * 20, "x:1", f"{long}.mp4"),
        clip("b" * 20, "x:1", f"{long}b.mp4"),
        clip("c" * 20, "x:1", "CON.mp4"),
        clip("d" * 20, "x:1", "aux.2.mp4"),
        clip("e" * 20, "x:1", ".part.1.mp4"),
        clip("f" * 20, "x:1", "console.mp4"),
        clip("0" * 20, "x:1", "Ünïcødé " * 30 + ".mp4"),
    ]
    names = list(clip_names(clips).values())
    assert names[:2] == ["a" * 90 + "-aaaaaaaa", "a" * 90 + "-bbbbbbbb"]
    assert names[2:6] == ["clip-CON", "clip-aux.2", "part.1", "console"]
    assert len(names[6]) <= 100
    identity = "x:" + "i" * 62  # the longest one that a list may have
    path = reenactment_path(Pair("a", identity, identity, "x", "train"), "lia", names[0].ljust(100, "z"))
    with atomic_output(tmp_path / path) as aside:
        aside.write_bytes(b"")
    assert (tmp_path / path).is_file()


def test_videos_lie_in_nvfairs_layout():
    recording = clip("a", "cremad:1001", "1001_DFA.mp4")
    assert original_path(recording, "1001_DFA") == "videos/cremad/originals/cremad_1001/1001_DFA.mp4"
    pair = Pair("a", "cremad:1001", "cremad:1002", "cremad", "train")
    assert reenactment_path(pair, "lia", "1001_DFA") == (
        "videos/cremad/lia-generated/cremad_1002/cremad_1002--1001_DFA--cremad_1001.mp4"
    )
