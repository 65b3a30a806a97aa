"""Changes of the table of embeddings or scores: (rng, table) -> (table, options of the Parquet writer, outcome)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa

from tests.leaderboard.mutations.outcomes import ANY, BAD, SAME, Rng


def _key_column(table: pa.Table) -> str:
    return "video" if "video" in table.column_names else "trial"


def _value_column(table: pa.Table) -> str:
    return next(name for name in table.column_names if name.startswith(("embedding", "score")))


def _replace_column(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _shuffle_rows(rng: Rng, table: pa.Table) -> tuple:
    return table.take(pa.array(rng.permutation(len(table)))), {}, SAME


def _reorder_columns(rng: Rng, table: pa.Table) -> tuple:
    names = list(table.column_names)
    rng.shuffle(names)
    return table.select(names), {}, SAME


def _store_otherwise(rng: Rng, table: pa.Table) -> tuple:
    options = {
        "compression": str(rng.choice(["none", "snappy", "gzip", "zstd", "lz4", "brotli"])),
        "row_group_size": int(rng.integers(1, 200)),
        "use_dictionary": bool(rng.integers(2)),
        "data_page_version": str(rng.choice(["1.0", "2.0"])),
        "write_page_checksum": bool(rng.integers(2)),
        "data_page_size": int(rng.integers(64, 100_000)),
        "store_schema": True,
    }
    return table.replace_schema_metadata({"note": "of no importance"}), options, SAME


def _add_column(rng: Rng, table: pa.Table) -> tuple:
    return table.append_column("remark", pa.array(["=1+1"] * len(table))), {}, SAME


def _drop_column(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    return table.drop_columns([name]), {}, _outcome_without(table, name)


def _outcome_without(table: pa.Table, name: str) -> str:
    """Embeddings in CSV that lose their last value are shorter embeddings."""
    last = f"embedding_{sum(column.startswith('embedding_') for column in table.column_names) - 1}"
    return ANY if name == last else BAD


def _rename_column(rng: Rng, table: pa.Table) -> tuple:
    names = list(table.column_names)
    at = int(rng.integers(len(names)))
    expected = _outcome_without(table, names[at])
    names[at] = str(rng.choice(["Video", "", "=cmd()", "a" * 10_000, "\u202e"]))
    return table.rename_columns(names), {}, expected


def _lose_video(rng: Rng, table: pa.Table) -> tuple:
    keys = table.column(_key_column(table)).to_pylist()
    lost = keys[int(rng.integers(len(keys)))]
    return table.filter(pa.array([key != lost for key in keys])), {}, BAD


def _repeat_row(rng: Rng, table: pa.Table) -> tuple:
    row = int(rng.integers(len(table)))
    return pa.concat_tables([table, table.slice(row, 1)]), {}, BAD


def _repeat_all_rows(rng: Rng, table: pa.Table) -> tuple:
    return pa.concat_tables([table] * int(rng.integers(2, 60))), {}, BAD


def _add_unknown_name(rng: Rng, table: pa.Table) -> tuple:
    keys = table.column(_key_column(table)).to_pylist()
    texts = ["stranger", "=HYPERLINK(1)", "", "<script>", "a|b", "|", "|||", "x" * 5000, "\u202e\x07", "'; DROP TABLE"]
    keys[int(rng.integers(len(keys)))] = str(rng.choice(texts))
    return _replace_column(table, _key_column(table), pa.array(keys)), {}, BAD


def _set_non_finite_value(rng: Rng, table: pa.Table) -> tuple:
    name, bad = _value_column(table), float(rng.choice([np.nan, np.inf]))
    column = table.column(name).combine_chunks()
    if pa.types.is_fixed_size_list(column.type):
        values = column.flatten().to_numpy().copy()
        values[int(rng.integers(len(values)))] = bad
        return (
            _replace_column(table, name, pa.FixedSizeListArray.from_arrays(pa.array(values), column.type.list_size)),
            {},
            BAD,
        )
    values = column.to_numpy(zero_copy_only=False).astype(float)
    values[int(rng.integers(len(values)))] = bad
    return _replace_column(table, name, pa.array(values)), {}, BAD


def _set_null(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    mask = np.zeros(len(table), dtype=bool)
    mask[int(rng.integers(len(table)))] = True
    rows = [None if gone else value for gone, value in zip(mask, table.column(name).to_pylist(), strict=True)]
    type_ = table.schema.field(name).type
    fields = [pa.field(field.name, field.type) for field in table.schema]
    return _replace_column(table.cast(pa.schema(fields)), name, pa.array(rows, type_)), {}, BAD


def _change_type(rng: Rng, table: pa.Table) -> tuple:
    name = table.column_names[int(rng.integers(len(table.column_names)))]
    others = [
        pa.array([b"\xff\xfe"] * len(table)), pa.array([True] * len(table)), pa.array([[1]] * len(table)),
        pa.array([{"a": 1}] * len(table)), pa.array([None] * len(table)), pa.array(["NaN"] * len(table)),
        pa.array([2**63] * len(table), pa.uint64()), pa.array([10**12] * len(table), pa.timestamp("us")),
    ]  # fmt: skip
    values = others[int(rng.integers(len(others)))]
    # Text under another name may be what CSV cannot say; either way the cells are wrong.
    if pa.types.is_nested(values.type) or pa.types.is_binary(values.type):
        values = (
            values if "embedding" in table.column_names or _has_nested_columns(table) else pa.array([""] * len(table))
        )
    # A large whole number is a number, where a number is asked for.
    number = values.type == pa.uint64() and name.startswith(("score", "embedding_"))
    return _replace_column(table, name, values), {}, ANY if number else BAD


def _has_nested_columns(table: pa.Table) -> bool:
    return any(pa.types.is_nested(field.type) for field in table.schema)


def _move_window(rng: Rng, table: pa.Table) -> tuple:
    if "window" not in table.column_names:
        return _repeat_row(rng, table)
    name = str(rng.choice(["window", "start_frame"]))
    values = table.column(name).to_numpy().astype(np.int64)
    values[int(rng.integers(len(values)))] += int(rng.choice([-(2**40), -1, 1, 7, 2**40]))
    return _replace_column(table, name, pa.array(values)), {}, BAD


def _change_integer_types(rng: Rng, table: pa.Table) -> tuple:
    for name in ("window", "start_frame"):
        if name in table.column_names:
            type_ = [pa.int16(), pa.int32(), pa.int64(), pa.uint16(), pa.uint64()][int(rng.integers(5))]
            table = _replace_column(table, name, table.column(name).cast(type_))
    return table, {}, SAME


def _remove_all_rows(rng: Rng, table: pa.Table) -> tuple:
    return table.slice(0, 0), {}, BAD


def _store_names_as_categories(rng: Rng, table: pa.Table) -> tuple:
    return _replace_column(table, _key_column(table), table.column(_key_column(table)).dictionary_encode()), {}, SAME


TABLES: dict[str, Callable] = {
    "rows in another order": _shuffle_rows,
    "columns in another order": _reorder_columns,
    "another way of storing": _store_otherwise,
    "names as categories": _store_names_as_categories,
    "other whole numbers": _change_integer_types,
    "a column more": _add_column,
    "a column less": _drop_column,
    "a column renamed": _rename_column,
    "a video or trial lost": _lose_video,
    "a row twice": _repeat_row,
    "all rows again": _repeat_all_rows,
    "a stranger": _add_unknown_name,
    "not finite": _set_non_finite_value,
    "a null": _set_null,
    "another type": _change_type,
    "windows moved": _move_window,
    "no rows": _remove_all_rows,
}
