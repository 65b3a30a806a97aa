"""A sealed hidden set answers only what improves on the whole board by a step."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from hashlib import sha256
from typing import Any

import numpy as np
import pytest

from leaderboard.store.answers import chance_deviation, is_sealed, next_level
from leaderboard.store.database import read_session, write_session
from leaderboard.store.results import Store, StoredResult, add_results, add_submission, result_row
from leaderboard.store.tables import AnswerRow, DatasetRow, utc_now
from leaderboard.submission.scoring import EntryScore
from leaderboard.submission.submission import Submission
from tests.leaderboard.conftest import VALID_DECLARATION

DATASET = "d" * 64


class HiddenBoard:
    """A store with a hidden set, to which results of any AUC can be added."""

    def __init__(self, url: str, **values: Any) -> None:
        self.store, self._count = Store(url), 0
        with write_session(self.store.engine) as session:
            session.add(DatasetRow(digest=DATASET, name="hidden", **{"feedback": "coarse", **values}))

    def add(
        self, auc: float, *, protocol: str = "nvfair-seen", private: bool = False, reason: str = "first scoring",
        genuine: int = 1000, **figures: Any,
    ) -> StoredResult:  # fmt: skip
        """Stores a new submission with this AUC on one generator; returns its result as it is read back."""
        self._count += 1
        digest = sha256(f"{self._count}".encode()).hexdigest()
        submission = Submission.model_validate({**VALID_DECLARATION, "method": f"method {self._count}"})
        trials = {"genuine": genuine, "impostor": 6 * genuine, "targets": 35}
        mean = {"value": auc, "low": auc - 0.02, "high": auc + 0.02, "people": 35}
        values = {"generators": {"secret": {"auc_mean": mean, "trials": trials}}, "overlap": [], **figures}
        score = EntryScore(digest, 0, protocol, sha256(protocol.encode()).hexdigest(), DATASET, "2", values)
        with write_session(self.store.engine) as session:
            add_submission(session, digest, submission, private=private)
            add_results(session, [result_row(score, reason=reason, phase="final")])
        return next(result for result in self.store.results() if result.digest == digest)

    def answer(self, auc: float, **options: Any) -> float | None:
        """The answer to a new submission with this AUC."""
        return self.add(auc, **options).answer


@pytest.fixture
def board(tmp_path, request: pytest.FixtureRequest):
    hidden_board = HiddenBoard(f"sqlite:///{tmp_path / 'board.sqlite'}", **getattr(request, "param", {}))
    yield hidden_board
    hidden_board.store.close()


def test_only_a_step_above_the_best_of_the_board_is_answered_and_rounded_down(board: HiddenBoard) -> None:
    answers = [(auc, board.answer(auc)) for auc in (0.5, 0.56, 0.599, 0.61, 0.65, 0.659, 0.7312, 0.78, 0.7313, 0.99)]
    assert answers == [
        (0.5, None),
        (0.56, None),
        (0.599, None),  # less than two steps above chance
        (0.61, 0.6),
        (0.65, None),  # on the next multiple of the step, but no step above the exact best
        (0.659, None),
        (0.7312, 0.70),
        (0.78, None),
        (0.7313, None),
        (0.99, 0.95),
    ]


def test_each_protocol_has_a_ladder_of_its_own(board: HiddenBoard) -> None:
    assert board.answer(0.8) == 0.8
    assert board.answer(0.8, protocol="nvfair-unseen") == 0.8
    assert board.answer(0.81, protocol="nvfair-unseen") is None


def test_drafts_and_repeated_scorings_are_neither_answered_nor_compared_with(board: HiddenBoard) -> None:
    assert board.answer(0.9, private=True) is None
    assert board.answer(0.9, reason="a better scorer") is None
    assert board.answer(0.8) == 0.8


def test_an_entry_with_no_generator_is_not_answered(board: HiddenBoard) -> None:
    assert board.answer(0.9, generators={}) is None


@pytest.mark.parametrize("board", [{"compared": 3}], indirect=True)
def test_after_the_entries_that_a_set_compares_nothing_is_answered(board: HiddenBoard) -> None:
    assert [board.answer(auc) for auc in (0.6, 0.61, 0.7, 0.8, 0.9)] == [0.6, None, 0.7, None, None]


@pytest.mark.parametrize(
    "board", [{"feedback": "full"}, {"sealed_until": utc_now() - timedelta(days=1)}], indirect=True
)
def test_an_open_set_needs_no_answers(board: HiddenBoard) -> None:
    result = board.add(0.9)
    assert (result.sealed, result.answer) == (False, None)


@pytest.mark.parametrize("board", [{"sealed_until": utc_now() + timedelta(days=1)}], indirect=True)
def test_a_set_opens_with_its_time_and_readers_notice(board: HiddenBoard) -> None:
    result = board.add(0.9)
    assert (result.sealed, result.answer) == (True, 0.9)
    sealed_version = board.store.results_version()
    with write_session(board.store.engine) as session:
        session.get(DatasetRow, DATASET).sealed_until = utc_now() - timedelta(seconds=1)
    assert board.store.results_version() != sealed_version
    assert not next(iter(board.store.results())).sealed


def test_without_a_time_a_hidden_set_stays_sealed() -> None:
    assert is_sealed(DatasetRow(feedback="coarse", sealed_until=None))
    assert not is_sealed(DatasetRow(feedback="full", sealed_until=None))
    assert not is_sealed(None)


def test_a_small_set_answers_by_a_larger_step(board: HiddenBoard) -> None:
    # 5 sqrt(1/120 + 1/720) / 4 = 0.12325: 0.74 is less than two steps above chance, 0.75 is more; 6 steps are 0.7395.
    assert board.answer(0.74, genuine=120) is None
    assert board.answer(0.75, genuine=120) == pytest.approx(0.7395, abs=1e-4)
    # Two steps of 0.2552 above chance are above 1: so small a set answers when it closes.
    assert board.answer(1.0, genuine=28) is None


@pytest.mark.parametrize(("selves", "crosses", "targets"), [(8, 21, 35), (4, 6, 10)])
def test_the_chance_of_random_codes_is_what_random_codes_reach(selves: int, crosses: int, targets: int) -> None:
    rng = np.random.default_rng(0)
    codes = rng.choice([-1.0, 1.0], size=(4000, targets, selves + crosses))
    own, other = codes[..., :selves], codes[..., selves:]
    pairs = np.triu_indices(selves, 1)
    genuine = (own[..., :, None] * own[..., None, :])[..., pairs[0], pairs[1]]
    impostor = (own[..., :, None] * other[..., None, :]).reshape(*own.shape[:2], -1)
    # A score is higher where the signs are equal: a genuine pair wins, loses or ties against each impostor pair.
    aucs = 0.5 + (genuine.mean(axis=-1) - impostor.mean(axis=-1)) / 4
    counts = {"genuine": targets * genuine.shape[-1], "impostor": targets * impostor.shape[-1]}
    expected = chance_deviation({"a": {"trials": counts}, "b": {"trials": counts}})
    assert aucs.mean(axis=1).std() == pytest.approx(expected, rel=0.06)


def test_levels_do_not_depend_on_the_last_bit() -> None:
    assert next_level(0.1 + 0.2 + 0.3, 0.55, 0.05) == 0.6
    assert next_level(0.55, 0.5, 0.05) == 0.55


def test_answers_are_the_same_in_every_database(fresh_url: Callable[[], str]) -> None:
    board = HiddenBoard(fresh_url())
    assert [board.answer(auc) for auc in (0.6, 0.62, 0.7)] == [0.6, None, 0.7]
    with read_session(board.store.engine) as session:
        assert [row.value for row in session.query(AnswerRow).order_by(AnswerRow.result)] == [0.6, 0.7]
    board.store.close()
