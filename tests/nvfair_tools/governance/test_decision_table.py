"""The decision table of docs/consent.md: right answers written by hand, and the page shows what the code decides."""

from __future__ import annotations

import importlib.util
import sys
from datetime import date
from pathlib import Path

import pytest

from nvfair_tools.governance.decision import REASONS

ROOT = Path(__file__).resolve().parents[3]
_SPEC = importlib.util.spec_from_file_location("make_consent_table", ROOT / "docs" / "make_consent_table.py")
assert _SPEC is not None
assert _SPEC.loader is not None
table = importlib.util.module_from_spec(_SPEC)
sys.modules["make_consent_table"] = table  # where dataclasses look for their module
_SPEC.loader.exec_module(table)

YES, ND, NC, OWN = "yes for any", "CC-BY-ND-4.0", "CC-BY-NC-4.0", "lab agreement 12"
MODELS = "MIT; InsightFace models for non-commercial research only"
# (target, driver, use, purpose, the licence that is not the usual one, all reasons in the order of their gravity).
ANSWERS = [
    (YES, YES, "target", "research", "", ""),
    (YES, "no", "target", "research", "", ""),
    ("no", YES, "target", "research", "", "consent_refused"),
    ("unknown", YES, "target", "research", "", "consent_unknown"),
    (YES, YES, "driver", "research", "", ""),
    ("no", YES, "driver", "research", "", ""),
    (YES, "no", "driver", "research", "", "consent_refused"),
    (YES, "unknown", "driver", "research", "", "consent_unknown"),
    (YES, YES, "training", "research", "", ""),
    ("no", YES, "training", "research", "", "consent_refused"),
    (YES, "no", "training", "research", "", "consent_refused"),
    (YES, "unknown", "redistribution", "research", "", "consent_unknown"),
    ("unknown", YES, "display", "research", "", "consent_unknown"),
    ("unknown", "no", "display", "research", "", "consent_refused consent_unknown"),
    ("unknown", "unknown", "voice", "research", "", "consent_unknown consent_unknown"),
    (YES, YES, "voice", "research", "", ""),
    ("yes for any from 2026-07-01", YES, "target", "research", "", ""),  # the first day counts
    ("yes for any from 2026-07-02", YES, "target", "research", "", "consent_not_yet_valid"),
    ("yes for any until 2026-07-01", YES, "training", "research", "", ""),  # and so does the last
    ("yes for any until 2026-06-30", YES, "training", "research", "", "consent_expired"),
    (YES, "yes for any from 2026-01-01 until 2026-03-31", "driver", "research", "", "consent_expired"),
    (YES, "yes for any; withdrawn 2026-06-30", "driver", "research", "", "consent_withdrawn"),
    (YES, "yes for any; withdrawn 2026-12-31", "training", "research", "", "consent_withdrawn"),
    ("no; withdrawn 2026-01-01", YES, "display", "research", "", "consent_withdrawn"),
    ("yes for any until 2026-06-30", "yes for any; withdrawn 2026-05-01", "redistribution", "research", "",
     "consent_withdrawn consent_expired"),
    ("yes for any until 2026-06-30", "yes for any from 2026-08-01", "training", "research", "",
     "consent_not_yet_valid consent_expired"),
    ("yes for research", "yes for research", "training", "research", "", ""),
    ("yes for research", YES, "training", "commercial", "", "scope_not_covered"),
    ("yes for education", YES, "training", "research", "", "scope_not_covered"),
    (YES, "yes for commercial", "display", "research", "", "scope_not_covered"),
    ("yes", YES, "training", "research", "", "scope_not_covered"),
    ("yes for education until 2026-06-30", YES, "training", "research", "", "consent_expired"),
    (YES, YES, "training", "research", "CC BY-NC-SA 4.0", ""),
    (YES, YES, "training", "commercial", "CC BY-NC-SA 4.0", "licence_forbids"),
    (YES, YES, "training", "commercial", NC, "licence_forbids"),
    (YES, YES, "target", "commercial", NC, ""),  # of the clip, which is not asked about the face
    (YES, YES, "target", "commercial", NC, "licence_forbids"),  # of the portrait
    (YES, YES, "driver", "commercial", NC, ""),  # of the portrait, which is not asked about the motion
    (YES, YES, "redistribution", "research", ND, "licence_forbids"),
    (YES, YES, "training", "research", ND, ""),
    (YES, YES, "training", "research", OWN, "licence_unknown"),
    (YES, YES, "training", "research", "unknown", "licence_unknown"),
    (YES, YES, "training", "research", MODELS, ""),
    (YES, YES, "training", "education", MODELS, "licence_forbids"),
    (YES, YES, "display", "research", MODELS, "licence_unknown"),
    (YES, YES, "display", "research", "MIT OR GPL-3.0-only", "licence_unknown"),  # nobody says which one was chosen
    ("unknown", YES, "training", "commercial", NC, "consent_unknown licence_forbids"),
    (YES, "", "training", "research", "", ""),
    ("no", "", "target", "research", "", "consent_refused"),
    ("unknown", "", "driver", "research", "", "consent_unknown"),
    (YES, "", "redistribution", "research", "ODbL 1.0 (contents: DbCL 1.0)", ""),
    (YES, "", "driver", "commercial", NC, "licence_forbids"),
    ("list: research", "list: research", "target", "research", "", ""),
    ("list: research", "list: research", "training", "research", OWN, ""),
    ("list: research", "list: research", "redistribution", "research", "", "consent_unknown consent_unknown"),
    ("list: research", "list: research", "display", "research", "", "consent_unknown consent_unknown"),
    ("list: any", "list: any", "redistribution", "research", "", ""),
    ("list: any", "list: any", "display", "research", OWN, "licence_unknown"),
    ("list: any", "list: any", "voice", "research", "", "consent_unknown consent_unknown"),
    ("list: any", "list: research; no display", "display", "research", "", "use_not_permitted"),
    ("list: research; No Publication", "list: any", "redistribution", "research", "", "use_not_permitted"),
    ("list: research", "list: research", "training", "commercial", NC, "licence_forbids"),
    ("simulated", "simulated", "redistribution", "research", "", ""),
    ("simulated", "simulated", "display", "research", "unknown", "licence_unknown"),
]  # fmt: skip
USUAL = {"CC-BY-4.0", "Apache-2.0", "CC0-1.0", ""}


def test_the_table_has_the_cases_of_this_test_and_at_least_forty() -> None:
    cases = [(case.target, case.driver, case.use, case.purpose) for case in table.CASES]
    assert cases == [answer[:4] for answer in ANSWERS]
    assert len(ANSWERS) >= 40
    reasons = set(" ".join(answer[-1] for answer in ANSWERS).split())
    assert reasons == set(REASONS)  # every kind of refusal is in it


@pytest.mark.parametrize("number", range(len(ANSWERS)), ids=lambda number: f"case {number + 1}")
def test_a_case_is_decided_as_a_person_would(number: int) -> None:
    case, (*_, licence, reasons) = table.CASES[number], ANSWERS[number]
    assert {case.portrait, case.clip, case.generator} - USUAL <= {licence, "unknown"}
    assert licence in USUAL | {case.portrait, case.clip, case.generator}
    decision = table.decision_of(case)
    assert [refusal.reason for refusal in decision.refusals] == reasons.split()
    assert decision.permitted == (not reasons)
    assert decision.reason == (reasons.split() or [""])[0]


def test_the_page_shows_the_table_of_this_code() -> None:
    page = table.PAGE.read_text(encoding="utf-8")
    assert table.BEGIN in page
    assert page == table.page_with_table(page), "run: python docs/make_consent_table.py"


def test_the_day_of_the_table_is_fixed() -> None:
    assert date(2026, 7, 1) == table.DAY
