"""Making missing files of a data set again by the build of its recipe, which must leave all others as they were.

Before the build every whole file gets a second name in `.repair/promised`. After it, whatever is not as promised goes,
and comes back from there: a build with other versions of its tools cannot change the set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from nvfair_tools.curate.build import build
from nvfair_tools.dataset.repairing.record import RECORD, TABLES, evidence_of, whole_record
from nvfair_tools.dataset.repairing.repair import WORK, promised_hashes
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.recipe.recipe import Recipe

SOURCE = "by the build of the recipe"


def check_recipe(folder: Path, record: Mapping[str, Any] | None, recipe: Recipe) -> None:
    """Raises NvfairError where the recipe is not that of the data set, which its build would change.

    record: the content of dataset.json; None where it is damaged, and only the folder can be compared.
    """
    if recipe.output_folder.resolve() != folder.resolve():
        raise NvfairError(
            f"the recipe builds {recipe.output_folder}", where=folder, remedy="name the recipe of this data set"
        )
    if record is not None and record.get("recipe") != recipe.digest():
        raise NvfairError(
            "the recipe has changed since the data set was built, so that its build would make another one",
            where=folder,
            remedy="name the recipe as it was, or run `nvfair build` to have the new set",
        )


def rebuild(
    folder: Path,
    recipe: Recipe,
    missing: Mapping[str, str],
    *,
    accept_other_bytes: bool,
    reporter: Reporter | None = None,
) -> tuple[dict[str, str], dict[str, str]]:
    """Has the build make the files `missing` again; returns those that are mended, with where they came from, and those
    that are not, with why not.

    missing: {path: promised SHA-256}, "" for dataset.json, which other proof must be for. accept_other_bytes: leaves
    the set as the build ends it, whatever the hashes.
    """
    store = folder / WORK / "promised"
    _put_back(folder, store, {})  # of a run that was killed
    record = whole_record(folder / RECORD)
    promised = _promised(folder, record, missing)
    for file in promised:
        if file not in missing and (folder / file).is_file():
            _link(folder / file, store / file)
    for file in missing:
        if (folder / file).is_file():
            _move(folder / file, folder / WORK / "damaged" / file)
    try:
        # The build keeps what is there with the recorded size, and makes what is not.
        build(recipe, reporter=reporter)
    except BaseException:
        _put_back(folder, store, promised)
        raise
    if accept_other_bytes:
        shutil.rmtree(store)
        return {file: f"{SOURCE}, whatever its hash" for file in missing if (folder / file).is_file()}, {}
    unmended = dict(_outcomes(folder, store, missing))
    for file in unmended:
        if (folder / file).is_file():
            _move(folder / file, folder / WORK / "differing" / file)
        if (folder / WORK / "damaged" / file).is_file():
            _move(folder / WORK / "damaged" / file, folder / file)
    _put_back(folder, store, promised)
    return dict.fromkeys(missing.keys() - unmended.keys(), SOURCE), unmended


def _promised(folder: Path, record: Mapping[str, Any] | None, missing: Mapping[str, str]) -> dict[str, str]:
    """{path: SHA-256} of what the build must leave; "" where only the present content is known."""
    if record is not None and not set(TABLES) & missing.keys():
        return {**promised_hashes(folder, record), RECORD: sha256_of(folder / RECORD)}
    files = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return {file.as_posix(): "" for file in files if not any(part.startswith(".") for part in file.parts)}


def _put_back(folder: Path, store: Path, promised: Mapping[str, str]) -> None:
    """Puts the stored files into the places where there is another content now; the store is gone afterwards."""
    for path in sorted(path for path in store.rglob("*") if path.is_file()):
        file = path.relative_to(store).as_posix()
        here = folder / file
        if not here.is_file() or (not here.samefile(path) and sha256_of(here) != promised.get(file)):
            _move(path, here)
    shutil.rmtree(store, ignore_errors=True)


def _outcomes(folder: Path, store: Path, missing: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(file, why) of those that the build did not make as promised. store: the files from before the build."""
    videos = pq.read_table(folder / "videos.parquet", columns=["path", "state", "reason", "detail"], partitioning=None)
    ends = {row["path"]: row for row in videos.to_pylist() if row["path"]}
    for file, digest in missing.items():
        if file == RECORD:
            record = whole_record(folder / RECORD)
            if record is None or not evidence_of(store, record):
                yield file, "nothing proves that what the build makes is the set that was here"
        elif not (folder / file).is_file():
            end = ends.get(file, {"state": "not planned", "reason": "", "detail": ""})
            why = " ".join(str(end[key]) for key in ("state", "reason", "detail") if end[key])
            yield file, f"the build did not make it: {why}"
        elif (made := sha256_of(folder / file)) != digest:
            yield (
                file,
                f"the build makes it with the SHA-256 {made[:12]}..., and {digest[:12]}... is promised (other versions "
                f"of its tools?); it waits in {WORK}/differing, and --accept-other-bytes takes it",
            )


def _move(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    os.replace(source, target)


def _link(source: Path, target: Path) -> None:
    """A second name of a file, or a copy where the file system has none."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)
