"""Joins data sets without rewriting their parts: files get a second name, or are copied; tables are written anew."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools import __version__
from nvfair_tools.dataset.merging.conflicts import conflicts
from nvfair_tools.dataset.merging.extras import write_extras
from nvfair_tools.dataset.merging.placing import PartMove, Places, place_parts
from nvfair_tools.dataset.merging.source import MergeSource
from nvfair_tools.dataset.merging.tables import joined_people, joined_record
from nvfair_tools.dataset.row_removal import remove_rows
from nvfair_tools.dataset.schema import FORMAT_VERSION, IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.writer import SEAL, meta_text, sealed, write_table
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import make_folder, sha256_of, write_text

MARK = ".merging"  # the file that says that a folder is being filled, and from what
Progress = Callable[[int, int], None]
# Writes the card of the joined set; gets its folder, the content of its dataset.json so far, and both tables.
WriteCard = Callable[[Path, dict[str, Any], pd.DataFrame, pd.DataFrame], list[Path]]


@dataclass(frozen=True)
class MergePlan:
    """How data sets are joined. parts: in the order of the sources. files: (source, name, SHA-256 where it stands in
    dataset.json) of videos and portraits. renamed: how many files get other names. repeated: videos that several sets
    have, and that are in the joined one once."""

    sources: tuple[MergeSource, ...]
    name: str
    identities: pd.DataFrame
    videos: pd.DataFrame
    parts: tuple[PartMove, ...]
    files: tuple[tuple[Path, str, str | None], ...]
    renamed: int
    repeated: int

    @property
    def rewritten(self) -> int:
        """How many parts are written anew, because some of their videos are in another part too."""
        return sum(bool(part.without) for part in self.parts)

    @property
    def moves(self) -> list[tuple[Path, str]]:
        """Every part, video and portrait with its name in the joined set."""
        parts = [(part.source, part.name) for part in self.parts]
        return parts + [(source, name) for source, name, _ in self.files]


def plan_merge(sources: Sequence[MergeSource], name: str = "") -> MergePlan:
    """Plans how data sets are joined. name: of the joined set; default, theirs.

    Raises Problems with everything that they contradict each other in.
    """
    if len(sources) < 2:
        raise NvfairError("two data sets at least are joined", remedy="name more folders")
    if problems := conflicts(sources):
        raise Problems(
            "these data sets cannot be joined", problems, remedy="correct one of them, or leave one of them out"
        )
    places = Places()
    tables: list[pd.DataFrame] = []
    parts: list[PartMove] = []
    files: list[tuple[Path, str, str | None]] = []
    portraits: list[dict[str, str]] = []
    known: set[str] = set()
    known_portraits: dict[str, str] = {}
    total = 0
    for source in sources:
        digests = source.record["files"]
        moves, videos = place_parts(source.folder, digests, source.videos, known, places)
        named = videos[videos["path"].notna() & (videos["state"] == "ok")]
        paths = [places.take_file(*map(str, row)) for row in zip(named["path"], named["video"], strict=True)]
        files += [(source.folder / str(old), path, None) for old, path in zip(named["path"], paths, strict=True)]
        videos.loc[named.index, "path"] = paths
        parts += moves
        tables.append(videos)
        total += len(source.videos)
        known |= set(source.videos["video"])
        portraits.append({})
        for row in source.identities[source.identities["portrait"].notna()].itertuples():
            old, identity = str(row.portrait), str(row.identity)
            if identity not in known_portraits:
                known_portraits[identity] = places.take_file(old, str(digests.get(old, "0" * 64)))
                files.append((source.folder / old, known_portraits[identity], digests.get(old)))
            portraits[-1][old] = known_portraits[identity]
    joined = pd.concat(tables, ignore_index=True)
    return MergePlan(
        tuple(sources),
        name or " + ".join(dict.fromkeys(source.name for source in sources)),
        joined_people(sources, joined, portraits),
        joined,
        tuple(parts),
        tuple(files),
        places.renamed,
        total - len(joined),
    )


def write_merged(
    plan: MergePlan,
    out: Path,
    write_card: WriteCard | None = None,
    *,
    copies: bool = False,
    progress: Progress = lambda *_: None,
) -> list[str]:
    """Writes the joined data set into `out`, dataset.json last; returns remarks. After an interruption it goes on.

    copies: copies files in place of giving them a second name. Raises what `check_target` raises, before it writes.
    """
    check_target(plan, out)
    _claim(plan, out)
    moves = plan.moves
    for number, (source, name) in enumerate(moves):
        progress(number, len(moves))
        _second_name(source, out / name, copies)
    digests = {name: digest for _, name, digest in plan.files if digest is not None}
    for part in plan.parts:
        if part.without:
            remove_rows(out / part.name, part.without, person="")
        digests[part.name] = sha256_of(out / part.name) if part.without else part.digest
    for name, rows, schema, key in (
        ("identities.parquet", plan.identities, IDENTITIES_SCHEMA, "identity"),
        ("videos.parquet", plan.videos, VIDEOS_SCHEMA, "video"),
    ):
        write_table(out / name, rows.sort_values(key), schema)
        digests[name] = sha256_of(out / name)
    extras, remarks = write_extras(out, plan.sources)
    record: dict[str, Any] = {"format_version": FORMAT_VERSION, **joined_record(plan.sources, plan.name, __version__)}
    record["counts"] = {"identities": len(plan.identities), "videos": len(plan.videos)}
    record["files"] = digests
    extras += write_card(out, record, plan.identities, plan.videos) if write_card is not None else []
    record["files"] = digests | {path.relative_to(out).as_posix(): sha256_of(path) for path in extras}
    write_text(out / "dataset.json", meta_text(sealed(record)))
    (out / MARK).unlink()
    progress(len(moves), len(moves))
    return remarks


def check_target(plan: MergePlan, out: Path) -> None:
    """Raises NvfairError where the folder holds something else than this very merge, and Problems with every file of
    the data sets that is missing."""
    if (out / "dataset.json").is_file() and not (out / MARK).is_file():
        raise NvfairError("there is a data set here already", where=out, remedy="name a new folder")
    if (out / MARK).is_file():
        if (out / MARK).read_text(encoding="utf-8") != _described(plan):
            raise NvfairError(
                "other data sets were being joined here", where=out, remedy="delete the folder, or name a new one"
            )
    elif out.is_dir() and any(out.iterdir()):
        raise NvfairError("the folder is not empty", where=out, remedy="name a new folder")
    if missing := [str(source) for source, _ in plan.moves if not source.is_file()]:
        raise Problems(
            "files of the data sets are missing", missing, remedy="nvfair dataset repair mends the set that they are of"
        )


def _claim(plan: MergePlan, out: Path) -> None:
    """Marks the folder as that of this very merge."""
    if (out / MARK).is_file():
        (out / "dataset.json").unlink(missing_ok=True)
        return
    make_folder(out)
    write_text(out / MARK, _described(plan))


def _described(plan: MergePlan) -> str:
    return json.dumps([plan.name, [source.record[SEAL] for source in plan.sources]])


def _second_name(source: Path, target: Path, copies: bool) -> None:
    """Gives a file a second name, or makes a copy where that is asked for or the file system has none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        if copies:
            raise OSError
        os.link(source, target)
    except FileNotFoundError:
        raise NvfairError(
            "a file of a data set is missing", where=source, remedy="nvfair dataset repair mends the set it is of"
        ) from None
    except OSError:
        shutil.copyfile(source, target)
