"""The margin of a method over its strongest shortcut, with its interval over people.

The margin is a paired difference like that of two methods (`benchmark.metrics.paired_differences`): both mean AUCs are
over the same trials and under the same resamples of people, so that what makes a person easy for both cancels. People
are resampled as targets and as drivers at once. A method that uses motion and a shortcut that uses appearance rank
drivers differently, so that the drivers' part of the error does not cancel: measured, intervals from the targets' own
differences alone hold the truth too seldom (docs/intervals.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.metrics.intervals import ResampledMean
from benchmark.metrics.paired_differences import PairedDifference, resampled_mean_difference

# A shortcut at most this far below a method's figure comes near it, however narrow the interval.
NEAR_MARGIN = 0.03


@dataclass(frozen=True)
class Margin:
    """A method's mean AUC over targets less that of the strongest shortcut, whose name is `shortcut`."""

    shortcut: str
    difference: PairedDifference

    @property
    def near(self) -> bool:
        """Whether the shortcut comes near: the interval holds 0 (or less), or the margin is below `NEAR_MARGIN`."""
        return self.difference.value < NEAR_MARGIN or self.difference.low <= 0


def margin_over_shortcuts(
    method: ResampledMean, shortcuts: Mapping[str, ResampledMean], confidence: float
) -> Margin | None:
    """The margin of `method` over the shortcut (name -> its mean) with the largest mean AUC; None without shortcuts.

    All are means over the same targets under the same resamples; raises NvfairError where they are not. The strongest
    is chosen on these same trials, so the margin is on average a little smaller than over new people.
    """
    if not shortcuts:
        return None
    strongest = max(shortcuts, key=lambda name: shortcuts[name].value)  # the first of equals
    return Margin(strongest, resampled_mean_difference(method, shortcuts[strongest], confidence))
