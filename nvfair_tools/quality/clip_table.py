"""The table of clips' measures, clip_checks.parquet: one row a clip whose frames or track were read."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output
from nvfair_tools.quality.clip_limits import CHECKS, LIMITS
from nvfair_tools.quality.clip_measures import MEASURES
from nvfair_tools.quantities import count_text

CLIP_TABLE = "clip_checks.parquet"  # in the folder `quality` of a data set
CLIP_SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in ("clip", "identity", "measured_by")]
    + [pa.field(name, pa.float32()) for name in MEASURES]
    + [
        pa.field("label", pa.string()),
        pa.field("person_group", pa.int32()),
        pa.field("own_cosine", pa.float32()),
        pa.field("nearest_person", pa.string()),
        pa.field("nearest_cosine", pa.float32()),
        pa.field("other_names", pa.list_(pa.string())),
        pa.field("other_names_cosine", pa.list_(pa.float32())),
        pa.field("flagged", pa.list_(pa.string())),
        pa.field("rejected", pa.list_(pa.string())),
    ]
)
# What the summary shows of each check.
SUMMARY = ("check", "limit", "action", "measured", "flagged", "rejected", "p5", "median", "p95")


def write_clip_table(path: Path, rows: pd.DataFrame) -> None:
    """Writes the table, sorted by clip, whole or not at all. rows: with the columns of CLIP_SCHEMA."""
    content = pa.Table.from_pandas(
        rows.sort_values("clip", ignore_index=True)[CLIP_SCHEMA.names], schema=CLIP_SCHEMA, preserve_index=False
    )
    with atomic_output(path) as aside:
        pq.write_table(content, aside)


def read_clip_table(path: Path) -> pd.DataFrame:
    """Reads the table. Raises NvfairError where it is not one."""
    try:
        return pq.read_table(path, schema=CLIP_SCHEMA).to_pandas(integer_object_nulls=True)
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise NvfairError(
            f"not a table of clips' measures: {reason}", where=path, remedy="build the data set again"
        ) from error


def without_person(rows: pd.DataFrame, identity: str, clips: Collection[str]) -> pd.DataFrame:
    """The rows without a person's clips; nobody's nearest person or other name is this one any more."""
    others = rows[(rows["identity"] != identity) & ~rows["clip"].isin(list(clips))].copy()
    pairs = [
        [pair for pair in _pairs(names, cosines) if pair[0] != identity]
        for names, cosines in zip(others["other_names"], others["other_names_cosine"], strict=True)
    ]
    others["other_names"] = pd.Series([[name for name, _ in row] for row in pairs], others.index, dtype=object)
    others["other_names_cosine"] = pd.Series([[value for _, value in row] for row in pairs], others.index, dtype=object)
    nearest = others["nearest_person"] == identity
    others.loc[nearest, "nearest_person"] = None
    others.loc[nearest, "nearest_cosine"] = np.nan
    return others


def summarise_clips(rows: pd.DataFrame, rule: Mapping[str, Any]) -> pd.DataFrame:
    """The checks that a rule makes: limit, action, clips measured, flagged and rejected, and the measure's quantiles.

    rule: a `ClipCheckRule` as JSON values, such as dataset.json keeps it. Columns: SUMMARY.
    """
    lines = []
    for name in CHECKS:
        check = rule.get(name)
        if check is None:
            continue
        values = _known(rows, name)
        counts = {
            column: sum(name in (checks if checks is not None else ()) for checks in rows[column])
            for column in ("flagged", "rejected")
        }
        quantiles = np.quantile(values, [0.05, 0.5, 0.95]).tolist() if len(values) else [np.nan] * 3
        lines.append(
            {
                "check": name,
                "limit": _limit_text(name, check),
                "action": check["action"],
                "measured": _measured(name, rows, len(values)),
                **counts,
                **dict(zip(("p5", "median", "p95"), quantiles, strict=True)),
            }
        )
    return pd.DataFrame(lines, columns=list(SUMMARY))


def identity_sentences(rows: pd.DataFrame, rule: Mapping[str, Any], names: Mapping[str, str]) -> Iterator[str]:
    """What the comparison of faces says, in sentences that name every pair; that it was not made, where it was not.

    rule: as in `summarise_clips`. names: {clip id: name of the clip}.
    """
    check = rule.get("identity")
    compared = rows[rows["label"].notna() & (rows["label"] != "")]
    if check is None or compared.empty:
        reason = "the check is left out" if check is None else "no recognition network (an InsightFace pack on disk)"
        yield f"Identity was not verified: {reason}."
        return
    counts = compared["label"].value_counts()
    yield (
        f"Identity was verified by faces in {len(compared)} of {count_text(len(rows), 'clip')}. Confirmed by other "
        f"clips of the person: {counts.get('confirmed', 0)}, not confirmed: {counts.get('not_confirmed', 0)}, the "
        f"person's only clip: {counts.get('only_clip', 0)}."
    )
    own, other = compared["own_cosine"].dropna(), compared["nearest_cosine"].dropna()
    for text, values in (("the person's other clips", own), ("the nearest other person", other)):
        if len(values):
            low, middle, high = (float(values.quantile(share)) for share in (0.05, 0.5, 0.95))
            yield f"Cosine with {text}: {middle:.2f} (5 to 95 %: {low:.2f} to {high:.2f})."
    for identity, own_clips in compared.groupby("identity", sort=True):
        groups = own_clips.groupby("person_group", sort=True)["clip"]
        if groups.ngroups > 1:
            texts = [", ".join(sorted(names.get(clip, clip) for clip in clips)) for _, clips in groups]
            yield f"Two people under one name, {identity}: {' | '.join(texts)}."
    pairs_of_names = {
        (min(identity, name), max(identity, name)): cosine
        for identity, names_of_one, cosines in zip(
            compared["identity"], compared["other_names"], compared["other_names_cosine"], strict=True
        )
        for name, cosine in _pairs(names_of_one, cosines)
    }
    for (first, second), cosine in sorted(pairs_of_names.items(), key=lambda item: (-item[1], item[0])):
        yield f"Two names for one person: {first} and {second} (cosine {cosine:.2f})."


def _pairs(names: Iterable[str] | None, cosines: Iterable[float] | None) -> list[tuple[str, float]]:
    if names is None or cosines is None:
        return []
    return [(name, float(cosine)) for name, cosine in zip(names, cosines, strict=True)]


def _known(rows: pd.DataFrame, name: str) -> np.ndarray:
    """The known values of what a check compares."""
    column = LIMITS[name][0] if name in LIMITS else {"people": "several_share", "identity": "own_cosine"}.get(name)
    values = np.array([] if column is None else rows[column], dtype=np.float64)
    return values[np.isfinite(values)]


def _measured(name: str, rows: pd.DataFrame, known: int) -> int:
    if name == "identity":
        return int(rows["label"].isin(["confirmed", "not_confirmed"]).sum())
    return known if name in LIMITS else len(rows)


def _limit_text(name: str, check: Mapping[str, Any]) -> str:
    if name == "identity":
        return f"≥ {check['confirm']:g}, < {check['two_names']:g}"
    if name == "people":
        return str(check["policy"])
    if name not in LIMITS:
        return "none"
    return f"{'≥' if LIMITS[name][1] else '≤'} {check['limit']:g}"
