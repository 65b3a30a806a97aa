"""The plan: which reenactments a data set holds. All pairs within source and split, unless the recipe limits them."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Driver:
    """A clip that may drive, and the person in it."""

    clip_id: str
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
    """One planned reenactment: the clip of `driver` with this id moves the face of `target`."""

    clip_id: str
    driver: str
    target: str
    source: str
    split: str

    @property
    def kind(self) -> Literal["self", "cross"]:
        """The kind of reenactment: "self" where a person drives their own face, else "cross"."""
        return "self" if self.driver == self.target else "cross"


def plan_pairs(
    drivers: Iterable[Driver],
    targets: Iterable[Target],
    *,
    cross_per_clip: Callable[[str], int | None] = lambda split: None,
    with_self: bool = True,
    seed: int = 0,
) -> list[Pair]:
    """Pairs every driver with every target of the same source and split, in a canonical order (by clip, then target).

    cross_per_clip: from a split to how many other people a clip drives at most (None: all). They are drawn by a hash
    of seed, clip and target, so that adding a person or a clip changes as few pairs as possible, and nothing depends on
    the order of a list. with_self: whether people also drive themselves.
    """
    targets_by_group: dict[tuple[str, str], list[Target]] = defaultdict(list)
    for target in sorted(set(targets), key=lambda target: target.identity):
        targets_by_group[target.source, target.split].append(target)
    pairs = []
    for driver in sorted(
        set(drivers), key=lambda driver: (driver.source, driver.split, driver.identity, driver.clip_id)
    ):
        group = targets_by_group[driver.source, driver.split]
        others = [target for target in group if target.identity != driver.identity]
        others = sorted(others, key=lambda target: _draw(seed, driver.clip_id, target.identity))
        others = others[: cross_per_clip(driver.split)]
        themselves = [target for target in group if with_self and target.identity == driver.identity]
        for target in sorted([*themselves, *others], key=lambda target: target.identity):
            pairs.append(Pair(driver.clip_id, driver.identity, target.identity, driver.source, driver.split))
    return pairs


def _draw(seed: int, clip_id: str, target: str) -> bytes:
    return hashlib.sha256(f"{seed}\n{clip_id}\n{target}".encode()).digest()
