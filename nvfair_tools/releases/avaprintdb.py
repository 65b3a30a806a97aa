"""AVAPrintDB as released: {target}--{driver}--{uuid}--{GEN}.mp4, described by generation plans (arXiv 2603.26934).

Only its videos are read: how its landmark files are laid out is not documented.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import resolve_alias
from nvfair_tools.pipeline.items import rejected
from nvfair_tools.recipe.splits import by_shares
from nvfair_tools.releases.listing import Release, ReleaseFile, generator_facts, refused, walk
from nvfair_tools.releases.settings import ReleaseSettings

NAME = "AVAPrintDB"
# What ends a file's name -> our labels. The letters are those of the published tables.
GENERATORS = {
    "GAGA": "gagavatar",
    "GAGAVATAR": "gagavatar",
    "LIVE": "liveportrait",
    "LIVEPORTRAIT": "liveportrait",
    "HUNY": "hunyuanportrait",
    "HUNYUAN": "hunyuanportrait",
    "HUNYUANPORTRAIT": "hunyuanportrait",
}
_COLUMNS = ("driver_id", "driver_video_path", "driver_video_randomname", "target_id", "split")
_PARTS = {"DEV": "train", "TEST": "test"}


@dataclass(frozen=True)
class PlannedClip:
    """A driving clip of a plan. name: stem of its recording's file; split: DEV or TEST; targets: whom it drives."""

    driver: str
    name: str
    split: str
    targets: frozenset[str]


def list_avaprintdb(root: Path, settings: ReleaseSettings, plans: Sequence[Path] = ()) -> Release:
    """Every file below `root`, judged by its name and the plans (default: those found below `root`).

    Raises NvfairError, Problems where the folder or a plan cannot be understood.
    """
    found = dict(walk(root))
    plans = list(plans) or [path for path in found.values() if _is_plan(path)]
    if not plans:
        raise NvfairError(
            "no generation plan in the release's folder",
            where=root,
            expected=f"CSV files with the columns {', '.join(_COLUMNS)}",
            remedy="put them there, or name them with --plan",
        )
    clips = read_plans(plans)
    splits = _splits(clips.values(), settings)
    labels = GENERATORS | {part.upper(): label for part, label in settings.generators.items()}
    left = {path.resolve() for path in plans}
    files = [
        _understood(name, path, clips, splits, labels)
        for name, path in found.items()
        if path.suffix.lower() != ".csv" or path.resolve() not in left
    ]
    files = [
        replace(one, licence=settings.licence, consent=settings.consent, permitted_use=settings.permitted_use)
        for one in _once(files)
    ]
    present = sorted({one.generator for one in files if one.generator})
    return Release(
        name=NAME,
        root=root,
        files=tuple(files),
        absent=tuple(_absent(files, clips, present)),
        splits=splits,
        generators=tuple(
            generator_facts(label, licence=settings.licence) for label in present or sorted(set(GENERATORS.values()))
        ),
        notes=(f"{len(clips)} driving clips in {', '.join(path.name for path in plans)}",),
    )


def read_plans(paths: Iterable[Path]) -> dict[str, PlannedClip]:
    """{random name of a driving clip: what the plans say of it}. Raises Problems naming every contradictory row."""
    seen: dict[str, tuple[str, str, str]] = {}
    targets: dict[str, set[str]] = {}
    part_of: dict[str, str] = {}
    problems: list[str] = []
    paths = list(paths)
    for path in paths:
        for where, row in _rows(path):
            driver, target = resolve_alias(row["driver_id"]), resolve_alias(row["target_id"])
            if driver is None or target is None:
                problems.append(
                    f"{where}: {row['target_id' if driver else 'driver_id']!r} is nobody of a known collection"
                )
                continue
            if row["split"] not in _PARTS:
                problems.append(f"{where}: split {row['split']!r} is none of {', '.join(_PARTS)}")
                continue
            for person in (driver, target):
                if part_of.setdefault(person, row["split"]) != row["split"]:
                    problems.append(f"{where}: {person} is in DEV and in TEST")
            clip = (driver, PurePosixPath(row["driver_video_path"]).stem, row["split"])
            if seen.setdefault(row["driver_video_randomname"], clip) != clip:
                problems.append(f"{where}: {row['driver_video_randomname']} is another clip in an earlier row")
            targets.setdefault(row["driver_video_randomname"], set()).add(target)
    if problems:
        raise Problems(", ".join(path.name for path in paths), problems)
    return {name: PlannedClip(*clip, frozenset(targets[name])) for name, clip in seen.items()}


def _rows(path: Path) -> Iterator[tuple[str, dict[str, str]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NvfairError("the plan cannot be read as UTF-8 text", where=path) from error
    reader = csv.DictReader(text.splitlines())
    if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or [])]:
        raise NvfairError(f"the plan has no column {', '.join(missing)}", where=path, expected=", ".join(_COLUMNS))
    for line, row in enumerate(reader, start=2):
        yield f"{path.name} row {line}", {name: (row[name] or "").strip() for name in _COLUMNS}


def _is_plan(path: Path) -> bool:
    if path.suffix.lower() != ".csv":
        return False
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return set(_COLUMNS) <= set(next(csv.reader([file.readline()]), []))


def _splits(clips: Iterable[PlannedClip], settings: ReleaseSettings) -> dict[str, str]:
    """{identity: our split}: TEST is test, DEV is train but for the people drawn for validation."""
    part_of = {person: clip.split for clip in clips for person in (clip.driver, *clip.targets)}
    share = settings.validation_share
    dev = {person: person.partition(":")[0] for person, part in part_of.items() if part == "DEV"}
    drawn = by_shares(dev, {"train": 1 - share, "validation": share}, settings.seed)
    return {person: drawn.get(person, _PARTS[part]) for person, part in part_of.items()}


def _understood(
    name: str, path: Path, clips: dict[str, PlannedClip], splits: dict[str, str], labels: dict[str, str]
) -> ReleaseFile:
    """A file as its name and the plans describe it."""
    if path.suffix.lower() != ".mp4":
        return refused(name, path, "not_a_video", "only the videos are read; the layout of landmark files is not known")
    parts = path.stem.split("--")
    if len(parts) != 4 or not all(parts):
        return refused(name, path, "unknown_name", "expected {target}--{driver}--{uuid}--{GEN}.mp4")
    face, motion, random, ending = parts
    target, driver, label = resolve_alias(face), resolve_alias(motion), labels.get(ending.upper())
    if label is None:
        return refused(name, path, "unknown_generator", f"{ending!r}; name it in the settings' `generators`")
    if target is None or driver is None:
        return refused(
            name, path, "unknown_identity", f"{motion if target else face!r} is nobody of a known collection"
        )
    clip = clips.get(random)
    if clip is None or target not in clip.targets:
        told = f"no row for clip {random} on {target}" if clip else f"no row for clip {random}"
        return refused(name, path, "not_in_plan", told)
    if clip.driver != driver:
        return refused(name, path, "contradictory_name", f"it names driver {driver}, the plan {clip.driver}")
    kind = "self" if driver == target else "cross"
    file = ReleaseFile(name, path, kind, target.partition(":")[0], target, driver, clip.name, label)
    if splits[driver] != splits[target]:
        told = f"{target} is in {splits[target]}, {driver} in {splits[driver]}"
        return replace(file, result=rejected("people_in_different_splits", told))
    return replace(file, split=splits[target])


def _once(files: Iterable[ReleaseFile]) -> Iterator[ReleaseFile]:
    """Each video once: a second file of one name, in another folder, is refused."""
    first: dict[tuple[str, str, str], str] = {}
    for file in files:
        key = (file.generator, file.target, file.path.stem.lower())
        if file.understood and first.setdefault(key, file.name) != file.name:
            file = replace(file, result=rejected("named_twice", f"{first[key]} has the same name"))
        yield file


def _absent(
    files: Iterable[ReleaseFile], clips: dict[str, PlannedClip], present: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    """Planned videos of the generators at hand that the folder lacks."""
    have = {(one.generator, one.target, one.path.stem.split("--")[2]) for one in files if one.generator}
    for label in present:
        for random, clip in sorted(clips.items()):
            for target in sorted(clip.targets):
                if (label, target, random) not in have:
                    yield f"{target}--{clip.driver}--{random}--{label}", "in_plan_only", f"clip {clip.name}"
