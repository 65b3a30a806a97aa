"""Writes the decision table of docs/consent.md: many cases, and what `nvfair_tools.governance` decides in each.

python docs/make_consent_table.py
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nvfair_tools.governance.decision import Decision, Item, Material, decide
from nvfair_tools.governance.declared import DECLARED_USES, declared_consent
from nvfair_tools.governance.licences import read_licences
from nvfair_tools.governance.uses import SIMULATED, Answer, Consent, Purpose, Use

PAGE = Path(__file__).parent / "consent.md"
BEGIN, END = "<!-- decision table: begin -->", "<!-- decision table: end -->"
DAY = date(2026, 7, 1)

_ANSWER = re.compile(r"(yes|no|unknown)(?: for (\w+))?(?: from ([\d-]+))?(?: until ([\d-]+))?(?:; withdrawn ([\d-]+))?")


@dataclass(frozen=True)
class Case:
    """A question. target, driver: the answer to the use, in words; driver is "" for a recording. portrait, clip,
    generator: licences. declared: whether the curator's list answers for unknown licences."""

    target: str
    driver: str
    portrait: str
    clip: str
    generator: str
    use: Use
    purpose: Purpose = "research"

    @property
    def declared(self) -> bool:
        """Whether a person of the case is known from the list of clips alone."""
        return "list:" in self.target + self.driver


def _case(target: str, driver: str, use: Use, purpose: Purpose = "research", **licences: str) -> Case:
    parts = {"portrait": "CC-BY-4.0", "clip": "CC-BY-4.0", "generator": "Apache-2.0"} | licences
    return Case(target, driver, **parts, use=use, purpose=purpose)


def _recording(person: str, use: Use, purpose: Purpose = "research", clip: str = "CC-BY-4.0") -> Case:
    return Case(person, "", "", clip, "", use, purpose)


YES = "yes for any"
CASES = (
    # Each role answers for itself.
    _case(YES, YES, "target"),
    _case(YES, "no", "target"),
    _case("no", YES, "target"),
    _case("unknown", YES, "target"),
    _case(YES, YES, "driver"),
    _case("no", YES, "driver"),
    _case(YES, "no", "driver"),
    _case(YES, "unknown", "driver"),
    # Both answer for everything else.
    _case(YES, YES, "training"),
    _case("no", YES, "training"),
    _case(YES, "no", "training"),
    _case(YES, "unknown", "redistribution"),
    _case("unknown", YES, "display"),
    _case("unknown", "no", "display"),
    _case("unknown", "unknown", "voice"),
    _case(YES, YES, "voice"),
    # Days.
    _case("yes for any from 2026-07-01", YES, "target"),
    _case("yes for any from 2026-07-02", YES, "target"),
    _case("yes for any until 2026-07-01", YES, "training"),
    _case("yes for any until 2026-06-30", YES, "training"),
    _case(YES, "yes for any from 2026-01-01 until 2026-03-31", "driver"),
    _case(YES, "yes for any; withdrawn 2026-06-30", "driver"),
    _case(YES, "yes for any; withdrawn 2026-12-31", "training"),
    _case("no; withdrawn 2026-01-01", YES, "display"),
    _case("yes for any until 2026-06-30", "yes for any; withdrawn 2026-05-01", "redistribution"),
    _case("yes for any until 2026-06-30", "yes for any from 2026-08-01", "training"),
    # Purposes.
    _case("yes for research", "yes for research", "training"),
    _case("yes for research", YES, "training", "commercial"),
    _case("yes for education", YES, "training"),
    _case(YES, "yes for commercial", "display"),
    _case("yes", YES, "training"),
    _case("yes for education until 2026-06-30", YES, "training"),
    # Licences.
    _case(YES, YES, "training", clip="CC BY-NC-SA 4.0"),
    _case(YES, YES, "training", "commercial", clip="CC BY-NC-SA 4.0"),
    _case(YES, YES, "training", "commercial", generator="CC-BY-NC-4.0"),
    _case(YES, YES, "target", "commercial", clip="CC-BY-NC-4.0"),
    _case(YES, YES, "target", "commercial", portrait="CC-BY-NC-4.0"),
    _case(YES, YES, "driver", "commercial", portrait="CC-BY-NC-4.0"),
    _case(YES, YES, "redistribution", clip="CC-BY-ND-4.0"),
    _case(YES, YES, "training", clip="CC-BY-ND-4.0"),
    _case(YES, YES, "training", clip="lab agreement 12"),
    _case(YES, YES, "training", generator="unknown"),
    _case(YES, YES, "training", generator="MIT; InsightFace models for non-commercial research only"),
    _case(YES, YES, "training", "education", generator="MIT; InsightFace models for non-commercial research only"),
    _case(YES, YES, "display", generator="MIT; InsightFace models for non-commercial research only"),
    _case(YES, YES, "display", portrait="MIT OR GPL-3.0-only"),
    _case("unknown", YES, "training", "commercial", clip="CC-BY-NC-4.0"),
    # Recordings: the person in them is asked about any use.
    _recording(YES, "training"),
    _recording("no", "target"),
    _recording("unknown", "driver"),
    _recording(YES, "redistribution", clip="ODbL 1.0 (contents: DbCL 1.0)"),
    _recording(YES, "driver", "commercial", clip="CC-BY-NC-4.0"),
    # No consent table: the list of clips answers for target, driver and training; and simulated people.
    _case("list: research", "list: research", "target"),
    _case("list: research", "list: research", "training", clip="lab agreement 12", generator="unknown"),
    _case("list: research", "list: research", "redistribution"),
    _case("list: research", "list: research", "display"),
    _case("list: any", "list: any", "redistribution"),
    _case("list: any", "list: any", "display", clip="lab agreement 12"),
    _case("list: any", "list: any", "voice"),
    _case("list: any", "list: research; no display", "display"),
    _case("list: research; No Publication", "list: any", "redistribution"),
    _case("list: research", "list: research", "training", "commercial", clip="CC-BY-NC-4.0"),
    _case("simulated", "simulated", "redistribution", portrait="CC0-1.0", clip="CC0-1.0"),
    _case("simulated", "simulated", "display", portrait="CC0-1.0", clip="CC0-1.0", generator="unknown"),
)


def consent_in_words(words: str) -> Consent:
    """The consent that the words of a case describe: the same answer to every use, a list's text, or "simulated"."""
    if words == "simulated":
        return SIMULATED
    if words.startswith("list: "):
        return declared_consent(words.removeprefix("list: "))
    match = _ANSWER.fullmatch(words)
    if match is None:
        raise ValueError(f"{words!r} is no answer")
    value, scope, *days = match.groups()
    since, expires, withdrawn = (date.fromisoformat(day) if day else None for day in days)
    answer = Answer(value, scope=frozenset(filter(None, [scope])), since=since, expires=expires, withdrawn=withdrawn)
    return Consent.of({}, answer)


def decision_of(case: Case) -> Decision:
    """What is decided in a case on DAY."""
    declared = frozenset(DECLARED_USES if case.declared else ())
    materials = {
        part: Material(part, read_licences(text), declared)
        for part, text in (("portrait", case.portrait), ("clip", case.clip), ("generator", case.generator))
        if text
    }
    target = consent_in_words(case.target)
    if case.driver:
        item = Item.reenactment(target, consent_in_words(case.driver), materials.values())
    else:
        item = Item.recording(target, materials["clip"])
    return decide(item, case.use, purpose=case.purpose, on=DAY)


def table_lines() -> Iterator[str]:
    """The decision table in Markdown, line by line."""
    yield f"On {DAY}; licences are those of portrait, clip and generator. A recording has one person and one licence."
    yield ""
    yield "| | target | driver | licences | use | purpose | decision |"
    yield "|---|---|---|---|---|---|---|"
    for number, case in enumerate(CASES, 1):
        decision = decision_of(case)
        reasons = ", ".join(dict.fromkeys(f"`{refusal.reason}`" for refusal in decision.refusals))
        licences = " / ".join(filter(None, (case.portrait, case.clip, case.generator)))
        driver = case.driver or "(a recording)"
        decided = f"refused: {reasons}" if reasons else "permitted"
        yield f"| {number} | {case.target} | {driver} | {licences} | {case.use} | {case.purpose} | {decided} |"


def page_with_table(page: str) -> str:
    """The text of the page, with the table of today's code between its marks."""
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    return "\n".join([f"{before}{BEGIN}", *table_lines(), f"{END}{after}"])


if __name__ == "__main__":
    PAGE.write_text(page_with_table(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
