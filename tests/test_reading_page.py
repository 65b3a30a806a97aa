"""The lines of docs/reading.md run as they stand, and give what pyarrow reads from the single files."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset
import pyarrow.parquet as pq
import pytest

from nvfair_tools.curate.card import write_card
from nvfair_tools.dataset.writer import content_digest
from tests.benchmark.small_world import World, make
from tests.nvfair_tools.dataset.landmark_videos import write_dataset

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reading.md"
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
DRIVER = "toy:00"
# Of the driver and in train; twenty of its frames have no face.
VIDEO = "alpha-01-clip-00-0"
FRAMES = 110


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two training people and two test people, whose two clips drive each other, with a card."""
    folder = tmp_path_factory.mktemp("set") / "world"
    dataset = make(folder, World(people=(2, 0, 2), clips=2, generators=("alpha",)), {VIDEO: "gap"})
    meta = {
        "name": "toy",
        "features": {"distances": "none", "mesh": False},
        "landmarks": {"scheme": "126", "points": 126},
        "generators": [],
        "simulated": True,
    }
    digest = content_digest(json.loads((folder / "dataset.json").read_text())["files"])
    write_card(folder, meta, dataset.identities, dataset.videos, content=digest)
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> pd.DataFrame:
    """Every frame row, part by part as pyarrow reads them, with the columns `landmarks` as arrays and `driver`."""
    return read_parts(folder)


def read_parts(folder: Path) -> pd.DataFrame:
    videos = pq.read_table(folder / "videos.parquet", columns=["video", "clip", "driver", "split", "part"]).to_pandas()
    parts = [pq.ParquetFile(folder / part).read() for part in sorted(videos["part"].unique())]
    names = [name for name in ("video", "index", "valid", "landmarks", "distances") if name in parts[0].column_names]
    table = pa.concat_tables([part.select(names) for part in parts]).to_pandas()
    return table.merge(videos[["video", "clip", "driver", "split"]], on="video").sort_values(["video", "index"])


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory):
    """Nothing of a test is left in the user's cache."""
    datasets = pytest.importorskip("datasets")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path_factory.mktemp("cache"))
        yield


def run_blocks(heading: str, folder: Path) -> list[dict[str, Any]]:
    """Runs the blocks below a heading of the page; returns the names that each leaves."""
    (text,) = re.findall(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", PAGE.read_text("utf-8"), re.M | re.S)
    results = []
    for code in BLOCK.findall(text):
        names = {"FOLDER": str(folder), "DRIVER": DRIVER, "VIDEO": VIDEO}
        exec(compile(code, f"{PAGE.name}: {heading}", "exec"), names)
        results.append(names)
    assert results
    return results


def landmarks_of(rows: pd.DataFrame) -> np.ndarray:
    return np.stack(rows["landmarks"].to_numpy()).reshape(-1, 126, 2)


def is_same(values: Any, rows: pd.DataFrame) -> bool:
    return np.array_equal(np.asarray(values, np.float32).reshape(-1, 126, 2), landmarks_of(rows), equal_nan=True)


def test_the_set_has_what_the_page_speaks_of(rows: pd.DataFrame) -> None:
    assert len(rows) == 16 * FRAMES
    assert (rows["driver"] == DRIVER).sum() == 4 * FRAMES
    lost = np.isnan(landmarks_of(rows)).all(axis=(1, 2))
    assert lost.sum() == 20
    assert (lost == ~rows["valid"]).all()
    assert set(rows.loc[lost, "video"]) == {VIDEO}


def test_this_package(folder: Path, rows: pd.DataFrame) -> None:
    (names,) = run_blocks("This package", folder)
    driven = rows[rows["driver"] == DRIVER]
    tracks = names["tracks"]
    assert list(tracks.videos) == sorted(driven["video"].unique())
    assert is_same(tracks.landmarks, driven)
    assert is_same(names["some"].landmarks, rows[(rows["video"] == VIDEO) & rows["index"].between(10, 19)])


def test_pyarrow(folder: Path, rows: pd.DataFrame) -> None:
    names, joined = run_blocks("pyarrow", folder)
    driven = rows[rows["driver"] == DRIVER]
    assert names["frames"]["video"].to_pylist() == driven["video"].tolist()
    assert is_same(names["landmarks"], driven)
    assert sorted(joined["frames"]["video"].to_pylist()) == sorted(rows["video"])
    assert set(joined["frames"]["licence"].to_pylist()) == {"test"}


def test_pandas(folder: Path, rows: pd.DataFrame) -> None:
    (names,) = run_blocks("pandas", folder)
    assert is_same(names["landmarks"], rows[rows["video"] == VIDEO])
    assert names["frames"]["valid"].sum() == FRAMES - 20
    assert names["frames_by_driver"].to_dict() == rows["driver"].value_counts().to_dict()


def test_duckdb(folder: Path, rows: pd.DataFrame) -> None:
    pytest.importorskip("duckdb")
    (names,) = run_blocks("DuckDB", folder)
    counts = rows.groupby("clip")["valid"].agg(["size", lambda valid: (~valid).sum()])
    assert names["rows"] == list(counts.itertuples(name=None))
    driven = rows[rows["driver"] == DRIVER]
    assert names["table"]["video"].to_pylist() == driven["video"].tolist()
    assert is_same(names["landmarks"], driven)


def test_polars(folder: Path, rows: pd.DataFrame) -> None:
    pytest.importorskip("polars")
    (names,) = run_blocks("Polars", folder)
    driven = rows[rows["driver"] == DRIVER]
    assert names["frames"]["video"].to_list() == driven["video"].tolist()
    assert set(names["frames"]["licence"]) == {"test"}
    assert is_same(names["landmarks"], driven)


def test_datasets(folder: Path, rows: pd.DataFrame) -> None:
    pytest.importorskip("torch")
    whole, streamed, tensors = run_blocks("`datasets`", folder)
    assert whole["identities"]["identity"] == ["toy:00", "toy:01", "toy:02", "toy:03"]
    driven = rows[rows["driver"] == DRIVER]
    assert len(whole["videos"]) == 16
    assert list(whole["driven"]["video"]) == driven["video"].tolist()
    assert is_same(whole["driven"]["landmarks"], driven)

    train = rows[rows["split"] == "train"]
    assert streamed["first"]["video"] == train["video"].iloc[0]
    assert is_same(streamed["landmarks"], rows[rows["video"] == VIDEO])

    batch = tensors["batch"]
    assert is_same(batch["landmarks"].numpy(), train.iloc[:32])
    assert str(batch["landmarks"].dtype) == "torch.float32"
    assert batch["index"].tolist() == list(range(32))


def test_windows(folder: Path, rows: pd.DataFrame) -> None:
    pytest.importorskip("torch")
    plain, table, tensors = run_blocks("Windows of a protocol", folder)
    # The frames stand at the protocol's own rate of 30 a second: a window is 71 of them, and the next begins 35 later.
    # Of 110 frames that makes two windows a video; the video with a gap in the middle has none.
    windows = plain["windows"]
    assert len(windows) == 15 * 2
    assert windows.excluded["video"].tolist() == [VIDEO]
    for number, (row, landmarks) in enumerate(zip(plain["videos"].itertuples(), plain["landmarks"], strict=True)):
        start = 35 * (number % 2)
        expected = rows[(rows["video"] == row.video) & rows["index"].between(start, start + 70)]
        assert np.abs(landmarks - landmarks_of(expected)).max() < 1e-3
    assert table["window"].shape == (71, 126, 2)
    assert len(table["table"]) == 30
    np.testing.assert_array_equal(table["table"][3]["landmarks"], plain["landmarks"][3])
    assert table["table"][3]["driver"] == plain["videos"]["driver"].iloc[3]
    assert tuple(tensors["batch"].shape) == (8, 71, 126, 2)
    assert sum(len(batch) for batch in tensors["loader"]) == 30


def test_distances_are_read_as_they_are_stored(tmp_path: Path) -> None:
    pytest.importorskip("polars")
    pytest.importorskip("duckdb")
    folder = write_dataset(tmp_path / "set", distances=True)
    videos = pq.read_table(folder / "videos.parquet").to_pandas()
    stored = pd.concat([pq.ParquetFile(folder / part).read().to_pandas() for part in sorted(videos["part"].unique())])
    expected = np.stack(stored["distances"].to_numpy())
    assert expected.dtype == np.float16
    plain, by_cast = run_blocks("Distances", folder)
    assert plain["array"].dtype == np.float16
    np.testing.assert_array_equal(plain["array"], expected)
    frames = plain["frames"]
    assert list(zip(frames["video"], frames["index"], strict=True)) == list(
        zip(stored["video"], stored["index"], strict=True)
    )
    np.testing.assert_array_equal(frames["distances"].to_numpy(), expected)
    largest = stored.assign(first=expected[:, 0].astype(np.float32)).groupby("video")["first"].max()
    # DuckDB sorts NaN above all numbers; of `v1`, whose only frame has a face, and all others the largest is compared
    # where every frame has one.
    faces = stored.groupby("video")["valid"].all()
    assert [video for video, _ in by_cast["rows"]] == sorted(faces.index)
    compared = {video: value for video, value in by_cast["rows"] if faces[video]}
    assert compared
    assert compared == {video: float(largest[video]) for video in compared}


def test_what_duckdb_says_of_stored_distances_is_what_the_page_says(tmp_path: Path) -> None:
    """A release of DuckDB that reads the column must read it rightly; the others say what the page quotes."""
    duckdb = pytest.importorskip("duckdb")
    folder = write_dataset(tmp_path / "set", distances=True)
    part = folder / pq.read_table(folder / "videos.parquet")["part"][0].as_py()
    message, values = "", None
    try:
        values = duckdb.sql(f"SELECT distances FROM '{part}'").fetchall()
    except duckdb.Error as error:
        message = str(error)
    if values is None:  # which other types the message names depends on the release
        words = "BYTE_STREAM_SPLIT encoding is only supported for FLOAT"
        assert message.startswith(words)
        assert f'"{words}"' in PAGE.read_text("utf-8")
    else:
        expected = pq.ParquetFile(part).read()["distances"].to_pylist()
        np.testing.assert_array_equal(np.array([row for (row,) in values]), np.array(expected, np.float32))


def test_the_lines_of_the_card_run(folder: Path, rows: pd.DataFrame) -> None:
    duckdb, polars = pytest.importorskip("duckdb"), pytest.importorskip("polars")
    code = BLOCK.findall((folder / "README.md").read_text("utf-8"))[1]
    names = {"FOLDER": str(folder), "VIDEO": VIDEO, "duckdb": duckdb, "polars": polars, "pandas": pd, "pyarrow": pa}
    lines = [ast.unparse(statement) for statement in ast.parse(code).body]
    videos, table, lazy, relation = (eval(line, dict(names)) for line in lines)
    assert len(videos) == 16
    assert is_same(table["landmarks"].to_pylist(), rows[rows["video"] == VIDEO])
    assert lazy.filter(polars.col("driver") == DRIVER).collect().height == 4 * FRAMES
    assert sorted({driver for driver, _ in relation.fetchall()}) == sorted(rows["driver"].unique())
