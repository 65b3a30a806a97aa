"""Stress sweeps: level 0 is the main figure, worse is worse in expectation, and nothing depends on order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmark.methods.declaration import Declaration
from benchmark.methods.embed import embed_videos
from benchmark.methods.method import Needs
from benchmark.protocols.schema import Protocol, Time, Uncertainty
from benchmark.stress import DESCRIPTIONS, StressPlan, run_sweeps
from benchmark.stress.lost_videos import replace_videos
from benchmark.stress.mimics import mimicry
from benchmark.stress.sweeps import (
    BURSTS,
    DROPPED,
    JITTER,
    LENGTH,
    MIMICRY,
    NOISE,
    RATE,
    RECOMPRESSION,
    WINDOWS,
)
from benchmark.stress.tracks import Track, dropped_frames, jitter, lower_rate, noise
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.trials import TargetTrials, make_trials
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.features import facial_scale
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from tests.benchmark.small_world import World, make
from tests.mediapipe_here import skip_without_landmarker

PROTOCOL = Protocol(name="stress-test", time=Time(window=40, stride=20), uncertainty=Uncertainty(resamples=50))
NONE = StressPlan(
    noise=(), jitter=(), dropped=(), bursts=(), rates=(), windows=(), lengths=(), crf=(), mimicry=()
)  # fmt: skip


class Motion:
    """Spectrum of the landmarks' mean movement: it knows people of the small world by their speeds."""

    name = "motion"
    declaration = Declaration.untrained()
    needs: Needs = "landmarks"
    time: Time | None = None

    def embed(self, batch: WindowBatch) -> np.ndarray:
        points = batch.landmarks[:, :, ::8].reshape(len(batch), batch.landmarks.shape[1], -1)
        moved = points - points.mean(axis=1, keepdims=True)
        power = np.abs(np.fft.rfft(moved, n=64, axis=1)[:, 1:12]).mean(axis=2)
        return np.log(power + 1e-3) - np.log(power + 1e-3).mean(axis=1, keepdims=True)


class Size(Motion):
    """Logarithm of how much each landmark moves, against the whole face's: it knows simulated people."""

    name = "size"

    def embed(self, batch: WindowBatch) -> np.ndarray:
        moved = batch.landmarks - batch.landmarks.mean(axis=2, keepdims=True)
        size = np.log(moved.std(axis=1) + 0.1).reshape(len(batch), -1)
        return size - size.mean(axis=1, keepdims=True)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(
        tmp_path_factory.mktemp("stress"), World(people=(1, 1, 6), clips=4, generators=("alpha",), signature=0.6)
    )


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("stress") / "cohort"
    settings = CohortSettings(
        sources=(SourceSettings(name="sim", train=1, validation=1, test=6),),
        generators=("sim-keypoint",), clips=5, cross="all", frames=90, difficulty=0.0,
    )  # fmt: skip
    write_cohort(folder, settings, workers=1)
    return Dataset.open(folder)


def main_figure(dataset: Dataset, generator: str, method: Motion) -> CellFigures:
    videos = dataset.videos[(dataset.videos["split"] == "test") & dataset.videos["generator"].notna()]
    windows = read_windows(dataset, PROTOCOL, videos=videos["video"])
    scorer = Scorer(embed_videos(method, windows, dataset), PROTOCOL.scoring)
    return compute_figures(
        scorer, list(make_trials(windows.videos, generator, PROTOCOL.trials)), windows.videos, PROTOCOL
    )


def curve(rows: list[dict[str, Any]], name: str) -> list[float]:
    return [row["auc_mean"]["value"] for row in rows if row["sweep"] == name]


def test_level_0_is_the_main_figure_to_the_last_digit(world: Dataset) -> None:
    rows = run_sweeps(world, Motion(), PROTOCOL, replace(NONE, noise=(0.1,), windows=(1,), lengths=(0.5,)))
    main = main_figure(world, "alpha", Motion())
    plain = [row for row in rows if row["level"] == 0]
    assert [row["sweep"] for row in plain] == [NOISE, WINDOWS, LENGTH]
    for row in plain:
        assert row["auc_mean"] == main.auc_mean.to_json()
        assert row["trials"] == main.trials.to_json()
        assert row["lost_videos"] == row["lost_windows"] == row["lost_trials"] == 0


@pytest.mark.parametrize("name", [NOISE, JITTER])
def test_more_disturbance_leaves_less(name: str, world: Dataset) -> None:
    levels = (0.05, 0.2, 0.5, 1.0)
    plan = replace(NONE, noise=levels) if name == NOISE else replace(NONE, jitter=levels)
    result = np.mean(
        [curve(run_sweeps(world, Motion(), PROTOCOL, replace(plan, seed=s)), name) for s in range(3)], axis=0
    )
    assert len(result) == 5
    assert result[0] > 0.8
    assert all(later <= earlier + 0.02 for earlier, later in pairwise(result))
    assert result[-1] < result[0] - 0.15


def test_lost_frames_go_through_the_missing_data_rule(world: Dataset) -> None:
    rows = run_sweeps(world, Motion(), PROTOCOL, replace(NONE, dropped=(0.1, 0.6), bursts=(0.1, 0.6)))
    row_at = {(row["sweep"], row["level"]): row for row in rows}
    # Single frames are interpolated; ten on end are more than the rule bridges.
    assert row_at[DROPPED, 0.1]["lost_windows"] < row_at[BURSTS, 0.1]["lost_windows"]
    assert row_at[BURSTS, 0.6]["lost_windows"] > row_at[BURSTS, 0.1]["lost_windows"] > 0
    assert row_at[BURSTS, 0.6]["lost_videos"] > 0
    assert row_at[BURSTS, 0.6]["lost_trials"] > 0
    row = row_at[BURSTS, 0.6]
    assert row["trials"]["genuine"] + row["trials"]["impostor"] <= row_at[BURSTS, 0]["trials"]["impostor"] + 36
    everything = run_sweeps(world, Motion(), PROTOCOL, replace(NONE, dropped=(1.0,)))[-1]
    assert everything["auc_mean"] is None
    assert everything["lost_videos"] == 6 * 6 * 4


def test_fewer_frames_and_windows_leave_less_and_lose_nothing_else(world: Dataset) -> None:
    rows = run_sweeps(world, Motion(), PROTOCOL, replace(NONE, rates=(15.0, 5.0), windows=(2, 1), lengths=(0.25,)))
    rate, fewer, shorter = (curve(rows, name) for name in (RATE, WINDOWS, LENGTH))
    assert rate[2] < rate[0]
    assert fewer[2] < fewer[0] + 0.02
    assert shorter[1] < shorter[0]
    assert [row["windows"] for row in rows if row["sweep"] == WINDOWS] == [144 * 4, 144 * 2, 144]
    assert all(row["lost_trials"] == 0 for row in rows)


def test_a_sweep_depends_on_its_seed_and_on_nothing_else(world: Dataset) -> None:
    plan = replace(NONE, noise=(0.2,), bursts=(0.2,))
    first, again = (run_sweeps(world, Motion(), PROTOCOL, plan) for _ in range(2))
    assert first == again
    alone = run_sweeps(world, Motion(), PROTOCOL, replace(plan, noise=()))
    assert alone == [row for row in first if row["sweep"] == BURSTS]
    other = run_sweeps(world, Motion(), PROTOCOL, replace(plan, seed=1))
    assert other[0] == first[0]
    assert other[1] != first[1]


def test_faces_can_be_sampled(world: Dataset) -> None:
    rows = run_sweeps(world, Motion(), PROTOCOL, replace(NONE, windows=(1,), targets=2))
    assert {row["trials"]["targets"] for row in rows} == {2}


def test_what_cannot_be_run_is_skipped_with_a_reason(world: Dataset) -> None:
    class OneLength(Motion):
        time = PROTOCOL.time

    class Pictures(Motion):
        needs: Needs = "frames"

    rows = run_sweeps(world, OneLength(), PROTOCOL, replace(NONE, lengths=(0.5,), crf=(35,), mimicry=(0.5,)))
    reasons = {row["sweep"]: row["skipped"] for row in rows}
    assert set(reasons) == {LENGTH, RECOMPRESSION, MIMICRY}
    assert "one length" in reasons[LENGTH]
    assert "landmarks only" in reasons[RECOMPRESSION]
    assert "simulated" in reasons[MIMICRY]
    assert {row["sweep"] for row in run_sweeps(world, Pictures(), PROTOCOL) if "skipped" in row} == set(DESCRIPTIONS)
    assert run_sweeps(world, Motion(), PROTOCOL, NONE) == []


def test_a_mimic_is_harder_to_tell_and_a_perfect_one_the_hardest(simulated: Dataset) -> None:
    rows = run_sweeps(simulated, Size(), PROTOCOL, replace(NONE, mimicry=(0.5, 1.0)))
    result = curve(rows, MIMICRY)
    assert rows[0]["auc_mean"] == main_figure(simulated, "sim-keypoint", Size()).auc_mean.to_json()
    assert result[0] > 0.9
    assert result[1] < result[0] - 0.1
    assert result[2] < result[1] - 0.1
    assert result[2] < 0.6  # a perfect mimic is another person's clip of the same signature
    assert all(row["lost_trials"] == 0 for row in rows)


def test_mimicry_of_no_share_is_the_stored_track_bit_for_bit(simulated: Dataset) -> None:
    videos = simulated.videos[simulated.videos["generator"].notna() & (simulated.videos["split"] == "test")]
    about = videos.set_index("video")
    same, half = (mimicry(simulated, videos, share) for share in (0.0, 0.5))
    for video, *track in simulated.tracks(videos["video"].head(12)):
        cross = about["driver"][video] != about["target"][video]
        assert np.array_equal(same(video, *track)[0], track[0])
        assert np.array_equal(half(video, *track)[0], track[0]) is not cross


def track(frames: int = 90) -> Track:
    rng = np.random.default_rng(0)
    points = (100 + 30 * rng.normal(0, 1, (1, 126, 2)) + np.zeros((frames, 1, 1))).astype(np.float32)
    return points, np.ones(frames, dtype=bool), np.arange(frames) / 30


def test_noise_has_the_deviation_it_says_and_jitter_the_correlation() -> None:
    points, valid, time = track(600)
    scale = float(facial_scale(points)[0])
    white = noise(0.02, 0)("v", points, valid, time)[0] - points
    slow = jitter(0.02, 0, 0.2)("v", points, valid, time)[0] - points
    for moved, expected in ((white, 0.0), (slow, np.exp(-1 / 30 / 0.2))):
        assert moved.std() == pytest.approx(0.02 * scale, rel=0.03)
        after_one = float(np.mean(moved[1:] * moved[:-1]) / np.mean(moved**2))
        assert after_one == pytest.approx(expected, abs=0.03)
    assert np.array_equal(noise(0, 0)("v", points, valid, time)[0], points)
    assert not np.array_equal(noise(0.02, 0)("w", points, valid, time)[0], points + white)


def test_dropped_frames_are_nested_and_as_many_as_they_say() -> None:
    points, valid, time = track(200)
    few, many = (dropped_frames(share, 0)("v", points, valid, time) for share in (0.1, 0.4))
    assert (~few[1]).sum() == 20
    assert (~many[1]).sum() == 80
    assert not (~few[1] & many[1]).any()
    assert np.isnan(few[0][~few[1]]).all()
    assert np.array_equal(few[0][few[1]], points[few[1]])
    lost = np.flatnonzero(~dropped_frames(0.3, 0, 10)("v", points, valid, time)[1])
    assert np.count_nonzero(np.diff(lost) > 1) <= 6


def test_thinning_keeps_what_is_slow_and_leaves_a_slower_video_alone() -> None:
    points, valid, time = track(91)
    points = points + (10 * time).astype(np.float32)[:, None, None]  # linear in time: thinning changes nothing
    thin, result, times = lower_rate(10, 5)("v", points, valid, time)
    assert len(thin) == len(times) == 31
    assert result.all()
    assert np.allclose(thin, points[::3], atol=1e-4)
    assert lower_rate(30, 5)("v", points, valid, time)[0] is points


def test_trials_over_lost_videos_are_dropped_and_the_rest_renumbered() -> None:
    item = TargetTrials("t", "g", np.array([[0, 1], [1, 2]]), np.array([[0, 3], [2, 3]]))
    remaining = replace_videos(item, np.array([0, -1, 1, 2]))
    assert remaining.genuine.tolist() == []
    assert remaining.impostor.tolist() == [[0, 2], [1, 2]]


@pytest.mark.slow
def test_recompression_tracks_real_videos_anew(tmp_path: Path) -> None:
    """A face that is drawn, encoded and tracked: from the simulated portraits, which a landmarker finds."""
    skip_without_landmarker()
    from benchmark.stress.reencoding import Reencoding, missing_reencoding_reason, reencoding
    from nvfair_tools.media import encode

    skimage = pytest.importorskip("skimage")
    from fractions import Fraction

    face = skimage.data.astronaut()[:256, 96:352]
    frames = [np.roll(face, n, axis=1) for n in range(12)]
    encode(tmp_path / "a.mp4", frames, Fraction(25))
    import pandas as pd

    videos = pd.DataFrame([{"video": "a", "path": "a.mp4", "fps_num": 25, "fps_den": 1}])
    data = Dataset(tmp_path, {}, videos, videos)
    assert missing_reencoding_reason(data, videos) == ""
    blank = np.zeros((12, 126, 2), np.float32), np.zeros(12, dtype=bool), np.arange(12) / 25
    good, bad = (reencoding(data, videos, Reencoding(crf=crf))("a", *blank) for crf in (18, 42))
    assert good[1].all()
    assert good[0].shape == (12, 126, 2)
    moved = np.median(np.linalg.norm(good[0] - bad[0], axis=2))
    assert 0.05 < moved < 10
    assert "not on disk" in missing_reencoding_reason(data, videos.assign(path="gone.mp4"))
    others = Dataset(tmp_path, {"landmarks": {"landmarkers": ["mediapipe-tasks 0.9+ab"]}}, videos, videos)
    assert "two landmarkers put their points differently" in missing_reencoding_reason(others, videos)
