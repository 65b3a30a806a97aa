"""NVFAIR as released: {source}/{originals|<generator>-generated}/{target}/{target}--{driving clip}--{driver}.mp4.

The official split is the one the authors published: 161 people (ECCV 2024, arXiv 2305.03713).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from importlib import resources
from pathlib import Path

from nvfair_tools.identity import COLLECTIONS, collection_namespace, resolve_alias
from nvfair_tools.pipeline.items import ItemResult, ok, rejected
from nvfair_tools.recipe.splits import read_split_file
from nvfair_tools.releases.listing import Release, ReleaseFile, generator_facts, refused, walk
from nvfair_tools.releases.settings import ReleaseSettings
from nvfair_tools.releases.spreadsheet import Sheet, SheetRow, find_spreadsheet, read_spreadsheet

NAME = "NVFAIR"
ORIGINALS = "originals"
# The release's folders -> what our own generators of that kind are called.
GENERATORS = {"facevid2vid-generated": "face-vid2vid", "lia-generated": "lia", "tps-generated": "tps"}


def official_split() -> dict[str, str]:
    """{identity: split} of NVFAIR's 161 people."""
    with resources.as_file(resources.files("nvfair_tools.releases") / "nvfair_split.csv") as path:
        return read_split_file(path)


def list_nvfair(root: Path, settings: ReleaseSettings, spreadsheet: Path | None = None) -> Release:
    """Every file below `root`, judged by its name, the official split and the spreadsheet.

    Raises NvfairError, Problems where the folder or the spreadsheet cannot be understood.
    """
    splits = official_split()
    path = spreadsheet or find_spreadsheet(root)
    sheet = read_spreadsheet(path, settings.columns)
    used: set[int] = set()
    files = [
        _with_rights(_understood(name, file, splits), sheet, settings.consent, used)
        for name, file in walk(root)
        if file.name != path.name or file.resolve() != path.resolve()
    ]
    labels = sorted({one.generator for one in files if one.generator} or set(GENERATORS.values()))
    return Release(
        name=NAME,
        root=root,
        files=tuple(files),
        absent=tuple(_absent(sheet, used)),
        splits=splits,
        generators=tuple(generator_facts(label, licence="as released in NVFAIR") for label in labels),
        notes=sheet.notes,
    )


def _understood(name: str, path: Path, splits: dict[str, str]) -> ReleaseFile:
    """A file as its place and name describe it."""
    parts = name.split("/")
    if path.suffix.lower() != ".mp4":
        return refused(name, path, "not_a_video", "the release's videos are .mp4")
    if len(parts) != 4:
        return refused(name, path, "unknown_place", "expected source/originals or ...-generated/person/file.mp4")
    source, folder, person, _ = parts
    namespace = collection_namespace(source)
    if namespace is None:
        known = ", ".join(collection.source for collection in COLLECTIONS)
        return refused(name, path, "unknown_source", f"{source!r} is none of {known}")
    if folder != ORIGINALS and folder not in GENERATORS:
        return refused(name, path, "unknown_generator", f"{folder!r} is none of {', '.join([ORIGINALS, *GENERATORS])}")
    target = _person(person, namespace, splits)
    if target is None:
        return refused(name, path, "unknown_identity", f"{person!r} is nobody of the official split's {source}")
    if folder == ORIGINALS:
        return ReleaseFile(name, path, "real", namespace, target, target, path.stem, split=splits[target])
    return _reenactment(name, path, target, namespace, GENERATORS[folder], splits)


def _reenactment(
    name: str, path: Path, target: str, namespace: str, generator: str, splits: dict[str, str]
) -> ReleaseFile:
    named = path.stem.split("--")
    if len(named) < 3 or not all(named):
        return refused(name, path, "unknown_name", "expected {target}--{driving clip}--{driver}.mp4")
    # A clip's own name might hold "--"; people's do not.
    face, clip, motion = named[0], "--".join(named[1:-1]), named[-1]
    driver = _person(motion, namespace, splits)
    if driver is None:
        return refused(
            name, path, "unknown_identity", f"driver {motion!r} is nobody of the official split's {namespace}"
        )
    if resolve_alias(face, namespace) != target:
        return refused(name, path, "contradictory_name", f"it lies in the folder of {target} but names {face!r}")
    kind = "self" if driver == target else "cross"
    file = ReleaseFile(name, path, kind, namespace, target, driver, clip, generator)
    if splits[driver] != splits[target]:
        told = f"{target} is in {splits[target]}, {driver} in {splits[driver]}"
        return replace(file, result=rejected("people_in_different_splits", told))
    return replace(file, split=splits[target])


def _person(name: str, namespace: str, splits: dict[str, str]) -> str | None:
    identity = resolve_alias(name, namespace)
    return identity if identity in splits else None


def _with_rights(file: ReleaseFile, sheet: Sheet, consent: str, used: set[int]) -> ReleaseFile:
    """The file with its licence and permitted use, refused where the sheet does not clearly permit it."""
    rows = sheet.of(file.name)
    used.update(row.number for row in rows)
    if file.result.state != "ok":
        return file
    if not rows:
        unknown = "not in the spreadsheet"
        told = "what it may be used for is not known"
        return replace(
            file, licence=unknown, consent=consent, permitted_use=unknown, result=rejected("no_spreadsheet_row", told)
        )
    row = rows[0]
    described = replace(file, licence=row.licence or "not stated", consent=consent, permitted_use=row.permitted_use)
    return replace(described, result=_judged(described, rows, sheet))


def _judged(file: ReleaseFile, rows: list[SheetRow], sheet: Sheet) -> ItemResult:
    row = rows[0]
    if any((other.synthetic, other.cross, other.licence, other.uses)
           != (row.synthetic, row.cross, row.licence, row.uses) for other in rows):  # fmt: skip
        return rejected("ambiguous_spreadsheet_row", f"rows {', '.join(str(r.number) for r in rows)} fit it and differ")
    if row.synthetic is not None and row.synthetic != (file.kind != "real"):
        said = "synthetic" if row.synthetic else "real"
        return rejected("contradicts_spreadsheet", f"row {row.number} calls it {said}; by its place it is {file.kind}")
    if row.cross is not None and file.kind != "real" and row.cross != (file.kind == "cross"):
        said = "cross" if row.cross else "self"
        return rejected("contradicts_spreadsheet", f"row {row.number} calls it {said}; by its name it is {file.kind}")
    if not row.licence:
        return rejected("no_licence", f"row {row.number} states none")
    if against := sheet.forbids(row):
        return rejected("use_not_permitted", f"row {row.number}: {against}")
    return ok()


def _absent(sheet: Sheet, used: set[int]) -> Iterable[tuple[str, str, str]]:
    """Rows of the sheet that no file fits: another part of the release, or withdrawn."""
    for rows in sheet.rows.values():
        for row in rows:
            if row.number not in used:
                yield row.file or "(no file name)", "in_spreadsheet_only", f"row {row.number}"
