"""The rows of the stress tests: error rates at one threshold that was fixed before anything was made worse.

Formulas, over the comparisons of a row with scores s and the threshold t: FNMR is the share of genuine comparisons with
s < t, FMR the share of impostor comparisons with s >= t (ISO/IEC 19795-1). A video without a driver, or with two, gives
comparisons that are neither; the share that is accepted stands in place of the FMR.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from benchmark.metrics.thresholds import threshold_at_fmr
from benchmark.trial_scores.figure_values import IntervalFigure

UNSTRESSED, REENCODING, DISGUISE = "unstressed", "re-encoding", "disguise"
IMITATION, MIXED, SOUND = "imitation", "mixed drivers", "driven by sound"
SPEECH, GROUPS = "speech content", "groups of people"
TESTS = {
    UNSTRESSED: "the trials as they are; the threshold accepts at most the stated share of impostors",
    REENCODING: "videos encoded again, resized or thinned and tracked anew: of one side of each trial, or of both",
    DISGUISE: "a driver who hides: probes played at another speed, smoothed, or with smaller or larger movements",
    IMITATION: "impostors who move like the person they are compared with, by a share of the signature",
    MIXED: "probes with one person's lower face on the head and upper face of another's video of the same face",
    SOUND: "probes whose mouth follows a text, the same on every face, without any driver: nobody may be accepted",
    SPEECH: "the trials whose two videos have the same spoken content, and those with different content",
    GROUPS: "the trials by what people stated about themselves and by collection; rates need ten people",
}
PROBE, ENROLMENT, BOTH = "probe", "enrolment", "both"


@dataclass(frozen=True)
class Threshold:
    """A threshold that was fixed before the test. rule: on which scores it was fixed, in words."""

    value: float
    rule: str

    @classmethod
    def choose(cls, unstressed_impostors: np.ndarray, target: float, validation: np.ndarray | None) -> Threshold:
        """The smallest threshold whose FMR is at most `target` on validation people's impostor scores (I,).

        Where there are none (None), the unstressed impostor trials of the same cell take their place.
        """
        if validation is not None and len(validation):
            return cls(threshold_at_fmr(validation, target), f"FMR at most {target:g} on validation people")
        return cls(threshold_at_fmr(unstressed_impostors, target), f"FMR at most {target:g} on the unstressed trials")


@dataclass(frozen=True)
class StressRate:
    """The error rates of a method in one case of a stress test.

    test: a key of TESTS. case: what was done, in words. side: whose videos were changed ("probe", "enrolment", "both"),
    "" where none was. genuine, impostor: number of comparisons. fnmr, fmr: None without comparisons, and where people
    are too few. auc: mean AUC over people, None where nobody has both kinds of comparisons. people: those who are
    compared with something. lost: comparisons of the unstressed trials that the change left without a score. note: what
    a reader must know, such as why a rate is blank. skipped: why the test was not run; then all else is empty.
    """

    method: str
    test: str
    generator: str
    case: str = ""
    side: str = ""
    threshold: float | None = None
    rule: str = ""
    genuine: int = 0
    impostor: int = 0
    fnmr: float | None = None
    fmr: float | None = None
    auc: IntervalFigure | None = None
    people: int = 0
    lost: int = 0
    note: str = ""
    skipped: str = ""

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        content = {field.name: getattr(self, field.name) for field in fields(self)}
        return content | {"auc": None if self.auc is None else self.auc.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> StressRate:
        """The row that `to_json` wrote; raises KeyError where a key is missing."""
        auc = content["auc"]
        values = {field.name: content[field.name] for field in fields(cls)}
        return cls(**values | {"auc": None if auc is None else IntervalFigure.from_json(auc)})
