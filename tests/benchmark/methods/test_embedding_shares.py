"""Processes that share the videos of `nvfair embed`: one file, as from one process."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from benchmark import embed
from benchmark.methods.embedding_files import join_embeddings, read_embeddings
from benchmark.methods.embedding_shares import EmbeddingShare
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


def test_shares_follow_each_other_and_leave_nothing_out():
    videos = list("abcdefghijk")
    for count in (1, 2, 3, 11, 12):
        shares = [EmbeddingShare(rank, count).of(videos) for rank in range(count)]
        assert [video for share in shares for video in share] == videos
        assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_two_processes_write_the_rows_of_a_single_one(small: Dataset, tmp_path: Path) -> None:
    alone, together = tmp_path / "one.parquet", tmp_path / "two.parquet"
    embedded = embed(small, "pretrained:temporal-cnn", alone, device="cpu")
    both = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--rdzv-backend", "c10d"]
    both += ["--rdzv-endpoint", "localhost:0", "-m", "nvfair_tools"]
    words = ["embed", str(small.folder), str(together), "--checkpoint", "pretrained:temporal-cnn", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, *both, *words],
        cwd=Path(__file__).resolve().parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    text = f"{embedded.windows} windows of {embedded.videos} videos; {embedded.incomplete} lost some or all"
    assert done.stdout.count(text) == 1, done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]
    first, second = read_embeddings(alone), read_embeddings(together)
    for column in ("video", "window", "start_frame"):
        np.testing.assert_array_equal(getattr(first, column), getattr(second, column))
    assert first.meta == second.meta
    np.testing.assert_allclose(first.embedding, second.embedding, rtol=0, atol=1e-5)


def test_parts_of_different_files_are_not_joined(small: Dataset, tmp_path: Path) -> None:
    for name in ("temporal-cnn", "motion-signature"):
        embed(small, f"pretrained:{name}", tmp_path / name, device="cpu")
    with pytest.raises(NvfairError, match="not of one file"):
        join_embeddings([tmp_path / "temporal-cnn", tmp_path / "motion-signature"], tmp_path / "out")
    assert not (tmp_path / "out").exists()
