"""Text that strangers send: what is refused, how it is shown in a message, how it goes into a spreadsheet.

Markup is no danger here: it is kept as it is, and pages escape it. Refused is what nobody can see or escape: control
characters, characters that turn the reading direction round, halves of surrogate pairs.
"""

from __future__ import annotations

import unicodedata

_LINES = "\n\t"
# Marks that turn the reading direction of what follows: a name can be made to read as another one.
_DIRECTIONS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners belong to the spelling of several scripts; every other invisible character does not.
_JOINERS = frozenset("\u200c\u200d")
_FORMULA = tuple("=+-@\t\r\n")  # what a spreadsheet would run, not show (OWASP, CSV injection)
_SHOWN = 60


def invisible_character(text: str, *, lines: bool = False) -> str:
    """Name of the first character that has no place in a text; "" where there is none. lines: whether it may have more
    than one line."""
    for character in text:
        if lines and character in _LINES:
            continue
        category = unicodedata.category(character)
        invisible = category in ("Cc", "Cs", "Cf", "Co", "Zl", "Zp") and character not in _JOINERS
        nothing = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF  # never to be characters
        if invisible or nothing or character in _DIRECTIONS:
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
    return ""


def quoted(value: object) -> str:
    """A stranger's value within a message: quoted, one line, short, nothing invisible."""
    text = ascii(str(value)) if invisible_character(str(value)) else repr(str(value))
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def spreadsheet_cell(value: object) -> object:
    """A value as a cell of CSV: a text that a spreadsheet would run as a formula gets an apostrophe in front.

    For everything that is exported and that strangers may have written; numbers stay numbers.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA):
        return f"'{value}"
    return value
