"""Data sets that are too large for memory: the same windows, figures and weights, and memory that does not grow."""

from __future__ import annotations

import tracemalloc
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.controls import crossness_scorer, pose_scorer, shape_scorer, still_scorer
from benchmark.methods.network import embed_windows
from benchmark.methods.temporal_cnn import NetworkShape, TemporalCnn
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.stress.made_videos import MadeVideos
from benchmark.training.loop import train
from benchmark.trials.trials import make_trials
from benchmark.windows import window_set
from benchmark.windows.stored_frames import StoredFrames
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset, part_reader
from nvfair_tools.dataset.part_reader import PartReader
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 35})


@pytest.fixture
def little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing stays in memory, and a block has four videos."""
    monkeypatch.setattr("benchmark.windows.stored_frames.MOST_BYTES_IN_MEMORY", 0)
    monkeypatch.setattr(window_set, "_BLOCK_FRAMES", 440)
    monkeypatch.setattr(window_set, "_FRAMES_PER_READ", 1_000)


def networks_embedding(windows: WindowSet) -> np.ndarray:
    torch.manual_seed(0)
    network = TemporalCnn(NetworkShape(7875, width=16, embedding=8, dropout=0.0))
    return embed_windows(network, windows)


@pytest.mark.parametrize("short_videos", ["exclude", "mirror"])
def test_windows_in_a_file_and_their_blocks_are_those_in_memory(
    small: Dataset, short_videos: str, request: pytest.FixtureRequest
) -> None:
    rule = Protocol(name="a", time={"window": 120, "stride": 35}, missing={"short_videos": short_videos})
    rules = (PROTOCOL, rule)
    in_memory = [read_windows(small, protocol) for protocol in rules]
    request.getfixturevalue("little_memory")
    for protocol, expected in zip(rules, in_memory, strict=True):
        windows = read_windows(small, protocol)
        assert isinstance(windows.landmarks, StoredFrames) or len(windows) == 0
        np.testing.assert_array_equal(windows.landmarks[:], expected.landmarks)
        for name in ("offsets", "video", "start"):
            np.testing.assert_array_equal(getattr(windows, name), getattr(expected, name))
        assert windows.videos.equals(expected.videos)
        assert windows.excluded.equals(expected.excluded)
        blocks = list(windows.blocks())
        assert len(blocks) > 10 or len(windows) == 0
        assert sum(map(len, blocks)) == len(windows)
        window = 0
        for block in blocks:
            for number in range(len(block)):
                rows = expected.rows(slice(window, window + 1))[0]
                own_rows = block.rows(slice(number, number + 1))[0]
                np.testing.assert_array_equal(block.landmarks[own_rows], expected.landmarks[rows])
                np.testing.assert_array_equal(block.source_times(own_rows), expected.source_times(rows))
                ids = block.videos["video"][block.video[number]], expected.videos["video"][expected.video[window]]
                assert ids[0] == ids[1]
                window += 1


def test_shortcuts_and_embeddings_of_blocks_are_those_of_all_videos_together(
    small: Dataset, request: pytest.FixtureRequest
) -> None:
    def scores_and_embeddings() -> tuple[list[np.ndarray], np.ndarray]:
        train, test = (
            read_windows(small, PROTOCOL, videos=small.videos[small.videos["split"] == split]["video"])
            for split in ("train", "test")
        )
        scorers = (shape_scorer(test), still_scorer(test), pose_scorer(test, train), crossness_scorer(train, test))
        scored = [scorer.score(trials) for scorer in scorers for trials in make_trials(test.videos, "alpha", rule)]
        return [values for part in scored for values in (part.genuine, part.impostor)], networks_embedding(test)

    rule = PROTOCOL.trials
    expected_scores, expected_embeddings = scores_and_embeddings()
    request.getfixturevalue("little_memory")
    scores, embeddings = scores_and_embeddings()
    assert len(scores) == len(expected_scores) == 4 * 3 * 2
    for values, expected in zip(scores, expected_scores, strict=True):
        np.testing.assert_allclose(values, expected, rtol=0, atol=1e-12)
    # Matrix products of batches of another size may round otherwise.
    np.testing.assert_allclose(embeddings, expected_embeddings, rtol=0, atol=1e-6)


@pytest.mark.parametrize("method", ["temporal-cnn", "nvfair-relative", "graph-network"])
def test_training_from_a_file_gives_the_same_weights(
    tmp_path: Path, request: pytest.FixtureRequest, method: str
) -> None:
    data = make(tmp_path / "data", World(generators=("alpha",), clips=2, mesh=method == "graph-network"))
    shapes = {"nvfair-relative": {"width": 16, "embedding": 8}, "graph-network": {"hidden": 4, "embedding": 8}}
    options = TrainOptions(
        ("alpha",),
        method=method,
        windows=16,
        batch=8,
        drivers=2,
        validate_every=8,
        width=8,
        sizes=shapes.get(method, {}),
    )
    weights = []
    for name in ("memory", "file"):
        if name == "file":
            request.getfixturevalue("little_memory")
        checkpoint = train(data, tmp_path / name, options, PROTOCOL, device="cpu", name="network")
        weights.append(checkpoint.network.state_dict())
    assert weights[0].keys() == weights[1].keys()
    for name, tensor in weights[0].items():
        torch.testing.assert_close(weights[1][name], tensor, rtol=0, atol=1e-6)


@pytest.mark.usefixtures("little_memory")
def test_every_row_is_read_once_and_few_at_a_time(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: Counter[str] = Counter()
    most = 0
    read = PartReader.batches

    def counting(self: PartReader, part: str, *arguments):  # type: ignore[no-untyped-def]
        nonlocal most
        for first_row, batch in read(self, part, *arguments):
            rows[part] += batch.num_rows
            most = max(most, batch.num_rows)
            yield first_row, batch

    monkeypatch.setattr(PartReader, "batches", counting)
    monkeypatch.setattr(part_reader, "_ROWS_PER_READ", 300)
    monkeypatch.setattr(window_set, "_FRAMES_PER_READ", 6_000)
    windows = read_windows(small, PROTOCOL)
    frames_of_part = small.videos.groupby("part")["frames"].sum()
    assert rows == dict(frames_of_part.items())
    assert len(rows) == 6
    assert most <= 300
    assert len(windows.videos) == len(small.videos)


def test_memory_does_not_grow_with_the_number_of_videos(small: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmark.windows.stored_frames.MOST_BYTES_IN_MEMORY", 2**20)
    monkeypatch.setattr(window_set, "_BLOCK_FRAMES", 2_000)
    monkeypatch.setattr(window_set, "_FRAMES_PER_READ", 2_000)
    frames = 110
    rng = np.random.default_rng(0)
    track = (
        (200 + 60 * rng.standard_normal((frames, LANDMARK_COUNT, 2))).astype(np.float32),
        np.ones(frames, bool),
        np.arange(frames) / 30,
    )
    like = small.videos.iloc[0].to_dict()
    peaks = []
    for count in (40, 120):
        rows = [
            like | {"video": f"v{n:04d}", "part": f"p{n // 20}", "driver": like["target"] if n % 2 else "x"}
            for n in range(count)
        ]
        data = MadeVideos.of(small, type(small.videos)(rows), lambda video: track)
        tracemalloc.start()
        windows = read_windows(data, PROTOCOL)
        pose_scorer(windows, windows)
        crossness_scorer(windows, windows)
        still_scorer(windows)
        shape_scorer(windows)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    added = 80 * track[0].nbytes
    assert peaks[1] - peaks[0] < 0.15 * added
