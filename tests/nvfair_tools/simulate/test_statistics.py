import csv
import json

import numpy as np
import pytest

from nvfair_tools.simulate.base_mesh import base_mesh
from nvfair_tools.simulate.calibration.fit import measure_simulated, motion_auc, same_person_auc, shape_auc
from nvfair_tools.simulate.rig import STATE, Camera, Rig
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.statistics import (
    SIGNALS,
    STATISTICS,
    clip_statistics,
    count_blinks,
    motion_signals,
    resample_values,
    share_between_people,
)
from tests.mediapipe_here import skip_without_face_mesh

# Medians over 113 real clips of 78 people, and how far a simulated median may lie from them.
REAL_MEDIANS = {
    "mouth_open/std": 0.058,
    "mouth_open/vel_rms": 0.812,
    "mouth_open/centroid_hz": 1.87,
    "mouth_width/std": 0.0476,
    "mouth_width/vel_rms": 0.453,
    "lip_corner_left/std": 0.0266,
    "lip_corner_right/std": 0.0272,
    "brow_left/std": 0.0185,
    "brow_left/vel_rms": 0.227,
    "eye_left/std": 0.0143,
    "eye_left/vel_rms": 0.203,
    "jaw_drop/std": 0.0413,
    "jaw_drop/vel_rms": 0.456,
    "roll/std": 1.0536,
    "roll/vel_rms": 8.45,
    "yaw_proxy/std": 0.0713,
    "pitch_proxy/std": 0.0555,
    "head_x/std": 0.0527,
    "head_y/std": 0.0513,
    "scale/std": 0.0124,
    "blinks_per_min": 15.1,
}


def wave(frames=1000, hertz=1.0, amplitude=0.2):
    """Signals of which only the first moves, as a sine."""
    values = np.ones((frames, len(SIGNALS)))
    values[:, 0] += amplitude * np.sin(2 * np.pi * hertz * np.arange(frames) / 25.0)
    return values


def test_a_sine_has_the_statistics_that_its_formula_says():
    statistics = clip_statistics(wave())
    assert statistics["mouth_open/std"] == pytest.approx(0.2 / np.sqrt(2), rel=1e-3)
    # Differences of a sampled sine fall short of its derivative by sin(x)/x.
    assert statistics["mouth_open/vel_rms"] == pytest.approx(0.2 * 50 * np.sin(np.pi / 25) / np.sqrt(2), rel=1e-3)
    assert statistics["mouth_open/centroid_hz"] == pytest.approx(1.0, abs=0.02)
    # cos(2 pi t) is 0.5 at a sixth of a second: between 4 and 5 frames.
    assert statistics["mouth_open/halflife_s"] == pytest.approx(0.2)
    assert set(statistics) == set(STATISTICS)


def test_what_does_not_move_has_no_time_constant():
    statistics = clip_statistics(wave())
    assert statistics["roll/std"] == 0.0
    assert np.isnan(statistics["roll/halflife_s"])
    assert np.isnan(statistics["roll/centroid_hz"])


def test_signals_see_the_movement_that_was_made():
    states = np.zeros((50, len(STATE)))
    states[:, STATE.index("roll")] = np.linspace(0, 0.2, 50)
    states[:, STATE.index("open")] = np.linspace(0, 1, 50)
    states[:, STATE.index("x")] = np.linspace(0, 0.5, 50)
    values = motion_signals(Rig.from_shape(base_mesh()).mesh(states, Camera()))
    change = dict(zip(SIGNALS, values[-1] - values[0], strict=True))
    assert change["roll"] == pytest.approx(np.degrees(0.2), rel=1e-3)
    assert change["mouth_open"] == pytest.approx(0.2, rel=0.05)
    assert change["eye_left"] == pytest.approx(0.0, abs=1e-3)
    assert change["scale"] == pytest.approx(0.0, abs=1e-3)


def test_landmarks_give_the_mesh_signals_where_they_hold_the_points():
    mesh = Rig.from_shape(base_mesh()).mesh(np.random.default_rng(0).normal(0, 0.1, (20, len(STATE))))
    points = [454, 234, 10, 4, 152, 374, 386, 145, 159, 334, 105, 291, 61, 14, 13, 263, 33]
    np.testing.assert_allclose(motion_signals(mesh[:, points, :2], points), motion_signals(mesh))
    without = [168 if p == 10 else p for p in points]
    other = motion_signals(mesh[:, without, :2], without)
    same = [n for n, name in enumerate(SIGNALS) if name != "pitch_proxy"]
    np.testing.assert_allclose(other[:, same], motion_signals(mesh)[:, same])
    with pytest.raises(ValueError, match="152"):
        motion_signals(mesh[:, :20, :2], range(20))


def test_short_closures_of_both_eyes_are_blinks_and_long_ones_are_not():
    aperture = np.ones((300, 2))
    aperture[50:54] = 0.1
    aperture[100:104, 0] = 0.0  # a wink leaves the mean at half
    aperture[200:240] = 0.1
    aperture[296:] = 0.2
    assert count_blinks(aperture) == 2
    assert count_blinks(np.ones((30, 2))) == 0


def test_the_share_between_people_is_that_of_the_variances():
    random = np.random.default_rng(5)
    people = np.repeat(np.arange(400), 5)
    for share in (0.0, 0.3, 0.8):
        log = np.sqrt(share) * random.standard_normal(400)[people] + np.sqrt(1 - share) * random.standard_normal(2000)
        estimated = share_between_people({"x": np.exp(log)}, list(map(str, people)))["x"]
        assert estimated == pytest.approx(share, abs=0.06)


def test_people_with_fewer_than_three_clips_say_nothing_about_shares():
    assert np.isnan(share_between_people({"x": np.arange(1.0, 7.0)}, ["a", "a", "b", "b", "c", "c"])["x"])


def test_resampling_keeps_time():
    time = np.array([0.0, 0.1, 0.15, 0.3, 0.4])
    values = np.stack([time, 2 * time], axis=1)
    resampled = resample_values(values, time)
    np.testing.assert_allclose(resampled[:, 0], np.arange(11) / 25.0, atol=1e-12)
    np.testing.assert_allclose(resampled[:, 1], 2 * resampled[:, 0])


def test_pairs_are_ranked_as_scikit_learn_ranks_them():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(1)
    people = np.repeat(np.arange(8), 4)
    features = random.standard_normal((8, 3))[people] + random.standard_normal((32, 3))
    first, second = np.triu_indices(32, 1)
    score = -np.linalg.norm(features[first] - features[second], axis=1)
    expected = metrics.roc_auc_score(people[first] == people[second], score)
    assert same_person_auc(features, people) == pytest.approx(expected, abs=1e-9)


@pytest.fixture(scope="module")
def measured():
    """Measured clips of 60 people at three difficulties."""
    source = SourceSettings(
        name="sim-crema", train=60, validation=0, test=0, emotions=("neutral", "happy", "sad", "angry")
    )
    return {
        difficulty: measure_simulated(CohortSettings(sources=(source,), clips=5, frames=125, difficulty=difficulty))
        for difficulty in (0.1, 0.5, 0.9)
    }


@pytest.mark.parametrize("name", sorted(REAL_MEDIANS))
def test_simulated_medians_are_near_the_real_ones(measured, name):
    assert np.nanmedian(measured[0.5].statistics[name]) == pytest.approx(REAL_MEDIANS[name], rel=0.35)


def test_hand_made_statistics_and_face_shape_tell_simulated_people_apart_about_as_well_as_real_ones(measured):
    # Real clips: 0.63 to 0.68 and 0.907.
    assert 0.62 < motion_auc(measured[0.5]) < 0.74
    assert 0.85 < shape_auc(measured[0.5]) < 0.95


def test_difficulty_moves_what_motion_tells(measured):
    easy, default, hard = (motion_auc(measured[difficulty]) for difficulty in (0.1, 0.5, 0.9))
    assert easy > default + 0.05
    assert default > hard + 0.05
    assert hard == pytest.approx(0.52, abs=0.06)


@pytest.mark.soak
def test_on_real_clips_the_statistics_are_those_recorded(shared):
    """The clips are 48 of the 113 behind the record, so medians agree roughly (not for the head)."""
    skip_without_face_mesh()  # of which the record is
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.media.decoding import decode

    record = json.loads((shared / "motion_statistics.json").read_text(encoding="utf-8"))
    with open(shared / "clips" / "clips.csv", encoding="utf-8", newline="") as file:
        clips = [row["path"] for row in csv.DictReader(file) if row["collection"] != "hard"]
    landmarker = create_landmarker("facemesh")
    statistics, correlations = [], []
    for clip in clips:
        landmarker.start()
        tracked = [(frame.time, landmarker.find(frame.image)) for frame in decode(shared / "clips" / clip)]
        meshes = np.array([faces[0] for _, faces in tracked if faces])
        values = motion_signals(resample_values(meshes, np.array([time for time, faces in tracked if faces])))
        statistics.append(clip_statistics(values))
        correlations.append(np.corrcoef(values.T))
    landmarker.close()
    for name in STATISTICS:
        if name.startswith(("mouth", "jaw", "pitch", "lip")) and name.endswith(("std", "vel_rms")):
            ours = np.median([clip_values[name] for clip_values in statistics])
            assert ours == pytest.approx(record["percentiles"][name][2], rel=0.25), name
    index = [SIGNALS.index(name) for name in record["mean_correlation"]["signals"]]
    ours = np.nanmean(correlations, axis=0)[np.ix_(index, index)]
    assert np.abs(ours - np.array(record["mean_correlation"]["matrix"])).max() < 0.2
