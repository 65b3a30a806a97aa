"""Two methods on the same trials."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from rich.console import Console

from benchmark import protocols
from benchmark.evaluation.compare import AucDifference, ComparedCell, ComparedMethod, compare
from benchmark.evaluation.run import evaluate
from benchmark.interface import Comparison
from benchmark.methods.candidates import MethodCandidate, as_candidate
from benchmark.methods.declaration import Declaration
from benchmark.methods.method import Needs
from benchmark.protocols.schema import Protocol, Time
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.cli.benchmark.compare import print_comparison
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make
from tests.benchmark.toy_methods import MotionSize
from tests.benchmark.unknown_values import values_with_none

SIZE = "tests.benchmark.toy_methods:MotionSize"
FAST = Protocol(name="fast", uncertainty={"resamples": 200, "permutations": 20})


class Noise(MotionSize):
    """Knows nothing: the digits of the landmarks, scrambled."""

    name = "noise"
    declaration = Declaration.untrained()
    needs: Needs = "landmarks"
    time: Time | None = None

    def embed(self, batch: WindowBatch) -> np.ndarray:
        seeds = (np.abs(batch.landmarks.astype(np.float64)).sum(axis=(1, 2, 3)) * 1e4).astype(np.int64)
        return np.array([np.random.default_rng(seed).normal(size=8) for seed in seeds])


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Enough test people for an interval."""
    return make(tmp_path_factory.mktemp("many"), World(people=(2, 2, 20), clips=2, frames=80, generators=("alpha",)))


def test_the_difference_is_that_of_the_two_evaluations(many: Dataset) -> None:
    first, second = as_candidate(SIZE), MethodCandidate(Noise())
    (row,) = compare(many, first, second, [FAST])
    cells = {c.method: c.figures.auc_mean.value for c in evaluate(many, [first, second], [FAST]).cells}
    difference = row.auc_mean
    assert difference.first == cells["motion-size"]
    assert difference.second == cells["noise"]
    assert difference.difference == pytest.approx(difference.first - difference.second)
    assert difference.low < difference.difference < difference.high
    assert difference.decided
    assert difference.superiority == 1.0


def test_turned_around_everything_changes_sign(many: Dataset) -> None:
    first, second = as_candidate(SIZE), MethodCandidate(Noise())
    (row,), (back,) = compare(many, first, second, [FAST]), compare(many, second, first, [FAST])
    assert back.auc_mean.difference == pytest.approx(-row.auc_mean.difference)
    assert back.auc_mean.low == pytest.approx(-row.auc_mean.high)


def test_a_method_against_its_own_copy_is_not_decided(many: Dataset) -> None:
    twin = MotionSize()
    twin.name = "twin"
    (row,) = compare(many, as_candidate(SIZE), MethodCandidate(twin), [FAST])
    assert row.auc_mean.difference == 0
    assert not row.auc_mean.decided


def test_few_people_give_a_difference_without_an_interval(small: Dataset) -> None:
    rows = compare(small, as_candidate(SIZE), MethodCandidate(Noise()), [FAST])
    for row in rows:
        assert row.auc_mean.low is None
        assert row.auc_mean.reason
        assert not row.auc_mean.decided


def test_two_of_one_name_are_refused(small: Dataset) -> None:
    with pytest.raises(NvfairError, match="both methods are called"):
        compare(small, as_candidate(SIZE), as_candidate(SIZE), [FAST])


def test_the_command_prints_and_writes(many: Dataset, tmp_path: Path) -> None:
    from nvfair_tools.cli import cli

    out = tmp_path / "difference.json"
    words = ["compare", str(many.folder), SIZE, "tests.benchmark.evaluation.test_compare:Noise", "--out", str(out)]
    result = CliRunner().invoke(cli, [*words, "--protocol", "nvfair-cross-cross", "--device", "cpu"])
    assert result.exit_code == 0, result.output
    assert protocols.load("nvfair-cross-cross").name in json.loads(out.read_text())[0]["protocol"]
    assert "decided" in result.output


def test_every_value_that_may_be_none_has_words_in_the_table() -> None:
    difference = AucDifference(0.8, 0.7, 0.1, 0.05, 0.15, 0.99, True, 9, "")
    cell = ComparedCell("p", "g", ComparedMethod("a", "seen"), ComparedMethod("b", "unseen"), difference, difference)
    places = dict(values_with_none(cell))
    assert {".auc_mean.low", ".auc_mean.high", ".auc_pooled", ".auc_pooled.superiority"} <= set(places)
    for place, changed in places.items():
        comparison = Comparison((changed,))
        assert "None" not in comparison._repr_html_(), place
        assert all(text for text in comparison.table_rows()[0]), place
        json.dumps(comparison.to_json(), allow_nan=False)


@pytest.mark.parametrize("width", [80, 200])
def test_no_name_is_cut_in_a_narrow_terminal(width: int) -> None:
    difference = AucDifference(0.8123, 0.7911, 0.0212, None, None, None, False, 4, "4 people, at least 6 are needed")
    methods = ComparedMethod("motion-signature-of-the-spring", "seen"), ComparedMethod("temporal-cnn, normalised", "x")
    cell = ComparedCell("nvfair-unseen", "warp-dense-expressive", *methods, difference, difference)
    output = io.StringIO()
    print_comparison(Comparison((cell,)), Console(file=output, width=width, emoji=False, markup=False))
    for text in ("motion-signature-of-the-spring 0.812", "temporal-cnn, normalised 0.791", "warp-dense-expressive"):
        assert text in output.getvalue()
    assert "4 people, at least 6 are needed" in output.getvalue()
    assert max(map(len, output.getvalue().splitlines())) <= width
    assert ("┃" in output.getvalue()) == (width == 200), "a table where there is room"
