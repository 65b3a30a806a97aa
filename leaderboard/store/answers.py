"""What a hidden set answers while it is sealed, that is before the last of its phases closes.

An entry is answered only where its mean AUC exceeds the best that was answered before, of all accounts, by a step, and
then with the AUC rounded down to the step: the Ladder of Blum and Hardt ("The Ladder: A Reliable Leaderboard for
Machine Learning Competitions", ICML 2015, algorithm 1), with one ladder for the whole board, so that further accounts
bring no further answers. All else learns nothing. The best begins a step above 0.5, the AUC of chance: near chance
meaningless embeddings move the AUC the most, and no method of interest is there.

The step is at least `CHANCE_DEVIATIONS` standard deviations of the AUC that meaningless embeddings reach by chance, so
that a small hidden set answers less often.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from leaderboard.store.tables import FIRST_SCORING, AnswerRow, DatasetRow, ResultRow, SubmissionRow, utc_now

CHANCE_AUC = 0.5
CHANCE_DEVIATIONS = 5.0
_TOLERANCE = 1e-9  # in steps: a value that stands on a step is not pushed below it by the last bit of its division


def is_sealed(dataset: DatasetRow | None, moment: datetime | None = None) -> bool:
    """Whether nothing but answers may be published of results on a data set, at `moment` (default: now)."""
    if dataset is None or dataset.feedback == "full":
        return False
    return dataset.sealed_until is None or (moment or utc_now()) < dataset.sealed_until


def add_answers(session: Session, results: list[ResultRow]) -> list[AnswerRow]:
    """Answers new results, in their order, where a sealed set has an answer to them; returns the answers.

    Call it in the transaction that stores the results, one transaction at a time. Drafts and results of a repeated
    scoring are not answered, and neither is what comes after the number of entries that the data set compares.
    """
    answers = []
    for result in results:
        dataset = session.get(DatasetRow, result.dataset_digest)
        if dataset is None or not is_sealed(dataset) or result.reason != FIRST_SCORING:
            continue
        submission = session.get(SubmissionRow, result.submission)
        if submission is None or submission.private or _number_on_dataset(session, result) > dataset.compared:
            continue
        answer = _answer(session, result, dataset)
        if answer is not None:
            session.add(answer)
            session.flush()
            answers.append(answer)
    return answers


def next_level(value: float, best: float, step: float) -> float | None:
    """The published level of an AUC, rounded down to `step`; None where it is not a step above the best."""
    if value < best + step - _TOLERANCE:
        return None
    return round(math.floor(value / step + _TOLERANCE) * step, 4)


def chance_deviation(generators: Mapping[str, Mapping[str, Any]]) -> float:
    """The standard deviation of the mean AUC of random codes: every video gets +e or -e, each with probability 1/2.

    A pair's score then has two values, and a target's AUC is 1/2 + (G - I) / 4, where G and I are the means, over its
    genuine and impostor pairs, of products of two signs. Products of different pairs are uncorrelated, so the variance
    of G is 1 over the number of pairs. With g genuine and i impostor trials over all targets, which have equally
    many: sqrt(1/g + 1/i) / 4. Over several generators, whose videos may have equal motion: the same, not less.

    generators: by test generator the figures, of which the counts of trials are used.
    """
    counts = [figures["trials"] for figures in generators.values()]
    variances = [(1 / count["genuine"] + 1 / count["impostor"]) / 16 for count in counts]
    return math.sqrt(sum(variances) / len(variances))


def _answer(session: Session, result: ResultRow, dataset: DatasetRow) -> AnswerRow | None:
    generators = json.loads(result.figures)["generators"]
    if not generators:
        return None
    value = sum(figures["auc_mean"]["value"] for figures in generators.values()) / len(generators)
    same_ladder = (
        ResultRow.dataset_digest == result.dataset_digest,
        ResultRow.protocol_digest == result.protocol_digest,
    )
    best = session.scalar(select(func.max(AnswerRow.value)).join(ResultRow).where(*same_ladder))
    step = max(dataset.step, CHANCE_DEVIATIONS * chance_deviation(generators))
    level = next_level(value, CHANCE_AUC + step if best is None else best, step)
    return None if level is None else AnswerRow(result=result.id, value=value, level=level)


def _number_on_dataset(session: Session, result: ResultRow) -> int:
    """How many entries were scored on the result's data set so far, this one included."""
    query = select(func.count()).where(
        ResultRow.dataset_digest == result.dataset_digest,
        ResultRow.reason == FIRST_SCORING,
        ResultRow.id <= result.id,
    )
    return session.scalar(query) or 0
