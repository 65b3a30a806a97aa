"""Plans as Parquet tables, one row a planned video, and how two of them differ.

A row's `id` follows from the recipe and the listed names alone, before any file is read. `video` is the id of the video
in the data set, which follows from the content of files; it is null in a plan whose clips have not been read.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output
from nvfair_tools.pipeline.id_template import ID_TYPE, IdTemplate, slot
from nvfair_tools.pipeline.items import ID_DIGITS, item_id
from nvfair_tools.recipe.recipe import GeneratorChoice

_NAMES = pa.dictionary(pa.int32(), pa.string())
SCHEMA = pa.schema(
    [("id", pa.string()), ("video", pa.string())]
    + [(name, _NAMES) for name in ("generator", "kind", "source", "split", "target", "driver", "clip")]
)
_ROWS_PER_GROUP = 500_000


@dataclass(frozen=True)
class PlanDifference:
    """How a plan differs from another. counts: columns generator, kind, added, removed, same. by_content: whether
    videos were compared by the content of files, or by listed names."""

    counts: pd.DataFrame
    by_content: bool


def write_plan(
    path: Path, pairs: PairTable, choices: Sequence[GeneratorChoice], videos: np.ndarray | None = None
) -> int:
    """Writes the table of a plan, a group of rows at a time; returns the number of rows.

    choices: the recipe's generators. videos: packed ids of the planned videos, generator by generator, where known.
    """
    start = 0
    with atomic_output(path) as aside, pq.ParquetWriter(aside, SCHEMA, compression="zstd") as writer:
        for choice in choices:
            rows = np.flatnonzero(pairs.in_splits(choice.splits))
            for first in range(0, len(rows), _ROWS_PER_GROUP):
                piece = rows[first : first + _ROWS_PER_GROUP]
                known = None if videos is None else videos[start : start + len(piece)]
                writer.write_table(_table(pairs, piece, choice, known))
                start += len(piece)
    return start


def planned_ids(pairs: PairTable, rows: np.ndarray, choice: GeneratorChoice) -> np.ndarray:
    """The packed ids of the planned videos of a generator. rows: places of their pairs."""
    generator = item_id("generator choice", **choice.model_dump(mode="json", exclude={"splits", "digital_source_type"}))
    ids = np.zeros(len(rows), ID_TYPE)
    drivers, targets = pairs.driver[rows], pairs.target[rows]
    changes = np.flatnonzero(np.diff(drivers) != 0) + 1
    arguments: dict[int, tuple[bytes, ...]] = {}
    for members in np.split(np.arange(len(rows)), changes) if len(rows) else ():
        driver = pairs.drivers[drivers[members[0]]]
        template = IdTemplate(
            "planned",
            generator=generator,
            source=driver.source,
            driver=driver.identity,
            clip=driver.name or driver.clip_id,
            target=slot(0),
        )
        numbers = targets[members].tolist()
        for number in numbers:
            if number not in arguments:
                arguments[number] = template.arguments(pairs.targets[number].identity)
        ids[members] = template.ids([arguments[number] for number in numbers])
    return ids


def compare_plans(new: Path, old: Path) -> PlanDifference:
    """Counts the videos that `new` adds to `old`, no longer has, and shares with it.

    Raises NvfairError where a file is no plan.
    """
    tables = [_ids_of(path) for path in (new, old)]
    by_content = all(table["video"].null_count == 0 for table in tables)
    column = "video" if by_content else "id"
    ids = [np.asarray(table[column].to_pandas(), dtype=f"S{ID_DIGITS}") for table in tables]
    shared = [np.isin(ids[0], ids[1]), np.isin(ids[1], ids[0])]
    rows = []
    for table, is_shared, name in zip(tables, shared, ("added", "removed"), strict=True):
        groups = pd.DataFrame({key: _categories(table[key]) for key in ("generator", "kind")} | {"same": is_shared})
        counts = groups.groupby(["generator", "kind"], observed=True)["same"].agg(["sum", "count"])
        rows.append(pd.DataFrame({name: counts["count"] - counts["sum"], "same": counts["sum"]}))
    joined = rows[0].join(rows[1].drop(columns="same"), how="outer").fillna(0).astype(int).reset_index()
    return PlanDifference(joined[["generator", "kind", "added", "removed", "same"]], by_content)


def _ids_of(path: Path) -> pa.Table:
    try:
        table = pq.read_table(path, columns=["id", "video", "generator", "kind"], schema=SCHEMA)
        empty = [name for name in ("id", "generator", "kind") if table[name].null_count]
        if empty:  # what a file of other columns reads as
            raise KeyError(f"it has no {', '.join(empty)} in some row")
        return table
    except (pa.ArrowInvalid, pa.ArrowTypeError, KeyError) as error:
        raise NvfairError(
            f"this is no table of a plan: {str(error).splitlines()[0]}",
            where=path,
            expected="a recipe, a table of `nvfair plan RECIPE --table FILE`, or the folder of a data set",
        ) from error
    except OSError as error:
        raise NvfairError(f"the plan cannot be read: {error.strerror or error}", where=path) from error


def _categories(column: pa.ChunkedArray) -> pd.Categorical:
    whole = column.unify_dictionaries().combine_chunks()
    return pd.Categorical.from_codes(whole.indices.to_numpy(), pd.Index(whole.dictionary.to_pylist(), dtype=object))


def _table(pairs: PairTable, rows: np.ndarray, choice: GeneratorChoice, videos: np.ndarray | None) -> pa.Table:
    driver, target = pairs.driver[rows], pairs.target[rows]
    of_driver = {
        name: _named(driver, [str(getattr(clip, field)) for clip in pairs.drivers])
        for name, field in (("source", "source"), ("split", "split"), ("driver", "identity"))
    }
    kind = pairs.is_self[rows].astype(np.int32)
    columns = {
        "id": _hex_strings(planned_ids(pairs, rows, choice)),
        "video": pa.nulls(len(rows), pa.string()) if videos is None else _hex_strings(videos),
        "generator": _named(np.zeros(len(rows), np.int32), [choice.label]),
        "kind": pa.DictionaryArray.from_arrays(pa.array(kind), pa.array(["cross", "self"])),
        "target": _named(target, [face.identity for face in pairs.targets]),
        "clip": _named(driver, [clip.name or clip.clip_id for clip in pairs.drivers]),
        **of_driver,
    }
    return pa.table({name: columns[name] for name in SCHEMA.names}, schema=SCHEMA)


def _named(places: np.ndarray, names: Sequence[str]) -> pa.DictionaryArray:
    """The names at some places, each name once in the dictionary."""
    codes: dict[str, int] = {}
    code_of = np.array([codes.setdefault(name, len(codes)) for name in names], np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(code_of[places]), pa.array(list(codes), pa.string()))


def _hex_strings(ids: np.ndarray) -> pa.Array:
    offsets = np.arange(0, (len(ids) + 1) * ID_DIGITS, ID_DIGITS, dtype=np.int32)
    digits = np.ascontiguousarray(ids).tobytes().hex().encode()
    return pa.StringArray.from_buffers(len(ids), pa.py_buffer(offsets), pa.py_buffer(digits))
