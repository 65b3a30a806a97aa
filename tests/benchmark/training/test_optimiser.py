"""The learning rate rises over the warm-up and then follows its schedule."""

from __future__ import annotations

from itertools import pairwise

import pytest

from benchmark.methods.train_options import TrainOptions
from benchmark.training.optimiser import learning_rate

OPTIONS = TrainOptions(("a",), windows=900, batch=1, learning_rate=1.0, warm_up=0.1)


def _rates(schedule: str) -> list[float]:
    options = TrainOptions(**{**vars(OPTIONS), "schedule": schedule})
    return [learning_rate(step, options) for step in range(options.steps)]


@pytest.mark.parametrize("schedule", ["cosine", "drop", "constant"])
def test_every_schedule_starts_with_a_linear_warm_up(schedule: str) -> None:
    assert _rates(schedule)[:90] == pytest.approx([(step + 1) / 90 for step in range(90)])


def test_constant_stays_drop_falls_to_a_tenth_after_two_thirds_and_cosine_to_a_hundredth() -> None:
    constant, drop, cosine = (_rates(schedule)[90:] for schedule in ("constant", "drop", "cosine"))
    assert set(constant) == {1.0}
    assert drop == [1.0] * 510 + [0.1] * 300
    assert cosine[0] == 1.0
    assert cosine[405] == pytest.approx(0.505)
    assert all(earlier > later for earlier, later in pairwise(cosine))
    assert cosine[-1] == pytest.approx(0.01, abs=1e-4)
