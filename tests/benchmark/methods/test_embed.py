"""Embeddings and their files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from benchmark.methods.embed import group_by_video
from benchmark.methods.embedding_files import read_embeddings, video_embeddings, write_embeddings
from benchmark.methods.network import embed_windows, window_embedding
from benchmark.methods.temporal_cnn import NetworkShape, TemporalCnn
from benchmark.protocols.schema import Protocol
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems


@pytest.fixture(scope="module")
def windows(small: Dataset) -> WindowSet:
    ids = small.videos.loc[small.videos["split"] == "test", "video"]
    return read_windows(small, Protocol(name="test", time={"stride": 13}), videos=ids)


@pytest.fixture(scope="module")
def network() -> TemporalCnn:
    torch.manual_seed(0)
    return TemporalCnn(NetworkShape(7875, width=16, embedding=8))


def test_sharing_frames_between_windows_changes_nothing(windows: WindowSet, network: TemporalCnn) -> None:
    result = embed_windows(network, windows)
    frames = FramePoints(network.frame_points(windows))
    network.eval()
    for number in range(0, len(windows), 17):
        with torch.inference_mode():
            expected = window_embedding(network(frames.take(windows.rows(slice(number, number + 1))))[0])[0]
        np.testing.assert_allclose(result[number], expected.numpy(), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(result, axis=1), 1, atol=1e-5)


def test_files_hold_the_documented_columns_and_come_back(
    windows: WindowSet, network: TemporalCnn, tmp_path: Path
) -> None:
    embeddings = embed_windows(network, windows)
    path = tmp_path / "embeddings.parquet"
    write_embeddings(path, windows, embeddings, {"protocol": "abc"})
    schema = pq.read_schema(path)
    assert schema.names == ["video", "window", "start_frame", "embedding"]
    assert str(schema.field("embedding").type).startswith("fixed_size_list")
    assert schema.field("embedding").type.list_size == 8
    table = read_embeddings(path)
    np.testing.assert_array_equal(table.embedding, embeddings)
    assert table.meta == {"protocol": "abc"}
    assert table.start_frame[:3].tolist() == [0, 13, 26]
    assert table.window[:5].tolist() == [0, 1, 2, 3, 0]
    assert list(dict.fromkeys(table.video)) == list(windows.videos["video"])
    first = path.read_bytes()
    write_embeddings(path, windows, embeddings, {"protocol": "abc"})
    assert path.read_bytes() == first


def test_grouping_keeps_each_videos_windows(windows: WindowSet, network: TemporalCnn) -> None:
    embeddings = embed_windows(network, windows)
    grouped = group_by_video(windows, embeddings)
    third = slice(grouped.offsets[2], grouped.offsets[3])
    np.testing.assert_array_equal(grouped.window_embeddings[third], embeddings[windows.video == 2])


def test_files_of_others_are_grouped_in_any_order_and_checked(
    windows: WindowSet, network: TemporalCnn, tmp_path: Path
) -> None:
    path = tmp_path / "e.parquet"
    write_embeddings(path, windows, embed_windows(network, windows), {})
    table, ids = read_embeddings(path), list(windows.videos["video"])
    order = np.random.default_rng(0).permutation(len(table.video))
    mixed = replace(
        table, video=table.video[order], window=table.window[order], embedding=table.embedding[order].copy()
    )
    ours, theirs = group_by_video(windows, table.embedding), video_embeddings(mixed, ids)
    np.testing.assert_array_equal(theirs.offsets, ours.offsets)
    np.testing.assert_array_equal(theirs.window_embeddings, ours.window_embeddings)
    with pytest.raises(Problems, match="video nobody has no embedding"):
        video_embeddings(mixed, [*ids, "nobody"])
    twice = replace(
        mixed,
        video=np.append(mixed.video, mixed.video[0]),
        window=np.append(mixed.window, mixed.window[0]),
        embedding=np.vstack([mixed.embedding, mixed.embedding[:1]]),
    )
    with pytest.raises(Problems, match=f"video {mixed.video[0]} has a window twice"):
        video_embeddings(twice, ids)
    mixed.embedding[5, 0] = np.inf
    with pytest.raises(Problems, match=f"video {mixed.video[5]} has an embedding that is not finite"):
        video_embeddings(mixed, ids)


def test_files_of_another_kind_are_refused(tmp_path: Path, small: Dataset) -> None:
    with pytest.raises(NvfairError, match="no column"):
        read_embeddings(small.folder / "videos.parquet")
    with pytest.raises(NvfairError, match="no such"):
        read_embeddings(tmp_path / "none.parquet")
