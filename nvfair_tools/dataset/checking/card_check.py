"""Checks that the card of a data set describes it correctly to Hugging Face's `datasets` library.

This module needs `datasets`, which the rest of the package does not; so nothing else in the package imports it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import CONTENT_MARK, IDENTITIES_SCHEMA, TABLE_SPLIT, VIDEOS_SCHEMA, frames_schema
from nvfair_tools.dataset.writer import content_digest
from nvfair_tools.errors import MissingExtra, NvfairError

CONFIGS = ("frames", "videos", "identities")


def card_problems(folder: str | Path) -> list[str]:
    """Every difference between the data set in `folder` and what `datasets` reads there according to the card.

    For each config it compares the files of each split with those that videos.parquet names, and the columns with the
    schema. Raises NvfairError where the folder holds no finished data set or no card; MissingExtra without `datasets`.
    """
    _import_datasets()
    dataset = Dataset.open(folder)
    _card_path(dataset)
    usable = dataset.usable()
    features = {"distances": "none", "mesh": False} | dataset.meta.get("features", {})
    frame_files = {str(split): sorted(group["part"].unique()) for split, group in usable.groupby("split")}
    expected: dict[str, tuple[dict[str, list[str]], pa.Schema]] = {
        "frames": (
            frame_files,
            frames_schema(distances=features["distances"] != "none", mesh=bool(features["mesh"])),
        ),
        "videos": ({TABLE_SPLIT: ["videos.parquet"]}, VIDEOS_SCHEMA),
        "identities": ({TABLE_SPLIT: ["identities.parquet"]}, IDENTITIES_SCHEMA),
    }
    problems = []
    content = CONTENT_MARK + content_digest(dataset.meta["files"])
    for config, (files, schema) in expected.items():
        if not files:
            continue  # no video has frames, so there is nothing to read
        try:
            problems += _config_problems(dataset, config, files, schema, content)
        except NvfairError as error:
            problems.append(f"{config}: {error.what}")
    return problems


def _config_problems(
    dataset: Dataset, config: str, files: dict[str, list[str]], schema: pa.Schema, content: str
) -> list[str]:
    """The problems of one config; files: the expected files of each split. content: the expected description."""
    problems = []
    builder = _dataset_builder(dataset, config)
    if builder.config.description != content:
        problems.append(
            f"{config}: its description is {builder.config.description!r}, not {content!r}; `datasets` may return rows "
            "of an earlier content from its cache"
        )
    root = dataset.folder.resolve()
    card_files = {
        str(split): sorted(Path(path).resolve().relative_to(root).as_posix() for path in paths)
        for split, paths in builder.config.data_files.items()
    }
    for split in sorted({*files, *card_files}):
        missing = sorted(set(files.get(split, [])) - set(card_files.get(split, [])))
        unexpected = sorted(set(card_files.get(split, [])) - set(files.get(split, [])))
        problems += [f"{config}: split {split} does not read {path}, which holds its videos" for path in missing]
        problems += [f"{config}: split {split} reads {path}, which videos.parquet does not name" for path in unexpected]
    splits = _import_datasets().load_dataset(str(dataset.folder), config, streaming=True)
    for split, rows in splits.items():
        columns = list(rows.features or {})
        if columns != schema.names:
            problems.append(f"{config}: split {split} has the columns {columns}; expected {schema.names}")
    return problems


def _dataset_builder(dataset: Dataset, config: str) -> Any:
    datasets, card = _import_datasets(), _card_path(dataset)
    try:
        return datasets.load_dataset_builder(str(dataset.folder), config)
    except (ValueError, FileNotFoundError) as error:
        raise NvfairError(
            f"the card does not describe the config {config!r} to `datasets`: {error}",
            where=card,
            expected=f"configs {', '.join(CONFIGS)}",
            remedy=f"nvfair dataset card {dataset.folder}, which writes it anew",
        ) from error


def _card_path(dataset: Dataset) -> Path:
    card = dataset.folder / "README.md"
    if not card.is_file():
        raise NvfairError(
            "the data set has no card",
            where=card,
            expected="the README.md that `nvfair build` writes",
            remedy=f"nvfair dataset card {dataset.folder}",
        )
    return card


def _import_datasets() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", "curate", str(error)) from error
    return datasets
