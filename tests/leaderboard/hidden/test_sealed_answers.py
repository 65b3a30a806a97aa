"""Everything that a board shows of a sealed set is the same whatever the labels are."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from examples.studies.label_attacks import HiddenSet, random_signs, spectral
from leaderboard.pages.links import Links
from leaderboard.pages.render import PageRenderer
from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.query import Query
from leaderboard.ranking.table_rows import api_page, submission_json, to_csv, to_json
from leaderboard.server.api_submissions import get_submission
from tests.leaderboard.store.test_answers import HiddenBoard

SUBMISSIONS = 60


def shown_texts(board: HiddenBoard, hidden_set: HiddenSet, codes: np.ndarray) -> tuple[list[str], list[str]]:
    """Submits the codes and returns (what the API answers to each, what the board shows of all), times left out."""
    genuine = hidden_set.targets * hidden_set.selves * (hidden_set.selves - 1) // 2
    answers = []
    for submission in codes:
        # The hidden set's people, the counts and the names of its generators differ too.
        overlap = [f"toy:{number:02}" for number in range(hidden_set.seed)]
        result = board.add(float(hidden_set.auc_of_signs(submission)), genuine=genuine, overlap=overlap)
        answer = get_submission(board.store.engine, result.digest, None)
        assert answer is not None
        answers.append(json.dumps([row.figures for row in answer.results]))
    state = board_state(board.store.public_results())
    pages = [to_json(state), to_csv(state), api_page(state).model_dump_json(exclude={"rows": {"__all__": {"created"}}})]
    renderer, digests = PageRenderer(), state.submission_digests()
    pages += [renderer.table(state, Query(), Links()), renderer.data(state, Links())]
    pages += [renderer.method(state, digest, Links(1)) or "" for digest in digests[:3]]
    pages += [renderer.compare(state, digests[0], digests[1], Links()) or ""]
    return answers, [re.sub(r"20\d\d-\d\d-\d\d[^<]*", "TIME", page) for page in pages]


@pytest.fixture
def boards(tmp_path: Path) -> Any:
    opened = [HiddenBoard(f"sqlite:///{tmp_path / name}.sqlite") for name in ("first", "second")]
    yield opened
    for board in opened:
        board.store.close()


def test_random_codes_see_the_same_board_whatever_the_labels_are(boards: list[HiddenBoard]) -> None:
    first, second = HiddenSet(seed=1), HiddenSet(seed=2)
    codes = random_signs(first, SUBMISSIONS, np.random.default_rng(0))
    assert not np.array_equal(first.auc_of_signs(codes), second.auc_of_signs(codes))
    answers, pages = shown_texts(boards[0], first, codes)
    other_answers, other_pages = shown_texts(boards[1], second, codes)
    assert answers == other_answers
    assert pages == other_pages
    assert all(pages[3:-1])
    assert set(answers) == {json.dumps([{"generators": {}, "overlap": "sealed"}])}


def test_an_attacker_who_reads_the_stored_board_learns_nothing(boards: list[HiddenBoard]) -> None:
    """The attack of the study, played against the database and the API; `label_recovery` plays 1,000 answers."""
    hidden_set, board = HiddenSet(seed=3), boards[0]

    def ask(codes: np.ndarray) -> float | None:
        digest = board.add(float(hidden_set.auc_of_signs(codes)), genuine=980).digest
        answer = get_submission(board.store.engine, digest, None)
        assert answer is not None
        numbers = [cell["auc_mean"]["value"] for row in answer.results for cell in row.figures["generators"].values()]
        return numbers[0] if numbers else None

    codes = spectral(hidden_set, ask, SUBMISSIONS, np.random.default_rng(0))
    assert hidden_set.auc(codes) - 0.5 <= 0.02


def test_the_json_of_a_submission_follows_from_its_declaration(boards: list[HiddenBoard]) -> None:
    texts = []
    for board, auc in zip(boards, (0.41, 0.53), strict=True):
        result = board.add(auc, overlap=["toy:06"] if auc > 0.5 else [])
        content = json.loads(submission_json(board_state(board.store.public_results()), result.digest) or "")
        for row in content["results"]:
            row.pop("created")
        texts.append(content)
    assert texts[0] == texts[1]
