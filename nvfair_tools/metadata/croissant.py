"""The data set in MLCommons' Croissant 1.1, from which tools load its tables and frames: croissant.json.

Format: http://mlcommons.org/croissant/1.1. Where `mlcroissant` 1.1.1 does not take what the specification shows, the
file has what both take; docs/metadata.md names each such place.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.consents import CONSENT_FILE
from nvfair_tools.dataset.publication import Creator
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.dataset.segments import SEGMENTS_FILE
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.licences import Licence
from nvfair_tools.metadata import columns
from nvfair_tools.metadata.access import is_spdx
from nvfair_tools.metadata.croissant_context import CONTEXT
from nvfair_tools.metadata.description import KEYWORDS, Description
from nvfair_tools.metadata.responsible_use import RAI_VERSION, responsible_use
from nvfair_tools.metadata.statements import access_statement, forbidden_statements

CROISSANT_FILE = "croissant.json"
CROISSANT_VERSION = "http://mlcommons.org/croissant/1.1"
_PARQUET = "application/x-parquet"
_TABLES = {
    "identities.parquet": "One row a person.",
    "videos.parquet": "One row a video, whatever became of it.",
    CONSENT_FILE: "What each person agreed to, use by use.",
    SEGMENTS_FILE: "Where in footage the recordings were cut out.",
}
_PARTS, _FILMS, _PORTRAITS = "frame-parts", "video-files", "portrait-files"
_ENCODINGS = {".mp4": "video/mp4", ".webm": "video/webm", ".mkv": "video/x-matroska", ".avi": "video/x-msvideo"}
_ENCODINGS |= {".mov": "video/quicktime", ".png": "image/png", ".jpg": "image/jpeg", ".jpeg": "image/jpeg"}
_SPLIT_TERMS = {"train": "cr:TrainingSplit", "validation": "cr:ValidationSplit", "test": "cr:TestSplit"}
_REFERENCES = {"target": "identities/identity", "driver": "identities/identity", "split": "splits/name"}


def croissant_text(data: Description) -> str:
    """The text of croissant.json, always the same for the same tables.

    The tables must lie in the data set's folder: their hashes and sizes are in it. Raises NvfairError as `Description`
    does, and OSError where a table is missing.
    """
    return json.dumps(_dataset(data), indent=1, ensure_ascii=False) + "\n"


def _dataset(data: Description) -> dict[str, Any]:
    stated = data.publication
    content: dict[str, Any] = {
        "@context": CONTEXT,
        "@type": "sc:Dataset",
        "name": data.dataset.name,
        "description": data.abstract,
        "conformsTo": [CROISSANT_VERSION, RAI_VERSION],
        "license": [licence_entry(licence) for licence in data.access.licences],
        "url": stated.url,
        "creator": [_creator(creator) for creator in stated.creators],
        "publisher": {"@type": "sc:Organization", "name": stated.publisher} if stated.publisher else None,
        "datePublished": stated.published.isoformat() if stated.published else None,
        "version": stated.version,
        "citeAs": stated.citation,
        "identifier": f"https://doi.org/{stated.doi}" if stated.doi else None,
        "keywords": list(KEYWORDS),
        "conditionsOfAccess": " ".join([access_statement(data), *forbidden_statements(data)]),
        "digitalSourceType": [{"@id": uri} for uri in data.source_types],
        "prov:wasDerivedFrom": [{"@id": f"https://doi.org/{doi}"} for doi in data.source_dois],
        **responsible_use(data),
        "distribution": _distribution(data),
        "recordSet": _record_sets(data),
    }
    return {key: value for key, value in content.items() if value}


def licence_entry(licence: Licence) -> str | dict[str, str]:
    """A licence as SPDX's page of it, or as a work with the name that it was given."""
    if is_spdx(licence):
        return f"https://spdx.org/licenses/{licence.id}.html"
    return {"@type": "sc:CreativeWork", "name": licence.text}


def _creator(creator: Creator) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "@type": "sc:Organization" if creator.organisation else "sc:Person",
        "name": creator.name,
    }
    if creator.orcid:
        entry["url"] = f"https://orcid.org/{creator.orcid}"
    if creator.affiliation:
        entry["affiliation"] = {"@type": "sc:Organization", "name": creator.affiliation}
    return entry


def _distribution(data: Description) -> list[dict[str, Any]]:
    """The files: tables one by one with their hashes, parts, videos and portraits by the patterns of their paths."""
    files = [_file(data.folder / name, text) for name, text in _TABLES.items() if (data.folder / name).is_file()]
    if data.usable["part"].notna().any():
        files.append(_file_set(_PARTS, "Frames, one row each.", ["frames/*/*/part-*.parquet"], [_PARQUET]))
    for name, text, paths in (
        (_FILMS, "Videos; videos.parquet has the hash of each.", data.usable["path"].dropna()),
        (_PORTRAITS, "The pictures whose faces are moved.", data.identities["portrait"].dropna()),
    ):
        if patterns := sorted({_pattern_of(PurePosixPath(path)) for path in paths}):
            endings = {PurePosixPath(pattern).suffix.lower() for pattern in patterns}
            formats = sorted({_ENCODINGS.get(ending, "application/octet-stream") for ending in endings})
            files.append(_file_set(name, text, patterns, formats))
    return files


def _pattern_of(path: PurePosixPath) -> str:
    """The pattern of all files as deep below the same folder and with the same ending."""
    return "/".join([path.parts[0], *["*"] * (len(path.parts) - 2), f"*{path.suffix}"])


def _file(path: Path, text: str) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "description": text,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _PARQUET,
        "sha256": sha256_of(path),
    }


def _file_set(name: str, text: str, patterns: list[str], formats: list[str]) -> dict[str, Any]:
    return {
        "@type": "cr:FileSet",
        "@id": name,
        "name": name,
        "description": text,
        "encodingFormat": formats[0] if len(formats) == 1 else formats,
        "includes": patterns[0] if len(patterns) == 1 else patterns,
    }


def _record_sets(data: Description) -> list[dict[str, Any]]:
    parts = sorted(data.usable["part"].dropna().unique())
    tables = {name: pq.read_schema(data.folder / f"{name}.parquet") for name in ("identities", "videos")}
    record_sets = [
        _splits(data),
        _record_set(
            "identities", "People.", ["identity"], tables["identities"], _table("identities"), columns.IDENTITIES
        ),
        _record_set("videos", "Videos.", ["video"], tables["videos"], _table("videos"), columns.VIDEOS),
    ]
    counts = {"identities": len(data.identities), "videos": len(data.videos)}
    if parts:
        schema = pq.read_schema(data.folder / str(parts[0]))
        source = {"fileSet": {"@id": _PARTS}}
        record_sets.append(
            _record_set("frames", "Frames of all videos.", ["video", "index"], schema, source, columns.FRAMES)
        )
        counts["frames"] = int(data.videos.loc[data.videos["part"].notna(), "frames"].sum())
    return [
        {**content, "annotation": [_row_count(content["@id"], counts[content["@id"]])]}
        if content["@id"] in counts
        else content
        for content in record_sets
    ]


def _row_count(record_set: str, rows: int) -> dict[str, Any]:
    """How many rows a record set has, as the specification shows statistics: Wikidata's term for cardinality."""
    return {
        "@type": "cr:Field",
        "@id": f"{record_set}/count",
        "name": "count",
        "description": "Number of rows.",
        "dataType": "wd:Q4049983",
        "value": rows,
    }


def _table(name: str) -> dict[str, Any]:
    return {"fileObject": {"@id": f"{name}.parquet"}}


def _splits(data: Description) -> dict[str, Any]:
    used = [split for split in SPLITS if split in {*data.identities["split"], *data.videos["split"]}]
    fields = [
        {"@type": "cr:Field", "@id": f"splits/{name}", "name": name, "description": text, "dataType": kind}
        for name, text, kind in (("name", "Name.", "sc:Text"), ("url", "What it is for.", "sc:URL"))
    ]
    return {
        "@type": "cr:RecordSet",
        "@id": "splits",
        "name": "splits",
        "description": "The splits; each person is in one.",
        "dataType": "cr:Split",
        "key": {"@id": "splits/name"},
        "field": fields,
        "data": [{"splits/name": split, "splits/url": _SPLIT_TERMS[split]} for split in used],
    }


def _record_set(
    name: str, text: str, key: list[str], schema: pa.Schema, source: Mapping[str, Any], meanings: Mapping[str, str]
) -> dict[str, Any]:
    keys = [{"@id": f"{name}/{column}"} for column in key]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": text,
        "key": keys[0] if len(keys) == 1 else keys,
        "field": [_field(name, column, source, meanings.get(column.name, "")) for column in schema],
    }


def _field(record_set: str, column: pa.Field, source: Mapping[str, Any], meaning: str) -> dict[str, Any]:
    """The description of a column. An array has its shape; the width of numbers, which has no word in the
    specification, stands in the text."""
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    shape = None
    if pa.types.is_fixed_size_list(kind):
        kind, shape = kind.value_type, str(kind.list_size)
    elif pa.types.is_list(kind):
        kind, shape = kind.value_type, "-1"
    width = "" if pa.types.is_string(kind) or pa.types.is_boolean(kind) else f"Stored as {kind}."
    field: dict[str, Any] = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": " ".join(filter(None, (meaning, width))),
        "dataType": _data_type(kind),
        "source": {**source, "extract": {"column": column.name}},
    }
    if shape is not None:
        field |= {"isArray": True, "arrayShape": shape}
    reference = "videos/video" if (record_set, column.name) == ("frames", "video") else _REFERENCES.get(column.name)
    if reference:
        field["references"] = {"field": {"@id": reference}}
    return {key: value for key, value in field.items() if value != ""}


def _data_type(kind: pa.DataType) -> str:
    if pa.types.is_boolean(kind):
        return "sc:Boolean"
    if pa.types.is_integer(kind):
        return "sc:Integer"
    return "sc:Float" if pa.types.is_floating(kind) else "sc:Text"
