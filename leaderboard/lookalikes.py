"""Names that look like other names: mixed scripts are refused, and two names may not have the same skeleton.

After Unicode Technical Standard 39. The scripts and the confusable characters are those of the library
confusable-homoglyphs, which has the tables of the standard; the skeleton is made here, because the library has none
(ICU has one, but needs a compiler to install).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Any

from nvfair_tools.errors import MissingExtra

_COMMON = frozenset({"COMMON", "INHERITED", "UNKNOWN"})
# Scripts that are written together (UTS 39, section 5.2, "highly restrictive").
_WRITTEN_TOGETHER = (
    frozenset({"LATIN", "HAN", "HIRAGANA", "KATAKANA"}),
    frozenset({"LATIN", "HAN", "BOPOMOFO"}),
    frozenset({"LATIN", "HAN", "HANGUL"}),
)


def mixed_word(text: str) -> str:
    """The first word of a text that mixes scripts which are not written together; "" where there is none.

    A word ends at every character that is neither a letter nor a mark: β-VAE has two words of one script each.
    """
    categories = _library("categories")
    for word in re.findall(r"[^\W\d_]+", unicodedata.normalize("NFC", text)):
        scripts = {categories.alias(character) for character in word} - _COMMON
        if len(scripts) > 1 and not any(scripts <= together for together in _WRITTEN_TOGETHER):
            return str(word)
    return ""


@lru_cache(maxsize=65_536)
def skeleton(text: str) -> str:
    """What a name looks like: two names with equal skeletons are easily mistaken for each other (UTS 39, section 4).

    Capitals count as small letters, and spaces do not count.
    """
    form = text
    for _ in range(2):  # a small letter may have another prototype than its capital
        form = "".join(_prototype(character) for character in unicodedata.normalize("NFKD", form))
        form = unicodedata.normalize("NFD", form).casefold()
    return "".join(form.split())


def _prototype(character: str) -> str:
    """The character (or characters) that stands for all that look like this one."""
    table = _library("confusables").confusables_data
    similar = [entry["c"] for entry in table.get(character, ())]
    # The library lists each character of the standard's table with its prototype alone, and a prototype with all of its
    # characters. Where two have only each other, either may stand for both.
    if len(similar) != 1:
        return character
    others = table.get(similar[0], ())
    return str(similar[0]) if len(others) > 1 or len(similar[0]) > 1 else min(character, str(similar[0]))


def _library(module: str) -> Any:
    try:
        from confusable_homoglyphs import categories, confusables
    except ImportError as error:
        raise MissingExtra("confusable-homoglyphs", "board", str(error)) from error
    return {"categories": categories, "confusables": confusables}[module]
