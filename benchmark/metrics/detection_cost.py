"""Detection cost: what errors cost where genuine trials are rare or one error is worse than the other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.roc import Roc
from benchmark.metrics.thresholds import Rates
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Costs:
    """prior: share of genuine trials where the system is used; miss: cost of rejecting one of them; false_alarm: cost
    of accepting an impostor. The default is an application that meets the right driver once in a hundred trials."""

    prior: float = 0.01
    miss: float = 1.0
    false_alarm: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.prior < 1:
            raise NvfairError(f"prior {self.prior} is not a probability", expected="a number between 0 and 1")
        for name in ("miss", "false_alarm"):
            if not 0 < getattr(self, name) < np.inf:
                raise NvfairError(f"cost {name} {getattr(self, name)} is not a cost", expected="a positive number")

    @property
    def trivial(self) -> float:
        """Cost of the better of the two systems that look at nothing: accept all, or accept nobody."""
        return min(self.miss * self.prior, self.false_alarm * (1 - self.prior))


def min_dcf(curve: Roc, costs: Costs = Costs()) -> float:
    """Smallest normalised detection cost over all thresholds, from 0 to 1 (1: no better than looking at nothing).

    DCF = miss prior FNMR + false_alarm (1 - prior) FMR, divided by the cost of the better trivial system, as in the
    NIST speaker recognition evaluations (e.g. the 2016 evaluation plan, section 3.1).
    """
    return float(_cost(curve.fmr, curve.fnmr, costs).min())


def actual_dcf(rates: Rates, costs: Costs = Costs()) -> float:
    """Normalised detection cost at a threshold that was fixed beforehand; may exceed 1."""
    return float(_cost(np.float64(rates.fmr), np.float64(rates.fnmr), costs))


def _cost(fmr: np.ndarray | np.float64, fnmr: np.ndarray | np.float64, costs: Costs) -> np.ndarray:
    return np.asarray(costs.miss * costs.prior * fnmr + costs.false_alarm * (1 - costs.prior) * fmr) / costs.trivial
