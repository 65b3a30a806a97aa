"""Which candidate is tested on which generator under which protocol, before anything is computed.

Protocols that differ only in how training and test generators stand to each other form one section: they have the same
trials, so that each cell belongs to the one whose relation it fits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from benchmark.evaluation import overlap_checks as provenance
from benchmark.methods.candidates import Candidate
from benchmark.methods.declaration import UNKNOWN
from benchmark.protocols.schema import Protocol, Relation, expand_sweep
from benchmark.trials.trials import cell_generators, cell_names
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError


class NothingToScore(NvfairError):
    """A protocol that this data set, or these methods, give nothing to score under."""


@dataclass(frozen=True)
class Section:
    """Protocols with the same trials. `protocol` is the first of them, which stands for all but the relation."""

    protocols: tuple[Protocol, ...]

    @property
    def protocol(self) -> Protocol:
        """The one that names trials, windows and scores."""
        return self.protocols[0]

    @property
    def title(self) -> str:
        """Names of its protocols, in words."""
        return " and ".join(p.name for p in self.protocols)

    @property
    def named(self) -> tuple[str, ...]:
        """Test generators that the protocols themselves name."""
        return tuple(sorted({name for p in self.protocols for name in p.generators.test}))


@dataclass(frozen=True)
class Cell:
    """One figure to be: a candidate on a generator, how that stands to its training, and what speaks against it."""

    candidate: Candidate
    protocol: Protocol
    generator: str  # the generator, or the cell's name where trials go across two (`benchmark.trials.trials.cell_name`)
    relation: str
    contaminated: tuple[str, ...]


def sections(protocols: Sequence[Protocol]) -> list[Section]:
    """The protocols by what they share, in the order given, sweeps as the protocols they stand for.

    Raises NvfairError where there are none or two share a name.
    """
    if not protocols:
        raise NvfairError("no protocol is named")
    protocols = [one for protocol in protocols for one in expand_sweep(protocol)]
    names = [p.name for p in protocols]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NvfairError(f"protocol {', '.join(twice)} is named twice", remedy="name each protocol once")
    groups: dict[str, list[Protocol]] = {}
    for protocol in protocols:
        groups.setdefault(protocol.model_copy(update={"generators": Protocol(name="x").generators}).digest, []).append(
            protocol
        )
    return [Section(tuple(group)) for group in groups.values()]


def select_test_videos(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """Reenactments of the protocol's test people; NvfairError where there are none."""
    videos = dataset.videos
    chosen = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    if chosen.empty:
        raise NvfairError(f"split {protocol.split.test!r} has no reenactments", where=dataset.folder)
    return chosen


def select_test_generators(videos: pd.DataFrame, section: Section, asked: Sequence[str], dataset: Dataset) -> list[str]:
    """Generators to test on: those asked for, or named by the protocols, or all there are."""
    known = sorted(videos["generator"].unique())
    wanted = sorted(asked) or list(section.named) or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise NvfairError(
            f"generator {', '.join(unknown)!r} has no test video", where=dataset.folder, expected=", ".join(known)
        )
    return wanted


def _relation(one: Candidate, generators: tuple[str, str]) -> str:
    """How the generators of a cell stand to a candidate's training; "mixed" where its two differ in that."""
    found = {one.declaration.relation_to(name) for name in generators}
    if UNKNOWN in found:
        return UNKNOWN
    return found.pop() if len(found) == 1 else provenance.MIXED


def cells(
    candidates: Sequence[Candidate],
    section: Section,
    generators: Sequence[str],
    people: Sequence[str],
    *,
    explicit: bool,
    allow_overlap: bool,
) -> list[Cell]:
    """Cells of a section.

    explicit: generators were named by the caller or by a protocol, so that each of them must fit. A cell whose
    relation is unknown or mixed stands under the section's first protocol, as such.
    Raises Problems where people or generators overlap and `allow_overlap` is not given.
    """
    found = []
    protocols = section.protocols
    for one in candidates:
        against = [str(shared) for shared in one.declaration.contradictions()]
        against += provenance.overlaps(one.declaration, people, (), Relation.ANY)
        if against and not allow_overlap:
            provenance.refuse(one.name, against)
        for generator in cell_names(generators, section.protocol.trials):
            both = cell_generators(generator)
            how = _relation(one, both)
            fitting = [p for p in protocols if p.generators.relation.value in (how, "any")]
            stamps = list(against)
            if not fitting and how in (UNKNOWN, provenance.MIXED):
                fitting = [section.protocol]
            elif not fitting:
                if not explicit and not section.named:
                    continue
                wrong = provenance.overlaps(
                    one.declaration, (), sorted(set(both)), section.protocol.generators.relation
                )
                if not allow_overlap:
                    provenance.refuse(one.name, wrong)
                fitting, stamps = [section.protocol], stamps + wrong
            found.append(Cell(one, fitting[0], generator, how, tuple(stamps)))
    if not found:
        relations = ", ".join(p.generators.relation.value for p in protocols)
        raise NothingToScore(
            f"no method has a {relations} generator among {', '.join(generators)}",
            where=f"protocol {', '.join(p.name for p in protocols)}",
            remedy="evaluate under another protocol, or on a data set with other generators",
        )
    return found
