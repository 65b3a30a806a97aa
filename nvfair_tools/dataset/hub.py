"""A data set through Hugging Face's `datasets`, and whether its card tells that library the truth.

Needs `datasets`, unlike the rest of this package, which does not import this module.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, TABLE_SPLIT, VIDEOS_SCHEMA, frames_schema
from nvfair_tools.errors import MissingExtra, NvfairError

CONFIGS = ("frames", "videos", "identities")


def load(folder: str | Path, config: str = "frames") -> Any:
    """The data set in `folder` as a `datasets.IterableDatasetDict`: splits that are read as they are gone through, and
    nothing is copied to a cache. config: one of CONFIGS.

    Raises NvfairError where it is no finished data set, has no card, or the card does not name `config`; MissingExtra
    without `datasets`.
    """
    return _opened(Dataset.open(folder), config)


def card_problems(folder: str | Path) -> list[str]:
    """What `datasets` would not find, or would find besides, when it reads the data set in `folder` by its card.

    Compared for each config: the files of each split with those that videos.parquet names, and the columns with the
    schema. Raises NvfairError where it is no finished data set or has no card; MissingExtra without `datasets`.
    """
    _library()
    dataset = Dataset.open(folder)
    _card(dataset)
    usable = dataset.usable()
    stored = {"distances": "none", "mesh": False} | dataset.meta.get("features", {})
    frames = {str(split): sorted(group["part"].unique()) for split, group in usable.groupby("split")}
    expected: dict[str, tuple[dict[str, list[str]], pa.Schema]] = {
        "frames": (frames, frames_schema(distances=stored["distances"] != "none", mesh=bool(stored["mesh"]))),
        "videos": ({TABLE_SPLIT: ["videos.parquet"]}, VIDEOS_SCHEMA),
        "identities": ({TABLE_SPLIT: ["identities.parquet"]}, IDENTITIES_SCHEMA),
    }
    found = []
    for config, (files, schema) in expected.items():
        if not files:
            continue  # no video has frames: there is nothing to read
        try:
            found += _differences(dataset, config, files, schema)
        except NvfairError as error:
            found.append(f"{config}: {error.what}")
    return found


def _differences(dataset: Dataset, config: str, files: dict[str, list[str]], schema: pa.Schema) -> list[str]:
    found = []
    builder = _builder(dataset, config)
    root = dataset.folder.resolve()
    read = {
        str(split): sorted(Path(path).resolve().relative_to(root).as_posix() for path in paths)
        for split, paths in builder.config.data_files.items()
    }
    for split in sorted({*files, *read}):
        missing = sorted(set(files.get(split, [])) - set(read.get(split, [])))
        besides = sorted(set(read.get(split, [])) - set(files.get(split, [])))
        found += [f"{config}: split {split} does not read {path}, which holds its videos" for path in missing]
        found += [f"{config}: split {split} reads {path}, which videos.parquet does not name" for path in besides]
    for split, rows in _opened(dataset, config).items():
        columns = list(rows.features or {})
        if columns != schema.names:
            found.append(f"{config}: split {split} has the columns {columns}; expected {schema.names}")
    return found


def _opened(dataset: Dataset, config: str) -> Any:
    _builder(dataset, config)
    return _library().load_dataset(str(dataset.folder), config, streaming=True)


def _builder(dataset: Dataset, config: str) -> Any:
    library, card = _library(), _card(dataset)
    try:
        return library.load_dataset_builder(str(dataset.folder), config)
    except (ValueError, FileNotFoundError) as error:
        raise NvfairError(
            f"its card does not give `datasets` the config {config!r}: {error}",
            where=card,
            expected=f"configs {', '.join(CONFIGS)}",
            remedy="run `nvfair build` again, which writes the card",
        ) from error


def _card(dataset: Dataset) -> Path:
    card = dataset.folder / "README.md"
    if not card.is_file():
        raise NvfairError(
            "the data set has no card",
            where=card,
            expected="the README.md that `nvfair build` writes; a simulated cohort has none",
        )
    return card


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise MissingExtra("datasets", "curate", str(error)) from error
    return datasets
