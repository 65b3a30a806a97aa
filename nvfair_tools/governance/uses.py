"""The uses that a person is asked about, and a person's answer to each: yes, no or unknown, which refuses."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal, get_args

# The uses of a data set, which its tables hold; and uses outside of them, for which a consent table may have columns.
SetUse = Literal["target", "driver", "training", "redistribution", "display", "voice"]
Use = Literal[SetUse, "enrolment", "identification"]
USES: tuple[Use, ...] = get_args(SetUse)
ENROLMENT: Use = "enrolment"
IDENTIFICATION: Use = "identification"
# No other answer implies these.
OTHER_USES: tuple[Use, ...] = (ENROLMENT, IDENTIFICATION)
# What each use means, for messages and pages.
MEANINGS: Mapping[Use, str] = {
    "target": "the face is moved by somebody else's motion, or by the person's own",
    "driver": "the motion moves a face",
    "training": "methods are trained and tested on videos and landmarks",
    "redistribution": "files and landmarks are passed on to others",
    "display": "pictures are shown in public: pages, figures, talks",
    "voice": "the sound of a recording is kept",
    "enrolment": "a description of how the person moves is kept, and videos are compared with it",
    "identification": "the person may be named as one of several who may drive a video",
}
# Uses that a reenactment needs whatever it is made for; a recipe states the others.
ROLE_USES: tuple[Use, ...] = ("target", "driver")

Purpose = Literal["research", "education", "commercial"]
PURPOSES: tuple[Purpose, ...] = get_args(Purpose)
ANY_PURPOSE = "any"

Value = Literal["yes", "no", "unknown"]
VALUES: tuple[Value, ...] = get_args(Value)

# Where an answer comes from. "clip list": the curator's `permitted_use`, which names no person's own words.
# "stated": by whoever ran the command, with the evidence that they named.
Basis = Literal["consent table", "clip list", "ethics approval", "simulated person", "stated"]


@dataclass(frozen=True)
class Answer:
    """A person's answer about one use.

    scope: the purposes that a yes covers, or "any"; an empty one covers none. since: the first day of a yes; expires:
    its last day; withdrawn: a day on which it was taken back, which counts whatever the day of the question. evidence:
    where the form or the record lies; it decides nothing. note: why, in place of the usual words.
    """

    value: Value
    basis: Basis = "consent table"
    scope: frozenset[str] = frozenset()
    since: date | None = None
    expires: date | None = None
    withdrawn: date | None = None
    evidence: str = field(default="", compare=False)
    note: str = ""

    def strictest(self, other: Answer) -> Answer:
        """The answer that permits what both permit: what is withdrawn, refused or unknown wins over a yes."""
        first, second = sorted((self, other), key=_strictness)
        if _strictness(first) < _strictness(second) or first.value != "yes":
            return first
        both = first.scope & second.scope
        scope = second.scope if ANY_PURPOSE in first.scope else first.scope if ANY_PURPOSE in second.scope else both
        return replace(
            first,
            scope=scope,
            since=max(filter(None, (first.since, second.since)), default=None),
            expires=min(filter(None, (first.expires, second.expires)), default=None),
        )


def _strictness(answer: Answer) -> int:
    """A number that is smaller for stricter answers."""
    return 0 if answer.withdrawn else ("no", "unknown", "yes").index(answer.value) + 1


@dataclass(frozen=True)
class Consent:
    """All answers of a person, in the order of USES. Two people with equal answers have equal consents.

    enrolment, identification: the answers about being enrolled for verification, and about being compared among several
    enrolled people, which follow from no other answer.
    """

    answers: tuple[Answer, ...]
    enrolment: Answer = Answer("unknown", note="nobody was asked about enrolment")
    identification: Answer = Answer("unknown", note="nobody was asked about identification")

    @classmethod
    def of(cls, answers: Mapping[Use, Answer], others: Answer) -> Consent:
        """The consent with these answers. others: the answer to every use that is not named."""
        known = {use: answers[use] for use in OTHER_USES if use in answers}
        return cls(tuple(answers.get(use, others) for use in USES), **known)

    def to(self, use: Use) -> Answer:
        """The answer about a use."""
        if use == ENROLMENT:
            return self.enrolment
        return self.identification if use == IDENTIFICATION else self.answers[USES.index(use)]

    def strictest(self, other: Consent) -> Consent:
        """The consent that permits what both permit."""
        answers = tuple(map(Answer.strictest, self.answers, other.answers))
        others = (self.to(use).strictest(other.to(use)) for use in OTHER_USES)
        return Consent(answers, *others)


_SIMULATED = Answer("yes", "simulated person", frozenset({ANY_PURPOSE}))
SIMULATED = Consent.of(dict.fromkeys(OTHER_USES, _SIMULATED), _SIMULATED)
