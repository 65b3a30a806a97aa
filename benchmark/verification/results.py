"""What verification answers, in types and in words; and what it can and cannot prove."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from html import escape
from typing import Any

from nvfair_tools.quantities import count_text

# Outcome -> what it means. The first three are answers, the others say why there is none.
OUTCOMES = {
    "match": "the motion is like this person's: the score is above the threshold",
    "no_match": "the motion is not like enough to this person's: the score is below the threshold",
    "scored": "a score only: without a calibration nobody knows what it means",
    "too_short": "the video is shorter than a window",
    "face_lost": "no window in which the face is seen throughout",
    "several_faces": "another face is in the picture, and nothing says who is asked about",
    "cut": "there is a cut, and nothing shows that one person is seen on both sides: ask about each shot",
    "face_changes": "after a cut the face is shaped otherwise, as that of another person",
    "unlike_training": "the motion or the picture is unlike everything that the calibration has seen",
    "enrolment_expired": "the enrolment has expired",
    "enrolment_revoked": "the enrolment has been revoked",
}
ANSWERS = ("match", "no_match", "scored")

LIMITS = (
    "A score is not proof. It compares movement of a face with that of one enrolled person, and nothing else.",
    "It answers about this one person. It can never say who somebody is, and must not be used to find out.",
    "People move alike: somebody whom the method never saw may score as the enrolled person does.",
    "A generator that it never saw, heavy re-encoding, or an actor who imitates can change the score either way.",
    "The face must move in view, on one shot, for at least {seconds:.1f} seconds; more gives a steadier score.",
)
# Of a decision. The figures are those of docs/verification.md.
CALIBRATED = (
    "The false match rate was counted on the calibration's people and recordings. On other recordings it can be far "
    "higher: in our own measurement 0.60 of impostors passed a threshold that stated 0.125."
)
UNCALIBRATED = "No calibration: there is no threshold, no likelihood ratio and no decision, only a score."


def limits_text(seconds: float, *, calibrated: bool = False) -> tuple[str, ...]:
    """What an answer can and cannot prove, a text each. seconds: length of a window. calibrated: whether it decides."""
    texts = tuple(text.format(seconds=seconds) for text in LIMITS)
    return (texts[0], CALIBRATED, *texts[1:]) if calibrated else texts


@dataclass(frozen=True)
class WindowScore:
    """One window of a video. start, end: seconds. score: None where it has none. reason: why not."""

    start: float
    end: float
    score: float | None
    reason: str = ""


@dataclass(frozen=True)
class Threshold:
    """Where a calibration draws the line. fmr: the stated false match rate. impostors: people behind it. trials: of
    impostors, and how many of them lie above: counted, not promised."""

    value: float
    fmr: float
    impostors: int
    trials: int
    above: int


@dataclass(frozen=True)
class VerificationResult:
    """The answer about one video.

    outcome: a key of OUTCOMES. score: of the whole video by the protocol's rules; None where there is no window.
    threshold, likelihood_ratio: None without a calibration; the ratio says how much more often such a score comes from
    this person than from another, within what the calibration's number of people can support. windows: every window
    in order; empty where they were only followed. seconds: length of the video. scored_windows: how many windows have
    a score; scored_seconds: what they cover. notes: what to mind. unlike: the statistic by which the video is unlike
    the calibration, where it is. method, protocol: names.
    """

    person: str
    video: str
    outcome: str
    score: float | None
    threshold: Threshold | None
    likelihood_ratio: float | None
    windows: tuple[WindowScore, ...]
    seconds: float
    scored_windows: int
    scored_seconds: float
    notes: tuple[str, ...] = ()
    unlike: str = ""
    method: str = ""
    protocol: str = ""
    window_seconds: float = 0.0
    limits: tuple[str, ...] = field(default=(), repr=False)

    @property
    def answered(self) -> bool:
        """Whether there is an answer: a decision, or a score where there is no calibration."""
        return self.outcome in ANSWERS

    @property
    def headline(self) -> str:
        """The answer in one line."""
        named = {
            "match": f"consistent with {self.person} driving this video",
            "no_match": f"not consistent with {self.person} driving this video",
            "scored": f"score only for {self.person}",
        }
        return named.get(self.outcome) or f"no answer: {OUTCOMES[self.outcome]}"

    def lines(self) -> list[str]:
        """The answer in lines of text, without the limits."""
        rows = [self.headline]
        if self.score is not None:
            rows.append(
                f"score {self.score:.3f}, over {count_text(self.scored_windows, 'window')} and "
                f"{self.scored_seconds:.1f} s"
            )
        if self.threshold is not None and self.score is not None:
            mark = self.threshold
            rows.append(
                f"threshold {mark.value:.3f} at a false match rate of {mark.fmr:.3g} ({mark.above} of "
                f"{count_text(mark.trials, 'impostor trial')} of {count_text(mark.impostors, 'person')} lie above)"
            )
        if self.likelihood_ratio is not None:
            rows.append(f"likelihood ratio {ratio_text(self.likelihood_ratio)}")
        if self.outcome == "scored":
            rows.append(UNCALIBRATED)
        if self.unlike:
            rows.append(f"unlike the calibration: {self.unlike}")
        return rows + [f"note: {note}" for note in self.notes]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; every number is finite or null."""
        content = asdict(self)
        content["meaning"] = OUTCOMES[self.outcome]
        return _finite(content)

    def _repr_html_(self) -> str:
        head, *rest = self.lines()
        body = "".join(f"<li>{escape(line)}</li>" for line in rest)
        limits = "".join(f"<li>{escape(line)}</li>" for line in self.limits)
        return (
            f"<table><tr><th style='text-align:left'>{escape(self.video)}: {escape(head)}</th></tr>"
            f"<tr><td style='text-align:left'><ul>{body}</ul>What this can and cannot prove<ul>{limits}</ul></td></tr>"
            "</table>"
        )


def ratio_text(ratio: float) -> str:
    """A likelihood ratio in words: "4.2 for", or "3.1 against" where it is below one."""
    return f"{ratio:.2g} for this person" if ratio >= 1 else f"{1 / ratio:.2g} against this person"


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
