"""What of a driver's expression a landmarker finds in the rendered clip: correlation, amplitude and level.

Legend: T frames, M measures; meshes are (T, 478, 3) pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from generators.expression_measures import expression_measures

MOUTH, CORNERS, GAP = 0, 1, 2
LABELS = {MOUTH: "mouth width", CORNERS: "corner height", GAP: "lip gap"}


@dataclass(frozen=True)
class Transfer:
    """One clip on one target. driven, output: measures (T, M) of the driver and of the rendered clip.

    driver_rest, target_rest: measures (M,) of the two people's portraits.
    """

    driver: str
    emotion: str
    target: str
    driven: np.ndarray
    output: np.ndarray
    driver_rest: np.ndarray
    target_rest: np.ndarray

    @classmethod
    def of(cls, names: tuple[str, str, str], meshes: tuple[np.ndarray, np.ndarray], rests: tuple) -> Transfer:
        """Of (driver, emotion, target), the driver's and the rendered meshes, and the meshes of both portraits."""
        driven, output = (expression_measures(mesh) for mesh in meshes)
        driver_rest, target_rest = (expression_measures(mesh[None])[0] for mesh in rests)
        return cls(*names, driven, output, driver_rest, target_rest)

    def correlation(self, measure: int) -> float:
        """Pearson's correlation of output and driver over the frames."""
        return float(np.corrcoef(self.driven[:, measure], self.output[:, measure])[0, 1])

    def ratio(self, measure: int) -> float:
        """Standard deviation over the frames of the rendered clip, over the driver's: how much of the amplitude."""
        return float(self.output[:, measure].std() / self.driven[:, measure].std())

    def levels(self, measure: int) -> tuple[float, float]:
        """Median over the frames minus the portrait's, of the driver and of the rendered clip, in eye distances."""
        return (
            float(np.median(self.driven[:, measure]) - self.driver_rest[measure]),
            float(np.median(self.output[:, measure]) - self.target_rest[measure]),
        )


def transfer_table(title: str, transfers: Iterable[Transfer]) -> list[str]:
    """Markdown lines: for each emotion and in all, medians over pairs, and of ratios the smallest and the largest."""
    transfers = list(transfers)
    lines = [
        f"{title}, {len(transfers)} pairs of a clip and a target:",
        "",
        "| driver | " + " | ".join(f"{name}: correlation; amplitude; level" for name in LABELS.values()) + " |",
        "|---|" + "---|" * len(LABELS),
    ]
    for emotion in [*sorted({transfer.emotion for transfer in transfers}), "all"]:
        chosen = [transfer for transfer in transfers if emotion in (transfer.emotion, "all")]
        lines.append(f"| {emotion} | " + " | ".join(_cell(chosen, measure) for measure in LABELS) + " |")
    return lines


def _cell(transfers: list[Transfer], measure: int) -> str:
    ratios = [transfer.ratio(measure) for transfer in transfers]
    driver, target = np.median([transfer.levels(measure) for transfer in transfers], axis=0)
    correlation = np.median([transfer.correlation(measure) for transfer in transfers])
    amplitude = f"{np.median(ratios):.0%} ({min(ratios):.0%}–{max(ratios):.0%})"
    return f"{correlation:.2f}; {amplitude}; {driver:+.3f} → {target:+.3f}"
