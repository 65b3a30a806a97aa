"""Training through torch.compile is the plain training in another order of its float32 sums, but for dropout's draws.

What may be compared, and within what bound:

* A compiled network adds up the same terms in another order. Two orders of a sum of n float32 terms differ by at most
  about n u of its terms (u = 2^-24, half a unit in the last place; Higham 2002, section 4.2). The network's longest sum
  runs over the P = 7,875 distances of a frame, so embeddings, gradients and losses are compared within P u of their
  largest value.
* The fingerprint loss takes the nearest temporal position, a minimum, whose gradient jumps where two positions are
  nearly equally near: one of 15,000 minima that falls on another position changes the gradient by several per cent.
  AdamW divides each gradient by its own size, so that in the first steps a gradient near zero whose sign is a matter
  of rounding moves its weight by the whole learning rate, one way or the other. Neither says anything about the
  compiler. So one step is compared under a linear function of the embeddings, and several steps with a smooth loss and
  plain gradient descent, in which rounding stays rounding.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from benchmark.methods.checkpoint import WEIGHTS_FILE
from benchmark.methods.train_options import LossOptions
from benchmark.training.loop import Training, train
from nvfair_tools.dataset import Dataset
from tests.benchmark.training.test_loop import OPTIONS, PROTOCOL, read_for_training

pytestmark = [
    pytest.mark.slow,
    # torch's compiler uses what torch deprecates
    pytest.mark.filterwarnings("ignore::DeprecationWarning:torch.*"),
]

WITH_DROPOUT = replace(OPTIONS, windows=64, validate_every=32, width=8, dilations=(2,))
PLAIN = replace(WITH_DROPOUT, dropout=0.0)
UNIT_ROUNDOFF = 2.0**-24


@pytest.fixture(params=["graphs alone", pytest.param("C++", marks=pytest.mark.soak)], autouse=True)
def compiler(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What becomes of the graphs that torch's compiler finds in the network: torch's own operations run them, forwards
    and backwards, which takes seconds, or C++ that is written and compiled for them, which takes a minute."""
    if request.param == "C++":
        if shutil.which("g++") is None:
            pytest.skip("torch.compile needs a C++ compiler for the CPU")
    else:
        monkeypatch.setattr(torch, "compile", partial(torch.compile, backend="aot_eager"))
    torch._dynamo.reset()


def _rounding(training: Training) -> float:
    """P u: by how much two orders of the network's longest sum may differ, relative to its terms."""
    return training.network.shape.features * UNIT_ROUNDOFF


def _largest(tensor: torch.Tensor) -> float:
    return float(tensor.detach().abs().max())


def test_a_compiled_network_embeds_and_differentiates_as_the_plain_one_to_rounding(
    small: Dataset, tmp_path: Path
) -> None:
    windows, validation = read_for_training(small, PLAIN)
    results = []
    for options in (PLAIN, replace(PLAIN, compile=True)):
        training = Training(windows, validation, options, tmp_path)
        random = torch.Generator().manual_seed(0)
        points = training.frames.take(windows.rows(training.batches.batch(0)))
        order = torch.rand(points.shape[:2], generator=random).argsort(dim=1)
        embeddings, reordered = training.model.train()(points, order)
        factors = [torch.randn(embeddings.shape, generator=random) for _ in range(2)]
        (embeddings * factors[0] + reordered * factors[1]).sum().backward()
        gradients = {name: weight.grad for name, weight in training.network.named_parameters()}
        results.append({"embeddings": embeddings, "reordered": reordered, **gradients})
    plain, compiled = results
    for name, values in plain.items():
        bound = _rounding(training) * _largest(values)
        torch.testing.assert_close(
            compiled[name], values, rtol=0, atol=bound, msg=lambda text, name=name: f"{name} {text}"
        )


def test_compiled_steps_go_where_the_plain_ones_go_to_rounding(small: Dataset, tmp_path: Path) -> None:
    rate, steps = 1e-4, 4
    smooth = replace(PLAIN, loss=LossOptions(kind="supcon"))
    windows, validation = read_for_training(small, smooth)
    losses: list[list[float]] = []
    trainings = []
    for options in (smooth, replace(smooth, compile=True)):
        training = Training(windows, validation, options, tmp_path)
        training.optimiser = torch.optim.SGD(training.network.parameters(), lr=rate)
        path = {name: 0.0 for name, _ in training.network.named_parameters()}
        losses.append([])
        for _ in range(steps):
            losses[-1].append(float(training.step(rate)))
            training.state.step += 1
            for name, weight in training.network.named_parameters():
                path[name] += rate * _largest(weight.grad)  # at most so far does a weight move
        trainings.append(training)
    assert losses[1] == pytest.approx(losses[0], rel=_rounding(training))
    plain, compiled = (dict(training.network.named_parameters()) for training in trainings)
    for name, weight in plain.items():
        # Rounding of the gradients, along the way; and of the weights themselves, at each step.
        bound = _rounding(training) * path[name] + steps * UNIT_ROUNDOFF * _largest(weight)
        torch.testing.assert_close(
            compiled[name], weight, rtol=0, atol=bound, msg=lambda text, name=name: f"{name} {text}"
        )


def test_a_compiled_run_with_dropout_repeats_itself_to_the_byte(small: Dataset, tmp_path: Path) -> None:
    for name in ("first", "second"):
        train(small, tmp_path / name, replace(WITH_DROPOUT, compile=True), PROTOCOL)
    assert (tmp_path / "first" / WEIGHTS_FILE).read_bytes() == (tmp_path / "second" / WEIGHTS_FILE).read_bytes()
