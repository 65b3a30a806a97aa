"""Files that were made from a data set, without the rows and the name of a person who has withdrawn. Needs no torch."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.files import atomic_output, write_text
from nvfair_tools.governance.revocation import Trace
from nvfair_tools.governance.search.patterns import Patterns

# Columns whose values say whose a row is: a video, the people in it, or a trial of two videos.
_OWNERS = ("video", "target", "driver", "identity", "person", "clip")
TEXT_SUFFIXES = frozenset((".json", ".jsonl", ".yaml", ".yml", ".md", ".txt", ".log", ".toml", ".tsv"))
TABLE_SUFFIXES = frozenset((".parquet", ".csv"))


@dataclass(frozen=True)
class RowRemover:
    """Takes a person out of tables and texts. name: stands for the person where a text named the person."""

    trace: Trace
    name: str

    @cached_property
    def patterns(self) -> Patterns:
        """The patterns by which the person is recognised."""
        return Patterns.of(self.trace)

    def count(self, path: Path) -> int:
        """How many rows of a table, or places of a text, are the person's."""
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            rows = int(pc.sum(self._rows(table)).as_py() or 0)
            return rows + int(self._metadata(table.schema) != table.schema.metadata)
        if path.suffix == ".csv":
            return int(self._csv_rows(_read_csv(path)).sum())
        return len(list(self._places(_read_text(path))))

    def remove(self, path: Path) -> None:
        """Writes a file anew without the person, whole or not at all; nothing is done where nothing is the person's."""
        if not self.count(path):
            return
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            rest = table.filter(pc.invert(self._rows(table))).replace_schema_metadata(self._metadata(table.schema))
            plain = [
                pc.cast(column, column.type.value_type) if pa.types.is_dictionary(column.type) else column
                for column in rest.columns
            ]
            fields = [field.with_type(column.type) for field, column in zip(rest.schema, plain, strict=True)]
            content = pa.table(plain, schema=pa.schema(fields, metadata=rest.schema.metadata))
            with atomic_output(path) as aside:
                pq.write_table(content, aside, compression="zstd")
        elif path.suffix == ".csv":
            rows = _read_csv(path)
            text = io.StringIO()
            rows[~self._csv_rows(rows)].to_csv(text, index=False, lineterminator="\n")
            write_text(path, self.without_names(text.getvalue()))
        else:
            write_text(path, self.without_names(_read_text(path)))

    def _rows(self, table: pa.Table) -> pa.ChunkedArray | pa.Array:
        own = pa.array([*sorted(self.trace.hashes), self.trace.identity], pa.string())
        masks = [
            pc.is_in(table.column(name).cast(pa.string()), value_set=own)
            for name in table.column_names
            if name in _OWNERS and _is_text(table.schema.field(name).type)
        ]
        if "trial" in table.column_names:
            trials = table.column("trial").cast(pa.string()).to_pylist()
            masks.append(pa.array([self._is_own_trial(trial) for trial in trials], pa.bool_()))
        mask: pa.Array = pa.array([False] * len(table), pa.bool_())
        for other in masks:
            mask = pc.or_(mask, other.combine_chunks() if isinstance(other, pa.ChunkedArray) else other)
        return pc.fill_null(mask, False)

    def _csv_rows(self, rows: pd.DataFrame) -> pd.Series:
        own = {*self.trace.hashes, self.trace.identity}
        mask = pd.Series(False, index=rows.index)
        for name in rows.columns:
            if name in _OWNERS:
                mask |= rows[name].isin(own)
        if "trial" in rows.columns:
            mask |= rows["trial"].map(self._is_own_trial)
        return mask

    def _is_own_trial(self, trial: object) -> bool:
        return any(video in self.trace.hashes for video in re.split(r"[^0-9A-Za-z_.-]+", str(trial)))

    def _metadata(self, schema: pa.Schema) -> dict[bytes, bytes] | None:
        if schema.metadata is None:
            return None
        return {
            key: self.without_names(value.decode()).encode() if _is_utf8(value) else value
            for key, value in schema.metadata.items()
        }

    def _places(self, text: str) -> list[str]:
        return [hit.form for hit in self.patterns.search(text.encode(), is_text=False) if hit.kind != "word"]

    def without_names(self, text: str) -> str:
        """The text with the person's name replaced in every form, and hashes by the same name."""
        if not self._places(text):
            return text
        names = [form for form in self.patterns.names if _is_utf8(form) and b"\0" not in form]
        forms = sorted((form.decode() for form in names), key=len)
        for form in reversed(forms):
            others = [other.decode() for other in self.patterns.other_names if other.startswith(form.encode())]
            guard = "".join(f"(?!{re.escape(other[len(form) :])})" for other in others if other != form)
            text = re.sub(re.escape(form) + guard, self.name, text, flags=re.IGNORECASE)
        lower = text.lower()
        for digest in self.trace.hashes:
            if digest.lower() in lower:
                text = re.sub(re.escape(digest), self.name, text, flags=re.IGNORECASE)
        return text


def _read_text(path: Path) -> str:
    return path.read_bytes().decode("utf-8", errors="surrogateescape")


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype=str, keep_default_na=False)


def _is_text(type_: pa.DataType) -> bool:
    value_type = type_.value_type if pa.types.is_dictionary(type_) else type_
    return pa.types.is_string(value_type) or pa.types.is_large_string(value_type)


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True
