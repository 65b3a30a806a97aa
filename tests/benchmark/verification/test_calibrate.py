"""Calibration from a data set: which trials there are, what a person is enrolled by, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import benchmark
from benchmark.methods.declaration import Declaration
from benchmark.verification.calibration import Calibration
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


class MotionSize:
    """How far each landmark moves."""

    name = "motion-size"
    declaration = Declaration.untrained()
    needs = "landmarks"
    time = None

    def embed(self, batch: benchmark.WindowBatch) -> np.ndarray:
        return batch.landmarks.std(axis=1).reshape(len(batch), -1)


@pytest.fixture(scope="module")
def made(small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Calibration:
    out = tmp_path_factory.mktemp("calibration") / "people.calibration"
    made = benchmark.calibrate(small, method=MotionSize(), split="test", out=out)
    assert Calibration.load(out).lines() == made.lines()
    return made


def test_trials_are_those_of_the_rule(made: Calibration) -> None:
    """Three people with three clips each, everybody on every face by two generators."""
    # Genuine: 3 people x 3 clips x 3 faces x 2 generators. Impostor: 3 faces x 2 others x 3 clips x 2 generators.
    assert np.count_nonzero(made.genuine) == 54
    assert np.count_nonzero(~made.genuine) == 36
    assert (made.genuine_people, made.impostor_people, made.lowest_fmr) == (3, 3, 1.0)
    assert made.generators == ("alpha", "beta")
    assert [cost.generator for cost in made.held_out_costs] == ["alpha", "beta"]
    assert made.likeness is None  # three people are too few
    assert np.all((made.enrolled == made.driver) == made.genuine)


def test_a_score_is_that_of_a_template_without_the_clip_that_drives(made: Calibration, small: Dataset) -> None:
    """Counted anew from the windows: the first genuine trial of the first person, by the generator alpha."""
    windows = benchmark.read_windows(small, "nvfair-seen")
    rows = {}
    for number, video in enumerate(windows.videos["video"]):
        points = np.stack([windows.landmarks[row] for row in windows.rows(windows.video == number)])
        vectors = points.std(axis=1).reshape(len(points), -1).astype(np.float64)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        mean = vectors.mean(axis=0)
        rows[video] = mean / np.linalg.norm(mean)
    own = [f"alpha-06-clip-06-{clip}" for clip in range(3)]
    template = rows[own[1]] + rows[own[2]]
    template /= np.linalg.norm(template)
    expected = -np.linalg.norm(template - rows[own[0]])
    first = made.genuine & (made.driver == 0) & (made.generator == 0)
    assert np.abs(made.scores[first] - expected).min() < 1e-6


def test_impostors_on_any_face_are_more(small: Dataset) -> None:
    made = benchmark.calibrate(small, method=MotionSize(), split="test", faces="any", generators=["alpha"])
    assert np.count_nonzero(made.genuine) == 27
    assert np.count_nonzero(~made.genuine) == 3 * 2 * 3 * 3  # people x others x clips x faces
    assert made.held_out_costs == ()
    assert "nothing is known about unseen ones" in " ".join(made.lines())


def test_a_person_can_be_left_out(small: Dataset) -> None:
    made = benchmark.calibrate(small, method=MotionSize(), split="", without=["toy:06"])
    assert "toy:06" not in made.people
    assert len(made.people) == 8


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "nowhere"}, "nobody is in split"),
        ({"generators": ["gamma"]}, "no video by gamma"),
        ({"split": "test", "without": ["toy:06", "toy:07"]}, "no impostor trial"),
        ({"split": "test", "method": "pretrained:none"}, "no pretrained network"),
    ],
)
def test_what_cannot_be_calibrated_is_said(small: Dataset, changes: dict, message: str) -> None:
    with pytest.raises(NvfairError, match=message):
        benchmark.calibrate(small, **({"method": MotionSize()} | changes))


def test_real_clips_enrol_where_there_are_any(tmp_path: Path, small: Dataset) -> None:
    """The reenactments by alpha of each person's own face taken for real clips: no more trials of alpha, and clips that
    drive are still left out."""
    from dataclasses import replace

    videos = small.videos.copy()
    is_real = (videos["generator"] == "alpha") & (videos["target"] == videos["driver"])
    videos.loc[is_real, "kind"] = "real"
    videos.loc[is_real, "generator"] = None
    videos = videos[is_real | (videos["generator"] == "beta")]
    data = replace(small, videos=videos)
    made = benchmark.calibrate(data, method=MotionSize(), split="test")
    assert made.generators == ("beta",)
    assert np.count_nonzero(made.genuine) == 27


def test_only_people_of_a_collection_are_taken(small: Dataset) -> None:
    method = MotionSize()
    made = benchmark.calibrate(small, method=method, split="test", collections=["toy"], impostors="own-collection")
    assert (made.collections, np.count_nonzero(~made.genuine)) == (("toy",), 36)
    with pytest.raises(NvfairError, match=r"nobody is of the collection lab.*\n.*toy"):
        benchmark.calibrate(small, method=method, split="test", collections=["lab"])


def test_impostors_of_other_collections_can_be_left_out(small: Dataset) -> None:
    people = {"toy:06": "lab:06"}
    videos = small.videos.replace({"driver": people, "target": people})
    mixed = replace(small, videos=videos)
    assert np.count_nonzero(~benchmark.calibrate(mixed, method=MotionSize(), split="test").genuine) == 36
    own = benchmark.calibrate(mixed, method=MotionSize(), split="test", impostors="own-collection")
    # Two of three people are of one collection: 2 faces x 1 other x 3 clips x 2 generators.
    assert np.count_nonzero(~own.genuine) == 12
    assert own.impostor_people == 2
