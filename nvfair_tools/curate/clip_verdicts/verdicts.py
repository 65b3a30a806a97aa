"""Judging clips by the recipe's key `clip_checks`: each clip's measures, its flags, and whether it is rejected.

Measures do not depend on the limits: other limits judge again without measuring again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.curate.clip_checks.measuring import MeasuredFile, measure_files, read_embedding
from nvfair_tools.curate.clip_checks.models import ClipModels
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.session import Session
from nvfair_tools.pipeline.items import ItemResult, rejected
from nvfair_tools.quality.clip_limits import BrokenCheck, broken_checks
from nvfair_tools.quality.clip_measures import MEASURES
from nvfair_tools.quality.clip_table import (
    CLIP_SCHEMA,
    CLIP_TABLE,
    identity_sentences,
    summarise_clips,
    write_clip_table,
)
from nvfair_tools.quality.people import PeopleComparison, compare_people
from nvfair_tools.recipe.quality_rule import ClipCheckRule, IdentityCheck

_NOT_CONFIRMED, _TWO_NAMES = "label_not_confirmed", "two_names"


@dataclass(frozen=True)
class ClipVerdicts:
    """The checks of a build's clips. clips: all of them, with flags and rejections. table: the rows of
    clip_checks.parquet. rule: the recipe's."""

    clips: list[Clip]
    table: pd.DataFrame
    rule: ClipCheckRule

    def summary(self) -> pd.DataFrame:
        """One row a check: limit, action, clips measured, flagged and rejected, and the measure's quantiles."""
        return summarise_clips(self.table, self.rule.model_dump(mode="json"))

    def sentences(self) -> list[str]:
        """What the comparison of faces says, with every pair by name, or that identity was not verified."""
        names = {clip.id: clip.row.name for clip in self.clips}
        return list(identity_sentences(self.table, self.rule.model_dump(mode="json"), names))


def judge_clips(session: Session, clips: Sequence[Clip]) -> ClipVerdicts:
    """Measures the clips that were read, and flags or rejects those that do not pass the recipe's checks.

    A clip that the policy has rejected keeps its result. Raises NvfairError where a network is not on disk.
    """
    rule = session.recipe.clip_checks
    assert rule is not None
    models = ClipModels.from_recipe(session.recipe)
    read = [clip for clip in clips if clip.facts is not None]
    results = measure_files(session, [_measured_file(session, clip) for clip in read], models)
    measured = {clip.id: results[clip.track_id] for clip in read}
    broken = {
        clip.id: list(broken_checks(measured[clip.id].facts.get("measures", {}), _flags(clip), rule)) for clip in read
    }
    passed = [clip for clip in read if clip.usable and not any(check.action == "reject" for check in broken[clip.id])]
    faces = _compare_faces(passed, measured, rule.identity)
    for clip, check in faces.broken(rule.identity):
        broken[clip.id].append(check)
    rows = [_row(clip, measured[clip.id], broken[clip.id], faces, models.method) for clip in read]
    judged = [clip if clip.facts is None else _judged(clip, measured[clip.id], broken[clip.id]) for clip in clips]
    return ClipVerdicts(judged, pd.DataFrame(rows, columns=CLIP_SCHEMA.names), rule)


def write_verdicts(dataset: Path, verdicts: ClipVerdicts | None) -> list[Path]:
    """Writes the table of clips into the data set's folder and returns it; without checks, that of an earlier recipe
    goes."""
    path = dataset / "quality" / CLIP_TABLE
    if verdicts is None:
        path.unlink(missing_ok=True)
        return []
    write_clip_table(path, verdicts.table)
    return [path]


@dataclass(frozen=True)
class _ComparedFaces:
    """Usable clips whose faces were compared, in the order of `comparison`; None where there is none."""

    clips: list[Clip]
    comparison: PeopleComparison | None

    @cached_property
    def _places(self) -> dict[str, int]:
        return {clip.id: place for place, clip in enumerate(self.clips)}

    @cached_property
    def _other_names(self) -> dict[str, dict[str, float]]:
        """{name: {other name of the same face: cosine}}."""
        others: dict[str, dict[str, float]] = {}
        for pair in self.comparison.two_names if self.comparison is not None else ():
            others.setdefault(pair.first, {})[pair.second] = pair.cosine
            others.setdefault(pair.second, {})[pair.first] = pair.cosine
        return others

    def broken(self, check: IdentityCheck | None) -> Iterator[tuple[Clip, BrokenCheck]]:
        """The clips whose label is not confirmed, or whose person has two names, with the check that says so."""
        if self.comparison is None or check is None:
            return
        of_name = Counter(clip.row.identity for clip in self.clips)
        for place, clip in enumerate(self.clips):
            name = clip.row.identity
            if of_name[name] > 1 and not self.comparison.confirmed[place]:
                cosine = self.comparison.own_cosine[place]
                text = f"its face is not confirmed by the person's other clips (mean cosine {cosine:.2f})"
                yield clip, BrokenCheck("identity", _NOT_CONFIRMED, text, check.action)
            if twins := self._other_names.get(name):
                others = ", ".join(f"{other} (cosine {cosine:.2f})" for other, cosine in twins.items())
                text = f"the same face is listed as {others}"
                yield clip, BrokenCheck("identity", _TWO_NAMES, text, check.action)

    def columns(self, clip: Clip) -> dict[str, Any]:
        """The columns of the table that the comparison gives."""
        place = self._places.get(clip.id)
        if self.comparison is None or place is None:
            return {}
        is_only = bool(np.isnan(self.comparison.own_cosine[place]))
        confirmed = bool(self.comparison.confirmed[place])
        return {
            "label": "only_clip" if is_only else "confirmed" if confirmed else "not_confirmed",
            "person_group": int(self.comparison.group[place]),
            "own_cosine": float(self.comparison.own_cosine[place]),
            "nearest_person": self.comparison.nearest[place] or None,
            "nearest_cosine": float(self.comparison.nearest_cosine[place]),
            "other_names": list(self._other_names.get(clip.row.identity, ())),
            "other_names_cosine": list(self._other_names.get(clip.row.identity, {}).values()),
        }


def _compare_faces(
    clips: Sequence[Clip], measured: Mapping[str, ItemResult], check: IdentityCheck | None
) -> _ComparedFaces:
    """Compares the clips that have an embedding."""
    embeddings = {clip.id: read_embedding(measured[clip.id].facts) for clip in clips} if check is not None else {}
    compared = [clip for clip in clips if embeddings.get(clip.id) is not None]
    if check is None or not compared:
        return _ComparedFaces([], None)
    stacked = np.stack([vector for clip in compared if (vector := embeddings[clip.id]) is not None])
    names = [clip.row.identity for clip in compared]
    return _ComparedFaces(compared, compare_people(stacked, names, confirm=check.confirm, two_names=check.two_names))


def _measured_file(session: Session, clip: Clip) -> MeasuredFile:
    assert clip.facts is not None
    video = None if clip.row.is_track else clip.row.path
    track = session.workspace.track_path(clip.track_id)
    return MeasuredFile(clip.row.identity, clip.track_id, track, video, clip.facts)


def _flags(clip: Clip) -> list[str]:
    return list((clip.facts or {}).get("flags", ()))


def _judged(clip: Clip, measured: ItemResult, broken: Sequence[BrokenCheck]) -> Clip:
    """The clip with the flags and notes of the checks that it breaks, or rejected with the first reason."""
    if not clip.usable:
        return clip
    if measured.state != "ok":  # a clip that could not be measured is not taken for a good one
        return replace(clip, result=measured)
    facts = dict(clip.facts or {})
    notes = dict(facts.get("notes", {}))
    for check in broken:
        notes[check.flag] = f"{notes[check.flag]}, {check.detail}" if check.flag in notes else check.detail
    facts |= {"notes": notes, "flags": sorted({*facts["flags"], *(check.flag for check in broken)})}
    reasons = [check for check in broken if check.action == "reject"]
    if reasons:
        result = rejected(reasons[0].flag, "; ".join(check.detail for check in reasons))
    else:
        result = ItemResult("ok", detail="; ".join(f"{flag}: {text}" for flag, text in sorted(notes.items())))
    return replace(clip, result=result, facts=facts)


def _row(
    clip: Clip, measured: ItemResult, broken: Sequence[BrokenCheck], faces: _ComparedFaces, method: str
) -> dict[str, Any]:
    measures = measured.facts.get("measures", {})
    checks = {action: [check.check for check in broken if check.action == action] for action in ("flag", "reject")}
    return {
        "clip": clip.id,
        "identity": clip.row.identity,
        "measured_by": method,
        **{name: measures.get(name, np.nan) for name in MEASURES},
        "label": None,
        "person_group": None,
        "own_cosine": np.nan,
        "nearest_person": None,
        "nearest_cosine": np.nan,
        "other_names": [],
        "other_names_cosine": [],
        "flagged": sorted(set(checks["flag"])),
        "rejected": sorted(set(checks["reject"])),
    } | faces.columns(clip)
