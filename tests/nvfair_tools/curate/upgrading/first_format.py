"""Data sets of the first format, made of present ones: parts without labels, a dataset.json with the integer 1.

What the first format was stands here as it was recorded, and nothing of it is taken from the package.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

COLUMNS = [
    pa.field("video", pa.string(), nullable=False),
    pa.field("index", pa.int32(), nullable=False),
    pa.field("time", pa.float64(), nullable=False),
    pa.field("valid", pa.bool_(), nullable=False),
    pa.field("reason", pa.string(), nullable=False),
    pa.field("landmarks", pa.list_(pa.float32(), 252), nullable=False),
]
DISTANCES = pa.field("distances", pa.list_(pa.float16(), 7875), nullable=False)
MESH = pa.field("mesh", pa.list_(pa.float32(), 1434), nullable=False)


def to_first_format(folder: Path, renamed: dict[str, str] | None = None) -> Path:
    """Turns the data set in `folder` into one of the first format; returns the folder.

    renamed: {path: path} of files of videos that get other names, which later releases do not give.
    """
    meta = json.loads((folder / "dataset.json").read_text())
    for part in sorted((folder / "frames").rglob("part-*.parquet")):
        table = pq.read_table(part, partitioning=None)
        fields = COLUMNS + [field for field in (DISTANCES, MESH) if field.name in table.column_names]
        arrays = [f"{name}.list.element" for name in ("landmarks", "distances", "mesh") if name in table.column_names]
        schema = pa.schema(fields)
        with pq.ParquetWriter(
            part,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=["video", "reason"],
            use_byte_stream_split=arrays,
        ) as writer:
            writer.write_table(table.select(schema.names).cast(schema), row_group_size=20_000)
    for old, new in (renamed or {}).items():
        (folder / new).parent.mkdir(parents=True, exist_ok=True)
        (folder / old).rename(folder / new)
    if renamed:
        table = pq.read_table(folder / "videos.parquet", partitioning=None)
        for name in ("path", "part"):
            place = table.schema.get_field_index(name)
            values = [renamed.get(value, value) for value in table.column(name).to_pylist()]
            table = table.set_column(place, table.schema.field(place), pa.array(values, pa.string()))
        pq.write_table(table, folder / "videos.parquet", compression="zstd")
    files = [(renamed or {}).get(name, name) for name in meta["files"]]
    digests = {name: _sha256(folder / name) for name in files}
    card = folder / "README.md"
    if card.is_file():
        rows = [name for name in sorted(digests) if name.startswith("frames/") or name in _TABLES]
        lines = "\n".join(f"{digests[name]} {name}" for name in rows)
        before, _, rest = card.read_text().partition("content sha256 ")
        after = "".join(
            f"content sha256 {hashlib.sha256(lines.encode()).hexdigest()}{piece[64:]}"
            for piece in rest.split("content sha256 ")
        )
        card.write_text(before + after)
        digests["README.md"] = _sha256(card)
    content = {**meta, "format_version": 1, "files": digests}
    content.pop("own_sha256", None)
    seal = hashlib.sha256(_text(content).encode()).hexdigest()
    (folder / "dataset.json").write_text(_text({**content, "own_sha256": seal}))
    _resize_items(folder)
    return folder


_TABLES = ("identities.parquet", "videos.parquet")


def _resize_items(folder: Path) -> None:
    """A build's journal knows its parts by their sizes."""
    journal_path = folder / ".build" / "journal.sqlite"
    if not journal_path.is_file():
        return
    with closing(sqlite3.connect(journal_path)) as journal:
        for id, text in journal.execute("SELECT id, facts FROM items WHERE stage = 'shard'").fetchall():
            facts = json.loads(text)
            facts["bytes"] = (folder / facts["path"]).stat().st_size
            journal.execute(
                "UPDATE items SET facts = ? WHERE stage = 'shard' AND id = ?", (json.dumps(facts, sort_keys=True), id)
            )
        journal.commit()


def _text(content: dict) -> str:
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
