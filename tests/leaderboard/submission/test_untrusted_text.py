"""What nobody can see is refused, what a spreadsheet would run is made plain, and the rest is kept as it is."""

import csv
import io

import pytest

from leaderboard.submission.untrusted_text import invisible_character, quoted, spreadsheet_cell


@pytest.mark.parametrize(
    "text",
    [
        "\x00",
        "\x07",
        "\x1b[31m",
        "\u200b",
        "\u202e",
        "\u2066",
        "\ufeff",
        "\ud800",
        "\ue000",
        "\u2028",
        "\uffff",
        "\U000e0041",
    ],
)
def test_what_cannot_be_seen_is_named(text: str) -> None:
    assert invisible_character(f"a{text}b").startswith("U+")


@pytest.mark.parametrize(
    "text", ["Ångström", "名前", "क्‍ष", "می‌خواهم", "<script>alert(1)</script>", "=1+1", "'; DROP TABLE x; --", "☃ 👩"]
)
def test_what_can_be_seen_is_kept_whatever_it_looks_like(text: str) -> None:
    assert invisible_character(text) == ""


def test_lines_are_for_texts_of_several_lines() -> None:
    assert invisible_character("a\nb") != ""
    assert invisible_character("a\nb", lines=True) == ""
    assert invisible_character("a\rb", lines=True) != ""


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1+1", "=cmd|'/c calc'!A1"])
def test_a_cell_that_a_spreadsheet_would_run_becomes_text(text: str) -> None:
    out = io.StringIO()
    csv.writer(out).writerow([spreadsheet_cell(text)])
    (cell,) = next(csv.reader(io.StringIO(out.getvalue(), newline="")))
    assert cell == f"'{text}"


@pytest.mark.parametrize("value", ["method", "a=b", "", -1.5, 0, None])
def test_other_cells_stay(value: object) -> None:
    assert spreadsheet_cell(value) == value


def test_a_message_shows_strangers_values_on_one_short_line() -> None:
    assert quoted("a\u202eb\n") == ascii("a\u202eb\n")
    assert len(quoted("x" * 1000)) == 60
    assert quoted("it's") == '"it\'s"'
