"""Text that strangers send: checked for invisible characters, quoted in messages, written into spreadsheets.

Markup is no danger here: it is kept as it is, and pages escape it. Refused are characters that nobody can see and that
escaping does not touch: control characters, characters that turn the reading direction round, halves of surrogate
pairs, blank letters and signs, joiners and selectors with nothing to join or select, and heaps of combining marks.
"""

from __future__ import annotations

import unicodedata

from leaderboard.lookalikes import mixed_word

_LINE_CHARACTERS = "\n\t"
# Marks that turn the reading direction of what follows: a name can be made to read as another one.
_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
# Joiners belong to the spelling of several scripts, after a mark or an Arabic letter, and to signs made of several.
_JOINERS = frozenset("\u200c\u200d")
_SELECTORS = frozenset("\ufe0e\ufe0f")  # text or picture, after a sign
# Characters of other categories that show nothing: Unicode's Default_Ignorable_Code_Point, and the Braille blank.
_BLANKS = (
    (0x034F, 0x034F),
    (0x115F, 0x1160),
    (0x17B4, 0x17B5),
    (0x180B, 0x180F),
    (0x2065, 0x2065),
    (0x2800, 0x2800),
    (0x3164, 0x3164),
    (0xFE00, 0xFE0F),
    (0xFFA0, 0xFFA0),
    (0xFFF0, 0xFFF8),
    (0xE0000, 0xE0FFF),
)
_MAX_MARKS = 4  # on one character (Unicode Technical Standard 39, section 5.4)
_INVISIBLE_CATEGORIES = ("Cc", "Cs", "Cf", "Co", "Zl", "Zp")
_FORMULA_STARTS = tuple("=+-@\t\r\n")  # what a spreadsheet would run rather than show (OWASP, CSV injection)
_MAX_QUOTED = 60


def invisible_character(text: str, *, lines: bool = False) -> str:
    """The name of the first character that has no place in a text; "" where there is none.

    lines: whether the text may have more than one line.
    """
    previous, marks = "", 0
    for character in text:
        if lines and character in _LINE_CHARACTERS:
            previous, marks = "", 0
            continue
        marks = marks + 1 if unicodedata.category(character) in ("Mn", "Me") else 0
        if marks > _MAX_MARKS or (marks and not previous) or _shows_nothing(character, previous):
            return f"U+{ord(character):04X} ({unicodedata.name(character, 'a control character')})"
        previous = character
    return ""


def _shows_nothing(character: str, previous: str) -> bool:
    """Whether nobody sees a character behind `previous`; "" at the beginning of a line."""
    category, code = unicodedata.category(character), ord(character)
    if character in _JOINERS:
        return not previous or not (
            unicodedata.category(previous) in ("Mn", "Mc", "So", "Sk")
            or unicodedata.bidirectional(previous) == "AL"
            or previous in _SELECTORS
        )
    if character in _SELECTORS:
        return not previous or unicodedata.category(previous) not in ("So", "Sm", "Po", "Nd")
    # Code points that Unicode promises never to make characters of.
    noncharacter = code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF
    blank = any(first <= code <= last for first, last in _BLANKS)
    return category in _INVISIBLE_CATEGORIES or noncharacter or blank or character in _DIRECTION_MARKS


def name_problem(text: str) -> str:
    """Why a text cannot be the name of an account, a method or an author; "" where it can."""
    character = invisible_character(text)
    if character:
        return f"it holds {character}, which cannot be seen"
    word = mixed_word(text)
    return f"its word {word!r} ({word!a}) mixes letters of several scripts that look alike" if word else ""


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
