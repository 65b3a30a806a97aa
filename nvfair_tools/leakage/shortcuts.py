"""Whether one column of metadata tells, by itself, what a method is to find in a face's motion.

Labels, each compared within one face and one generator:
* `same driver`: the trials of NVFAIR's rule. Genuine pairs are two self-reenactments of a person from different clips,
  impostor pairs a self- and a cross-reenactment of that face. The score of a pair is 1 where both have the same value
  and 0 else, or for a number, minus the difference of the logarithms. Without self-reenactments, genuine pairs are two
  cross-reenactments of a face with one driver; without reenactments, two recordings of one person against recordings of
  two people of one collection.
* `self or cross`: single videos of a face. A number counts as it is. Of categories only those are asked that the maker
  of the files chooses, by the share of self-reenactments that a value has among all *other* faces: a sentence that one
  person says is on other faces a cross-reenactment's, which tells nothing but the person.

Each figure is a mean over faces, with an interval (`nvfair_tools.leakage.person_auc`) that holds for all figures of an
audit together (Bonferroni). 0.5 is chance. A rule about pairs is flagged above it alone: where everybody says the same
few sentences, genuine pairs, which never share a clip, share a sentence less often than impostor pairs, and a method
that knows sentences loses by it. Single numbers are flagged on both sides, because neither way round is the rule's own.

Legend: V videos of one face and generator.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from nvfair_tools.leakage.column_values import VideoColumn
from nvfair_tools.leakage.person_auc import FEWEST_PEOPLE, AucCounts
from nvfair_tools.quantities import count_text

SAME_DRIVER, SELF_OR_CROSS = "same driver", "self or cross"
CLEARLY = 0.05  # distance from chance that matters
_CONFIDENCE = 0.95
# Videos of a face that are compared: the first by their ids, which are hashes. 276 genuine pairs a face and generator.
_MOST_OWN, _MOST_OF_A_DRIVER, _MOST_FACES = 24, 6, 400


@dataclass(frozen=True)
class ShortcutFigure:
    """What one column tells about one label.

    auc, low, high: mean over `people` faces with its interval; NaN where there is none. defect: whether the maker of
    the files can mend it. above_only: whether a figure below chance is no shortcut. unchecked: why there is no figure
    or no judgement, "" where there is.
    """

    column: str
    label: str
    auc: float = math.nan
    low: float = math.nan
    high: float = math.nan
    people: int = 0
    defect: bool = False
    above_only: bool = False
    unchecked: str = ""

    @property
    def flagged(self) -> bool:
        """Whether the column clearly tells the label: the interval is apart from chance, and the figure by 0.05."""
        apart = self.low > 0.5 or (self.high < 0.5 and not self.above_only)
        return not self.unchecked and apart and abs(self.auc - 0.5) >= CLEARLY - 1e-9

    @property
    def verdict(self) -> str:
        """The result in words: "ok", "DEFECT", "shortcut" or "not checked"."""
        if self.unchecked:
            return "not checked"
        return "ok" if not self.flagged else "DEFECT" if self.defect else "shortcut"

    @property
    def interval(self) -> str:
        """The interval as text, "" where there is none."""
        # Rounded in two steps, so that a last bit that another processor rounds otherwise does not show.
        return "" if math.isnan(self.low) else f"{round(self.low, 9):.3f} to {round(self.high, 9):.3f}"


@dataclass(frozen=True)
class _Face:
    """The videos of one face and generator, as row numbers: own (self-driven, or of one driver), other, and their
    drivers."""

    person: str
    own: np.ndarray
    own_drivers: np.ndarray
    other: np.ndarray
    other_drivers: np.ndarray


def audit_shortcuts(videos: pd.DataFrame, columns: Sequence[VideoColumn]) -> list[ShortcutFigure]:
    """The figures of all columns (N values each) for the rows (N) of usable videos."""
    videos = videos.reset_index(drop=True)
    synthetic = videos[videos["kind"] != "real"]
    has_self = bool((synthetic["kind"] == "self").any())
    labels = [SAME_DRIVER, *([SELF_OR_CROSS] if has_self and (synthetic["kind"] == "cross").any() else [])]
    if len(synthetic):
        faces = list(_self_driven_faces(synthetic) if has_self else _cross_driven_faces(synthetic))
    else:
        faces = list(_recorded_faces(videos))
    clips = videos["clip"].to_numpy(dtype=object)
    checked = [column for column in columns if not column.reason]
    confidence = 1 - (1 - _CONFIDENCE) / max(1, len(checked) * len(labels))
    figures = []
    for label in labels:
        for column in columns:
            if label == SELF_OR_CROSS and not (column.is_number or column.by_builder):
                continue
            by_builder = column.by_builder and bool(len(synthetic))
            counts = AucCounts()
            if not column.reason:
                if label == SAME_DRIVER:
                    _count_pairs(counts, faces, column, clips)
                else:
                    _count_singles(counts, faces, column)
            figures.append(_figure(column, label, counts, confidence, by_builder))
    return figures


def _figure(column: VideoColumn, label: str, counts: AucCounts, confidence: float, by_builder: bool) -> ShortcutFigure:
    if column.reason:
        return ShortcutFigure(column.name, label, defect=by_builder, unchecked=column.reason)
    auc = counts.mean(confidence)
    if auc is None:
        what = "pairs of both kinds" if label == SAME_DRIVER else "self- and cross-reenactments"
        return ShortcutFigure(column.name, label, defect=by_builder, unchecked=f"no face has {what} with values")
    reason = ""
    if auc.people < FEWEST_PEOPLE:
        reason = f"{count_text(auc.people, 'person')}: a figure is judged from {FEWEST_PEOPLE} people on"
    above_only = label == SAME_DRIVER or not column.is_number
    return ShortcutFigure(column.name, label, auc.value, auc.low, auc.high, auc.people, by_builder, above_only, reason)


def _self_driven_faces(synthetic: pd.DataFrame) -> Iterator[_Face]:
    """Self-reenactments against cross-reenactments of the same face by the same generator."""
    for person, group in _groups(synthetic):
        own = group[group["kind"] == "self"].index[:_MOST_OWN]
        other = group[group["kind"] == "cross"].groupby("driver").head(_MOST_OF_A_DRIVER)
        yield _face(synthetic, person, own, other.index)


def _cross_driven_faces(synthetic: pd.DataFrame) -> Iterator[_Face]:
    """Cross-reenactments of a face: those of each driver against those of the others."""
    for person, group in _groups(synthetic):
        few = group.groupby("driver").head(_MOST_OF_A_DRIVER)
        for _, of_driver in few.groupby("driver"):
            yield _face(synthetic, person, of_driver.index, few.index.difference(of_driver.index))


def _recorded_faces(real: pd.DataFrame) -> Iterator[_Face]:
    """Recordings of a person against those of the other people of the collection and split."""
    for _, collection in real.sort_values("video").groupby(["source", "split"]):
        few = collection.groupby("driver").head(_MOST_OF_A_DRIVER)
        for person, of_person in list(collection.groupby("driver"))[:_MOST_FACES]:
            other = few.index[few["driver"] != person]
            yield _face(real, str(person), of_person.index[:_MOST_OWN], other[:: max(1, len(other) // 400)])


def _groups(synthetic: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """The videos of each face and generator, by id, of at most so many faces."""
    faces = sorted(set(synthetic["target"]))
    faces = faces[:: max(1, math.ceil(len(faces) / _MOST_FACES))]
    chosen = synthetic[synthetic["target"].isin(faces)].sort_values("video")
    for (target, _), group in chosen.groupby(["target", "generator"]):
        yield str(target), group


def _face(videos: pd.DataFrame, person: str, own: pd.Index, other: pd.Index) -> _Face:
    drivers = videos["driver"]
    return _Face(person, own.to_numpy(), drivers[own].to_numpy(str), other.to_numpy(), drivers[other].to_numpy(str))


def _count_pairs(counts: AucCounts, faces: Sequence[_Face], column: VideoColumn, clips: np.ndarray) -> None:
    """Counts genuine pairs (two own videos of different clips) against impostor pairs (an own and another video)."""
    known, values = column.known, _comparable(column)
    for face in faces:
        own, other = face.own[known[face.own]], known[face.other]
        first, second = np.triu_indices(len(own), 1)
        different = clips[own[first]] != clips[own[second]]
        genuine = _likeness(values[own[first[different]]], values[own[second[different]]], column.is_number)
        rivals = face.other[other]
        impostor = _likeness(values[own][:, None], values[rivals][None], column.is_number)
        drivers = np.broadcast_to(face.other_drivers[other], impostor.shape)
        counts.add(face.person, genuine, impostor.ravel(), drivers.ravel())


def _count_singles(counts: AucCounts, faces: Sequence[_Face], column: VideoColumn) -> None:
    """Counts own videos against the others of the face, by the value itself or by what it means on other faces."""
    known, values = column.known, _comparable(column)
    shares = None if column.is_number else _SelfShares(faces, known, values)
    for face in faces:
        own, other = face.own[known[face.own]], known[face.other]
        scores = values if shares is None else shares.without(face.person)
        counts.add(face.person, scores[own], scores[face.other[other]], face.other_drivers[other])


class _SelfShares:
    """The share of self-reenactments among the videos of each value, without those of one face."""

    def __init__(self, faces: Sequence[_Face], known: np.ndarray, values: np.ndarray) -> None:
        self._values = values
        number = int(values.max(initial=0)) + 1
        self._totals = np.zeros((2, number))
        self._of_person: dict[str, np.ndarray] = {}
        for face in faces:
            own, other = (rows[known[rows]] for rows in (face.own, face.other))
            of_face = np.stack([np.bincount(values[rows].astype(int), minlength=number) for rows in (own, other)])
            self._totals += of_face
            self._of_person[face.person] = self._of_person.get(face.person, 0) + of_face

    def without(self, person: str) -> np.ndarray:
        """The share for each video of the set, by the faces of all other people; one half for values they lack."""
        own, other = self._totals - self._of_person[person]
        # Each side counts by its size, so that more impostors than self-reenactments do not move what a value means.
        own, other = own / max(1.0, own.sum()), other / max(1.0, other.sum())
        share = np.divide(own, own + other, out=np.full(len(own), 0.5), where=own + other > 0)
        return share[np.maximum(self._values, 0).astype(int)]


def _comparable(column: VideoColumn) -> np.ndarray:
    """Logarithms of numbers, or numbers of the categories (-1 where unknown), float (N,)."""
    if column.is_number:
        return np.log(column.values)
    return pd.factorize(column.values)[0].astype(np.float64)


def _likeness(first: np.ndarray, second: np.ndarray, is_number: bool) -> np.ndarray:
    return -np.abs(first - second) if is_number else (first == second).astype(np.float64)
