"""Names that look like other names are refused, whatever their characters are."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.lookalikes import mixed_word, skeleton
from leaderboard.store.accounts import create_token
from leaderboard.store.results import Store
from leaderboard.submission.check import find_problems
from leaderboard.submission.untrusted_text import invisible_character, name_problem
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration

CYRILLIC_A = "\u0430"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("paypal", f"p{CYRILLIC_A}yp{CYRILLIC_A}l"),
        ("scope", "\u0455\u0441\u043e\u0440\u0435"),  # five Cyrillic letters: one script, no mixture
        ("MOTA", "\u041c\u041e\u0422\u0410"),
        ("modern", "rnodern"),
        ("net 1", "net l"),
        ("motion net", "motion\u00a0net"),
        ("motion net", "MotionNet"),
        ("motion", "\uff4dotion"),
        ("motion", "\U0001d426otion"),
        ("\u00c5ngstr\u00f6m", "A\u030angstro\u0308m"),
    ],
)
def test_names_that_look_the_same_have_the_same_skeleton(first: str, second: str) -> None:
    assert skeleton(first) == skeleton(second)


@pytest.mark.parametrize(("first", "second"), [("abc", "abd"), ("method 10", "method 11"), ("Ann", "Anne")])
def test_other_names_have_other_skeletons(first: str, second: str) -> None:
    assert skeleton(first) != skeleton(second)


@pytest.mark.parametrize("text", [f"motion gr{CYRILLIC_A}ph", "VAE\u03b2", "mo\u03c4ion"])
def test_a_word_of_several_scripts_is_named(text: str) -> None:
    assert mixed_word(text) in text.split()
    assert "several scripts" in name_problem(text)


@pytest.mark.parametrize(
    "text",
    ["\u03b2-VAE", "名前テスト2", "모션 net", "Ångström", "LIA-x", "Łódź", "αβγ net", "Анна Net", "क्‍ष", "می‌خواهم"],
)
def test_names_of_one_script_a_word_are_taken(text: str) -> None:
    assert name_problem(text) == ""


@pytest.mark.parametrize(
    "text",
    [
        "a\u3164b",
        "\u2800",
        "a\u034fb",
        "a\u115fb",
        "a\uffa0b",
        "a\u180bb",
        "a\ufe0fb",
        "Motion\u200cNet",
        "Motion\u200dNet",
        "\u200dMotion",
        "a\U000e0101b",
        "a" + "\u0301" * 79,
        "\u0301a",
    ],
)
def test_blank_characters_and_heaps_of_marks_are_named(text: str) -> None:
    assert invisible_character(text).startswith("U+")


@pytest.mark.parametrize("text", ["❤️", "👩\u200d💻", "Tiếng Việt", "Tie\u0302\u0301ng", "שָׁלוֹם", "ग्राफ़", "☃ 👩"])
def test_marks_joiners_and_selectors_that_are_seen_are_kept(text: str) -> None:
    assert invisible_character(text) == ""


@pytest.mark.parametrize("key", ["method", "authors"])
@pytest.mark.parametrize("name", [f"gr{CYRILLIC_A}ph", "a\u3164b", "a\u2800b", "a\u034fb", "a" + "\u0301" * 70])
def test_the_check_refuses_such_names(submission: Path, dataset: Dataset, key: str, name: str) -> None:
    write_declaration(submission, {**VALID_DECLARATION, key: [name] if key == "authors" else name})
    (problem,) = find_problems(submission, dataset)
    assert problem.startswith(f"submission.yaml: {key}")


def test_an_account_may_not_look_like_another(fresh_url: Callable[[], str]) -> None:
    store = Store(fresh_url())
    create_token(store.engine, "ann")
    create_token(store.engine, "ann")  # a second token of the same account
    for name in (f"{CYRILLIC_A}nn", "Ann", "a nn", "ann\u3164", "\uff41nn"):
        with pytest.raises(NvfairError, match=r"looks like the account 'ann'|several scripts|cannot be seen"):
            create_token(store.engine, name)
    create_token(store.engine, "anna")
    store.close()
