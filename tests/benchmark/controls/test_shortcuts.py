"""Each shortcut finds what it is named after, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from benchmark.controls import (
    CROSSNESS,
    DESCRIPTIONS,
    LENGTH,
    ORIGIN,
    POSE,
    SHAPE,
    STILL,
    head_pose,
    length_scorer,
    shortcut_rows,
    shortcut_scorers,
    unavailable_shortcuts,
)
from benchmark.protocols.schema import Protocol, TrialRule, Trials, Uncertainty
from benchmark.trials.trials import TargetTrials, make_trials
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.base_mesh import base_mesh
from tests.benchmark.cohorts import cohort

PROTOCOL = Protocol(name="nvfair-test", uncertainty=Uncertainty(resamples=20, permutations=20))


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    return Dataset(tmp_path, {"name": "toy"}, None, None)  # type: ignore[arg-type]


def areas(differ: str, data: Dataset) -> tuple[dict[str, float], dict[str, float]]:
    """Mean AUC of every shortcut under NVFAIR's rule, and on cross-cross trials."""
    test = cohort(differ, seed=1)
    scorers = shortcut_scorers(data, test, cohort(differ, seed=2, split="train"))
    rules = {"g": list(make_trials(test.videos, "g", PROTOCOL.trials))}
    rows = shortcut_rows(scorers, test.videos, rules, PROTOCOL)
    return (
        {row.control: row.figures.auc_mean.value for row in rows},
        {row.control: row.figures.cross_cross.auc_mean.value for row in rows if row.figures.cross_cross is not None},
    )


@pytest.mark.parametrize(
    ("differ", "finders"), [("roll", {POSE}), ("length", {LENGTH}), ("shape", {SHAPE, STILL}), ("nothing", set())]
)
def test_only_the_matching_shortcut_finds_what_drivers_differ_in(differ: str, finders: set[str], data: Dataset) -> None:
    result, cross = areas(differ, data)
    assert set(result) == set(DESCRIPTIONS)
    # A face of another shape than the mean is fitted with another pose: where shape leaks, pose sees some of it.
    touched = {CROSSNESS, POSE} if differ == "shape" else {CROSSNESS}
    for name in set(DESCRIPTIONS) - touched:
        for figure in (result[name], cross[name]):
            if name in finders:
                assert figure > 0.75, name
            else:
                assert abs(figure - 0.5) < 0.12, name
    # What distinguishes drivers distinguishes nobody from everybody: the detector knows no driver.
    assert abs(cross[CROSSNESS] - 0.5) < 0.12


def test_the_self_cross_detector_wins_under_the_published_rule_and_loses_on_cross_cross_trials(data: Dataset) -> None:
    result, cross = areas("cross", data)
    assert result[CROSSNESS] > 0.95
    assert abs(cross[CROSSNESS] - 0.5) < 0.12
    assert result[ORIGIN] == cross[ORIGIN] == 0.5


def test_origin_is_constant_within_a_generator_and_tells_across_generators(data: Dataset) -> None:
    test = cohort("nothing", people=3, generators=("a", "b"))
    scorer = shortcut_scorers(data, test)[ORIGIN]
    made = test.videos["generator"].to_numpy()
    a, b = np.flatnonzero(made == "a"), np.flatnonzero(made == "b")
    mixed = TargetTrials("x", "a", np.stack([a[:-1], a[1:]], axis=1), np.stack([a, b], axis=1))
    scores = scorer.score(mixed)
    assert scores.genuine.min() > scores.impostor.max()
    plain = scorer.score(next(make_trials(test.videos, "a", Trials(rule=TrialRule.CROSS_CROSS))))
    assert len(set(plain.genuine) | set(plain.impostor)) == 1


def test_head_pose_recovers_rotations_scale_and_place() -> None:
    face = base_mesh()[SCHEME_126.indices]
    rng = np.random.default_rng(0)
    for _ in range(20):
        yaw, pitch, roll = rng.uniform(-0.4, 0.4, 3)
        turn = Rotation.from_euler("zxy", [roll, pitch, yaw]).as_matrix()
        size, place = rng.uniform(30, 90), rng.uniform(50, 200, 2)
        result = head_pose((size * (face @ turn.T)[:, :2] + place)[None])[0]
        assert result[0] == pytest.approx(np.arcsin(turn[0, 2]), abs=1e-6)
        assert result[1] == pytest.approx(np.arcsin(turn[1, 2]), abs=1e-6)
        assert result[2] == pytest.approx(np.arctan2(turn[1, 0], turn[0, 0]), abs=1e-6)
        assert np.exp(result[3]) == pytest.approx(size)
        assert result[4:] * size == pytest.approx(place)


def test_head_pose_ignores_the_mouth_and_the_brows() -> None:
    face = base_mesh()[SCHEME_126.indices, :2] * 60 + 100
    moved = face.copy()
    for part in ("outer_lips", "inner_lips", "left_brow", "right_brow"):
        moved[SCHEME_126.positions[part]] += 9
    assert head_pose(moved[None]) == pytest.approx(head_pose(face[None]))


def test_a_missing_frame_has_no_pose_and_no_frames_have_none() -> None:
    assert np.isnan(head_pose(np.full((1, 126, 2), np.nan))).all()
    assert head_pose(np.empty((0, 126, 2))).shape == (0, 6)


def test_what_cannot_be_taken_is_left_out_with_a_reason(data: Dataset) -> None:
    test = cohort("nothing", people=2, clips=2)
    bare = WindowSet(**{**vars(test), "videos": test.videos.assign(fps_num=np.nan)})
    assert set(shortcut_scorers(data, bare)) == set(DESCRIPTIONS) - {CROSSNESS, LENGTH}
    assert "fps_num" in unavailable_shortcuts(data, bare)[LENGTH]
    assert "no videos of training people" in unavailable_shortcuts(data, bare)[CROSSNESS]
    with pytest.raises(NvfairError, match="fps_num"):
        length_scorer(bare)
    selfies = test.videos["driver"] == test.videos["target"]
    one_kind = WindowSet(**{**vars(test), "videos": test.videos.assign(driver=test.videos["target"])})
    assert selfies.any()
    assert "only" in unavailable_shortcuts(data, test, one_kind)[CROSSNESS]
