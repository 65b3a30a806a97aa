"""The other tables of joined data sets: consents, places in footage, measures, protocols, and who has withdrawn."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.consents import write_consents
from nvfair_tools.dataset.merging.source import MergeSource
from nvfair_tools.dataset.segments import read_segments, write_segments
from nvfair_tools.files import atomic_output
from nvfair_tools.governance.tombstones import TOMBSTONES_FILE, Tombstones


def write_extras(out: Path, sources: Sequence[MergeSource]) -> tuple[list[Path], list[str]]:
    """Writes the joined tables besides people and videos. Returns the paths of those that dataset.json names, and
    remarks about what was left out."""
    named: list[Path] = []
    consents = [source.consents for source in sources if source.consents is not None]
    if consents:
        named.append(write_consents(out, {name: answers for table in consents for name, answers in table.items()}))
    segments = [table for source in sources if (table := read_segments(source.folder)) is not None]
    if segments:
        rows = pd.concat(segments).drop_duplicates("video", keep="first")
        named.append(write_segments(out, rows.to_dict("records")))
    revoked = [source.revoked.tombstones for source in sources if source.revoked is not None]
    if revoked:
        people = {person.names[0]: person for tombstones in revoked for person in tombstones.people}
        Tombstones(revoked[0].key_name, tuple(people.values())).write(out / TOMBSTONES_FILE)
    return named, [*_join_measures(out, sources), *_copy_protocols(out, sources)]


def _join_measures(out: Path, sources: Sequence[MergeSource]) -> Iterator[str]:
    """Joins the tables in `quality`: of a video, or a clip, that several sets have, the first one's row."""
    names = sorted({path.name for source in sources for path in (source.folder / "quality").glob("*.parquet")})
    for name in names:
        tables: list[pa.Table] = []
        known: set[str] = set()
        for source in sources:
            path = source.folder / "quality" / name
            if not path.is_file():
                continue
            table = pq.read_table(path, partitioning=None)
            key = "video" if "video" in table.schema.names else "clip"
            if key not in table.schema.names or (tables and table.schema.names != tables[0].schema.names):
                yield f"quality/{name} of {source} has other columns: it was left out"
                continue
            repeated = pc.is_in(table[key], value_set=pa.array(sorted(known), table.schema.field(key).type))
            tables.append(table.filter(pc.invert(repeated)))
            known |= set(table[key].to_pylist())
        if tables:
            joined = pa.concat_tables(table.cast(tables[0].schema) for table in tables)
            with atomic_output(out / "quality" / name) as aside:
                pq.write_table(joined, aside)


def _copy_protocols(out: Path, sources: Sequence[MergeSource]) -> Iterator[str]:
    for source in sources:
        for path in sorted((source.folder / "protocols").glob("*.json")):
            target = out / "protocols" / path.name
            if target.is_file() and target.read_bytes() != path.read_bytes():
                yield f"protocols/{path.name} of {source} is another one than that of an earlier set: it was left out"
            else:
                target.parent.mkdir(exist_ok=True)
                shutil.copyfile(path, target)
