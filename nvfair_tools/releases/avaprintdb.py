"""Listing AVAPrintDB: {target}--{driver}--{uuid}--{GEN}.mp4, described by generation plans (arXiv 2603.26934).

Its videos are read here. Its landmark files are normalised already and have no times, so they cannot become tracks of a
data set; `nvfair avaprintdb` reads them in place (nvfair_tools.landmarks.avaprintdb_files).
"""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import resolve_alias
from nvfair_tools.landmarks.avaprintdb_files import GENERATORS
from nvfair_tools.pipeline.items import rejected
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.csv_table import read_csv_table
from nvfair_tools.recipe.splits import splits_by_shares
from nvfair_tools.releases.listing import (
    Release,
    ReleaseFile,
    describe_generator,
    list_files,
    rejected_file,
)
from nvfair_tools.releases.settings import ReleaseSettings

NAME = "AVAPrintDB"
_COLUMNS = ("driver_id", "driver_video_path", "driver_video_randomname", "target_id", "split")
_SPLITS = {"DEV": "train", "TEST": "test"}  # the plans' parts -> our splits


@dataclass(frozen=True)
class PlannedClip:
    """A driving clip of a plan. name: stem of its recording's file; part: DEV or TEST; targets: people it drives."""

    driver: str
    name: str
    part: str
    targets: frozenset[str]


def list_avaprintdb(root: Path, settings: ReleaseSettings, plans: Sequence[Path] = ()) -> Release:
    """Lists every file below `root`, judged by its name and the plans (default: those found below `root`).

    Raises NvfairError, Problems where the folder or a plan cannot be understood.
    """
    tree = list_files(root)
    plans = list(plans) or [
        root / name for name in tree.names if name.lower().endswith(".csv") and _has_plan_columns(root / name)
    ]
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
    plan_files = {path.resolve() for path in plans}
    files = [
        _describe_file(name, clips, splits, labels)
        for name in tree.names
        if not name.lower().endswith(".csv") or (root / name).resolve() not in plan_files
    ]
    files = [
        replace(file, licence=settings.licence, consent=settings.consent, permitted_use=settings.permitted_use)
        for file in _without_repeated_names(files)
    ]
    present = sorted({file.generator for file in files if file.generator})
    return Release(
        name=NAME,
        root=root,
        files=tuple(files),
        absent=tuple(_absent_files(files, clips, present)),
        splits=splits,
        generators=tuple(
            describe_generator(label, licence=settings.licence) for label in present or sorted(set(GENERATORS.values()))
        ),
        notes=(
            f"{count_text(len(clips), 'driving clip')} in {', '.join(path.name for path in plans)}",
            *tree.notes(),
        ),
    )


def read_plans(paths: Iterable[Path]) -> dict[str, PlannedClip]:
    """Reads plans; returns {random name of a driving clip: clip}. Raises Problems naming every contradictory row."""
    clips: dict[str, tuple[str, str, str]] = {}  # random name -> driver, name, part
    targets: dict[str, set[str]] = {}
    part_by_person: dict[str, str] = {}
    problems: list[str] = []
    paths = list(paths)
    for path in paths:
        for where, row in _plan_rows(path, problems):
            driver, target = resolve_alias(row["driver_id"]), resolve_alias(row["target_id"])
            if driver is None or target is None:
                problems.append(
                    f"{where}: {row['target_id' if driver else 'driver_id']!r} is nobody of a known collection"
                )
                continue
            if row["split"] not in _SPLITS:
                problems.append(f"{where}: split {row['split']!r} is none of {', '.join(_SPLITS)}")
                continue
            for person in (driver, target):
                if part_by_person.setdefault(person, row["split"]) != row["split"]:
                    problems.append(f"{where}: {person} is in DEV and in TEST")
            clip = (driver, PurePosixPath(row["driver_video_path"]).stem, row["split"])
            if clips.setdefault(row["driver_video_randomname"], clip) != clip:
                problems.append(f"{where}: {row['driver_video_randomname']} is another clip in an earlier row")
            targets.setdefault(row["driver_video_randomname"], set()).add(target)
    if problems:
        raise Problems(", ".join(path.name for path in paths), problems)
    return {random: PlannedClip(*clip, frozenset(targets[random])) for random, clip in clips.items()}


def _plan_rows(path: Path, problems: list[str]) -> Iterator[tuple[str, dict[str, str]]]:
    table = read_csv_table(path, "plan")
    if missing := [name for name in _COLUMNS if name not in table.header]:
        raise NvfairError(f"the plan has no column {', '.join(missing)}", where=path, expected=", ".join(_COLUMNS))
    problems += table.problems
    for line, row in table.rows:
        yield f"{path.name} row {line}", {name: row[name] for name in _COLUMNS}


def _has_plan_columns(path: Path) -> bool:
    with open(path, encoding="utf-8-sig", errors="replace") as file:
        return set(_COLUMNS) <= set(next(csv.reader([file.readline()]), []))


def _splits(clips: Iterable[PlannedClip], settings: ReleaseSettings) -> dict[str, str]:
    """Returns {identity: our split}: TEST is test, DEV is train except for the people drawn for validation."""
    part_by_person = {person: clip.part for clip in clips for person in (clip.driver, *clip.targets)}
    if settings.validation_people:
        validation = _named_validation_people(settings.validation_people, part_by_person)
        return {
            person: "validation" if person in validation else _SPLITS[part] for person, part in part_by_person.items()
        }
    share = settings.validation_share
    dev_people = {person: person.partition(":")[0] for person, part in part_by_person.items() if part == "DEV"}
    dev_splits = splits_by_shares(dev_people, {"train": 1 - share, "validation": share}, settings.seed)
    return {person: dev_splits.get(person, _SPLITS[part]) for person, part in part_by_person.items()}


def _named_validation_people(names: Iterable[str], part_by_person: dict[str, str]) -> set[str]:
    """The people whom the settings name for validation; Problems where one is unknown, or TEST in the plans."""
    problems, people = [], set()
    for name in names:
        person = resolve_alias(name) or name
        part = part_by_person.get(person)
        if part == "DEV":
            people.add(person)
        elif part is None:
            problems.append(f"{name} is in no plan")
        else:
            problems.append(f"{name} is a {part} person of the plans: selecting on them would select on the test")
    if problems:
        raise Problems("validation_people of the settings", problems, remedy="name DEV people only")
    return people


def _describe_file(
    name: str, clips: dict[str, PlannedClip], splits: dict[str, str], labels: dict[str, str]
) -> ReleaseFile:
    """The entry of a file, as its name and the plans describe it."""
    stem, suffix = os.path.splitext(name.rpartition("/")[2])
    if suffix.lower() == ".npy":
        return rejected_file(name, "landmark_file", "its landmarks have no times; `nvfair avaprintdb` reads them")
    if suffix.lower() != ".mp4":
        return rejected_file(name, "not_a_video", "videos alone are imported")
    parts = stem.split("--")
    if len(parts) != 4 or not all(parts):
        return rejected_file(name, "unknown_name", "expected {target}--{driver}--{uuid}--{GEN}.mp4")
    target_name, driver_name, random, generator = parts
    target, driver = resolve_alias(target_name), resolve_alias(driver_name)
    label = labels.get(generator.upper())
    if label is None:
        return rejected_file(name, "unknown_generator", f"{generator!r}; name it in the settings' `generators`")
    if target is None or driver is None:
        unknown = driver_name if target else target_name
        return rejected_file(name, "unknown_identity", f"{unknown!r} is nobody of a known collection")
    clip = clips.get(random)
    if clip is None or target not in clip.targets:
        detail = f"no row for clip {random} on {target}" if clip else f"no row for clip {random}"
        return rejected_file(name, "not_in_plan", detail)
    if clip.driver != driver:
        return rejected_file(name, "contradictory_name", f"it names driver {driver}, the plan {clip.driver}")
    kind = "self" if driver == target else "cross"
    file = ReleaseFile(name, kind, target.partition(":")[0], target, driver, clip.name, label)
    if splits[driver] != splits[target]:
        detail = f"{target} is in {splits[target]}, {driver} in {splits[driver]}"
        return replace(file, result=rejected("people_in_different_splits", detail))
    return replace(file, split=splits[target])


def _without_repeated_names(files: Iterable[ReleaseFile]) -> Iterator[ReleaseFile]:
    """The files, of which a second one of the same name, in another folder, is rejected."""
    first_path: dict[tuple[str, str, str], str] = {}
    for file in files:
        key = (file.generator, file.target, PurePosixPath(file.name).stem.lower())
        if file.has_row and first_path.setdefault(key, file.name) != file.name:
            file = replace(file, result=rejected("named_twice", f"{first_path[key]} has the same name"))
        yield file


def _absent_files(
    files: Iterable[ReleaseFile], clips: dict[str, PlannedClip], generators: Iterable[str]
) -> Iterator[tuple[str, str, str]]:
    """(name, reason, detail) of the planned videos of `generators` that the folder lacks."""
    present = {
        (file.generator, file.target, PurePosixPath(file.name).stem.split("--")[2]) for file in files if file.generator
    }
    for label in generators:
        for random, clip in sorted(clips.items()):
            for target in sorted(clip.targets):
                if (label, target, random) not in present:
                    yield f"{target}--{clip.driver}--{random}--{label}", "in_plan_only", f"clip {clip.name}"
