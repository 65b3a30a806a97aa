"""docs/format.md is the format: its tables are the schemas, and a reader written from the page alone reads a set."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.curate.card import write_card
from nvfair_tools.dataset import FORMAT_VERSION, Dataset
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA, frames_schema
from nvfair_tools.dataset.writer import content_digest, finish_dataset
from nvfair_tools.features import SCALES
from nvfair_tools.landmarks.scheme import SCHEME_126
from tests.nvfair_tools.dataset.landmark_videos import IDENTITIES, LENGTHS, videos_table, write_dataset

PAGE = (Path(__file__).resolve().parents[1] / "docs" / "format.md").read_text()


class Reader:
    """A reader of format 1.0 that knows the page and no line of this package."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.meta: dict[str, Any] = json.loads((folder / "dataset.json").read_text("utf-8"))
        version = self.meta["format_version"]
        if not isinstance(version, str) or version.split(".")[0] != "1":
            raise ValueError(f"format version {version!r}")
        self.videos = {row["video"]: row for row in pq.ParquetFile(folder / "videos.parquet").read().to_pylist()}

    def wrong_hashes(self) -> list[str]:
        """Files with other bytes than those whose hashes are stated, dataset.json and the card's digest included."""
        text = (self.folder / "dataset.json").read_bytes()
        others, lines = re.subn(rb',?\n "own_sha256": "[0-9a-f]{64}"\n', b"\n", text)  # where it is the last entry
        if not lines:
            others = re.sub(rb'\n "own_sha256": "[0-9a-f]{64}",\n', b"\n", text)
        wrong = [] if hashlib.sha256(others).hexdigest() == self.meta["own_sha256"] else ["dataset.json"]
        stated = self.meta["files"] | {
            row["path"]: row["sha256"] for row in self.videos.values() if row["state"] == "ok" and row["path"]
        }
        wrong += [
            path
            for path, digest in stated.items()
            if hashlib.sha256((self.folder / path).read_bytes()).hexdigest() != digest
        ]
        rows = [path for path in stated if path.startswith("frames/")] + ["identities.parquet", "videos.parquet"]
        digest = hashlib.sha256("\n".join(f"{stated[path]} {path}" for path in sorted(rows)).encode()).hexdigest()
        card = (self.folder / "README.md").read_text("utf-8")
        return wrong if card.count(f"description: content sha256 {digest}\n") == 3 else [*wrong, "README.md"]

    def frames(self, video: str) -> pa.Table:
        row = self.videos[video]
        part = pq.ParquetFile(self.folder / row["part"]).read()
        return part.slice(row["first_row"], row["frames"])

    def values(self, video: str, column: str, shape: tuple[int, ...]) -> np.ndarray:
        return self.frames(video).column(column).combine_chunks().flatten().to_numpy().reshape(-1, *shape)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two splits in several parts, with distances, mesh, portrait and card."""
    folder = tmp_path_factory.mktemp("page") / "set"
    write_dataset(folder, videos_table().assign(fps_num=25, fps_den=1), distances=True, mesh=True)
    (folder / "portraits").mkdir()
    (folder / "portraits" / "toy_a.png").write_bytes(b"a portrait")
    people = IDENTITIES.assign(portrait="portraits/toy_a.png")
    videos = Dataset.open(folder).videos
    meta: dict[str, Any] = {
        "name": "toy",
        "features": {"distances": "float16", "mesh": True, "scale": "overall"},
        "landmarks": {"scheme": "nvfair-126", "points": 126},
        "generators": [],
    }
    files = finish_dataset(folder, people, videos, meta)["files"]
    card = write_card(folder, meta, Dataset.open(folder).identities, videos, content=content_digest(files))
    finish_dataset(folder, people, videos, meta, extra_files=[*card, folder / "portraits/toy_a.png"])
    return folder


def test_a_reader_written_from_the_page_gets_what_this_package_gets(folder: Path) -> None:
    reader, dataset = Reader(folder), Dataset.open(folder)
    assert reader.wrong_hashes() == []
    for video in LENGTHS:
        rows = dataset.frames(video, mesh=True)
        assert rows.mesh is not None
        np.testing.assert_array_equal(reader.values(video, "landmarks", (126, 2)), rows.landmarks)
        np.testing.assert_array_equal(reader.values(video, "mesh", (478, 3)), rows.mesh)
        table = reader.frames(video)
        assert table["index"].to_pylist() == list(range(LENGTHS[video]))
        assert table["valid"].to_pylist() == rows.valid.tolist()
        assert table["time"].to_pylist() == rows.time.tolist()
        for name in ("driver", "target", "generator", "split"):
            assert set(table[name].to_pylist()) == {reader.videos[video][name]}


def test_the_readers_hashes_find_a_changed_file(folder: Path) -> None:
    for name in ("README.md", "card/videos.png", "portraits/toy_a.png", "identities.parquet", "dataset.json"):
        content = (folder / name).read_bytes()
        changed = content.replace(b'"name": "toy"', b'"name": "tox"') if name == "dataset.json" else content[:-1] + b"#"
        (folder / name).write_bytes(changed)
        try:
            assert name in Reader(folder).wrong_hashes()
        finally:
            (folder / name).write_bytes(content)


def test_distances_are_as_the_page_defines_them(folder: Path) -> None:
    reader = Reader(folder)
    points = reader.values("v2", "landmarks", (126, 2)).astype(np.float64)
    pairs = [(i, j) for i in range(126) for j in range(i + 1, 126)]
    assert len(pairs) == 7875
    first, second = np.array(pairs).T
    lengths = np.linalg.norm(points[:, first] - points[:, second], axis=2)
    scale = np.sqrt(np.square(points - points.mean(axis=1, keepdims=True)).sum(axis=2).mean(axis=1))
    stored = reader.values("v2", "distances", (7875,))
    assert stored.dtype == np.float16
    valid = np.array(reader.frames("v2")["valid"].to_pylist())
    assert np.isnan(stored[~valid]).all()
    # Half a unit in the last place of float16, and what computing in float32 adds.
    np.testing.assert_allclose(stored[valid], (lengths / scale[:, None])[valid], rtol=2**-11 + 1e-6, atol=1e-7)
    pixels = reader.values("v2", "landmarks", (126, 2))[valid] * 64
    assert (pixels == np.round(pixels)).all()


def words(kind: pa.DataType) -> str:
    """A type in the page's words."""
    if pa.types.is_fixed_size_list(kind):
        return f"{kind.list_size} x {words(kind.value_type)}"
    if pa.types.is_list(kind):
        return f"list of {words(kind.value_type)}"
    return {"float": "float32", "halffloat": "float16", "double": "float64"}.get(str(kind), str(kind))


def table_below(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    section = PAGE.split(f"\n{heading}\n", 1)[1]
    lines = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE)
    assert lines is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[0].splitlines()[2:]]


@pytest.mark.parametrize(
    ("heading", "schema"),
    [
        ("## identities.parquet", IDENTITIES_SCHEMA),
        ("## videos.parquet", VIDEOS_SCHEMA),
        ("## Parts", frames_schema(distances=True, mesh=True)),
    ],
)
def test_the_tables_of_columns_are_the_schemas(heading: str, schema: pa.Schema) -> None:
    stated = [(row[0], row[1], row[2]) for row in table_below(heading)]
    assert stated == [(f"`{field.name}`", words(field.type), "yes" if field.nullable else "no") for field in schema]
    assert all(len(row) == 4 and row[3] for row in table_below(heading))


def test_the_page_names_the_points_the_scales_and_the_version() -> None:
    rows = table_below("### Landmarks")
    assert [int(point) for row in rows for point in row[2].split()] == SCHEME_126.indices.tolist()
    for row, (group, place) in zip(rows, SCHEME_126.positions.items(), strict=True):
        assert row[0] == f"{place.start} to {place.stop - 1}"
        assert row[1].split(",")[0].replace(" ", "_") == group
    assert [row[0].strip("`") for row in table_below("### Distances")] == list(SCALES)
    assert f"version {FORMAT_VERSION}" in PAGE.splitlines()[0]
    assert (SCHEME_126.name, SCHEME_126.version) == ("nvfair-126", "1")


def test_every_entry_of_a_sets_dataset_json_is_on_the_page(folder: Path) -> None:
    entries = {name for row in table_below("## dataset.json") for name in re.findall(r"`(\w+)`", row[0])}
    assert {*Dataset.open(folder).meta} <= entries
    bold = {row[0].strip("*`") for row in table_below("## dataset.json") if row[0].startswith("**")}
    assert bold == {"format_version", "files", "counts", "features", "own_sha256"}


def test_a_set_with_the_needed_entries_alone_is_read(folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "set"))
    meta = json.loads((copy / "dataset.json").read_text())
    needed = {name: meta[name] for name in ("format_version", "files", "counts", "features")}
    text = json.dumps(needed, indent=1, sort_keys=True) + "\n"
    needed["own_sha256"] = hashlib.sha256(text.encode()).hexdigest()
    (copy / "dataset.json").write_text(json.dumps(needed, indent=1, sort_keys=True) + "\n")
    dataset = Dataset.open(copy)
    assert Reader(copy).wrong_hashes() == []
    pd.testing.assert_frame_equal(dataset.videos, Dataset.open(folder).videos)
    assert len(dataset.tracks(["v2"]).landmarks) == LENGTHS["v2"]
