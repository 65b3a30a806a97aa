"""Planning what people and licences permit: the pairs to render, and the refused ones with their reasons."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Driver, Pair, PairTable, Target
from nvfair_tools.curate.plans.rule import PlannedPairs, plan_recipe
from nvfair_tools.curate.portraits import Portrait
from nvfair_tools.curate.session import Session
from nvfair_tools.curate.tables import clips_by_rights, refused_row
from nvfair_tools.dataset.consents import CONSENT_FILE, write_consents
from nvfair_tools.governance.decision import REASONS, Decision
from nvfair_tools.governance.uses import Consent
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.recipe.clip_row import ClipRow
from nvfair_tools.recipe.permissions import Permissions

if TYPE_CHECKING:  # the generators' packages are for those who render
    from nvfair_tools.render.choice import ChosenGenerator


@dataclass(frozen=True)
class PermittedPlan:
    """A plan without what is refused. planned: the pairs to render. refused: pairs of the plan of everybody in which
    the driver may not drive or the target may not be one."""

    planned: PlannedPairs
    refused: PairTable = field(default_factory=lambda: PairTable.from_pairs([]))


def plan_permitted(session: Session, clips: Sequence[Clip], portraits: Mapping[str, Portrait]) -> PermittedPlan:
    """Plans the pairs of people who have agreed to their roles, as if the others were not there.

    The refused pairs are those of the same recipe's plan for everybody. portraits: by identity; those of people who
    may not be targets are rejected for one of the reasons of a decision. Raises what `plan_recipe` raises.
    """
    # A clip that gave a portrait never drives, unless its person has no other.
    portrait_clips = {portrait.clip_id for portrait in portraits.values() if "single_clip" not in portrait.flags}
    usable = [clip for clip in clips if clip.usable]
    drivers = [
        Driver(clip.id, clip.row.identity, clip.row.source, clip.split, clip.row.name)
        for clip in usable
        if clip.id not in portrait_clips
    ]
    may_drive = {clip.id for clip in usable if session.permissions.of_motion(clip.row).permitted}
    results = {identity: portrait.result for identity, portrait in portraits.items()}
    has_face = {identity for identity, result in results.items() if result.state == "ok"}
    refused_faces = {identity for identity, result in results.items() if result.reason in REASONS}
    targets = [
        Target(identity, clip.row.source, clip.split)
        for identity, clip in {clip.row.identity: clip for clip in usable}.items()
        if identity in has_face | refused_faces
    ]
    rows, splits = [clip.row for clip in clips], {clip.row.identity: clip.split for clip in clips}

    def plan(drivers: Sequence[Driver], targets: Sequence[Target]) -> PlannedPairs:
        return plan_recipe(session.recipe, drivers, targets, rows, splits)

    planned = plan(
        [driver for driver in drivers if driver.clip_id in may_drive],
        [target for target in targets if target.identity in has_face],
    )
    if not refused_faces and all(driver.clip_id in may_drive for driver in drivers):
        return PermittedPlan(planned)
    everybody = plan(drivers, targets)
    motion = np.array([driver.clip_id in may_drive for driver in everybody.pairs.drivers], bool)
    face = np.array([target.identity in has_face for target in everybody.pairs.targets], bool)
    pairs = everybody.pairs
    chosen = ~(motion[pairs.driver] & face[pairs.target])
    refused = PairTable(pairs.drivers, pairs.targets, pairs.driver[chosen], pairs.target[chosen])
    # Rows of a list of pairs that are refused have rows of their own; they are not "unusable" as well.
    return PermittedPlan(PlannedPairs(planned.pairs, planned.demographics, everybody.left_out), refused)


@dataclass(frozen=True)
class Refusals:
    """The videos that are not rendered because somebody or a licence does not permit it.

    pairs: those of refused people. generators: (how the data set describes it, the splits it renders, whether its
    licence refuses every pair). all_pairs: the pairs to render, which a refused generator does not. clips: by id.
    """

    permissions: Permissions
    pairs: PairTable
    all_pairs: PairTable
    generators: tuple[tuple[Mapping[str, Any], tuple[str, ...], bool], ...]
    clips: Mapping[str, Clip]

    def decisions(self) -> Iterator[tuple[Pair, Mapping[str, Any], Decision]]:
        """Every refused pair with the generator and the decision about it."""
        target_clips = clips_by_rights(self.clips.values())
        known: dict[tuple[Any, ...], Decision] = {}
        for generator, splits, refuses_all in self.generators:
            for table in (self.pairs, self.all_pairs) if refuses_all else (self.pairs,):
                for place in np.flatnonzero(table.in_splits(splits)).tolist():
                    pair = table[place]
                    driver = self.clips[pair.clip_id].row
                    target = [clip.row for clip in target_clips[pair.target]]
                    key = (_rights(driver), tuple(map(_rights, target)), generator["licence"])
                    if key not in known:
                        known[key] = self.permissions.of_pair(driver, target, generator["licence"])
                    yield pair, generator, known[key]

    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many videos of each generator and kind are refused: (label and kind, state, reason)."""
        return Counter(
            (f"{generator['label']} {pair.kind}", "rejected", decision.reason)
            for pair, generator, decision in self.decisions()
        )

    def rows(self, names: Mapping[str, str]) -> Iterator[dict[str, Any]]:
        """Rows of the videos table: who, and why not. names: by clip id."""
        target_clips = clips_by_rights(self.clips.values())
        for pair, generator, decision in self.decisions():
            id = item_id(
                "refused", clip=pair.clip_id, target=pair.target, label=generator["label"], by=generator["fingerprint"]
            )
            clip = self.clips[pair.clip_id]
            yield refused_row(id, pair, generator, clip, names[pair.clip_id], target_clips[pair.target], decision)


def refusals_of(
    session: Session, pairs: PairTable, refused: PairTable, generators: Sequence[ChosenGenerator], clips: Sequence[Clip]
) -> tuple[Refusals, list[int]]:
    """What is refused of a plan, and the numbers of the generators that may render. pairs, refused: of the plan."""
    permissions = session.permissions
    described = [
        (generator.describe(), generator.splits, not permissions.of_generator(generator.licence).permitted)
        for generator in generators
    ]
    refusals = Refusals(permissions, refused, pairs, tuple(described), {clip.id: clip for clip in clips})
    return refusals, [number for number, (*_, refuses_all) in enumerate(described) if not refuses_all]


def write_agreements(session: Session, clips: Sequence[Clip]) -> list[Path]:
    """Writes what the people of the data set agreed to, where the recipe has a consent table; returns the file.

    A person of whom no clip may be used is not in it. A file of an earlier recipe is deleted.
    """
    consents: dict[str, Consent] = {}
    for clip in clips:
        if clip.usable and clip.row.terms is not None:
            known = consents.get(clip.row.identity, clip.row.terms)
            consents[clip.row.identity] = known.strictest(clip.row.terms)
    if session.recipe.rights.consent is None:
        (session.dataset / CONSENT_FILE).unlink(missing_ok=True)
        return []
    return [write_consents(session.dataset, consents)]


def _rights(row: ClipRow) -> tuple[Any, ...]:
    """What determines a decision about a clip."""
    return row.terms, row.licence, row.consent, row.permitted_use, row.identity.partition(":")[0]
