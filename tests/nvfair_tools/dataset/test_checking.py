"""A check finds every damage of a data set and names the file; a sound set passes it."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.group import dataset
from nvfair_tools.dataset.checking import CheckReport, check_dataset
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import CONTENT_MARK
from nvfair_tools.dataset.writer import content_digest, finish_dataset, meta_text, sealed, write_tables
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.media import encode
from tests.nvfair_tools.dataset.landmark_videos import rows_of

LENGTHS = {"a-real": 6, "a-self": 5, "ab-cross": 7, "b-real": 4, "c-real": 8}
SPLITS = {"a": "train", "b": "train", "c": "test"}
RIGHTS = {"licence": "any", "consent": "given", "permitted_use": "any"}


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of three people and five videos, with parts of distances, a card and portraits."""
    return write_sound(tmp_path_factory.mktemp("sound") / "set")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    """A copy of the data set, to be damaged."""
    return Path(shutil.copytree(sound, tmp_path / "set"))


def write_sound(folder: Path) -> Path:
    rows = []
    rng = np.random.default_rng(3)
    for video, frames in LENGTHS.items():
        target, driver = video[0], video.split("-")[0][-1]
        path = f"videos/{video}.mp4"
        (folder / "videos").mkdir(parents=True, exist_ok=True)
        images = rng.integers(0, 255, (frames, 32, 48, 3), dtype=np.uint8)
        info = encode(folder / path, list(images), Fraction(25))
        kind = video.split("-")[1]
        row: dict[str, Any] = {
            "video": video,
            "kind": kind,
            "source": "toy",
            "split": SPLITS[target],
            "clip": f"{driver}-real",
        }
        row |= {"target": f"toy:{target}", "driver": f"toy:{driver}", "clip_name": driver, "frames": frames}
        row |= {"width": 48, "height": 32, "path": path, "sha256": info.sha256, "state": "ok", "reason": ""}
        rows.append(row | {"generator": None if kind == "real" else "warp", "detail": ""} | RIGHTS)
    rows.append(
        rows[0] | {"video": "z-refused", "path": None, "sha256": None, "state": "rejected", "reason": "blurred"}
    )
    videos = pd.DataFrame(rows)
    is_ok = videos["state"] == "ok"
    planned = plan_parts(videos[is_ok], 200)
    videos["part"], videos["first_row"] = planned["part"], planned["first_row"].astype("Int64")
    for part, group in videos[is_ok].groupby("part"):
        labels = labels_by_video(group.sort_values("first_row"))
        write_part(folder / str(part), labels, lambda v: rows_of(v, LENGTHS), with_distances=True)
    people = []
    for name, split in SPLITS.items():
        (folder / "portraits").mkdir(exist_ok=True)
        (folder / "portraits" / f"{name}.png").write_bytes(rng.bytes(200))
        row = {"identity": f"toy:{name}", "source": "toy", "split": split, "portrait": f"portraits/{name}.png"}
        people.append(row | RIGHTS)
    identities = pd.DataFrame(people)
    files = write_tables(folder, identities, videos)
    (folder / "README.md").write_text(f"# Toy\n{CONTENT_MARK}{content_digest(files)}\n")
    (folder / "segments.parquet").write_bytes(rng.bytes(50))  # a table that is no rows of the card's configs
    extra = [folder / "README.md", folder / "segments.parquet", *sorted((folder / "portraits").iterdir())]
    meta = {"name": "toy", "features": {"distances": "float16", "mesh": False, "scale": "overall"}}
    finish_dataset(folder, identities, videos, meta, extra_files=extra, files=files)
    return folder


def named(report: CheckReport) -> set[str]:
    return {fault.file for fault in report.faults}


def test_a_sound_set_has_no_fault(sound: Path) -> None:
    full = check_dataset(sound, full=True)
    assert full.faults == ()
    assert full.remarks == ()
    parts = len(list((sound / "frames").rglob("*.parquet")))
    assert full.checked == {"files": parts + 7, "parts": parts, "videos": 5}
    assert check_dataset(sound).faults == ()


def flip(path: Path, place: int, bit: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1 << bit
    path.write_bytes(content)


def check_flips(folder: Path, count: int, seed: int) -> None:
    """Flips one bit of a file at a time, and looks whether a full check names that file."""
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for number in range(count):
        path = paths[int(rng.integers(len(paths)))] if number >= len(paths) else paths[number]
        place, bit = int(rng.integers(path.stat().st_size)), int(rng.integers(8))
        flip(path, place, bit)
        name = path.relative_to(folder).as_posix()
        assert name in named(check_dataset(folder, full=True)), (name, place, bit)
        flip(path, place, bit)
    assert check_dataset(folder, full=True).faults == ()


def test_each_flipped_bit_is_found_in_its_file(folder: Path) -> None:
    check_flips(folder, 60, seed=1)


@pytest.mark.soak
def test_a_thousand_flipped_bits_are_found(folder: Path) -> None:
    check_flips(folder, 1000, seed=2)


@pytest.mark.parametrize("full", [False, True])
def test_cut_and_missing_files_are_found(folder: Path, full: bool) -> None:
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        content, name = path.read_bytes(), path.relative_to(folder).as_posix()
        path.unlink()
        if name == "dataset.json":
            with pytest.raises(NvfairError, match="not a finished data set"):
                check_dataset(folder, full=full)
        else:
            assert name in named(check_dataset(folder, full=full))
        path.write_bytes(content[: len(content) // 2])
        # Without --full, portraits and other tables are only looked for.
        if full or (path.suffix != ".png" and path.name != "segments.parquet"):
            assert name in named(check_dataset(folder, full=full))
        path.write_bytes(content)


def test_swapped_files_are_found(folder: Path) -> None:
    for kind in ("frames/**/*.parquet", "videos/*.mp4", "portraits/*.png"):
        first, second, *_ = sorted(folder.glob(kind))
        contents = first.read_bytes(), second.read_bytes()
        first.write_bytes(contents[1])
        second.write_bytes(contents[0])
        expected = {path.relative_to(folder).as_posix() for path in (first, second)}
        assert expected <= named(check_dataset(folder, full=True))
        first.write_bytes(contents[0])
        second.write_bytes(contents[1])


def change_table(name: str, change: Callable[[pd.DataFrame], pd.DataFrame]) -> Callable[[Path], None]:
    """A change of a table by somebody who writes the right hashes afterwards."""

    def damage(folder: Path) -> None:
        path = folder / name
        schema = pq.read_schema(path)
        rows = change(pq.read_table(path).to_pandas())
        pq.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False), path)
        rewrite_meta(folder, counts={path.stem: len(rows)})

    return damage


def rewrite_meta(folder: Path, counts: dict[str, int] | None = None, **changes: object) -> None:
    """Writes dataset.json anew for the files as they are."""
    from nvfair_tools.files import sha256_of

    meta = json.loads((folder / "dataset.json").read_text())
    meta["files"] = {name: sha256_of(folder / name) for name in meta["files"] if (folder / name).exists()}
    meta["counts"] |= counts or {}
    mark = CONTENT_MARK + content_digest(meta["files"])
    (folder / "README.md").write_text(f"# Toy\n{mark}\n")
    meta["files"]["README.md"] = sha256_of(folder / "README.md")
    (folder / "dataset.json").write_text(meta_text(sealed(meta | changes)))


def set_value(column: str, row: str, value: Any) -> Callable[[pd.DataFrame], pd.DataFrame]:
    def change(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[rows.iloc[:, 0] == row, column] = value
        return rows

    return change


def other_index(folder: Path) -> None:
    """A part whose frames are in another order."""
    path = next(folder.glob("frames/test/**/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    order = [1, 0, *range(2, table.num_rows)]
    pq.write_table(table.take(order), path)
    rewrite_meta(folder)


def other_label(column: str) -> Callable[[Path], None]:
    """A part in which one row names another driver, target, generator or split."""

    def damage(folder: Path) -> None:
        path = next(folder.glob("frames/test/originals/*.parquet"))
        table = pq.read_table(path, partitioning=None)
        place = table.schema.get_field_index(column)
        values = table.column(column).to_pylist()
        changed = pa.array([*values[:3], "toy:other", *values[4:]])
        pq.write_table(table.set_column(place, table.schema.field(place), changed), path)
        rewrite_meta(folder)

    return damage


def other_distances(folder: Path) -> None:
    path = next(folder.glob("frames/test/**/*.parquet"))
    table = pq.read_table(path, partitioning=None)
    values = table.column("distances").combine_chunks()
    flat = values.flatten().to_numpy().copy()
    flat[5] = np.nextafter(flat[5], np.float16(9))
    column = pa.FixedSizeListArray.from_arrays(pa.array(flat), values.type.list_size)
    place = table.schema.get_field_index("distances")
    pq.write_table(table.set_column(place, table.schema.field(place), column), path)
    rewrite_meta(folder)


def another_video(folder: Path) -> None:
    """A video of another length, with the right hash."""
    info = encode(folder / "videos/a-self.mp4", [np.zeros((32, 48, 3), np.uint8)] * 3, Fraction(25))
    change_table("videos.parquet", set_value("sha256", "a-self", info.sha256))(folder)


DAMAGES: dict[str, tuple[Callable[[Path], object], str, str]] = {
    **{
        f"another {column} in a row of frames": (
            other_label(column),
            "frames/test/originals/part-00000.parquet",
            f"row 3: its {column} is not that of its video",
        )
        for column in ("driver", "target", "generator", "split")
    },
    "a second row": (
        change_table("videos.parquet", lambda rows: pd.concat([rows, rows.iloc[:1]])),
        "videos.parquet",
        "a second row of the same video: a-real",
    ),
    "an unknown person": (
        change_table("videos.parquet", set_value("driver", "ab-cross", "toy:x")),
        "videos.parquet",
        r"a driver who is not in identities.parquet: ab-cross \(toy:x\)",
    ),
    "another split": (
        change_table("identities.parquet", set_value("split", "toy:b", "test")),
        "videos.parquet",
        r"another split than that of its driver: ab-cross \(toy:b\)",
    ),
    "a cross of one person": (
        change_table("videos.parquet", set_value("kind", "a-self", "cross")),
        "videos.parquet",
        "cross, but of one person: a-self",
    ),
    "a shared place": (
        change_table("videos.parquet", set_value("first_row", "ab-cross", 2)),
        "videos.parquet",
        "that another video has too: ab-cross",
    ),
    "fewer rows": (
        change_table("videos.parquet", set_value("frames", "c-real", 7)),
        "frames/test/originals/part-00000.parquet",
        "8 rows, but videos.parquet puts 7 frames there",
    ),
    "a state of no meaning": (
        change_table("videos.parquet", set_value("state", "a-self", "fine")),
        "videos.parquet",
        r"a state that is none: a-self \(fine\)",
    ),
    "a count": (
        lambda folder: rewrite_meta(folder, counts={"videos": 7}),
        "videos.parquet",
        "6 rows, but dataset.json counts 7",
    ),
    "frames in another order": (other_index, "frames/test/originals/part-00000.parquet", "row 0 is not the frame"),
    "another distance": (other_distances, "frames/test/originals/part-00000.parquet", "row 0: its distances are not"),
    "a shorter video": (another_video, "videos/a-self.mp4", "3 frames, but videos.parquet says 5"),
    "a path out of the folder": (
        lambda folder: rewrite_meta(folder, files={"../videos.parquet": "0" * 64}),
        "dataset.json",
        r"names a file that is not in this folder: \.\./videos.parquet",
    ),
    "the card of another set": (
        lambda folder: (folder / "README.md").write_text(CONTENT_MARK + "0" * 64),
        "README.md",
        "is the card of other tables and parts",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_what_the_hashes_do_not_see_is_found(folder: Path, name: str) -> None:
    damage, file, what = DAMAGES[name]
    damage(folder)
    faults = [fault for fault in check_dataset(folder, full=True).faults if fault.file == file]
    assert [fault for fault in faults if re.search(what, fault.what)], faults


def test_names_that_not_every_file_system_takes_are_remarked_upon(folder: Path) -> None:
    (folder / "videos" / "a-self.mp4").rename(folder / "videos" / "a:self.mp4")
    change_table("videos.parquet", set_value("path", "a-self", "videos/a:self.mp4"))(folder)
    report = check_dataset(folder, full=True)
    assert report.faults == ()
    assert [remark for remark in report.remarks if "videos/a:self.mp4" in remark]


def test_files_that_nothing_names_are_remarked_upon(folder: Path) -> None:
    (folder / "notes.txt").write_text("mine")
    (folder / ".hidden").write_text("a tool's")
    (folder / "quality" / "again").mkdir(parents=True)
    for name in ("again/quality.parquet", "contact_sheet.png", "preview-warp-dense.mp4"):
        (folder / "quality" / name).write_text("another command's")
    report = check_dataset(folder, full=True)
    assert report.faults == ()
    assert report.remarks == ("1 file that neither dataset.json nor a row names, such as notes.txt",)


def test_the_command_names_files_and_fails(folder: Path) -> None:
    done = CliRunner().invoke(dataset, ["check", str(folder)])
    assert done.exit_code == 0, done.output
    assert "whole, as far as" in done.output
    assert "not every byte was read" in done.output
    flip(folder / "videos" / "c-real.mp4", 100, 3)
    done = CliRunner().invoke(dataset, ["check", str(folder), "--full"])
    assert isinstance(done.exception, Problems)
    assert "videos/c-real.mp4: is not the file that videos.parquet names" in str(done.exception)
