"""What a data set is, in one screen: counts, hours, bytes, rights, features, and what to run next.

Only the columns that are counted are read, and files are looked at by their names and sizes, so that a set of 400,000
videos takes seconds.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.repairing.record import RECORD, whole_record
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.dataset.terms import strictest_terms
from nvfair_tools.dataset.version import is_first
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text, duration_text, size_text
from nvfair_tools.unique_keys import load_unique_json

_COLUMNS = ("kind", "generator", "split", "state", "reason", "frames", "fps_num", "fps_den", "licence", "permitted_use",
            "path", "part")  # fmt: skip
_EXAMPLES = 3


@dataclass(frozen=True)
class DatasetSummary:
    """What a data set in a folder is.

    state: "finished", "unfinished", or "damaged" where files are missing or dataset.json is not as it was written.
    missing: files that are named and not there, or empty, at most three. people: by split. videos: rows of split,
    kind, generator, videos, hours, of those that are ok. unusable: rows of state, reason, videos. hours: of all that
    are ok. bytes: by kind of file. licences, uses: how many videos have each. limits: what they forbid, all together.
    features: what the parts store. versions: of what made it. advice:
    what to run next.
    """

    folder: str
    name: str
    state: str
    missing: tuple[str, ...]
    format: str
    simulated: bool
    people: dict[str, int]
    videos: tuple[dict[str, Any], ...]
    unusable: tuple[dict[str, Any], ...]
    hours: float
    frames: int
    bytes: dict[str, int]
    licences: dict[str, int]
    uses: dict[str, int]
    limits: tuple[str, ...]
    features: dict[str, Any]
    versions: dict[str, str]
    advice: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """The summary as JSON values."""
        return asdict(self)

    def __str__(self) -> str:
        return "\n".join(_lines(self))


def summarise(folder: str | Path) -> DatasetSummary:
    """Says what the data set in `folder` is; nothing is hashed, and no frame is read.

    Raises NvfairError where there is no data set, or where its tables cannot be read.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NvfairError("there is no such folder", where=folder)
    meta, state = _meta(folder)
    if not all((folder / name).is_file() for name in ("videos.parquet", "identities.parquet")):
        raise NvfairError(
            "this is no data set, or none whose tables are written yet",
            where=folder,
            expected="videos.parquet and identities.parquet",
            remedy="name another folder; or run `nvfair build` again, `nvfair dataset repair` where files were lost",
        )
    sizes = dict(_files(folder))
    try:
        videos = pq.read_table(folder / "videos.parquet", columns=list(_COLUMNS), partitioning=None)
        people = pq.read_table(
            folder / "identities.parquet", columns=["split", "licence", "permitted_use", "portrait"], partitioning=None
        )
    except (pa.ArrowException, OSError, KeyError) as error:
        raise NvfairError(
            f"its tables cannot be read: {(str(error) or type(error).__name__).splitlines()[0]}",
            where=folder,
            remedy=f"nvfair dataset repair {folder}",
        ) from error
    usable = videos.filter(pc.equal(videos["state"], "ok"))
    named = {*meta.get("files", {}), *_values(usable, "path"), *_values(usable, "part"), *_values(people, "portrait")}
    missing = sorted(name for name in named if not sizes.get(name))
    if missing and state == "finished":
        state = "damaged"
    licences, uses = (_counts(usable, name) for name in ("licence", "permitted_use"))
    features = _features(meta, folder, usable)
    return DatasetSummary(
        folder=str(folder),
        name=str(meta.get("name", folder.name)),
        state=state,
        missing=tuple(missing[:_EXAMPLES]),
        format=str(meta.get("format_version", "unknown")),
        simulated=meta.get("simulated") is True,
        people={split: _counts(people, "split")[split] for split in SPLITS if split in _counts(people, "split")},
        videos=tuple(_groups(usable)),
        unusable=tuple(_unusable(videos)),
        hours=_hours(usable),
        frames=pc.sum(usable["frames"]).as_py() or 0,
        bytes=_bytes(sizes),
        licences=licences,
        uses=uses,
        limits=tuple(strictest_terms([*licences, *uses])),
        features=features,
        versions={str(name): str(version) for name, version in sorted(meta.get("tools", {}).items())},
        advice=tuple(_advice(folder, state, len(missing), sizes, is_first(meta.get("format_version")))),
    )


def _meta(folder: Path) -> tuple[dict[str, Any], str]:
    """The content of dataset.json as far as it can be read, and the state of the set that it says."""
    if not (folder / RECORD).is_file():
        return {}, "unfinished"
    if (record := whole_record(folder / RECORD)) is not None:
        return record, "finished"
    try:
        content = load_unique_json((folder / RECORD).read_bytes())
    except ValueError:
        content = {}
    # A record of an earlier release has no hash of itself, by which damage would show.
    is_unsealed = isinstance(content, dict) and "files" in content and "own_sha256" not in content
    return (content if isinstance(content, dict) else {}), "finished" if is_unsealed else "damaged"


def _files(folder: Path) -> Iterator[tuple[str, int]]:
    """(path relative to the folder, bytes) of every file, without links to nothing and what was just removed."""
    waiting = [("", os.fspath(folder))]
    while waiting:
        prefix, place = waiting.pop()
        with suppress(FileNotFoundError, NotADirectoryError):
            for entry in list(os.scandir(place)):
                if entry.is_dir(follow_symlinks=False):
                    waiting.append((f"{prefix}{entry.name}/", entry.path))
                    continue
                with suppress(FileNotFoundError):
                    yield f"{prefix}{entry.name}", entry.stat().st_size


def _bytes(sizes: Mapping[str, int]) -> dict[str, int]:
    """Bytes by kind of file, the largest first."""
    totals: Counter[str] = Counter()
    for path, size in sizes.items():
        top = path.partition("/")[0]
        if top == ".build":
            kind = "the build's own files"
        elif top in ("videos", "frames", "portraits"):
            kind = top
        else:
            kind = "tables, card and the rest"
        totals[kind] += size
    return dict(totals.most_common())


def _values(table: pa.Table, name: str) -> list[str]:
    return [value for value in pc.unique(table[name]).to_pylist() if value]


def _counts(table: pa.Table, name: str) -> dict[str, int]:
    """How many rows have each value, the most frequent first."""
    pairs = pc.value_counts(table[name]).to_pylist()
    return {str(pair["values"]): pair["counts"] for pair in sorted(pairs, key=lambda pair: -pair["counts"])}


def _seconds(table: pa.Table) -> pa.ChunkedArray:
    lengths = pc.multiply(table["frames"].cast(pa.float64()), table["fps_den"].cast(pa.float64()))
    return pc.divide(lengths, table["fps_num"].cast(pa.float64()))


def _hours(table: pa.Table) -> float:
    return (pc.sum(_seconds(table)).as_py() or 0.0) / 3600


def _groups(usable: pa.Table) -> list[dict[str, Any]]:
    """Videos and hours by split, kind and generator, in the order of the splits."""
    keys = ["split", "kind", "generator"]
    table = usable.select(keys).append_column("seconds", _seconds(usable))
    groups = table.group_by(keys).aggregate([("seconds", "sum"), ("seconds", "count"), ([], "count_all")])
    rows = [
        {name: row[name] for name in keys}
        | {"videos": row["count_all"], "hours": round((row["seconds_sum"] or 0.0) / 3600, 4)}
        for row in groups.to_pylist()
    ]
    order = {split: number for number, split in enumerate(SPLITS)}
    return sorted(rows, key=lambda row: (order.get(row["split"], 9), row["kind"], row["generator"] or ""))


def _unusable(videos: pa.Table) -> list[dict[str, Any]]:
    others = videos.filter(pc.not_equal(videos["state"], "ok"))
    groups = others.group_by(["state", "reason"]).aggregate([([], "count_all")]).to_pylist()
    rows = [{"state": row["state"], "reason": row["reason"], "videos": row["count_all"]} for row in groups]
    return sorted(rows, key=lambda row: -row["videos"])


def _features(meta: Mapping[str, Any], folder: Path, usable: pa.Table) -> dict[str, Any]:
    """What dataset.json says of the features, and the columns that the first part has."""
    features = dict(meta.get("features", {}))
    parts = sorted(_values(usable, "part"))
    try:
        schema = pq.read_schema(folder / parts[0]) if parts else None
    except (pa.ArrowException, OSError):
        schema = None
    stored = [name for name in ("landmarks", "distances", "mesh") if schema is not None and name in schema.names]
    return features | {"columns": stored, "parts": len(parts)}


def _advice(folder: Path, state: str, missing: int, sizes: Mapping[str, int], first_format: bool) -> Iterator[str]:
    """Commands that help from here, each with what for."""
    if state == "unfinished":
        yield "nvfair build RECIPE: finishes it"
        return
    if state == "damaged":
        more = f" ({count_text(missing, 'file is', 'files are')} missing or empty)" if missing else ""
        yield f"nvfair dataset repair {folder} --from COPY: mends it{more}"
        return
    if first_format:
        yield f"nvfair dataset upgrade {folder}: takes it to the present format, which all other commands read"
    yield f"nvfair dataset check {folder} --full: whether every byte is as it was written"
    yield f"nvfair dataset rights {folder}: what it may be used for today"
    if "README.md" not in sizes:
        yield f"nvfair dataset card {folder}: writes the card that `datasets` and people read"
    if not any(path.startswith("quality/") for path in sizes) and any(path.startswith("videos/") for path in sizes):
        yield f"nvfair quality {folder}: how good its renderings are"
    if any(path.startswith(".build/") for path in sizes):
        yield "the build is finished: .build/ may be deleted before the folder is passed on"


def _lines(summary: DatasetSummary) -> Iterator[str]:
    """The summary as text for a terminal."""
    kind = "simulated people, none of whom exists" if summary.simulated else "recorded people"
    yield f"{summary.name}: {kind}; {summary.state}, format {summary.format} ({summary.folder})"
    if summary.missing:
        yield f"missing or empty: {', '.join(summary.missing)}, ..."
    people = ", ".join(f"{count:,} {split}" for split, count in summary.people.items())
    yield f"people      {sum(summary.people.values()):,}: {people}"
    total = sum(row["videos"] for row in summary.videos)
    yield f"videos      {total:,} usable, {duration_text(summary.hours * 3600)}, {count_text(summary.frames, 'frame')}"
    for row in summary.videos:
        label = " ".join(str(row[name]) for name in ("split", "kind", "generator") if row[name])
        yield f"            {row['videos']:>9,}  {duration_text(row['hours'] * 3600):>9}  {label}"
    for row in summary.unusable:
        yield f"            {row['videos']:>9,}  {row['state']}: {row['reason']}"
    yield "bytes       " + ", ".join(f"{size_text(size)} {kind}" for kind, size in summary.bytes.items())
    yield f"licences    {_listed(summary.licences)}"
    yield f"may be used {_listed(summary.uses)}"
    if summary.limits:
        yield f"            all hold together: {'; '.join(summary.limits)}"
    features = dict(summary.features)
    columns, parts = features.pop("columns"), features.pop("parts")
    details = ", ".join(f"{name} {value}" for name, value in features.items())
    yield f"features    {', '.join(columns) or 'none'} in {count_text(parts, 'part')}" + (
        f" ({details})" if details else ""
    )
    yield "made by     " + (", ".join(f"{name} {version}" for name, version in summary.versions.items()) or "unknown")
    for number, text in enumerate(summary.advice):
        yield ("next        " if not number else "            ") + text


def _listed(counts: Mapping[str, int]) -> str:
    """Texts with how many videos have each, at most six of them."""
    texts = [f"{text} ({count:,})" for text, count in list(counts.items())[:6]]
    return "; ".join(texts + ([f"and {len(counts) - 6:,} more"] if len(counts) > 6 else [])) or "none"
