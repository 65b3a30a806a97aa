"""Text that strangers send: checked for invisible characters, quoted in messages, written into spreadsheets.

Markup is no danger here: it is kept as it is, and pages escape it. Refused are characters that nobody can see and that
escaping does not touch: control characters, characters that turn the reading direction round, and halves of surrogate
pairs.
"""

from __future__ import annotations

import unicodedata

_LINE_CHARACTERS = "\n\t"
# Marks that turn the reading direction of what follows: a name can be made to read as another one.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners belong to the spelling of several scripts; every other invisible character does not.
_JOINERS = frozenset("\u200c\u200d")
_INVISIBLE_CATEGORIES = ("Cc", "Cs", "Cf", "Co", "Zl", "Zp")
_FORMULA_STARTS = tuple("=+-@\t\r\n")  # what a spreadsheet would run rather than show (OWASP, CSV injection)
_MAX_QUOTED = 60


def invisible_character(text: str, *, lines: bool = False) -> str:
    """The name of the first character that has no place in a text; "" where there is none.

    lines: whether the text may have more than one line.
    """
    for character in text:
        if lines and character in _LINE_CHARACTERS:
            continue
        invisible = unicodedata.category(character) in _INVISIBLE_CATEGORIES and character not in _JOINERS
        # Code points that Unicode promises never to make characters of.
        noncharacter = ord(character) & 0xFFFE == 0xFFFE or 0xFDD0 <= ord(character) <= 0xFDEF
        if invisible or noncharacter or character in _DIRECTION_MARKS:
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
    return ""


def quoted(value: object) -> str:
    """A stranger's value within a message: quoted, on one line, at most 60 characters, nothing invisible."""
    text = ascii(str(value)) if invisible_character(str(value)) else repr(str(value))
    return text if len(text) <= _MAX_QUOTED else f"{text[: _MAX_QUOTED - 3]}..."


def spreadsheet_cell(value: object) -> object:
    """A value as a cell of CSV: a text that a spreadsheet would run as a formula gets an apostrophe in front.

    To be used for everything that is exported and that strangers may have written; numbers stay numbers.
    """
    if isinstance(value, str) and value.lstrip(" ").startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
