"""Checks a data set: what dataset.json promises of every file, and what its tables say of every video."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.checking.fault import Fault
from nvfair_tools.dataset.checking.parts import content_faults, footer_faults
from nvfair_tools.dataset.checking.tables import SCHEMAS, column_faults, row_faults
from nvfair_tools.dataset.schema import CONTENT_MARK
from nvfair_tools.dataset.version import is_newer_minor, version_error
from nvfair_tools.dataset.writer import SEAL, content_digest, meta_text, sealed
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, SCALES
from nvfair_tools.files import sha256_of
from nvfair_tools.portable_names import is_portable
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

# Files that `nvfair quality` and `nvfair revoke` write in a data set, beside what dataset.json vouches for.
_OF_OTHER_COMMANDS = (
    "quality/*quality.parquet",
    "quality/*contact_sheet.png",
    "quality/*preview-*.mp4",
    "revoked.json",
)

META = "dataset.json"
SAMPLE = 20  # videos that are hashed and decoded where not all are

# Receives a task's name, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CheckReport:
    """What a check has found. faults: all that is wrong, sorted by file. checked: how many files or videos each check
    has read, in words. remarks: what could not be checked, or need not be there."""

    faults: tuple[Fault, ...]
    checked: dict[str, int]
    remarks: tuple[str, ...]


def check_dataset(
    folder: str | Path,
    *,
    full: bool = False,
    also: Collection[str] = (),
    progress: Progress = lambda *_: None,
) -> CheckReport:
    """Checks the data set in `folder`, which need not be readable, and changes nothing.

    Always: dataset.json, the columns, keys, references and counts of the tables, the presence of every file, the bytes
    of tables and card, the footers of the parts, and `SAMPLE` videos, spread evenly. full: every byte of every file
    that dataset.json or a row names, every row of every part, and every frame of every video. also: files, relative to
    the folder, that are read so in any case. Raises NvfairError where there is no dataset.json.
    """
    folder = Path(folder)
    faults: list[Fault] = []
    remarks: list[str] = []
    meta = _read_meta(folder, faults)
    files = {name: digest for name, digest in meta.get("files", {}).items() if _is_inside(name)}
    faults += [
        Fault(META, f"names a file that is not in this folder: {name}")
        for name in meta.get("files", {}).keys() - files.keys()
    ]
    checked = {"files": len(files)}
    for number, (name, digest) in enumerate(sorted(files.items())):
        progress("files", number, len(files))
        if not (folder / name).is_file():
            faults.append(Fault(name, "is missing"))
        elif (full or name in SCHEMAS or name in also or _is_of_card(name)) and sha256_of(folder / name) != digest:
            remedy = f"; `nvfair dataset card {folder}` writes the card anew" if _is_of_card(name) else ""
            faults.append(Fault(name, f"is not the file that {META} names: its SHA-256 differs{remedy}"))
    faults += [Fault(name, f"is not named in {META}") for name in SCHEMAS if name not in files]
    faults += _card_faults(folder, files)
    tables = {name: table for name in SCHEMAS if (table := _read_table(folder, name, meta, faults)) is not None}
    if len(tables) == len(SCHEMAS) and not any(fault.file in SCHEMAS for fault in faults):
        identities, videos = (tables[name] for name in SCHEMAS)
        faults += row_faults(meta, identities, videos)
        checked |= _check_parts(folder, meta, files, videos, full, also, faults, progress)
        checked |= _check_videos(folder, identities, videos, full, also, faults, remarks, progress)
        named = {*files, META, *videos["path"].dropna(), *identities["portrait"].dropna()}
        remarks += _unnamed(folder, named)
        remarks += _not_portable(named)
    else:
        remarks.append("parts and videos were not checked against the tables, which are not whole")
    if not full:
        remarks.append("not every byte was read: a full check does (--full)")
    return CheckReport(tuple(sorted(set(faults))), checked, tuple(remarks))


def _read_meta(folder: Path, faults: list[Fault]) -> dict[str, Any]:
    """The content of dataset.json, as far as it can be read."""
    path = folder / META
    if not path.is_file():
        raise NvfairError(
            f"no {META} here, so this is not a finished data set",
            where=folder,
            remedy=f"name the folder that holds {META}, or run `nvfair build` again to finish the build",
        )
    text = path.read_bytes()
    try:
        meta = load_unique_json(text)
    except ValueError as error:
        faults.append(Fault(META, f"not valid JSON: {error}"))
        return {}
    if problem := _shape_problem(meta):
        faults.append(Fault(META, problem))
        return {}
    if other := version_error(meta.get("format_version"), folder):
        faults.append(Fault(META, f"{other.what}, not {other.expected}: {other.remedy}"))
    if SEAL not in meta:
        faults.append(Fault(META, f"holds no hash of itself ({SEAL}), so that a change of it would not be seen"))
    elif meta_text(sealed(meta)).encode() != text:
        faults.append(Fault(META, f"is not as it was written: its {SEAL} differs"))
    return meta


def _shape_problem(meta: Any) -> str:
    """What keeps the entries of dataset.json that are used here from being what they must be; "" where nothing does."""
    if not isinstance(meta, dict):
        return "does not hold the entries of a data set"
    for name in ("files", "counts", "features"):
        if not isinstance(meta.get(name, {}), dict):
            return f"{name} is {meta[name]!r}, not an object"
    texts = [value for value in meta.get("files", {}).values() if not isinstance(value, str)]
    if texts:
        return f"files holds {texts[0]!r} in place of a hash"
    scale = meta.get("features", {}).get("scale", DEFAULT_SCALE)
    return "" if scale in SCALES else f"features names the facial scale {scale!r}, not one of {', '.join(SCALES)}"


def _card_faults(folder: Path, files: Mapping[str, str]) -> Iterator[Fault]:
    """Whether the card is that of these tables and parts, where it says whose it is."""
    card = folder / "README.md"
    text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
    if CONTENT_MARK in text and CONTENT_MARK + content_digest(files) not in text:
        yield Fault("README.md", f"is the card of other tables and parts than {META} names")


def _read_table(folder: Path, name: str, meta: Mapping[str, Any], faults: list[Fault]) -> pd.DataFrame | None:
    try:
        table = pq.read_table(folder / name, partitioning=None)
    except FileNotFoundError:
        faults.append(Fault(name, "is missing"))
        return None
    except (pa.ArrowException, OSError) as error:
        faults.append(Fault(name, f"not a whole Parquet file: {(str(error) or type(error).__name__).splitlines()[0]}"))
        return None
    faulty = list(column_faults(name, table.schema, more=is_newer_minor(meta.get("format_version"))))
    faults += faulty
    return None if faulty else table.to_pandas()


def _check_parts(
    folder: Path,
    meta: Mapping[str, Any],
    files: Mapping[str, str],
    videos: pd.DataFrame,
    full: bool,
    also: Collection[str],
    faults: list[Fault],
    progress: Progress,
) -> dict[str, int]:
    stored = videos[(videos["state"] == "ok") & videos["part"].notna() & videos["first_row"].notna()]
    parts = {str(part): group for part, group in stored[stored["frames"].notna()].groupby("part")}
    faults += [Fault(part, f"is not named in {META}") for part in sorted(parts.keys() - files.keys())]
    extra = {name for name in files if name.startswith("frames/")} - parts.keys()
    faults += [Fault(name, "holds frames of no video in videos.parquet") for name in sorted(extra)]
    for number, (part, rows) in enumerate(sorted(parts.items())):
        progress("parts", number, len(parts))
        faulty = list(footer_faults(folder, part, rows, meta))
        faults += faulty
        if (full or part in also) and not faulty:
            faults += content_faults(folder, part, rows, meta)
    return {"parts": len(parts)}


def _check_videos(
    folder: Path,
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    full: bool,
    also: Collection[str],
    faults: list[Fault],
    remarks: list[str],
    progress: Progress,
) -> dict[str, int]:
    """Presence of every video and portrait; hash, size and frames of a sample or of all."""
    for name in identities["portrait"].dropna():
        if not (folder / name).is_file():
            faults.append(Fault(str(name), "is missing"))
    named = videos[(videos["state"] == "ok") & videos["path"].notna()]
    present = named[[(folder / path).is_file() for path in named["path"]]]
    faults += [Fault(str(path), "is missing") for path in named["path"][~named.index.isin(present.index)]]
    if named.empty:
        remarks.append("the data set holds landmarks alone: there are no videos to check")
        return {"videos": 0}
    if full or len(present) <= SAMPLE:
        chosen = present
    else:
        in_sample = np.arange(len(present)) % -(-len(present) // SAMPLE) == 0
        chosen = present[in_sample | present["path"].isin(list(also)).to_numpy()]
    unhashed = 0
    for number, row in enumerate(chosen.itertuples()):
        progress("videos", number, len(chosen))
        path = folder / str(row.path)
        unhashed += not isinstance(row.sha256, str)
        if isinstance(row.sha256, str) and sha256_of(path) != row.sha256:
            faults.append(Fault(str(row.path), "is not the file that videos.parquet names: its SHA-256 differs"))
        else:
            faults += _frame_faults(path, row)
    if unhashed:
        remarks.append(
            f"{count_text(unhashed, 'video has', 'videos have')} no hash in videos.parquet: they were decoded alone"
        )
    return {"videos": len(chosen)}


def _frame_faults(path: Path, row: Any) -> Iterator[Fault]:
    """Decodes a video whole, and compares what comes out with its row."""
    from nvfair_tools.media.decoding import decode
    from nvfair_tools.media.errors import MediaError

    frames, (height, width) = 0, (0, 0)
    try:
        for frame in decode(path):
            frames, (height, width) = frames + 1, frame.image.shape[:2]
    except MediaError as error:
        yield Fault(str(row.path), f"cannot be decoded whole: {error.what}")
        return
    if pd.notna(row.frames) and frames != row.frames:
        yield Fault(str(row.path), f"{count_text(frames, 'frame')}, but videos.parquet says {int(row.frames):,}")
    if pd.notna(row.width) and (height, width) != (row.height, row.width):
        yield Fault(
            str(row.path),
            f"{width} x {height} pixels, but videos.parquet says {int(row.width)} x {int(row.height)}",
        )


def _unnamed(folder: Path, named: set[str]) -> Sequence[str]:
    """A remark on files that nothing names; hidden ones and those that other commands write are the tools' own."""
    names = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    extra = sorted(
        name.as_posix()
        for name in names
        if name.as_posix() not in named
        and not any(part.startswith(".") for part in name.parts)
        and not any(fnmatch(name.as_posix(), pattern) for pattern in _OF_OTHER_COMMANDS)
    )
    if not extra:
        return []
    return [f"{count_text(len(extra), 'file')} that neither {META} nor a row names, such as {', '.join(extra[:3])}"]


def _not_portable(named: set[str]) -> Sequence[str]:
    """A remark on files whose names not every file system, URL or reader takes; metadata may begin with a dot."""
    others = sorted(name for name in named if not is_portable(name.lstrip(".")))
    if not others:
        return []
    return [
        f"{count_text(len(others), 'file has', 'files have')} names that not every file system or reader takes, such "
        f"as {others[0]}"
    ]


def _is_of_card(name: str) -> bool:
    return name == "README.md" or name.startswith("card/")


def _is_inside(name: str) -> bool:
    """Whether a path is relative and stays in the folder."""
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts
