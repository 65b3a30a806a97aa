"""A seeded generator of damaged, altered and hostile submissions, each made from a valid one.

The changes are in modules of their own, by the kind of file that they change; `outcomes` says what is expected of each.
"""

from __future__ import annotations

import copy
import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import yaml

from tests.leaderboard.mutations.archives import ARCHIVES
from tests.leaderboard.mutations.csv_text import TEXTS
from tests.leaderboard.mutations.damaged_bytes import DAMAGES
from tests.leaderboard.mutations.declarations import DECLARATIONS
from tests.leaderboard.mutations.outcomes import ANY, YAML, Files, Rng, zip_bytes
from tests.leaderboard.mutations.tables import TABLES


@dataclass(frozen=True)
class Mutation:
    """A changed submission. name: the change. archive: bytes of the zip file. expected: SAME, BAD or ANY."""

    name: str
    archive: bytes
    expected: str


def make_mutation(files: Files, seed: int, number: int) -> Mutation:
    """Mutation `number` of the valid submission `files` ({name: content}). Equal seeds give equal mutations."""
    rng = np.random.default_rng([seed, number])
    data = next(name for name in files if name != YAML)
    choice = rng.random()
    if choice < 0.30:
        name, make = _pick(rng, TABLES)
        table = read_table(data, files[data])
        changed, options, expected = make(rng, table)
        return Mutation(f"table: {name}", zip_bytes({**files, data: write_table(data, changed, options)}), expected)
    if choice < 0.50:
        name, edit = _pick(rng, DECLARATIONS)
        content, expected = edit(rng, copy.deepcopy(yaml.safe_load(files[YAML])))
        text = content if isinstance(content, bytes) else yaml.safe_dump(content, allow_unicode=True).encode()
        return Mutation(f"declaration: {name}", zip_bytes({**files, YAML: text}), expected)
    if choice < 0.65:
        name, pack = _pick(rng, ARCHIVES)
        content, expected = pack(rng, files)
        return Mutation(f"archive: {name}", content, expected)
    if choice < 0.70 and data.endswith(".csv"):
        name, rewrite = _pick(rng, TEXTS)
        content, expected = rewrite(rng, files[data])
        return Mutation(f"text: {name}", zip_bytes({**files, data: content}), expected)
    name, damage = _pick(rng, DAMAGES)
    target = (data, YAML, "the archive")[int(rng.choice(3, p=[0.6, 0.2, 0.2]))]
    if target == "the archive":
        return Mutation(f"damage: {name} in the archive", damage(rng, zip_bytes(files)), ANY)
    return Mutation(f"damage: {name} in {target}", zip_bytes({**files, target: damage(rng, files[target])}), ANY)


def read_table(name: str, content: bytes) -> pa.Table:
    """The table in a Parquet or CSV file."""
    source = io.BytesIO(content)
    return pyarrow.csv.read_csv(source) if name.endswith(".csv") else pq.read_table(source)


def write_table(name: str, table: pa.Table, options: dict) -> bytes:
    """The table in the format of the file `name`. options: of pyarrow's Parquet writer."""
    out = io.BytesIO()
    if name.endswith(".csv"):
        pyarrow.csv.write_csv(table, out)
    else:
        pq.write_table(table, out, **options)
    return out.getvalue()


def _pick(rng: Rng, choices: dict[str, Callable]) -> tuple[str, Callable]:
    name = sorted(choices)[int(rng.integers(len(choices)))]
    return name, choices[name]
