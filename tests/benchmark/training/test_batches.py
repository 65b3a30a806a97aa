"""Batches hold what the loss needs."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from benchmark.training.batches import BatchSampler
from nvfair_tools.errors import NvfairError


def table(people: int = 10, clips: int = 4, cross: int | None = None, sources: int = 1) -> pd.DataFrame:
    rows = []
    for driver in range(people):
        others = [t for t in range(people) if t != driver and t % sources == driver % sources]
        for clip in range(clips):
            chosen = others if cross is None else [others[(clip * cross + n) % len(others)] for n in range(cross)]
            for target in [driver, *chosen]:
                rows.append(
                    {
                        "driver": f"d{driver}",
                        "target": f"d{target}",
                        "clip": f"c{driver}-{clip}",
                        "source": str(driver % sources),
                    }
                )
    return pd.DataFrame(rows)


def made(videos: pd.DataFrame, size: int = 32, drivers: int = 4, seed: int = 0) -> BatchSampler:
    return BatchSampler(videos, np.repeat(np.arange(len(videos)), 3), size, drivers, seed)


@pytest.mark.parametrize("videos", [table(), table(cross=2), table(people=12, sources=2)], ids=["all", "few", "two"])
def test_every_batch_has_something_to_pull_and_to_push(videos: pd.DataFrame) -> None:
    batches = made(videos)
    pushed = []
    for number in range(60):
        windows = batches.batch(number)
        rows = videos.iloc[windows // 3]
        assert len(rows) == 32
        assert rows["driver"].nunique() == 4
        assert (rows.groupby("driver")["clip"].nunique() > 1).all()
        faces = rows.groupby("target")["driver"].nunique()
        assert (faces > 1).any()
        pushed.append(rows["target"].isin(faces[faces > 1].index).mean())
        assert rows["source"].nunique() == 1
    assert np.mean(pushed) > (0.7 if len(videos) < 200 else 0.95)


def test_batches_follow_from_seed_and_number() -> None:
    videos = table()
    np.testing.assert_array_equal(made(videos).batch(7), made(videos).batch(7))
    assert not np.array_equal(made(videos).batch(7), made(videos).batch(8))
    assert not np.array_equal(made(videos).batch(7), made(videos, seed=1).batch(7))


def test_in_time_every_window_is_used() -> None:
    videos = table(people=5, clips=2)
    used = np.concatenate([made(videos).batch(n) for n in range(400)])
    assert set(used) == set(range(len(videos) * 3))


def test_data_that_cannot_train_are_refused_with_the_reason() -> None:
    with pytest.raises(NvfairError, match="driven by two people"):
        made(table(cross=0))
    with pytest.raises(NvfairError, match="two clips"):
        made(table(clips=1))
    with pytest.raises(NvfairError, match="two drivers"):
        made(table(), size=4, drivers=1)
