"""Windows a second: the data path beside a DataLoader over stored distances, and whole training steps.

python -m tests.performance.bench_training
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmark.inputs import DeviceFrames
from benchmark.loss import fingerprint_loss
from benchmark.temporal_cnn import NetworkShape, TemporalCnn
from nvfair_tools.features import distances
from tests.performance.measure import machine, median_seconds

FRAMES, WINDOW, BATCH, STRIDE = 6_000, 71, 64, 71


class StoredDistances(TorchDataset):
    """What one would write first: distances read from Parquet, one window an item."""

    def __init__(self, path: Path, starts: np.ndarray) -> None:
        self.path, self.starts = path, starts
        self.file: pq.ParquetFile | None = None

    def __len__(self) -> int:
        return len(self.starts)

    def __getitem__(self, index: int) -> torch.Tensor:
        if self.file is None:
            self.file = pq.ParquetFile(self.path)
        column = self.file.read_row_group(int(self.starts[index]) // STRIDE, columns=["distances"]).column(0)
        values = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return torch.from_numpy(values.reshape(-1, 7875).astype(np.float32))


def main() -> None:
    """Prints the figures."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(machine())
    rng = np.random.default_rng(0)
    landmarks = (np.cumsum(rng.normal(0, 0.5, (FRAMES, 126, 2)), axis=0) + rng.normal(0, 60, (126, 2)) + 400).astype(
        np.float32
    )
    starts = np.arange(0, FRAMES - WINDOW + 1, STRIDE)
    frames = DeviceFrames(landmarks, device=device)
    steps = torch.arange(WINDOW)

    def ours() -> torch.Tensor:
        chosen = torch.from_numpy(rng.choice(starts, BATCH, replace=False))
        return frames.features((chosen[:, None] + steps).reshape(-1).to(device), reuse=True)

    rate = BATCH / median_seconds(ours, repeats=5)
    print(f"computed from landmarks on {device}: {rate:.0f} windows/s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stored.parquet"
        _store(path, landmarks, len(starts))
        for workers in (0, 2):
            loader = DataLoader(StoredDistances(path, starts), batch_size=BATCH, num_workers=workers)
            taken = median_seconds(lambda loader=loader: [batch.to(device) for batch in loader], repeats=2)
            print(f"DataLoader over stored float16 distances, {workers} workers: {len(starts) / taken:.0f} windows/s")
    for width in (64, 128):
        print(f"whole training steps, width {width}: {BATCH / _step_seconds(frames, starts, width):.0f} windows/s")


def _store(path: Path, landmarks: np.ndarray, windows: int) -> None:
    """Distances as a data set stores them, one row group a window, which favours the reader."""
    schema = pa.schema([pa.field("distances", pa.list_(pa.float16(), 7875))])
    with pq.ParquetWriter(
        path, schema, compression="zstd", use_dictionary=False, use_byte_stream_split=["distances.list.element"]
    ) as writer:
        for n in range(windows):
            values = distances(landmarks[n * STRIDE : n * STRIDE + WINDOW], dtype=np.float16)
            column = pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), 7875)
            writer.write_table(pa.Table.from_arrays([column], schema=schema))


def _step_seconds(frames: DeviceFrames, starts: np.ndarray, width: int) -> float:
    device = frames.device
    torch.manual_seed(0)
    network = TemporalCnn(NetworkShape(frames.width, width=width)).to(device)
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-4)
    number = torch.arange(BATCH, device=device)
    rng = np.random.default_rng(0)

    def step() -> None:
        chosen = torch.from_numpy(rng.choice(starts, BATCH, replace=False))
        rows = (chosen[:, None] + torch.arange(WINDOW)).reshape(-1).to(device)
        order = torch.rand(BATCH, WINDOW).argsort(dim=1).to(device)
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            embeddings, shuffled = network(frames.features(rows, reuse=True), WINDOW, order)
        loss = fingerprint_loss(embeddings, shuffled, number // 8, number % 4, number)
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()

    return median_seconds(step, repeats=5, warm_up=2)


if __name__ == "__main__":
    main()
