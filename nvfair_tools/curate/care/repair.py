"""Mends a data set by all means: other copies, what is left of its files, its card, and the build of its recipe."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from nvfair_tools.curate.care.card_source import CardSource
from nvfair_tools.curate.care.rebuilding import SOURCE, check_recipe, rebuild
from nvfair_tools.dataset.checking.check import Progress
from nvfair_tools.dataset.repairing import FileSource, RepairReport, repair_dataset
from nvfair_tools.dataset.repairing.record import RECORD, whole_record
from nvfair_tools.pipeline.progress import Reporter
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.recipe import Recipe, load_recipe

_MOST_BUILDS = 3  # of the record, of the tables that it names, of the files that they name


def repair(
    folder: str | Path,
    *,
    copies: Iterable[Path] = (),
    recipe: str | Path | Recipe | None = None,
    dry_run: bool = False,
    accept_other_bytes: bool = False,
    progress: Progress = lambda *_: None,
    reporter: Reporter | None = None,
) -> RepairReport:
    """Mends the data set in `folder`: see `repair_dataset`; then, with a recipe, has its build make the rest again.

    copies: folders of other copies. dry_run: changes nothing. accept_other_bytes: takes what the build makes even where
    its hash is not the promised one. reporter: shows the build's progress. Raises NvfairError where the folder cannot
    be used, where the recipe is not that of the set, and where a build is at work in it.
    """
    folder, copies = Path(folder), [Path(copy) for copy in copies]
    recipe = load_recipe(recipe) if isinstance(recipe, (str, Path)) else recipe
    mended: dict[str, str] = {}
    for builds in range(_MOST_BUILDS + 1):
        if recipe is not None:
            check_recipe(folder, whole_record(folder / RECORD), recipe)
        report = _without_build(folder, copies, dry_run, progress)
        mended |= report.mended
        report = replace(report, mended=mended)
        missing = {file: report.promised.get(file, "") for file in report.unmended}
        # What has no promised hash is no matter of a build.
        missing = {file: digest for file, digest in missing.items() if digest or file == RECORD}
        if recipe is None or not missing or builds == _MOST_BUILDS:
            return report
        if dry_run:
            unmended = {file: why for file, why in report.unmended.items() if file not in missing}
            planned = dict.fromkeys(missing, f"{SOURCE}, if it gives the promised bytes")
            return replace(report, mended={**mended, **planned}, unmended=unmended)
        made, refused = rebuild(folder, recipe, missing, accept_other_bytes=accept_other_bytes, reporter=reporter)
        mended |= made
        if refused:
            return replace(report, mended=mended, unmended={**_others(report.unmended, made), **refused})
    raise AssertionError("the last round returns")


def _without_build(folder: Path, copies: Sequence[Path], dry_run: bool, progress: Progress) -> RepairReport:
    """Mends by copies, hashes, landmarks and the card, while no build may be at work."""
    with Workspace(folder).locked(), tempfile.TemporaryDirectory() as scratch:

        def more_sources(place: Path, meta: Mapping[str, Any]) -> Sequence[FileSource]:
            return [CardSource(place, meta, Path(scratch))]

        return repair_dataset(folder, copies=copies, more_sources=more_sources, dry_run=dry_run, progress=progress)


def _others(unmended: Mapping[str, str], made: Mapping[str, str]) -> dict[str, str]:
    return {file: why for file, why in unmended.items() if file not in made}
