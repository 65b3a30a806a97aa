"""The one function that decides whether something may be used, and says why not.

It reads no file and no clock: consents, licences, use, purpose and date are its arguments. Whoever plans, renders,
stores, shows, trains or passes on asks it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Literal

from nvfair_tools.governance.licences import Licence
from nvfair_tools.governance.uses import ANY_PURPOSE, Answer, Consent, Purpose, Use

Role = Literal["person", "target", "driver"]
Part = Literal["clip", "portrait", "generator"]

# Every reason for a refusal, the gravest first: the first that applies is the reason of a row.
REASONS = {
    "consent_withdrawn": "the person has taken the consent back",
    "consent_refused": "the person said no",
    "consent_unknown": "nobody knows what the person says",
    "consent_not_yet_valid": "the consent begins later",
    "consent_expired": "the consent has ended",
    "scope_not_covered": "the consent does not cover the purpose",
    "use_not_permitted": "the list of clips does not permit the use",
    "licence_forbids": "a licence forbids the use",
    "licence_unknown": "a licence is not known to permit the use",
}
_ORDER = list(REASONS)


@dataclass(frozen=True)
class Material:
    """A work that an item is made from. licences: all of them hold. declared: uses that the curator has answered for,
    so that an unknown licence does not refuse them; a known licence that forbids them still does."""

    part: Part
    licences: tuple[Licence, ...]
    declared: frozenset[Use] = frozenset()


@dataclass(frozen=True)
class Item:
    """The people in a video, a clip or a portrait, each in a role, and the materials that it is made from."""

    people: tuple[tuple[Role, Consent], ...]
    materials: tuple[Material, ...] = ()

    @classmethod
    def recording(cls, person: Consent, material: Material) -> Item:
        """A real recording of one person."""
        return cls((("person", person),), (material,))

    @classmethod
    def reenactment(cls, target: Consent, driver: Consent, materials: Iterable[Material]) -> Item:
        """A reenactment: the driver's motion on the target's face."""
        return cls((("target", target), ("driver", driver)), tuple(materials))


@dataclass(frozen=True)
class Refusal:
    """One reason why an item may not be used. who: the role or the part that it concerns. text: in words, without the
    day of the question, so that equal builds have equal rows."""

    reason: str
    who: str
    text: str

    def __str__(self) -> str:
        return self.text if self.who == "person" else f"{self.who}: {self.text}"


@dataclass(frozen=True)
class Decision:
    """Whether an item may be used; every reason why not, the gravest first."""

    refusals: tuple[Refusal, ...] = ()

    @property
    def permitted(self) -> bool:
        """Whether nothing refuses the use."""
        return not self.refusals

    @property
    def reason(self) -> str:
        """The gravest reason, one of REASONS; "" where the use is permitted."""
        return self.refusals[0].reason if self.refusals else ""

    @property
    def detail(self) -> str:
        """All reasons, in words, each once."""
        return "; ".join(dict.fromkeys(map(str, self.refusals)))


def decide(item: Item, use: Use, *, purpose: Purpose, on: date) -> Decision:
    """Decides whether an item may be used for a purpose on a day.

    The target answers for `target`, the driver for `driver`, everybody in the item for every other use. The portrait's
    licence is asked about `target`, the clip's about `driver`, all licences about other uses, and a generator's about
    every use: the strictest wins. A person of a real recording and its clip are asked about any use.
    """
    refusals: list[Refusal] = []
    for role, consent in item.people:
        if _is_asked(role, use):
            refusals += _refused_by_person(role, consent.to(use), use, purpose, on)
    has_roles = all(role != "person" for role, _ in item.people)
    for material in item.materials:
        if not has_roles or _is_asked({"portrait": "target", "clip": "driver"}.get(material.part, ""), use):
            refusals += _refused_by_licences(material, use, purpose)
    return Decision(tuple(sorted(refusals, key=lambda refusal: _ORDER.index(refusal.reason))))


def decide_all(item: Item, uses: Iterable[Use], *, purpose: Purpose, on: date) -> Decision:
    """Decides whether an item may be used for all of several uses; see `decide`."""
    refusals = [refusal for use in uses for refusal in decide(item, use, purpose=purpose, on=on).refusals]
    return Decision(tuple(sorted(refusals, key=lambda refusal: _ORDER.index(refusal.reason))))


def count_reasons(reasons: Iterable[str]) -> str:
    """How often each reason occurs, in words, such as "3 consent_refused, 1 licence_unknown"; by name."""
    return ", ".join(f"{count:,} {reason}" for reason, count in sorted(Counter(reasons).items()))


def _is_asked(role: str, use: Use) -> bool:
    return not (role == "driver" and use == "target") and not (role == "target" and use == "driver")


def _refused_by_person(role: str, answer: Answer, use: Use, purpose: Purpose, on: date) -> Iterator[Refusal]:
    if answer.withdrawn is not None:
        yield Refusal("consent_withdrawn", role, f"consent to {use} was withdrawn on {answer.withdrawn}")
    elif answer.value == "no":
        reason = "use_not_permitted" if answer.basis == "clip list" else "consent_refused"
        yield Refusal(reason, role, answer.note or f"no consent to {use}: the answer is no")
    elif answer.value == "unknown":
        yield Refusal("consent_unknown", role, answer.note or f"consent to {use} is unknown")
    elif answer.since is not None and on < answer.since:
        yield Refusal("consent_not_yet_valid", role, f"consent to {use} begins on {answer.since}")
    elif answer.expires is not None and on > answer.expires:
        yield Refusal("consent_expired", role, f"consent to {use} ended on {answer.expires}")
    elif ANY_PURPOSE not in answer.scope and purpose not in answer.scope:
        scope = ", ".join(sorted(answer.scope)) or "no purpose"
        yield Refusal("scope_not_covered", role, f"consent to {use} covers {scope}, not {purpose}")


def _refused_by_licences(material: Material, use: Use, purpose: Purpose) -> Iterator[Refusal]:
    for licence in material.licences:
        permits = licence.permits(use, purpose)
        if permits is False:
            yield Refusal(
                "licence_forbids", material.part, f"licence {licence.text!r} does not permit {use} for {purpose}"
            )
        elif permits is None and use not in material.declared:
            yield Refusal(
                "licence_unknown", material.part, f"whether licence {licence.text!r} permits {use} is unknown"
            )
