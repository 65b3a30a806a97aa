"""The file of a data set that says what each of its people agreed to, use by use: consent.parquet.

One row a person and use. Where a data set has no such file, its column `permitted_use` is all that is known. Where the
evidence lies is not in it: that stays with the curator.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output
from nvfair_tools.governance.uses import USES, Answer, Consent, Use

CONSENT_FILE = "consent.parquet"
SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), nullable=False),
        pa.field("use", pa.string(), nullable=False),
        pa.field("answer", pa.string(), nullable=False),  # yes, no, unknown
        pa.field("basis", pa.string(), nullable=False),  # where the answer comes from
        pa.field("scope", pa.list_(pa.string()), nullable=False),  # purposes
        pa.field("since", pa.date32()),
        pa.field("expires", pa.date32()),
        pa.field("withdrawn", pa.date32()),
    ]
)


def write_consents(folder: Path, consents: Mapping[str, Consent]) -> Path:
    """Writes what people agreed to into a data set's folder; returns the file's path."""
    rows = [
        {
            "identity": identity,
            "use": use,
            "answer": answer.value,
            "basis": answer.basis,
            "scope": sorted(answer.scope),
            "since": answer.since,
            "expires": answer.expires,
            "withdrawn": answer.withdrawn,
        }
        for identity in sorted(consents)
        for use, answer in zip(USES, consents[identity].answers, strict=True)
    ]
    path = folder / CONSENT_FILE
    with atomic_output(path) as aside:
        pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), aside, compression="zstd")
    return path


def read_consents(folder: Path) -> dict[str, Consent] | None:
    """What the people of a data set agreed to, by identity; None where the data set has no such file.

    Raises NvfairError where the file is damaged or names a use or an answer that is unknown.
    """
    path = folder / CONSENT_FILE
    if not path.exists():
        return None
    answers: dict[str, dict[Use, Answer]] = {}
    try:
        for row in pq.read_table(path, schema=SCHEMA, partitioning=None).to_pylist():
            answers.setdefault(row["identity"], {})[_known_use(row["use"])] = _answer(row)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise NvfairError(
            f"what people agreed to cannot be read: {error}", where=path, remedy="build or copy the data set again"
        ) from error
    return {identity: Consent.of(of_person, Answer("unknown")) for identity, of_person in answers.items()}


def _known_use(text: str) -> Use:
    for use in USES:
        if use == text:
            return use
    raise ValueError(f"use {text!r} is unknown; expected one of {', '.join(USES)}")


def _answer(row: Mapping[str, Any]) -> Answer:
    value, scope = row["answer"], row["scope"]
    if value not in ("yes", "no", "unknown"):
        raise ValueError(f"answer {value!r} is unknown; expected yes, no or unknown")
    return Answer(value, row["basis"], frozenset(scope), row["since"], row["expires"], row["withdrawn"])
