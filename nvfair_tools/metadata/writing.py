"""Writes the files that describe a data set into its folder, when it is built or afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from nvfair_tools.dataset.publication import Publication
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.writer import meta_text, sealed
from nvfair_tools.files import sha256_of, write_text
from nvfair_tools.leakage.audit import LeakageAudit
from nvfair_tools.metadata.croissant import CROISSANT_FILE, croissant_text
from nvfair_tools.metadata.datacite import DATACITE_FILE, datacite_text
from nvfair_tools.metadata.datasheet import DATASHEET_FILE, datasheet_text
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.zenodo import ZENODO_FILE, zenodo_text

METADATA_FILES = (CROISSANT_FILE, DATASHEET_FILE, DATACITE_FILE, ZENODO_FILE)


def write_metadata(data: Description) -> list[Path]:
    """Writes METADATA_FILES; returns their paths, whose hashes dataset.json holds.

    The tables, the parts and consent.parquet must be there already.
    """
    texts = metadata_texts(data)
    paths = [data.folder / name for name in METADATA_FILES]
    for path, text in zip(paths, texts, strict=True):
        write_text(path, text)
    return paths


def metadata_texts(data: Description) -> tuple[str, ...]:
    """The texts of METADATA_FILES, in their order."""
    return (croissant_text(data), datasheet_text(data), datacite_text(data), zenodo_text(data))


def rewrite_metadata(
    dataset: Dataset,
    *,
    publication: Publication | None = None,
    audit: LeakageAudit | None = None,
    cautions: Iterable[str] | None = None,
    writes: bool = True,
) -> Description:
    """Writes METADATA_FILES of a finished data set anew, and their hashes into its dataset.json; nothing else changes.

    publication: what is stated from now on; default, what dataset.json holds. audit, cautions: see `Description.of`.
    writes: False makes the texts, and writes none of them. Returns what is known about the data set.
    """
    meta = dict(dataset.meta)
    if publication is not None:
        meta["publication"] = publication.stored()
    data = Description.of(replace(dataset, meta=meta), audit=audit, cautions=cautions)
    if not writes:
        metadata_texts(data)
        return data
    paths = write_metadata(data)
    hashes = {path.relative_to(dataset.folder).as_posix(): sha256_of(path) for path in paths}
    content = {**meta, "files": {**meta.get("files", {}), **hashes}}
    write_text(dataset.folder / "dataset.json", meta_text(sealed(content)))
    return data
