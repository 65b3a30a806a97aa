"""Windows a second: the data path beside a DataLoader over stored distances, and whole training steps.

python -m tests.performance.bench_training [data] [cnn] [others]
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset

from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.inputs import FrameFeatures
from benchmark.methods.network import embed_windows
from benchmark.methods.temporal_cnn import TemporalCnn
from benchmark.methods.train_options import LossOptions, TrainOptions
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training
from benchmark.windows.device_frames import FramePoints
from benchmark.windows.window_set import WindowSet
from nvfair_tools.features import distances
from tests.performance.measure import convolution_operations, machine, matmul_rate, median_seconds

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


def main(parts: list[str]) -> None:
    """Prints the figures of some parts: data, cnn, others."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    print(f"{machine()}")
    rng = np.random.default_rng(0)
    landmarks = (np.cumsum(rng.normal(0, 0.5, (FRAMES, 126, 2)), axis=0) + rng.normal(0, 60, (126, 2)) + 400).astype(
        np.float32
    )
    starts = np.arange(0, FRAMES - WINDOW + 1, STRIDE)
    if "data" in parts:
        _compared(landmarks, starts, device)
    matrix = matmul_rate(torch.bfloat16 if device == "cuda" else torch.float32, device)
    windows = _windows(landmarks, starts)
    for width in (64, 128, 256) if "cnn" in parts else ():
        _steps(windows, TrainOptions(("g",), width=width), device, matrix)
    if "others" in parts:
        _steps(windows, TrainOptions(("g",), loss=LossOptions(kind="supcon")), device, matrix)
        triplet = LossOptions(kind="triplet", negatives="any")
        for dropout in (0.0, 0.3):
            sizes = {"dropout": dropout}
            _steps(windows, TrainOptions(("g",), method="graph-network", loss=triplet, sizes=sizes), device, matrix)


def _compared(landmarks: np.ndarray, starts: np.ndarray, device: str) -> None:
    """Prints the data path's windows a second beside those of a DataLoader over stored distances."""
    ours = _data_path(landmarks, starts, device)
    print(f"data path, computed from landmarks on {device}: {ours:.0f} windows/s")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stored.parquet"
        _store(path, landmarks, len(starts))
        best = 0.0
        for workers in (0, 2):
            loader = DataLoader(StoredDistances(path, starts), batch_size=BATCH, num_workers=workers)
            taken = median_seconds(lambda loader=loader: [batch.to(device) for batch in loader], repeats=3, warm_up=1)
            rate = len(starts) / taken
            best = max(best, rate)
            print(f"data path, DataLoader over stored distances, {workers} workers: {rate:.0f} windows/s")
    print(f"computed against the better DataLoader: {ours / best:.1f} times")


def _windows(landmarks: np.ndarray, starts: np.ndarray) -> WindowSet:
    """The windows as one video each, of 8 people on 4 faces; the mesh holds the landmarks' first 109 points."""
    number = np.arange(len(starts))
    mesh = np.concatenate([landmarks, np.zeros((len(landmarks), 126, 1), np.float32)], axis=2)[:, :109]
    names = {"driver": number % 8, "target": number // 8 % 4, "clip": number}
    table = pd.DataFrame({key: [f"{key}:{n:03d}" for n in value] for key, value in names.items()})
    return WindowSet(
        videos=table.assign(source="made", video=table["clip"], width=800, height=800),
        landmarks=landmarks[: len(starts) * WINDOW],
        offsets=np.arange(len(starts) + 1) * WINDOW,
        video=number,
        start=starts,
        length=WINDOW,
        excluded=pd.DataFrame(),
        mesh=mesh[: len(starts) * WINDOW],
        mesh_points=GraphNetwork(GraphShape()).mesh_points(),
    )


def _data_path(landmarks: np.ndarray, starts: np.ndarray, device: str) -> float:
    """Windows a second, gathered and turned into distances."""
    features = FrameFeatures()
    frames = FramePoints(features.prepare_points(landmarks), device)
    rng = np.random.default_rng(0)
    steps = np.arange(WINDOW)

    def batch() -> None:
        chosen = rng.choice(starts, BATCH, replace=False)
        features(frames.take(chosen[:, None] + steps).flatten(0, 1))

    return BATCH / median_seconds(batch, repeats=9, warm_up=2)


def _steps(windows: WindowSet, options: TrainOptions, device: str, matrix: float) -> None:
    """Prints windows a second of whole training steps, where the time goes, and what embedding takes."""
    options = replace(options, precision="bfloat16" if device == "cuda" else "float32")
    with tempfile.TemporaryDirectory() as folder:
        training = Training(windows, None, options, Path(folder), TrainingProcesses(device))  # type: ignore[arg-type]
        parts = step_parts(training)
        seconds = median_seconds(lambda: training.step(1e-4), repeats=5, warm_up=2)
        operations = convolution_operations(lambda: training.step(1e-4))
        embedding = median_seconds(lambda: embed_windows(training.network, windows, training.frames), repeats=3)
    width = training.network.shape_json().get("width", 64)
    sizes = "".join(f", {name} {value}" for name, value in options.sizes.items())
    name = f"{options.method}, width {width}{sizes}, {options.loss.kind} loss"
    print(f"{name}: whole step {BATCH / seconds:.0f} windows/s")
    print(f"  {operations / 1e9:.1f} GFLOP a step, {operations / seconds / matrix:.0%} of a large product's rate")
    print(f"  embedding {len(windows) / embedding:.0f} windows/s")
    print("  " + ", ".join(f"{part} {taken * 1e3:.0f} ms" for part, taken in parts.items()))


def step_parts(training: Training) -> dict[str, float]:
    """Seconds of each part of a step, waiting for the device after each."""
    network, frames = training.network, training.frames
    rows = training.windows.rows(training.batches.batch(0))
    points = frames.take(rows)
    order = torch.rand(rows.shape).argsort(dim=1).to(frames.device) if network.uses_order else None
    result = {"batch and gather": median_seconds(lambda: frames.take(training.windows.rows(training.batches.batch(1))))}
    if isinstance(network, TemporalCnn):
        result["distances"] = median_seconds(lambda: network.features(points.flatten(0, 1)))
    with torch.no_grad():
        result["forward, with distances"] = median_seconds(lambda: network(points, order))
    result["forward, loss"] = median_seconds(lambda: training.loss(0))
    result["forward, loss, backward"] = median_seconds(lambda: training.loss(0).backward())
    result["optimiser"] = median_seconds(training.optimiser.step)
    return result


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


if __name__ == "__main__":
    main(sys.argv[1:] or ["data", "cnn", "others"])
