"""Which candidate is tested on which generator under which protocol, before anything is computed.

Protocols that differ only in how training and test generators stand to each other form one section: they have the same
trials, so that each cell belongs to the one whose relation it fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.evaluation.overlap_checks import MIXED, find_overlaps, raise_overlaps
from benchmark.methods.candidates import Candidate
from benchmark.methods.declaration import UNKNOWN
from benchmark.protocols.schema import Generators, Protocol, Relation, expand_sweep
from benchmark.trials.trials import cell_generators, cell_names
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import refused_rows
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.governance.decision import count_reasons


class NothingToScore(NvfairError):
    """A protocol under which this data set, or these methods, give nothing to score."""


@dataclass(frozen=True)
class Section:
    """Protocols with the same trials; number: the section's place among those of an evaluation."""

    number: int
    protocols: tuple[Protocol, ...]

    @property
    def protocol(self) -> Protocol:
        """The first protocol, which names trials, windows and scores for all of them."""
        return self.protocols[0]

    @property
    def title(self) -> str:
        """Names of the protocols, in words."""
        return " and ".join(protocol.name for protocol in self.protocols)

    @property
    def named_generators(self) -> tuple[str, ...]:
        """Test generators that the protocols themselves name."""
        return tuple(sorted({name for protocol in self.protocols for name in protocol.generators.test}))


@dataclass(frozen=True)
class PlannedCell:
    """A candidate on a generator, before it is scored.

    generator: the generator, or the cell's name where trials go across two (`benchmark.trials.trials.cell_name`).
    relation: how it stands to the candidate's training. contaminated: overlaps with the test, in words.
    """

    candidate: Candidate
    protocol: Protocol
    generator: str
    relation: str
    contaminated: tuple[str, ...]


@dataclass(frozen=True)
class PlannedSection:
    """A section before anything of it is read: its test videos by the generators that are tested on, everybody in
    them, and its cells."""

    section: Section
    generators: tuple[str, ...]
    videos: pd.DataFrame
    people: tuple[str, ...]
    cells: tuple[PlannedCell, ...]


def plan_section(
    dataset: Dataset, candidates: Sequence[Candidate], section: Section, requested: Sequence[str], allow_overlap: bool
) -> PlannedSection:
    """Plans a section. requested: test generators, empty for those of the protocols or all there are.

    Raises NothingToScore where no method fits, Problems where people or generators overlap and `allow_overlap` is
    False, and NvfairError where a candidate cannot be tested under the protocol, or there is no such video.
    """
    for candidate in candidates:
        candidate.check_protocol(section.protocol)
    videos = select_test_videos(dataset, section.protocol)
    generators = select_test_generators(videos, section, requested, dataset)
    videos = videos[videos["generator"].isin(generators)].sort_values("video").reset_index(drop=True)
    people = sorted({*videos["driver"], *videos["target"]})
    cells = plan_cells(candidates, section, generators, people, explicit=bool(requested), allow_overlap=allow_overlap)
    return PlannedSection(section, tuple(generators), videos, tuple(people), tuple(cells))


def make_sections(protocols: Sequence[Protocol]) -> list[Section]:
    """Sections of the protocols in the order given, with sweeps taken as the protocols they stand for.

    Raises NvfairError where there is no protocol or two share a name.
    """
    if not protocols:
        raise NvfairError("no protocol is named")
    protocols = [member for protocol in protocols for member in expand_sweep(protocol)]
    names = [protocol.name for protocol in protocols]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise NvfairError(f"protocol {', '.join(duplicates)} is named twice", remedy="name each protocol once")
    # One section for each digest that protocols have without their generators.
    protocols_of_digest: dict[str, list[Protocol]] = {}
    for protocol in protocols:
        without_generators = protocol.model_copy(update={"generators": Generators()})
        protocols_of_digest.setdefault(without_generators.digest, []).append(protocol)
    return [Section(number, tuple(group)) for number, group in enumerate(protocols_of_digest.values())]


def select_test_videos(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """Reenactments of the protocol's test people, but for those that people or licences refuse.

    A refusal is no failure to acquire. Raises NvfairError where there are none.
    """
    videos = dataset.videos
    planned = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    is_refused = refused_rows(planned)
    if is_refused.all():
        refusals = count_reasons(planned.loc[is_refused, "reason"])
        raise NvfairError(
            f"split {protocol.split.test!r} has no reenactments"
            + (f" that may be used ({refusals})" if refusals else ""),
            where=dataset.folder,
            remedy="`nvfair dataset rights` says why" if refusals else "",
        )
    return planned[~is_refused]


def select_test_generators(
    videos: pd.DataFrame, section: Section, requested: Sequence[str], dataset: Dataset
) -> list[str]:
    """Generators to test on: those requested, or those that the protocols name, or all that `videos` have.

    Raises NvfairError where one of them has no test video.
    """
    known = sorted(videos["generator"].unique())
    generators = sorted(requested) or list(section.named_generators) or known
    unknown = [name for name in generators if name not in known]
    if unknown:
        raise NvfairError(
            f"generator {', '.join(unknown)!r} has no test video",
            where=dataset.folder,
            expected=", ".join(known),
            remedy=did_you_mean(unknown, known),
        )
    return generators


def plan_cells(
    candidates: Sequence[Candidate],
    section: Section,
    generators: Sequence[str],
    people: Sequence[str],
    *,
    explicit: bool,
    allow_overlap: bool,
) -> list[PlannedCell]:
    """The cells of a section.

    explicit: generators were named by the caller, so that each of them must fit (those that a protocol names must
    always). A cell whose relation is unknown or mixed stands under the section's first protocol, as such.

    Raises Problems where people or generators overlap and `allow_overlap` is False, and NothingToScore where no cell
    fits.
    """
    cells = []
    for candidate in candidates:
        overlaps = [str(shared) for shared in candidate.declaration.contradictions()]
        overlaps += find_overlaps(candidate.declaration, people, (), Relation.ANY)
        if overlaps and not allow_overlap:
            raise_overlaps(candidate.name, overlaps)
        for generator in cell_names(generators, section.protocol.trials):
            both_generators = cell_generators(generator)
            relation = _cell_relation(candidate, both_generators)
            fitting = [p for p in section.protocols if p.generators.relation.value in (relation, "any")]
            contaminated = list(overlaps)
            if not fitting and relation in (UNKNOWN, MIXED):
                fitting = [section.protocol]
            elif not fitting:
                if not explicit and not section.named_generators:
                    continue
                wrong_generators = find_overlaps(
                    candidate.declaration, (), sorted(set(both_generators)), section.protocol.generators.relation
                )
                if not allow_overlap:
                    raise_overlaps(candidate.name, wrong_generators)
                fitting, contaminated = [section.protocol], contaminated + wrong_generators
            cells.append(PlannedCell(candidate, fitting[0], generator, relation, tuple(contaminated)))
    if not cells:
        relations = ", ".join(protocol.generators.relation.value for protocol in section.protocols)
        raise NothingToScore(
            f"no method has a {relations} generator among {', '.join(generators)}",
            where=f"protocol {', '.join(protocol.name for protocol in section.protocols)}",
            remedy="evaluate under another protocol, or on a data set with other generators",
        )
    return cells


def _cell_relation(candidate: Candidate, generators: tuple[str, str]) -> str:
    """How the generators of a cell stand to a candidate's training; "mixed" where they do not stand alike."""
    relations = {candidate.declaration.relation_to(name) for name in generators}
    if UNKNOWN in relations:
        return UNKNOWN
    return relations.pop() if len(relations) == 1 else MIXED
