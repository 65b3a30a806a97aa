"""All planned reenactments with the results of their stages, each made when it is asked for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import overload

import numpy as np

from nvfair_tools.curate.plans.renderings import RenderPlan
from nvfair_tools.curate.tables import Reenactment
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.pipeline.result_table import ResultTable


@dataclass(frozen=True, eq=False)
class ReenactmentTable(Sequence[Reenactment]):
    """The planned reenactments in the order of the plan. landmarks: None before their stage. rejections: of videos that
    the recipe's limits of quality refuse, by their place in the plan."""

    plan: RenderPlan
    renderings: ResultTable
    landmarks: ResultTable | None = None
    rejections: Mapping[int, ItemResult] = field(default_factory=dict)

    def counts(self) -> Counter[tuple[str, str, str]]:
        """How many reenactments of each generator and kind ended how: (label and kind, state, reason)."""
        counts: Counter[tuple[str, str, str]] = Counter()
        is_self = self.plan.pairs.is_self
        for number, generator in enumerate(self.plan.generators):
            start = self.plan.starts[number]
            for kind, chosen in (("cross", ~is_self), ("self", is_self)):
                places = start + np.flatnonzero(chosen[self.plan.rows[number]])
                tracked = np.zeros(len(places), bool) if self.landmarks is None else self.landmarks.exists[places]
                ends = Counter(self.renderings.counts(places[~tracked]))
                if self.landmarks is not None:
                    ends.update(self.landmarks.counts(places[tracked]))
                for (state, reason), count in ends.items():
                    counts[f"{generator.label} {kind}", state, reason] += count
        for place, rejection in self.rejections.items():
            label = self.plan.generators[self.plan.generator_of(place)].label
            what = f"{label} {self.plan.pair_of(place).kind}"
            counts[what, "ok", ""] -= 1
            counts[what, rejection.state, rejection.reason] += 1
        return +counts

    def landmarkers(self) -> set[tuple[str, str]]:
        """(name, version) of the landmarkers that found the faces in the videos."""
        if self.landmarks is None:
            return set()
        is_ok = self.landmarks.is_ok
        return {
            (video_facts["detector"], video_facts["version"])
            for places, facts in self.landmarks.known_facts()
            for place, video_facts in zip(places.tolist(), facts, strict=True)
            if is_ok[place]
        }

    def __len__(self) -> int:
        return len(self.plan)

    @overload
    def __getitem__(self, place: int) -> Reenactment: ...
    @overload
    def __getitem__(self, place: slice) -> list[Reenactment]: ...
    def __getitem__(self, place: int | slice) -> Reenactment | list[Reenactment]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return [self[number] for number in places]
        return self._reenactment(
            places, self.renderings[places], None if self.landmarks is None else self.landmarks[places]
        )

    def __iter__(self) -> Iterator[Reenactment]:
        landmarks = iter(self.landmarks) if self.landmarks is not None else iter([None] * len(self))
        for place, (rendered, tracked) in enumerate(zip(self.renderings, landmarks, strict=True)):
            yield self._reenactment(place, rendered, tracked)

    def _reenactment(self, place: int, rendered: ItemResult | None, tracked: ItemResult | None) -> Reenactment:
        assert rendered is not None, "every planned video has a result once its stage has run"
        generator = self.plan.generators[self.plan.generator_of(place)]
        return Reenactment(
            self.plan.id_of(place),
            self.plan.pair_of(place),
            generator.describe(),
            self.plan.path_of(place),
            rendered,
            tracked,
            self.rejections.get(place),
        )
