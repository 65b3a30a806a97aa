"""Consents add up to the strictest; licences are found under the names that people write."""

from __future__ import annotations

import itertools
from datetime import date

import pytest

from nvfair_tools.governance.decision import Item, Material, decide, decide_all
from nvfair_tools.governance.declared import declared_consent
from nvfair_tools.governance.licences import known_licences, licences_in, read_licences
from nvfair_tools.governance.uses import PURPOSES, SIMULATED, USES, Answer, Consent

ANY = frozenset({"any"})
DAY = date(2026, 7, 1)
ANSWERS = [
    Answer(value, scope=scope, since=since, expires=expires, withdrawn=withdrawn)
    for value in ("yes", "no", "unknown")
    for scope in (frozenset[str](), frozenset({"research"}), ANY, frozenset({"education", "commercial"}))
    for since in (None, date(2026, 1, 1), date(2026, 8, 1))
    for expires in (None, date(2026, 6, 30), date(2027, 1, 1))
    for withdrawn in (None, date(2026, 3, 1))
]


def is_permitted(answer: Answer, purpose: str) -> bool:
    item = Item.recording(Consent.of({}, answer), Material("clip", read_licences("CC0-1.0")))
    return decide(item, "training", purpose=purpose, on=DAY).permitted  # type: ignore[arg-type]


def test_the_strictest_of_two_answers_permits_what_both_permit_and_nothing_else() -> None:
    assert len({is_permitted(answer, "research") for answer in ANSWERS}) == 2
    for first, second in itertools.product(ANSWERS, ANSWERS):
        for purpose in PURPOSES:
            both = is_permitted(first, purpose) and is_permitted(second, purpose)
            assert is_permitted(first.strictest(second), purpose) == both, (first, second, purpose)


def test_evidence_does_not_tell_consents_apart() -> None:
    assert Answer("yes", evidence="form 1") == Answer("yes", evidence="form 2")


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ("CC0", ["CC0-1.0"]),
        ("cc by-nc-sa 4.0", ["CC-BY-NC-SA-4.0"]),
        ("ODbL 1.0 (contents: DbCL 1.0)", ["ODbL-1.0"]),
        ("CC-BY-NC-4.0 + Apache-2.0", ["CC-BY-NC-4.0", "Apache-2.0"]),
        ("MIT AND BSD-3-Clause", ["MIT", "BSD-3-Clause"]),
        ("public domain", ["CC-PDM-1.0"]),
        ("CC BY", ["unknown"]),  # of which version?
        ("MIT OR Apache-2.0", ["unknown"]),
        ("", ["unknown"]),
        ("unknown", ["unknown"]),
        ("MIT; see the box", ["MIT", "unknown"]),
    ],
)
def test_licences_are_found_under_their_names(text: str, ids: list[str]) -> None:
    assert [licence.id for licence in read_licences(text)] == ids


def test_the_list_of_licences_is_complete_for_every_use() -> None:
    known = known_licences()
    assert len(known) >= 20
    for licence in known.values():
        assert len(licence.permissions) == len(USES)
        assert set(licence.permissions) <= {"yes", "no", "noncommercial", "research", "unknown"}, licence.id
        # Nobody may do for profit what is not for everybody to do.
        for use in USES:
            if licence.permits(use, "commercial"):
                assert licence.permits(use, "research"), licence.id


def test_no_licence_with_nc_in_its_name_permits_a_commercial_use() -> None:
    non_commercial = [licence for id, licence in known_licences().items() if "-NC" in id]
    assert len(non_commercial) == 3
    assert not any(licence.permits(use, "commercial") for licence in non_commercial for use in USES)


def test_a_recipe_describes_a_licence_of_its_own() -> None:
    own = {"Lab agreement": ["target", "training"]}
    (licence,) = licences_in("Lab agreement", own)
    assert [licence.permits(use, "research") for use in USES] == [True, False, True, False, False, False]
    assert [licence.id for licence in licences_in("Lab agreement + MIT", own)] == ["Lab agreement", "MIT"]


def test_what_a_list_says_of_display_and_publication_in_any_case_of_letters() -> None:
    consent = declared_consent("research only; No Display; NO publication")
    assert [consent.to(use).value for use in USES] == ["yes", "yes", "yes", "no", "no", "unknown"]


def test_simulated_people_permit_every_use_and_say_what_they_are() -> None:
    item = Item.recording(SIMULATED, Material("clip", read_licences("CC0-1.0")))
    assert decide_all(item, USES, purpose="commercial", on=DAY).permitted
    assert {answer.basis for answer in SIMULATED.answers} == {"simulated person"}


def test_details_name_roles_and_days_but_not_the_day_of_the_question() -> None:
    ended = Consent.of({}, Answer("yes", scope=ANY, expires=date(2026, 5, 31)))
    refused = Consent.of({}, Answer("no"))
    item = Item.reenactment(ended, refused, [])
    texts = {decide(item, "training", purpose="research", on=day).detail for day in (DAY, date(2027, 2, 3))}
    assert texts == {
        "driver: no consent to training: the answer is no; target: consent to training ended on 2026-05-31"
    }
