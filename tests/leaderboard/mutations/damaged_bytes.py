"""Damage of the bytes of any file: (rng, content) -> content. The outcome is ANY."""

from __future__ import annotations

from collections.abc import Callable

from tests.leaderboard.mutations.outcomes import Rng


def _flip_bytes(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(len(changed), size=int(rng.choice([1, 1, 2, 8, 64]))):
        changed[at] = int(rng.integers(256))
    return bytes(changed)


def _flip_bytes_near_end(rng: Rng, content: bytes) -> bytes:
    """Where Parquet and zip keep what they say of themselves."""
    changed = bytearray(content)
    for at in rng.integers(max(0, len(changed) - 800), len(changed), size=int(rng.choice([1, 1, 2, 4]))):
        changed[at] = int(rng.choice([0, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return bytes(changed)


def _flip_bytes_near_start(rng: Rng, content: bytes) -> bytes:
    changed = bytearray(content)
    for at in rng.integers(0, min(200, len(changed)), size=int(rng.choice([1, 2, 4]))):
        changed[at] = int(rng.choice([0, 0x7F, 0x80, 0xFF, int(rng.integers(256))]))
    return bytes(changed)


def _cut_off(rng: Rng, content: bytes) -> bytes:
    return content[: int(rng.integers(len(content)))]


def _lose_piece(rng: Rng, content: bytes) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(len(content), size=2))
    return content[:first] + content[min(last, first + 1000) :]


def _repeat_piece(rng: Rng, content: bytes) -> bytes:
    first, last = sorted(int(at) for at in rng.integers(len(content), size=2))
    return content[:last] + content[first:]


def _insert_noise(rng: Rng, content: bytes) -> bytes:
    at = int(rng.integers(len(content)))
    return content[:at] + rng.bytes(int(rng.integers(1, 500))) + content[at:]


DAMAGES: dict[str, Callable] = {
    "bytes flipped": _flip_bytes,
    "bytes flipped near the end": _flip_bytes_near_end,
    "bytes flipped near the start": _flip_bytes_near_start,
    "cut off": _cut_off,
    "a piece lost": _lose_piece,
    "a piece twice": _repeat_piece,
    "noise within": _insert_noise,
}
