"""Changes of a CSV file as text: (rng, content) -> (content, outcome)."""

from __future__ import annotations

from collections.abc import Callable

from tests.leaderboard.mutations.outcomes import ANY, BAD, SAME, Rng


def _windows_line_ends(rng: Rng, content: bytes) -> tuple:
    return content.replace(b"\n", b"\r\n"), SAME


def _add_byte_order_mark(rng: Rng, content: bytes) -> tuple:
    return b"\xef\xbb\xbf" + content, SAME


def _remove_quotes(rng: Rng, content: bytes) -> tuple:
    return content.replace(b'"', b""), SAME


def _change_encoding(rng: Rng, content: bytes) -> tuple:
    return content.decode().encode(str(rng.choice(["utf-16", "utf-32", "utf-16-be"]))), BAD


def _add_latin1_line(rng: Rng, content: bytes) -> tuple:
    return content + "Käse,1,2,3\n".encode("latin-1"), BAD


def _add_cell_to_line(rng: Rng, content: bytes) -> tuple:
    lines = content.split(b"\n")
    lines[int(rng.integers(1, len(lines) - 1))] += b",1"
    return b"\n".join(lines), BAD


def _replace_number_by_word(rng: Rng, content: bytes) -> tuple:
    lines = content.split(b"\n")
    at = int(rng.integers(1, len(lines) - 1))
    cells = lines[at].split(b",")
    cells[-1] = [b"NaN", b"inf", b"1_0", b"0x1", b"1,5", b"=1+1", b"", b"null", b"1e", b"--1", "١".encode()][
        int(rng.integers(11))
    ]
    lines[at] = b",".join(cells)
    return b"\n".join(lines), BAD


def _open_quote(rng: Rng, content: bytes) -> tuple:
    at = int(rng.integers(len(content)))
    return content[:at] + b'"' + content[at:], ANY


TEXTS: dict[str, Callable] = {
    "other line ends": _windows_line_ends,
    "a byte-order mark": _add_byte_order_mark,
    "without quotes": _remove_quotes,
    "another encoding": _change_encoding,
    "a line in latin-1": _add_latin1_line,
    "a ragged line": _add_cell_to_line,
    "a word for a number": _replace_number_by_word,
    "a quote that is not closed": _open_quote,
}
