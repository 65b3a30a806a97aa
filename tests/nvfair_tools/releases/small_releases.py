"""Small trees with the names of the published releases: two people of one split of each collection, and strays."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from openpyxl import Workbook

from tests.nvfair_tools.moving_portraits import write_clip

HEADER = ("File Path", "Real/Synthetic", "Self/Cross", "Licence", "Permitted use: research", "Permitted use: figures")
FOLDERS = ("facevid2vid-generated", "lia-generated", "tps-generated")
# Two test people and their faces here.
FACES = {"1001": "astronaut", "1003": "hopper"}
PLAN = ("driver_id", "driver_video_path", "driver_video_randomname", "target_id", "target_image_path", "split")


def nvfair_names(clips: Mapping[str, Iterable[str]], folders: Iterable[str] = FOLDERS) -> list[str]:
    """Originals of CREMA-D people (keys) and every clip on every face, by every generator."""
    names = [f"CREMA-D/originals/{person}/{clip}.mp4" for person, stems in clips.items() for clip in stems]
    for folder in folders:
        for target in clips:
            for driver, stems in clips.items():
                names += [f"CREMA-D/{folder}/{target}/{target}--{clip}--{driver}.mp4" for clip in stems]
    return names


def sheet_row(name: str, **changes: str) -> dict[str, str]:
    """A row that permits everything and agrees with the file's name."""
    parts = Path(name).stem.split("--")
    real = "originals" in name
    kind = "" if real else ("self" if parts[0] == parts[-1] else "cross")
    values = (name, "real" if real else "synthetic", kind, "research licence", "yes", "yes")
    return dict(zip(HEADER, values, strict=True)) | changes


def write_sheet(path: Path, rows: Iterable[Mapping[str, str]], header: Iterable[str] = HEADER) -> Path:
    """An .xlsx (or .csv) with one row a file."""
    table = [list(header), *([row.get(name, "") for name in header] for row in rows)]
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".csv":
        with open(path, "w", newline="") as file:
            csv.writer(file).writerows(table)
        return path
    book = Workbook()
    for row in table:
        book.active.append(row)
    book.save(path)
    return path


def write_plan(path: Path, rows: Iterable[tuple[str, str, str, str, str]]) -> Path:
    """A generation plan; rows: driver, recording, random name, target, split."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(PLAN)
        writer.writerows((d, video, random, t, f"targets/{t}.png", split) for d, video, random, t, split in rows)
    return path


def touch(root: Path, names: Iterable[str]) -> None:
    """Empty files: enough where no video is read."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def write_videos(root: Path, names: Iterable[str], frames: int = 8) -> None:
    """A real, tiny video for each name; each differs from all others."""
    for phase, name in enumerate(names):
        target = Path(name).stem.split("--")[0].lstrip("C")
        face = FACES.get(target) or FACES.get(Path(name).parent.name) or "astronaut"
        write_clip(root / name, face, phase, frames=frames)
