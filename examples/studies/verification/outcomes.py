"""Asks about every test video, and counts outcomes by who really drives it and whose face it shows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import beta

import benchmark
from benchmark.metrics.costs import cllr, cllr_min
from benchmark.metrics.roc import auc, roc_curve
from benchmark.verification.many_videos import VideoAnswer, verify_many
from benchmark.verification.verify import Verifier
from nvfair_tools.dataset import Dataset

CASES = {
    "real video, this person": True,
    "real video, another person": False,
    "this person on the own face": True,
    "this person on another face": True,
    "another person on this face": False,
}
# Of the collection; nobody was asked by us, and the enrolments are deleted after the study.
_EVIDENCE = "terms of the collection: research use"


@dataclass(frozen=True)
class Row:
    """One line of the table. genuine: whether the enrolled person drives. wrong: decisions against the truth.
    people_wrong: enrolled people with one. upper: 95 % upper bound of the share of wrong decisions, as if videos were
    independent; people_upper: the same of people."""

    case: str
    genuine: bool
    videos: int
    match: int
    no_match: int
    no_answer: int
    wrong: int
    upper: float
    people: int
    people_wrong: int
    people_upper: float


def enrol_people(folder: Path) -> dict[str, Path]:
    """Enrols the test people from their clips; returns their files. What is there stays."""
    videos: dict[str, list[str]] = {}
    with open(folder / "enrolled.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["split"] == "test":
                videos.setdefault(row["identity"], []).append(row["path"])
    enrolments = {}
    consent = benchmark.stated_consent(_EVIDENCE, date(2020, 1, 1), scope=["research"])
    for person, paths in videos.items():
        out = folder / f"{person.split(':')[1]}.enrolment"
        if not out.exists():
            benchmark.enrol(person, paths, consent=consent, out=out)
        enrolments[person] = out
    return enrolments


def ask(
    folder: Path, person: str, enrolment: Path, calibration: Path, progress: Callable[[int, int, str], None]
) -> pd.DataFrame:
    """One row for each test video that concerns a person: case, outcome, score. Goes on where it was interrupted."""
    data = Dataset.open(folder / "dataset")
    videos = data.usable()
    videos = videos[(videos["split"] == "test") & videos["path"].notna()]
    cases = [_case(row, person) for row in videos.to_dict("records")]
    videos = videos.assign(case=cases).dropna(subset="case")
    paths = [data.folder / path for path in videos["path"]]
    with Verifier(enrolment, calibration=calibration) as verifier:
        answers = list(
            verify_many(verifier, paths, store=folder / f"{enrolment.stem}-answers.jsonl", progress=progress)
        )
    return videos.assign(
        person=person,
        outcome=[answer.outcome for answer in answers],
        score=[_number(answer, "score") for answer in answers],
        ratio=[_number(answer, "likelihood_ratio") for answer in answers],
    )


def table(answers: pd.DataFrame) -> Iterator[Row]:
    """Counts the outcomes of each case, in the order of CASES."""
    for case, genuine in CASES.items():
        rows = answers[answers["case"] == case]
        counts = rows["outcome"].value_counts()
        match, no_match = int(counts.get("match", 0)), int(counts.get("no_match", 0))
        is_wrong = rows["outcome"] == ("no_match" if genuine else "match")
        wrong, people = int(is_wrong.sum()), rows["person"].nunique()
        people_wrong = rows[is_wrong]["person"].nunique()
        yield Row(
            case=case,
            genuine=genuine,
            videos=len(rows),
            match=match,
            no_match=no_match,
            no_answer=len(rows) - match - no_match,
            wrong=wrong,
            upper=upper_bound(wrong, match + no_match),
            people=people,
            people_wrong=people_wrong,
            people_upper=upper_bound(people_wrong, people),
        )


def ratio_cost(answers: pd.DataFrame) -> tuple[float, float]:
    """Cllr of the likelihood ratios of reenactments, and its minimum, in bits; 1 is the cost of no information."""
    rated = answers[(answers["kind"] != "real") & answers["ratio"].notna()]
    genuine = rated["case"].map(CASES).astype(bool)
    scores = [np.log(rated[kind]["ratio"].to_numpy(np.float64)) for kind in (genuine, ~genuine)]
    return cllr(*scores), cllr_min(roc_curve(*scores))


def ranking(answers: pd.DataFrame) -> dict[str, float]:
    """AUC of the scores of real videos, and of reenactments, where there are both kinds of trials."""
    scored = answers.dropna(subset="score")
    genuine = scored["case"].map(CASES).astype(bool)
    result = {}
    for name, chosen in (("real videos", scored["kind"] == "real"), ("reenactments", scored["kind"] != "real")):
        kinds = [scored[chosen & kind]["score"].to_numpy() for kind in (genuine, ~genuine)]
        if all(len(scores) for scores in kinds):
            result[name] = auc(*kinds)
    return result


def upper_bound(errors: int, tries: int) -> float:
    """The one-sided 95 % upper bound of a rate (Clopper and Pearson, Biometrika 1934); 1 without tries."""
    return 1.0 if errors >= tries else float(beta.ppf(0.95, errors + 1, tries - errors))


def _case(video: dict, person: str) -> str | None:
    driven_by, face_of = video["driver"] == person, video["target"] == person
    if video["kind"] == "real":
        return "real video, this person" if driven_by else "real video, another person"
    if driven_by:
        return "this person on the own face" if face_of else "this person on another face"
    return "another person on this face" if face_of else None


def _number(answer: VideoAnswer, name: str) -> float:
    value = answer.content.get(name)
    return float("nan") if value is None else float(value)
