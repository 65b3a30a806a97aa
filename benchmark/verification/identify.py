"""Asks which of several people, each of whom has agreed to be compared so, may drive a video.

This is not a search for who somebody is: it compares with the people who are named, whoever drives the video may be
none of them, and it refuses to begin unless every one of them has agreed to `identification`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import Enrolment
from benchmark.verification.results import LIMITS, VerificationResult, limits_text, ratio_text
from benchmark.verification.verify import FollowedVideo, Verifier
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.decision import Item, decide
from nvfair_tools.governance.uses import IDENTIFICATION, Consent, Purpose
from nvfair_tools.landmarks.landmarker import Landmarker, create_landmarker
from nvfair_tools.quantities import count_text

COMPARED = (
    "It compares with these people alone, who have agreed to it. Whoever drives the video may be none of them, and "
    "must not be searched for."
)


@dataclass(frozen=True)
class IdentificationResult:
    """The answers about several people, the highest score first; those without an answer last.

    candidates: people above their threshold; without a calibration there are none. chance: bound of the chance that at
    least one wrong person is among the candidates, from the stated rate and the number of people; None without a
    calibration. limits: what this can and cannot prove.
    """

    video: str
    answers: tuple[VerificationResult, ...]
    candidates: tuple[str, ...]
    chance: float | None
    limits: tuple[str, ...] = field(default=(), repr=False)

    def lines(self) -> list[str]:
        """The answers in lines of text, without the limits."""
        rows = [f"compared with {count_text(len(self.answers), 'person who has', 'people who have all')} agreed to it"]
        for answer in self.answers:
            score = "no score" if answer.score is None else f"score {answer.score:.3f}"
            ratio = (
                "" if answer.likelihood_ratio is None else f", likelihood ratio {ratio_text(answer.likelihood_ratio)}"
            )
            rows.append(f"{answer.person}: {score}, {answer.outcome.replace('_', ' ')}{ratio}")
        if self.chance is not None:
            names = ", ".join(self.candidates) or "nobody"
            rows.append(
                f"above the threshold: {names}; somebody wrong is in up to {self.chance:.2f} of such comparisons"
            )
        notes = dict.fromkeys(note for answer in self.answers for note in answer.notes)
        return rows + [f"note: {note}" for note in notes]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "video": self.video,
            "answers": [answer.to_json() for answer in self.answers],
            "candidates": list(self.candidates),
            "chance_of_a_wrong_candidate": self.chance,
            "limits": list(self.limits),
        }


def identify(
    enrolments: Sequence[Enrolment | str | Path],
    video: str | Path,
    *,
    consents: Mapping[str, Consent],
    purpose: Purpose = "research",
    calibration: Calibration | str | Path | None = None,
    fmr: float | None = None,
    landmarker: Landmarker | None = None,
    largest_face: bool = False,
    revoked: str | Path | None = None,
    on: date | None = None,
    device: str = "cpu",
    progress: Callable[[float], None] = lambda seconds: None,
) -> IdentificationResult:
    """Compares a video with several enrolled people, in one pass over it.

        consents = {name: nvfair_tools.read_consent("consent.csv", name) for name in ("lab:ann", "lab:bob")}
        result = identify(["ann.enrolment", "bob.enrolment"], "suspicious.mp4", consents=consents)

    enrolments: of two people or more, made by one method. consents: what each of them agreed to, by name. purpose:
    what this is done for. The other arguments are those of `verify`.

    Raises Problems that names everybody who has not agreed to `identification` for this purpose, before the video is
    opened; NvfairError where people are named twice or were enrolled by different methods.
    """
    on = on or date.today()
    people = [item if isinstance(item, Enrolment) else Enrolment.load(item) for item in enrolments]
    _check_people(people, consents, purpose, on)
    with ExitStack() as stack:
        if landmarker is None:
            landmarker = create_landmarker()
            stack.callback(landmarker.close)
        verifiers: list[Verifier] = []
        for person in people:
            method = verifiers[0].loaded.method if verifiers else None
            verifiers.append(
                Verifier(
                    person,
                    calibration=calibration,
                    fmr=fmr,
                    method=method,
                    landmarker=landmarker,
                    largest_face=largest_face,
                    revoked=revoked,
                    on=on,
                    device=device,
                )
            )
        windows = verifiers[0].windows(video, progress)
        runs = [FollowedVideo(verifier, video, windows) for verifier in verifiers]
        if not all(verifier.refusal for verifier in verifiers):
            for window in windows:
                for run in runs:
                    run.take(window)
        answers = [run.result() for run in runs]
    answers.sort(key=lambda answer: (answer.score is None, -(answer.score or 0.0)))
    threshold = verifiers[0].threshold
    texts = limits_text(answers[0].window_seconds, calibrated=threshold is not None)
    return IdentificationResult(
        video=answers[0].video,
        answers=tuple(answers),
        candidates=tuple(answer.person for answer in answers if answer.outcome == "match"),
        chance=None if threshold is None else min(1.0, threshold.fmr * len(answers)),
        limits=tuple(COMPARED if text == LIMITS[1] else text for text in texts),
    )


def _check_people(people: Sequence[Enrolment], consents: Mapping[str, Consent], purpose: Purpose, on: date) -> None:
    names = [person.person for person in people]
    if len(people) < 2 or len(set(names)) < len(names):
        raise NvfairError(
            f"the people are {', '.join(names) or 'nobody'}",
            expected="two different people or more",
            remedy="ask about one person with `nvfair verify`",
        )
    problems = []
    for name in names:
        if name not in consents:
            problems.append(f"{name}: has no row in the consent table")
            continue
        decision = decide(Item((("person", consents[name]),)), IDENTIFICATION, purpose=purpose, on=on)
        if not decision.permitted:
            problems.append(f"{name}: {decision.detail}")
    if problems:
        raise Problems(
            "people to compare with",
            problems,
            remedy="ask them, and record the answers in the column `identification` of the consent table; or leave "
            "them out",
        )
    first = people[0]
    for person in people[1:]:
        if (person.method.digest, person.method.name, person.protocol.digest) != (
            first.method.digest,
            first.method.name,
            first.protocol.digest,
        ):
            raise NvfairError(
                f"{person.person} was enrolled by another method or protocol than {first.person}",
                remedy="enrol them by one method: scores of two methods do not compare",
            )
