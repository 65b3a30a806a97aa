"""Embedding and scoring at NVFAIR's size: every test video, eight million trials, every figure with its interval."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmark.methods.inputs import FrameFeatures
from benchmark.methods.network import embed_windows
from benchmark.methods.temporal_cnn import TemporalCnn
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics import roc
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import make_trials
from benchmark.windows.device_frames import FramePoints
from tests.performance.gpu.device import longest_kernels, on_card, wall_seconds
from tests.performance.gpu.sizes import Sizes
from tests.performance.gpu.windows import LENGTH, drawn_frames, made_windows, repeated

# NVFAIR's test people: 10, 6 and 19 of three collections with 43, 44 and 82 clips each, by three generators.
PEOPLE, GENERATORS = 35, 3
CLIPS = np.repeat([43, 44, 82], [10, 6, 19])
SOURCE = np.repeat([0, 1, 2], [10, 6, 19])
PROTOCOL = Protocol(name="nvfair-sized", time={"window": LENGTH, "stride": 35})  # type: ignore[arg-type]


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """Embeddings of all videos on the device, then scores and figures on the CPU."""
    facts, embeddings = _embedded(device, sizes)
    yield facts
    yield _scored(embeddings, sizes)


def _embedded(device: str, sizes: Sizes) -> tuple[dict[str, Any], np.ndarray]:
    options = TrainOptions(("made",), width=sizes.widths[0])
    network = TemporalCnn.from_options(options, LENGTH).to(device)
    # Centred and scaled once, as a data set is read; not timed here, since reading takes longer than that.
    points = repeated(FrameFeatures().prepare_points(drawn_frames()), sizes.videos)
    windows = made_windows(sizes.videos, points)
    sent: list[FramePoints] = []
    sending = wall_seconds(lambda: sent.append(FramePoints(points, device, "device")), device)
    (frames,) = sent
    some = made_windows(min(2048, sizes.videos), points)
    embed_windows(network, some, frames)
    embedded: list[np.ndarray] = []
    taken = wall_seconds(lambda: embedded.append(embed_windows(network, windows, frames)), device)
    facts = {
        "measured": "embedding",
        "videos": sizes.videos,
        "dtype": "float32",
        "seconds": round(taken, 3),
        "windows_per_s": round(len(windows) / taken),
        "sending_landmarks_s": round(sending, 3),
        "landmarks_gb": round(points.nbytes / 1e9, 2),
        "finite": bool(np.isfinite(embedded[0]).all()),
        "longest": longest_kernels(lambda: embed_windows(network, some, frames), device) if on_card(device) else [],
    }
    facts["state"] = "passed" if facts["finite"] else "failed"
    return facts, embedded[0]


def _scored(embeddings: np.ndarray, sizes: Sizes) -> dict[str, Any]:
    """Three generators, 35 people within their collections, every driver with all clips on every face."""
    count = 0
    figures: list[dict[str, float]] = []

    def everything() -> None:
        nonlocal count
        for generator in range(GENERATORS):
            videos = _videos(f"made-{generator}", sizes.clips)
            rows = (np.arange(len(videos)) * 7 + generator) % len(embeddings)
            compared = VideoEmbeddings(
                videos["video"].to_numpy(), np.arange(len(videos) + 1), embeddings[rows].astype(np.float64)
            )
            made = list(make_trials(videos, f"made-{generator}", PROTOCOL.trials))
            count += sum(len(target.genuine) + len(target.impostor) for target in made)
            scored = score_trials(Scorer(compared, PROTOCOL.scoring), made, videos, PROTOCOL)
            mean, pooled = scored.mean_interval(), scored.pooled_interval()
            rate = roc.equal_error_rate(roc.roc_curve(scored.genuine, scored.impostor)).value
            figures.append(
                {"mean_auc": mean.value, "low": mean.low, "high": mean.high, "pooled": pooled.value, "eer": rate}
            )

    taken = wall_seconds(everything, "cpu")
    numbers = all(math.isfinite(figure["mean_auc"]) for figure in figures)
    return {
        "measured": "scoring",
        "trials": count,
        "generators": GENERATORS,
        "people": PEOPLE,
        "seconds": round(taken, 2),
        "resamples": PROTOCOL.uncertainty.resamples,
        "figures": {key: round(value, 4) for key, value in figures[0].items()},
        "state": "passed" if numbers else "failed",
    }


def _videos(generator: str, share: float) -> pd.DataFrame:
    """One row a video: each person's face driven by everybody of the collection, with all clips."""
    clips = np.maximum((CLIPS * share).astype(np.int64), 2)
    faces, drivers = np.nonzero(SOURCE[:, None] == SOURCE)
    target, driver = (np.repeat(side, clips[drivers]) for side in (faces, drivers))
    clip = np.concatenate([np.arange(clips[person]) for person in drivers])
    table = pd.DataFrame({"target": target, "driver": driver, "clip": driver * 1000 + clip, "source": SOURCE[driver]})
    table = table.astype(str).assign(generator=generator, split="test", kind="made")
    table["video"] = [f"{generator}-{n:06d}" for n in range(len(table))]
    return table
