"""The tables of a data set without a person: parts, videos, identities, measures, plan, card and dataset.json."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.curate.card import has_card, write_description
from nvfair_tools.curate.plans.table import SCHEMA as PLAN_SCHEMA
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.curate.revocation.footprint import Footprint
from nvfair_tools.dataset.consents import read_consents, write_consents
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.row_removal import place_rows, remove_rows
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.segments import read_segments, write_segments
from nvfair_tools.dataset.writer import SEAL, content_digest, finish_dataset, whole_numbers, write_table, write_tables
from nvfair_tools.files import atomic_output
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.writing import METADATA_FILES, write_metadata
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.quality.clip_table import CLIP_TABLE, read_clip_table, without_person, write_clip_table
from nvfair_tools.quality.table import QUALITY_SCHEMA, read_quality, write_quality
from nvfair_tools.unique_keys import load_unique_json

# Where dataset.json waits while the data set is unfinished.
SET_ASIDE = ".revoking-dataset.json"
_ADDED_KEYS = ("counts", "files", SEAL)  # besides the version: parts of an earlier format stay what they are


def remove_frames(footprint: Footprint) -> None:
    """Writes the parts anew without the person's rows; folders that become empty go."""
    frames = footprint.folder / "frames"
    for part in sorted(frames.rglob("part-*.parquet")):
        remove_rows(part, footprint.known_hashes, footprint.trace.identity)
    remove_empty_folders(frames)


def remove_table_rows(footprint: Footprint, without_names: Callable[[str], str]) -> None:
    """Writes the tables of videos, people, consents, segments and measures anew, where they are there.

    without_names: a detail of another row, without names in it.
    """
    folder = footprint.folder
    if (folder / "videos.parquet").is_file():
        videos = pq.read_table(folder / "videos.parquet", partitioning=None).to_pandas()
        videos = videos[~footprint.involves(videos)].reset_index(drop=True)
        videos["detail"] = videos["detail"].map(without_names)
        write_table(folder / "videos.parquet", place_rows(folder, videos), VIDEOS_SCHEMA)
    if (folder / "identities.parquet").is_file():
        people = footprint.identities
        write_table(
            folder / "identities.parquet", people[people["identity"] != footprint.trace.identity], IDENTITIES_SCHEMA
        )
    if (consents := read_consents(folder)) is not None:
        write_consents(
            folder, {name: consent for name, consent in consents.items() if name != footprint.trace.identity}
        )
    if (segments := read_segments(folder)) is not None:
        write_segments(folder, segments[~footprint.involves_segments(segments)].to_dict("records"))
    for path in sorted((folder / "quality").glob("*.parquet")):
        if pq.read_schema(path).names == QUALITY_SCHEMA.names:
            measures = read_quality(path)
            named = (measures["target"] == footprint.trace.identity) | (measures["driver"] == footprint.trace.identity)
            write_quality(path, measures[~named & ~measures["video"].isin(footprint.known_hashes)])
        elif path.name == CLIP_TABLE:
            clips = read_clip_table(path)
            write_clip_table(path, without_person(clips, footprint.trace.identity, footprint.known_hashes))


def remove_plan_rows(path: Path, identity: str) -> None:
    """Writes a plan's table anew without a person, group by group, whose name leaves the dictionaries too."""
    if not path.is_file():
        return
    with (
        pq.ParquetFile(path) as plan,
        atomic_output(path) as aside,
        pq.ParquetWriter(aside, PLAN_SCHEMA, compression="zstd") as writer,
    ):
        for group in range(plan.num_row_groups):
            rows = plan.read_row_group(group)
            plain = pa.table({name: rows.column(name).cast(pa.string()) for name in PLAN_SCHEMA.names})
            named = pc.or_(*(pc.equal(plain.column(role), identity) for role in ("target", "driver")))
            others = plain.filter(pc.invert(named)).combine_chunks()
            writer.write_table(
                pa.table(
                    {
                        field.name: others.column(field.name).dictionary_encode().cast(field.type)
                        if pa.types.is_dictionary(field.type)
                        else others.column(field.name)
                        for field in PLAN_SCHEMA
                    },
                    schema=PLAN_SCHEMA,
                )
            )


def set_dataset_aside(folder: Path) -> None:
    """Makes a finished data set unfinished; what its dataset.json says is others for `finish_again`."""
    if (folder / "dataset.json").is_file():
        (folder / "dataset.json").replace(folder / SET_ASIDE)


def finish_again(
    folder: Path,
    aside_name: str = SET_ASIDE,
    changes: Mapping[str, Any] | None = None,
    renamed: Mapping[str, str] | None = None,
    *,
    card: bool = False,
) -> None:
    """Writes the card and dataset.json of a data set that was finished before, with the hashes of its files now.

    aside_name: the file with its former dataset.json, which goes. changes: entries that are others now. renamed: {path
    before: path now} of files that have other names. card: whether the set gets a card where it has none.

    `datasets` keeps what it has read under a name that the card's configs determine: they carry the digest of the new
    content, so that nobody is served the old rows from a cache.
    """
    aside = folder / aside_name
    if not aside.is_file():
        return
    content = load_unique_json(aside.read_bytes())
    meta = {key: value for key, value in content.items() if key not in _ADDED_KEYS} | dict(changes or {})
    identities, videos = (
        pq.read_table(folder / name, partitioning=None).to_pandas() for name in ("identities.parquet", "videos.parquet")
    )
    videos = whole_numbers(videos)
    files = write_tables(folder, identities, videos)
    new_files: list[Path] = []
    if card or has_card(folder):
        new_files = write_description(
            folder, meta, identities, videos, failed_portraits(identities), content_digest(files)
        )
    elif any((folder / name).is_file() for name in METADATA_FILES):
        new_files = write_metadata(Description.of(Dataset(folder, meta, identities, videos)))
    others = [
        folder / (renamed or {}).get(name, name)
        for name in content.get("files", {})
        if name not in files and not name.startswith("frames/")
    ]
    extra_files = dict.fromkeys([*new_files, *(path for path in others if path.is_file())])
    finish_dataset(folder, identities, videos, meta, extra_files=extra_files, files=files)
    aside.unlink()


def failed_portraits(identities: pd.DataFrame) -> Iterable[Portrait]:
    """The portraits that could not be made, as far as the flags of people say."""
    for identity, flags in zip(identities["identity"], identities["flags"], strict=True):
        names = list(flags) if flags is not None else []
        for reason in (flag.removeprefix("portrait_") for flag in names if "no_portrait" in names):
            if reason in ("no_face", "conflicting_identity"):
                yield Portrait("", identity, "", "", (), ItemResult("rejected", reason))
            elif f"portrait_{reason}" in names and reason not in ("given", "several_faces"):
                yield Portrait("", identity, "", "", (), ItemResult("failed", reason))


def remove_empty_folders(folder: Path) -> None:
    """Removes the folders below `folder` that hold nothing, from the deepest up."""
    for path in sorted(folder.rglob("*"), reverse=True):
        if path.is_dir() and not path.is_symlink() and not any(path.iterdir()):
            path.rmdir()
