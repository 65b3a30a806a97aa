"""What scores mean: thresholds, likelihood ratios and their quality, from trials of people other than the enrolled one.

How far a calibration may speak depends on its number of people, not of trials, because the trials of one person repeat
each other. With n impostor people, none of whom passed a threshold, the false match rate may still be 3 / n (the "rule
of three": the 95 % upper bound of a rate of which n tries saw none; Hanley and Lippman-Hand, JAMA 1983). So no
threshold is stated below a false match rate of 3 / n, and no likelihood ratio above n / 3; nor below 3 / m with m
genuine people.

Legend: N trials, S statistics of a window.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.metrics.costs import affine_calibration, cllr, cllr_min
from benchmark.metrics.roc import roc_curve
from benchmark.metrics.thresholds import threshold_at_fmr
from benchmark.verification.enrolment import Enrolment, LandmarkerIdentity, MethodIdentity
from benchmark.verification.held_out_collections import (
    RULE_OF_THREE,
    HeldOutCollection,
    collection_of,
    held_out_collections,
)
from benchmark.verification.likeness import Likeness, Recording
from benchmark.verification.results import Threshold
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_bytes
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

SUFFIX = ".calibration"
FORMAT_VERSION = "1.0"
_KEY = "nvfair-calibration"


@dataclass(frozen=True)
class HeldOutCost:
    """Cost in bits of the likelihood ratios for a generator that the map has not seen: `cllr`, and `minimum` after the
    best map of these same scores. 0 is perfect, 1 no information. trials: genuine and impostor."""

    generator: str
    cllr: float
    minimum: float
    genuine: int
    impostor: int


@dataclass(frozen=True, repr=False)
class Calibration:
    """Scored trials of a set of people, and what follows from them.

    method, landmarker, protocol_digest: what made the scores; only scores made alike are read by it. scores: (N,).
    genuine: bool (N,). enrolled, driver, generator: (N,) numbers in `people` and `generators`. likeness: None where
    there were too few people. seconds: of the shortest and the longest probe. source: what it was made from, in words.
    recording: rate and size of the probes' pictures; None where there were none.
    """

    method: MethodIdentity
    landmarker: LandmarkerIdentity
    protocol_digest: str
    people: tuple[str, ...]
    generators: tuple[str, ...]
    scores: np.ndarray
    genuine: np.ndarray
    enrolled: np.ndarray
    driver: np.ndarray
    generator: np.ndarray
    likeness: Likeness | None
    seconds: tuple[float, float]
    source: str
    recording: Recording | None = None

    @property
    def impostor_people(self) -> int:
        """Number of different people behind the impostor trials."""
        return len(np.unique(self.driver[~self.genuine]))

    @property
    def genuine_people(self) -> int:
        """Number of different people behind the genuine trials."""
        return len(np.unique(self.driver[self.genuine]))

    @property
    def lowest_fmr(self) -> float:
        """The lowest false match rate that the number of impostors supports."""
        return min(1.0, RULE_OF_THREE / self.impostor_people)

    def threshold(self, fmr: float | None = None) -> Threshold:
        """The threshold at a false match rate; None: the lowest that is supported.

        Raises NvfairError where the number of impostors does not support it.
        """
        lowest = self.lowest_fmr
        target = lowest if fmr is None else fmr
        if not lowest - 1e-9 <= target < 1:
            raise NvfairError(
                f"a false match rate of {target:g} where the calibration has "
                f"{count_text(self.impostor_people, 'impostor')}",
                expected=f"a rate from {lowest:.3g} to below 1",
                remedy="name a higher rate, or calibrate on more people",
            )
        impostor = self.scores[~self.genuine]
        value = threshold_at_fmr(impostor, target)
        return Threshold(value, target, self.impostor_people, len(impostor), int(np.count_nonzero(impostor >= value)))

    def likelihood_ratio(self, score: float) -> float:
        """How much more often a score comes from the enrolled person than from another one, within the bounds."""
        return float(np.exp(np.clip(self._map(np.array([score]))[0], *self._bounds)))

    @property
    def ratio_bounds(self) -> tuple[float, float]:
        """The smallest and the largest likelihood ratio that the numbers of people support."""
        low, high = np.exp(self._bounds)
        return float(low), float(high)

    @cached_property
    def held_out_costs(self) -> tuple[HeldOutCost, ...]:
        """Each generator in turn: the map is fitted without it and applied to it. Empty where there is one generator.

        The people of both are the same, so that these costs are of unseen generators, not of unseen people.
        """
        costs = []
        for number, name in enumerate(self.generators):
            here = self.generator == number
            kinds = [here & self.genuine, here & ~self.genuine, ~here & self.genuine, ~here & ~self.genuine]
            if not all(kind.any() for kind in kinds):
                continue
            genuine, impostor, seen_genuine, seen_impostor = (self.scores[kind] for kind in kinds)
            fitted = affine_calibration(seen_genuine, seen_impostor)
            ratios = [np.clip(fitted(scores), *self._bounds) for scores in (genuine, impostor)]
            minimum = cllr_min(roc_curve(genuine, impostor))
            costs.append(HeldOutCost(name, cllr(*ratios), minimum, len(genuine), len(impostor)))
        return tuple(costs)

    @cached_property
    def collections(self) -> tuple[str, ...]:
        """The collections that its people come from."""
        return tuple(sorted({collection_of(person) for person in self.people}))

    @cached_property
    def held_out_collections(self) -> tuple[HeldOutCollection, ...]:
        """Each collection in turn: what the threshold of the others does on it. Empty where there is one collection."""
        return held_out_collections(self.scores, self.genuine, self.enrolled, self.driver, self.people)

    def cautions(self, person: str, score: float) -> list[str]:
        """What to mind where a person's score is read by this calibration, in sentences."""
        texts = []
        if not self.scores.min() <= score <= self.scores.max():
            side = "above" if score > self.scores.max() else "below"
            texts.append(f"its score lies {side} all {len(self.scores):,} scores of the calibration")
        if (collection := collection_of(person)) not in self.collections:
            texts.append(
                f"the calibration has nobody of {collection!r}, the collection of {person}: its rates were counted on "
                f"{', '.join(self.collections)}"
            )
        worst = max(self.held_out_collections, key=lambda held_out: held_out.observed - held_out.stated, default=None)
        if worst is not None and worst.observed > worst.stated:
            texts.append(
                f"when {worst.collection!r} was left out of this calibration, {worst.observed:.2f} of its impostor "
                f"trials passed a threshold that stated {worst.stated:.2f}"
            )
        return texts

    def check_fits(self, enrolment: Enrolment) -> None:
        """Raises NvfairError where this calibration does not say what the scores of an enrolment mean."""
        pairs = (
            ("method", self.method.name + self.method.digest, enrolment.method.name + enrolment.method.digest),
            ("landmarker", self.landmarker.source_of_points(), enrolment.landmarker.source_of_points()),
            ("protocol", self.protocol_digest, enrolment.protocol.digest),
        )
        for what, ours, theirs in pairs:
            if ours != theirs:
                raise NvfairError(
                    f"the calibration was made with another {what} than the enrolment",
                    expected="scores that were made alike",
                    remedy=f"calibrate with that {what}: nvfair calibrate --method {enrolment.method.source}",
                )
        if enrolment.person in self.people:
            raise NvfairError(
                f"{enrolment.person} is one of the people whom the calibration was made from",
                expected="a calibration of other people: of the person's own trials it would promise too much",
                remedy=f"calibrate without this person: nvfair calibrate --without {enrolment.person}",
            )

    def lines(self) -> list[str]:
        """What the calibration is, in lines of text."""
        low, high = self.ratio_bounds
        count = int(np.count_nonzero(self.genuine))
        rows = [
            f"{self.source}: {count_text(count, 'genuine trial')} of {count_text(self.genuine_people, 'person')}, "
            f"{count_text(len(self.scores) - count, 'impostor trial')} of {count_text(self.impostor_people, 'person')}",
            f"likelihood ratios from {low:.2g} to {high:.2g}",
            "too few impostors for any threshold"
            if self.lowest_fmr >= 1
            else f"lowest false match rate {self.lowest_fmr:.3g}: threshold {self.threshold().value:.3f}",
        ]
        rows += [
            f"unseen generator {cost.generator}: Cllr {cost.cllr:.3f}, at least {cost.minimum:.3f} "
            f"({cost.genuine} genuine, {count_text(cost.impostor, 'impostor trial')})"
            for cost in self.held_out_costs
        ]
        if not self.held_out_costs:
            rows.append("one generator only: nothing is known about unseen ones")
        rows += [
            f"unseen collection {held_out.collection}: false match rate {held_out.observed:.2f} where the others' "
            f"threshold states {held_out.stated:.2f} ({count_text(held_out.trials, 'impostor trial')} of "
            f"{count_text(held_out.impostors, 'person')})"
            for held_out in self.held_out_collections
        ]
        if self.likeness is None:
            rows.append("too few people to tell what is unlike them")
        else:
            rows.append(
                f"of {count_text(self.likeness.people, 'person')} left out in turn, unlike the others: "
                f"{self.likeness.refused}"
            )
        return rows

    def to_json(self) -> dict[str, Any]:
        """What the calibration is, as plain values, without its trials."""
        low, high = self.ratio_bounds
        return {
            "source": self.source,
            "people": list(self.people),
            "generators": list(self.generators),
            "genuine": {"trials": int(np.count_nonzero(self.genuine)), "people": self.genuine_people},
            "impostor": {"trials": int(np.count_nonzero(~self.genuine)), "people": self.impostor_people},
            "lowest_fmr": self.lowest_fmr,
            "threshold": vars(self.threshold()) if self.lowest_fmr < 1 else None,
            "likelihood_ratio": {"smallest": low, "largest": high},
            "unseen_generators": [vars(cost) for cost in self.held_out_costs],
            "unseen_collections": [vars(held_out) for held_out in self.held_out_collections],
            "likeness": None
            if self.likeness is None
            else vars(self.likeness) | {"low": self.likeness.low.tolist(), "high": self.likeness.high.tolist()},
        }

    @cached_property
    def _map(self) -> Any:
        return affine_calibration(self.scores[self.genuine], self.scores[~self.genuine])

    @cached_property
    def _bounds(self) -> tuple[float, float]:
        """Of the natural logarithm of a likelihood ratio; 0 where there are fewer than three people."""
        low = min(0.0, float(np.log(RULE_OF_THREE / self.genuine_people)))
        return low, max(0.0, float(np.log(self.impostor_people / RULE_OF_THREE)))

    @cached_property
    def digest(self) -> str:
        """The sha256 of the file that `save` writes."""
        return hashlib.sha256(self._content()).hexdigest()

    def save(self, path: str | Path) -> None:
        """Writes the file, whole or not at all. It names people, and holds scores and statistics of them."""
        write_bytes(Path(path), self._content())

    def _content(self) -> bytes:
        from safetensors.numpy import save

        likeness = self.likeness
        record = {
            "format_version": FORMAT_VERSION,
            "method": vars(self.method),
            "landmarker": vars(self.landmarker),
            "protocol_digest": self.protocol_digest,
            "people": list(self.people),
            "generators": list(self.generators),
            "likeness": None if likeness is None else {"people": likeness.people, "refused": likeness.refused},
            "seconds": list(self.seconds),
            "recording": None if self.recording is None else vars(self.recording),
            "source": self.source,
        }
        tensors = {
            "scores": self.scores.astype(np.float64),
            "genuine": self.genuine.astype(np.uint8),
            **{name: getattr(self, name).astype(np.int64) for name in ("enrolled", "driver", "generator")},
        }
        if likeness is not None:
            tensors |= {"likeness_low": likeness.low, "likeness_high": likeness.high}
        whole = {name: np.ascontiguousarray(tensor) for name, tensor in tensors.items()}
        return save(whole, metadata={_KEY: json.dumps(record, sort_keys=True)})

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Reads a calibration; NvfairError where it is absent, damaged, of another kind or of a later version."""
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise NvfairError("no such calibration", where=path, remedy="make one: nvfair calibrate DATASET --out FILE")
        try:
            with safe_open(path, framework="np") as file:
                content = (file.metadata() or {}).get(_KEY)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            if content is None:
                raise NvfairError("this file is no calibration", where=path, expected="what `nvfair calibrate` wrote")
            return _parsed(load_unique_json(content.encode()), tensors, path)
        except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
            if path.suffix != SUFFIX:
                raise NvfairError(
                    "this file is no calibration",
                    where=path,
                    expected=f"a file of `nvfair calibrate`, such as others{SUFFIX}",
                    remedy="name another file",
                ) from error
            raise NvfairError(
                f"not a whole calibration: {error}", where=path, remedy="copy it again, or calibrate again"
            ) from error


def _parsed(record: dict[str, Any], tensors: dict[str, np.ndarray], path: Path) -> Calibration:
    version = str(record["format_version"])
    if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
        raise NvfairError(
            f"calibration of format version {version}",
            where=path,
            expected=f"version {FORMAT_VERSION}",
            remedy="read it with the release that wrote it, or calibrate again",
        )
    likeness, pictures = record["likeness"], record.get("recording")
    columns = {name: tensors[name] for name in ("scores", "enrolled", "driver", "generator")}
    if len({len(column) for column in columns.values()} | {len(tensors["genuine"])}) != 1:
        raise ValueError("its columns differ in length")
    return Calibration(
        method=MethodIdentity(**record["method"]),
        landmarker=LandmarkerIdentity(**record["landmarker"]),
        protocol_digest=str(record["protocol_digest"]),
        people=tuple(record["people"]),
        generators=tuple(record["generators"]),
        genuine=tensors["genuine"].astype(bool),
        likeness=None
        if likeness is None
        else Likeness(tensors["likeness_low"], tensors["likeness_high"], likeness["people"], likeness["refused"]),
        seconds=(float(record["seconds"][0]), float(record["seconds"][1])),
        source=str(record["source"]),
        recording=Recording(**{name: tuple(span) for name, span in pictures.items()}) if pictures else None,
        **columns,
    )
