"""What is searched for: a person's name in all the forms in which files spell it, and hashes of the person's data.

All bytes are compared in lower case. A *name* is the identity in any of its forms. A *word* is a part of it, or an
alias, which may also be something else (`hopper`, `1001`): such a place is shown for a person to look at, and is no
proof that anything is left.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal
from urllib.parse import quote

import numpy as np

from nvfair_tools.governance.revocation import Trace
from nvfair_tools.identity import identity_file_name

Kind = Literal["name", "hash", "word"]
HASH_DIGITS = (20, 64)  # of an item's id, and of SHA-256
_HEXADECIMAL = re.compile("[0-9a-f]+")
# Shorter words, and numbers, are everywhere in binary files: they are looked for in texts and names of files alone.
_SHORTEST_WORD = 4
_MOST_OVERLAP = 512
_SHORTEST_PACKED = 8  # bytes
_DIGITS = re.compile(rb"[0-9a-f]+")
_IS_DIGIT = np.isin(np.arange(256), list(b"0123456789abcdef"))


@dataclass(frozen=True)
class Hit:
    """A place where something of a person was found. kind: see above. form: how it is spelled there; offset: in the
    bytes that were searched."""

    kind: Kind
    form: str
    offset: int


@dataclass(frozen=True)
class Patterns:
    """The patterns of one person. is_traced: whether a hash in lower-case hexadecimal is one of the person's."""

    trace: Trace
    is_traced: Callable[[str], bool]

    @classmethod
    def of(cls, trace: Trace, is_traced: Callable[[str], bool] | None = None) -> Patterns:
        """The patterns of a trace. is_traced: recognises hashes beyond those of the trace, such as keyed ones."""
        known = trace.hashes
        if is_traced is None:
            return cls(trace, known.__contains__)
        return cls(trace, lambda digest: digest in known or is_traced(digest))

    @cached_property
    def names(self) -> dict[bytes, str]:
        """Forms {bytes in lower case: how it is spelled} of the identity's forms."""
        return _name_forms(self.trace.identity)

    @cached_property
    def other_names(self) -> tuple[bytes, ...]:
        """Forms of other people's names that begin like this person's."""
        return tuple(form for other in self.trace.others for form in _name_forms(other))

    @cached_property
    def words(self) -> dict[bytes, str]:
        """The {bytes in lower case: word} of parts and aliases that are worth looking for in any bytes."""
        return {
            word: text for word, text in self.all_words.items() if len(word) >= _SHORTEST_WORD and not word.isdigit()
        }

    @cached_property
    def all_words(self) -> dict[bytes, str]:
        """The {bytes in lower case: word} of all parts and aliases."""
        words = {self.trace.identity.partition(":")[2], *self.trace.aliases}
        spellings = {spelling: word for word in words for spelling in (word, json.dumps(word)[1:-1])}
        return {spelling.lower().encode(): word for spelling, word in spellings.items() if spelling}

    @property
    def overlap(self) -> int:
        """How many bytes two blocks of a file must share, so that nothing is missed between them."""
        return max(
            [_MOST_OVERLAP, *(len(form) + 1 for form in self.names), *(len(word) + 2 for word in self.all_words)]
        )

    def search(self, content: bytes, *, is_text: bool) -> Iterator[Hit]:
        """Everything that some bytes hold. is_text: whether short words are looked for too."""
        lower = content.lower()
        for form, text in self.names.items():
            for offset in _places(lower, form):
                if not self._names_another(lower, form, offset):
                    yield Hit("name", text, offset)
        for id, text in self.ids.items():
            yield from (Hit("hash", text, offset) for offset in _places(lower, id))
        for word, text in (self.all_words if is_text else self.words).items():
            for offset in _places(lower, word):
                if _is_whole_word(lower, offset, len(word)):
                    yield Hit("word", text, offset)
        yield from self._hexadecimal(lower)
        yield from self._packed(content)

    def _names_another(self, content: bytes, form: bytes, offset: int) -> bool:
        return any(other.startswith(form) and content.startswith(other, offset) for other in self.other_names)

    def _hexadecimal(self, content: bytes) -> Iterator[Hit]:
        for begin, end in _hexadecimal_runs(content, self._digits[0]):
            text = content[begin:end].decode()
            for digits in self._digits:
                for start in range(len(text) - digits + 1):
                    if self.is_traced(text[start : start + digits]):
                        yield Hit("hash", text[start : start + digits], begin + start)

    def _packed(self, content: bytes) -> Iterator[Hit]:
        """Hashes of the trace as plain bytes: two digits in each."""
        by_start = self._packed_hashes
        if not by_start or len(content) < _SHORTEST_PACKED:
            return
        is_start, pairs = self._packed_starts
        for shift in (0, 1):  # the first two bytes of a hash lie at an even or at an odd place
            first = np.frombuffer(content, "<u2", count=(len(content) - shift) // 2, offset=shift)
            for offset in (2 * np.flatnonzero(pairs[first]) + shift).tolist():
                if is_start[int.from_bytes(content[offset : offset + 3], "big")]:
                    for packed in by_start.get(content[offset : offset + 3], ()):
                        if content.startswith(packed, offset):
                            yield Hit("hash", f"{packed.hex()} in packed form", offset)

    @cached_property
    def _digits(self) -> tuple[int, ...]:
        """How many digits hashes have."""
        return tuple(sorted({*HASH_DIGITS, *(len(id) for id in self.trace.hashes if _HEXADECIMAL.fullmatch(id))}))

    @cached_property
    def ids(self) -> dict[bytes, str]:
        """The {bytes in lower case: id} of ids that are no hexadecimal numbers."""
        return {id.lower().encode(): id for id in self.trace.hashes if not _HEXADECIMAL.fullmatch(id)}

    @cached_property
    def _packed_hashes(self) -> dict[bytes, list[bytes]]:
        by_start: dict[bytes, list[bytes]] = {}
        for digest in self.trace.hashes:
            if len(digest) % 2 or len(digest) < 2 * _SHORTEST_PACKED or not _HEXADECIMAL.fullmatch(digest):
                continue
            packed = bytes.fromhex(digest)
            by_start.setdefault(packed[:3], []).append(packed)
        return by_start

    @cached_property
    def _packed_starts(self) -> tuple[np.ndarray, np.ndarray]:
        """Bool: which three bytes begin a packed hash, as a number; and which two, as a little-endian number."""
        is_start, pairs = np.zeros(1 << 24, bool), np.zeros(1 << 16, bool)
        for start in self._packed_hashes:
            is_start[int.from_bytes(start, "big")] = True
            pairs[int.from_bytes(start[:2], "little")] = True
        return is_start, pairs


def _hexadecimal_runs(content: bytes, shortest: int) -> Iterator[tuple[int, int]]:
    """(begin, end) of the runs of at least `shortest` hexadecimal digits, in lower-case bytes.

    A run covers several places of a grid: only runs at places where neighbours on the grid are all digits are measured.
    """
    step = max(1, shortest // 3)
    on_grid = _IS_DIGIT[np.frombuffer(content, np.uint8)[::step]]
    places = shortest // step
    count = len(on_grid) - places + 1
    if count <= 0:
        return
    is_candidate = np.ones(count, bool)
    for number in range(places):
        is_candidate &= on_grid[number : number + count]
    last = 0
    for place in (step * np.flatnonzero(is_candidate)).tolist():
        if place < last:
            continue
        begin = place
        while begin > last and _IS_DIGIT[content[begin - 1]]:
            begin -= 1
        run = _DIGITS.match(content, begin)
        assert run is not None
        last = run.end()
        if last - begin >= shortest:
            yield begin, last


def _name_forms(identity: str) -> dict[bytes, str]:
    """{bytes in lower case: how it is spelled} of an identity: plain, in names of files, in URLs, HTML, escaped, in
    UTF-16 and UTF-32 (numpy's texts) and in Base64."""
    namespace, _, id = identity.partition(":")
    texts = {
        identity: identity,
        identity_file_name(identity): "as a file's name",
        quote(identity, safe=""): "in a URL",
        f"{namespace}&#58;{id}": "in HTML",
        f"{namespace}&colon;{id}": "in HTML",
        f"{namespace}\\u003a{id}": "escaped",
    }
    forms = {text.lower().encode(): label for text, label in texts.items()}
    for text in (identity, identity_file_name(identity)):
        for encoding in ("utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be"):
            forms[text.lower().encode(encoding)] = f"{encoding}"
    for skipped in range(3):
        # Of the text at each place in a group of three bytes, the characters that depend on it alone.
        encoded = base64.b64encode(b"\0" * skipped + identity.encode())
        first = (skipped * 8 + 5) // 6
        last = (skipped + len(identity)) * 8 // 6
        if last - first >= 8:
            forms[encoded[first:last].lower()] = "in Base64"
    return forms


def _places(content: bytes, form: bytes) -> Iterator[int]:
    offset = content.find(form)
    while offset >= 0:
        yield offset
        offset = content.find(form, offset + 1)


def _is_whole_word(content: bytes, offset: int, length: int) -> bool:
    before, after = content[offset - 1 : offset] if offset else b"", content[offset + length : offset + length + 1]
    return not before.isalnum() and not after.isalnum()
