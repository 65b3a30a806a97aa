"""Comparison of worlds with real people by hand-made statistics."""

import json

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.simulate.base_mesh import base_mesh
from nvfair_tools.simulate.calibration.comparison import (
    FEATURES,
    FITTED,
    LEFT_OUT,
    clip_features,
    compare_world,
    comparison_table,
    misfit,
    pooled_aucs,
    separation,
    statistics_lines,
)
from nvfair_tools.simulate.calibration.fit import MotionMeasurements, measure_tracks, motion_auc
from nvfair_tools.simulate.calibration.real_clips import RealTrack, read_statistics, real_clip_lines, track_real_clips
from nvfair_tools.simulate.rig import STATE, Rig
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.statistics import STATISTICS
from tests.mediapipe_here import skip_without_landmarker

REAL = {
    "percentiles": {name: [0.5, 1.0, 2.0, 4.0, 8.0] for name in STATISTICS},
    "share_of_variance_between_people": dict.fromkeys(STATISTICS, 0.5),
}


@pytest.fixture(scope="module")
def tracks():
    """Tracks of 5 people with 3 clips each: heads that turn by different amounts, of different widths."""
    random = np.random.default_rng(7)
    meshes, people = [], []
    for person in range(5):
        shape = base_mesh() * np.array([1.0 + 0.06 * person, 1.0, 1.0])
        for _ in range(3):
            states = 0.03 * random.standard_normal((60, len(STATE)))
            states[:, STATE.index("yaw")] *= 1 + 2 * person
            meshes.append(Rig.from_shape(shape).mesh(states))
            people.append(f"p{person}")
    return meshes, people


def test_a_third_of_the_statistics_is_left_out_and_no_signal_is_divided():
    assert len(LEFT_OUT) == 20
    assert len(FITTED) == 41
    assert not {name.split("/")[0] for name in LEFT_OUT} & {name.split("/")[0] for name in FITTED}


def test_separation_is_scikit_learns_auc_with_ties():
    metrics = pytest.importorskip("sklearn.metrics")
    random = np.random.default_rng(0)
    genuine, impostor = random.integers(0, 8, 60).astype(float), random.integers(2, 12, 90).astype(float)
    labels = np.concatenate([np.ones(60), np.zeros(90)])
    expected = metrics.roc_auc_score(labels, -np.concatenate([genuine, impostor]))
    assert separation(genuine, impostor) == pytest.approx(expected, abs=1e-12)


def test_pooled_aucs_see_what_differs_between_people(tracks):
    aucs = pooled_aucs(*tracks)
    assert set(aucs) == set(FEATURES)
    assert aucs["mean face shape"][0] > 0.9  # each person's face has a width of its own
    assert aucs["head pose"][0] > 0.75
    assert all(error > 0 for _, error in aucs.values())
    assert aucs["motion statistics"][0] == pytest.approx(motion_auc(measure_tracks(*tracks)), abs=1e-12)


def test_features_of_a_face_that_is_moved_and_magnified_stay(tracks):
    mesh = tracks[0][0]
    usual, moved = clip_features(mesh), clip_features(2.0 * mesh)
    for name in FEATURES:
        np.testing.assert_allclose(moved[name], usual[name], atol=1e-9)
    shifted = clip_features(mesh + np.array([5.0, -3.0, 0.0]))
    np.testing.assert_allclose(shifted["mean face shape"], usual["mean face shape"], atol=1e-9)


def test_the_misfit_is_that_of_medians_quartiles_and_shares():
    # Each of 3 people has clips at 2, 4 and 8 times one value: medians of e times the real 2, and quartiles 4 apart.
    people = np.repeat(["a", "b", "c"], 3)
    values = np.tile([np.e, 2 * np.e, 4 * np.e], 3)
    measured = MotionMeasurements(dict.fromkeys(STATISTICS, values), people, np.eye(15), np.zeros((9, 2)))
    result = misfit(measured, REAL, FITTED)
    assert result.median == pytest.approx(1.0)
    assert result.spread == pytest.approx(1.0)
    assert result.face_share == result.head_share == 0.0  # every person has the same values


SMALL = CohortSettings(
    name="small",
    sources=(SourceSettings(name="sim-x", train=2, validation=0, test=3, texts=2),),
    generators=("sim-latent",),
    clips=3,
    cross=2,
    frames=40,
)


def test_a_world_is_compared_by_its_real_clips_and_by_reenactments_of_its_test_people():
    seen = []
    compared = compare_world(SMALL, REAL, progress=lambda done, total: seen.append((done, total)))
    assert (compared.clips, compared.people) == (15, 5)
    assert seen[-1] == (15 + 3 * 3 * 3, 15 + 3 * 3 * 3)
    assert all(0.0 <= compared.same_face[name] <= 1.0 for name in FEATURES)
    table = comparison_table([compared], REAL).splitlines()
    assert len({line.count("|") for line in table}) == 1
    assert table[-1].startswith("| small | 0.")
    assert len(statistics_lines(compared, REAL).splitlines()) == 2 + len(STATISTICS)


@pytest.mark.parametrize(
    "change", [{"clips": 2}, {"sources": (SourceSettings(name="x", train=2, validation=0, test=0),)}]
)
def test_a_world_with_too_few_clips_or_people_is_refused(change):
    with pytest.raises(NvfairError, match="too few"):
        compare_world(SMALL.model_copy(update=change), REAL)


def test_statistics_are_read_and_every_gap_is_named(tmp_path):
    path = tmp_path / "real.json"
    path.write_text(json.dumps(REAL))
    assert read_statistics(path) == REAL
    broken = json.loads(json.dumps(REAL))
    del broken["percentiles"]["roll/std"]
    broken["share_of_variance_between_people"]["scale/std"] = [1, 2]
    path.write_text(json.dumps(broken))
    with pytest.raises(NvfairError) as error:
        read_statistics(path)
    assert "roll/std" in str(error.value)
    assert "scale/std" in str(error.value)
    path.write_text("no json")
    with pytest.raises(NvfairError, match="JSON"):
        read_statistics(path)


def test_real_clips_are_compared_as_a_whole_and_within_a_collection(tracks):
    meshes, people = tracks
    collections = ["studio"] * 9 + ["street"] * 6
    rows = [RealTrack(person, c, mesh) for person, c, mesh in zip(people, collections, meshes, strict=True)]
    lines = real_clip_lines(rows)
    assert [line.split(":")[0] for line in lines] == [
        "real clips, all pairs (15 clips of 5 people)",
        "real clips, pairs within studio (9 clips of 3 people)",
    ]


def test_a_clip_list_without_its_columns_is_refused(tmp_path):
    (tmp_path / "clips.csv").write_text("path,name\n")
    with pytest.raises(NvfairError, match="person, collection"):
        track_real_clips(tmp_path)


@pytest.mark.slow
def test_clips_of_a_folder_are_tracked(shared, tmp_path):
    skip_without_landmarker()
    names = [
        f"{person}_front_{emotion}_level3_001.mp4"
        for person in ("M030", "W009", "W011")
        for emotion in ("angry", "fear")
    ]
    rows = "".join(f"{shared}/clips/mead/{name},{name[:4]},mead\n" for name in names)
    (tmp_path / "clips.csv").write_text(f"path,person,collection\n{rows}")
    tracks = track_real_clips(tmp_path)
    assert [track.person for track in tracks] == ["M030", "M030", "W009", "W009", "W011", "W011"]
    assert all(track.mesh.shape[1:] == (478, 3) for track in tracks)
