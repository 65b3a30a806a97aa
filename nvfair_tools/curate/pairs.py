"""The plan: which reenactments a data set holds. All pairs within source and split, unless the recipe limits them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Driver:
    """A clip that may drive. clip: its id."""

    clip: str
    identity: str
    source: str
    split: str


@dataclass(frozen=True)
class Target:
    """A person whose portrait may be driven."""

    identity: str
    source: str
    split: str


@dataclass(frozen=True)
class Pair:
    """One reenactment: `clip` of `driver` on the face of `target`."""

    clip: str
    driver: str
    target: str
    source: str
    split: str

    @property
    def kind(self) -> Literal["self", "cross"]:
        """ "self" where a person drives their own face."""
        return "self" if self.driver == self.target else "cross"


def plan_pairs(
    drivers: Iterable[Driver],
    targets: Iterable[Target],
    *,
    cross_per_clip: Callable[[str], int | None] = lambda split: None,
    with_self: bool = True,
    seed: int = 0,
) -> list[Pair]:
    """Every driver on every target of the same source and split, in a canonical order (by clip, then target).

    cross_per_clip: from a split to how many other people a clip drives at most (None: all). They are drawn by a hash
    of seed, clip and target, so that adding a person or a clip changes as few pairs as can be, and nothing depends on
    the order of a list.
    """
    groups: dict[tuple[str, str], list[Target]] = defaultdict(list)
    for target in sorted(set(targets), key=lambda target: target.identity):
        groups[target.source, target.split].append(target)
    pairs = []
    for driver in sorted(set(drivers), key=lambda driver: (driver.source, driver.split, driver.identity, driver.clip)):
        group = groups[driver.source, driver.split]
        others = [target for target in group if target.identity != driver.identity]
        others = sorted(others, key=lambda target: _draw(seed, driver.clip, target.identity))
        others = others[: cross_per_clip(driver.split)]
        own = [target for target in group if with_self and target.identity == driver.identity]
        for target in sorted([*own, *others], key=lambda target: target.identity):
            pairs.append(Pair(driver.clip, driver.identity, target.identity, driver.source, driver.split))
    return pairs


def _draw(seed: int, clip: str, target: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{clip}\n{target}".encode()).digest()
