"""Listing NVFAIR: {source}/{originals|<generator>-generated}/{target}/{target}--{driving clip}--{driver}.mp4.

The official split is the one the authors published: 161 people (ECCV 2024, arXiv 2305.03713).

The paper says that NVIDIA-VC's video calls are partly scripted and partly free, and no document that we know says which
clips are. Their names are {a|q|s}NN-idXXX. We assume that s stands for scripted, and a and q for the answers and
questions of a conversation; the import prints this, and the card holds it.
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cache, partial
from pathlib import Path

from nvfair_tools.dataset.exports.nvfair_names import GENERATORS, ORIGINALS
from nvfair_tools.identity import COLLECTIONS, collection_namespace, resolve_alias
from nvfair_tools.pipeline.items import ItemResult, rejected
from nvfair_tools.recipe.splits import official_split
from nvfair_tools.releases.listing import (
    UNDISPUTED,
    Release,
    ReleaseFile,
    describe_generator,
    list_files,
    rejected_file,
)
from nvfair_tools.releases.settings import ReleaseSettings
from nvfair_tools.releases.spreadsheet import Sheet, SheetRow, find_spreadsheet, read_spreadsheet

NAME = "NVFAIR"
_VIDEO_CALLS = "nvidia-vc"
_VIDEO_CALL_CLIP = re.compile(r"([aqs])\d+-id\d+")


def list_nvfair(root: Path, settings: ReleaseSettings, spreadsheet: Path | None = None) -> Release:
    """Lists every file below `root`, judged by its name, the official split and the spreadsheet.

    spreadsheet: default, the one in `root`.

    Raises NvfairError, Problems where the folder or the spreadsheet cannot be understood.
    """
    splits = official_split()
    person_of = cache(partial(_listed_person, splits))
    path = spreadsheet or find_spreadsheet(root)
    sheet = read_spreadsheet(path, settings.columns)
    tree = list_files(root)
    used_rows: set[int] = set()
    files = [
        _with_rights(_describe_file(name, splits, person_of, settings.scenarios), sheet, settings.consent, used_rows)
        for name in tree.names
        if not name.endswith(path.name) or (root / name).resolve() != path.resolve()
    ]
    labels = sorted({file.generator for file in files if file.generator} or set(GENERATORS.values()))
    return Release(
        name=NAME,
        root=root,
        files=tuple(files),
        absent=tuple(_absent_files(sheet, used_rows)),
        splits=splits,
        generators=tuple(describe_generator(label, licence="as released in NVFAIR") for label in labels),
        notes=(*sheet.notes, *_scenario_note(files, settings.scenarios), *tree.notes()),
    )


def _describe_file(
    name: str,
    splits: Mapping[str, str],
    person_of: Callable[[str, str], str | None],
    scenarios: Mapping[str, str],
) -> ReleaseFile:
    """The entry of a file, as its place and name describe it. person_of: see `_listed_person`."""
    parts = name.split("/")
    stem, suffix = os.path.splitext(parts[-1])
    if suffix.lower() != ".mp4":
        return rejected_file(name, "not_a_video", "the release's videos are .mp4")
    if len(parts) != 4:
        return rejected_file(name, "unknown_place", "expected source/originals or ...-generated/person/file.mp4")
    source, folder, person, _ = parts
    namespace = collection_namespace(source)
    if namespace is None:
        known = ", ".join(collection.source for collection in COLLECTIONS)
        return rejected_file(name, "unknown_source", f"{source!r} is none of {known}")
    if folder != ORIGINALS and folder not in GENERATORS:
        return rejected_file(name, "unknown_generator", f"{folder!r} is none of {', '.join([ORIGINALS, *GENERATORS])}")
    target = person_of(person, namespace)
    if target is None:
        return rejected_file(name, "unknown_identity", f"{person!r} is nobody of the official split's {source}")
    clip, driver = stem, target
    if folder != ORIGINALS:
        name_parts = stem.split("--")
        if len(name_parts) < 3 or not all(name_parts):
            return rejected_file(name, "unknown_name", "expected {target}--{driving clip}--{driver}.mp4")
        # A clip's own name might hold "--"; people's do not.
        target_name, clip, driver_name = name_parts[0], "--".join(name_parts[1:-1]), name_parts[-1]
        listed_driver = person_of(driver_name, namespace)
        if listed_driver is None:
            detail = f"driver {driver_name!r} is nobody of the official split's {namespace}"
            return rejected_file(name, "unknown_identity", detail)
        if person_of(target_name, namespace) != target:
            detail = f"it lies in the folder of {target} but names {target_name!r}"
            return rejected_file(name, "contradictory_name", detail)
        driver = listed_driver
    result, split = UNDISPUTED, splits[target]
    if splits[driver] != split:
        detail = f"{target} is in {splits[target]}, {driver} in {splits[driver]}"
        result, split = rejected("people_in_different_splits", detail), ""
    return ReleaseFile(
        name,
        kind="real" if folder == ORIGINALS else "self" if driver == target else "cross",
        source=namespace,
        target=target,
        driver=driver,
        clip=clip,
        generator=GENERATORS.get(folder, ""),
        split=split,
        scenario=_scenario(namespace, clip, scenarios),
        result=result,
    )


def _listed_person(splits: Mapping[str, str], name: str, namespace: str) -> str | None:
    """The identity of a person of the official split, by a name in use; None for everybody else."""
    identity = resolve_alias(name, namespace)
    return identity if identity in splits else None


def _with_rights(file: ReleaseFile, sheet: Sheet, consent: str, used_rows: set[int]) -> ReleaseFile:
    """The file with its licence and permitted use, rejected where the sheet does not clearly permit it.

    The numbers of the sheet's rows that fit the file are added to `used_rows`.
    """
    rows = sheet.rows_for(file.name)
    used_rows.update(row.number for row in rows)
    if file.result.state != "ok":
        return file
    if not rows:
        unknown = "not in the spreadsheet"
        result = rejected("no_spreadsheet_row", "what it may be used for is not known")
        return replace(file, licence=unknown, consent=consent, permitted_use=unknown, result=result)
    row = rows[0]
    return replace(
        file,
        licence=row.licence or "not stated",
        consent=consent,
        permitted_use=row.permission.text,
        result=_judge(file, rows),
    )


def _judge(file: ReleaseFile, rows: list[SheetRow]) -> ItemResult:
    """Judges a file by the sheet's rows that fit it."""
    row = rows[0]
    if any((other.synthetic, other.cross, other.licence, other.permission)
           != (row.synthetic, row.cross, row.licence, row.permission) for other in rows[1:]):  # fmt: skip
        return rejected(
            "ambiguous_spreadsheet_row", f"rows {', '.join(str(row.number) for row in rows)} fit it and differ"
        )
    if row.synthetic is not None and row.synthetic != (file.kind != "real"):
        kind = "synthetic" if row.synthetic else "real"
        return rejected("contradicts_spreadsheet", f"row {row.number} calls it {kind}; by its place it is {file.kind}")
    if row.cross is not None and file.kind != "real" and row.cross != (file.kind == "cross"):
        kind = "cross" if row.cross else "self"
        return rejected("contradicts_spreadsheet", f"row {row.number} calls it {kind}; by its name it is {file.kind}")
    if not row.licence:
        return rejected("no_licence", f"row {row.number} states none")
    if row.permission.objections:
        return rejected("use_not_permitted", f"row {row.number}: {row.permission.objections}")
    return file.result


def _scenario(namespace: str, clip: str, scenarios: Mapping[str, str]) -> str:
    """The scenario that the name of an NVIDIA-VC clip is assumed to state; "" for others."""
    match = _VIDEO_CALL_CLIP.fullmatch(clip) if namespace == _VIDEO_CALLS else None
    return scenarios.get(match[1], "") if match else ""


def _scenario_note(files: Sequence[ReleaseFile], scenarios: Mapping[str, str]) -> tuple[str, ...]:
    """What was assumed of the scenarios of NVIDIA-VC's files, with their numbers; nothing where there are none."""
    counts = Counter(file.scenario or "not known" for file in files if file.source == _VIDEO_CALLS)
    if not counts:
        return ()
    letters = ", ".join(f"{letter} = {scenario}" for letter, scenario in sorted(scenarios.items()))
    numbers = ", ".join(f"{number:,} {scenario}" for scenario, number in sorted(counts.items()))
    return (
        f"assumed, as the release does not say it: the first letter of a name such as a01-id035 is the scenario of an "
        f"NVIDIA-VC clip ({letters}; the setting `scenarios` changes it). Files: {numbers}",
    )


def _absent_files(sheet: Sheet, used_rows: set[int]) -> Iterable[tuple[str, str, str]]:
    """(name, reason, detail) of the sheet's rows that no file fits: another part of the release, or withdrawn."""
    for rows in sheet.rows.values():
        for row in rows:
            if row.number not in used_rows:
                yield row.file or "(no file name)", "in_spreadsheet_only", f"row {row.number}"
