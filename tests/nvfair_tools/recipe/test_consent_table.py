"""A consent table is read whole: every mistake is named with file, row, column and remedy, none is passed over."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from nvfair_tools.errors import Problems
from nvfair_tools.governance.uses import USES
from nvfair_tools.recipe.clip_list import ClipList, list_clips
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Recipe

HEADER = "identity,target,driver,training,redistribution,display,voice,scope,evidence,date,expires,withdrawn"
ANN = "x:ann,yes,yes,yes,no,unknown,no,research;education,form 1,2026-01-01,2027-01-01,"
BOB = "x:bob,YES,no,yes,yes,yes,no,any,form 2,2026-01-01,,2026-05-01"
CLIPS = "path,identity,licence\na.mp4,x:ann,CC0\nb.mp4,x:bob,CC0\n"
DAY = date(2026, 4, 1)


def recipe_of(folder: Path, table: str, clips: str = CLIPS, **rights: object) -> Recipe:
    (folder / "consent.csv").write_text(table)
    (folder / "clips.csv").write_text(clips)
    return Recipe.model_validate(
        {
            "name": "test",
            "output": "out",
            "sources": [{"csv": "clips.csv"}],
            "rights": {"consent": "consent.csv", **rights},
            "generators": [{"name": "warp-dense"}],
            "folder": folder,
        }
    )


def listed(folder: Path, *rows: str, header: str = HEADER, clips: str = CLIPS, **rights: object) -> ClipList:
    return list_clips(recipe_of(folder, "\n".join((header, *rows)) + "\n", clips, **rights))


def problems_of(folder: Path, *rows: str, **changes: str) -> list[str]:
    with pytest.raises(Problems) as caught:
        listed(folder, *rows, **changes)
    return list(caught.value.problems)


def test_answers_scopes_and_days_are_read(tmp_path):
    ann, bob = listed(tmp_path, ANN, BOB).rows
    assert ann.terms is not None
    assert bob.terms is not None
    assert [answer.value for answer in ann.terms.answers] == ["yes", "yes", "yes", "no", "unknown", "no"]
    training = ann.terms.to("training")
    assert training.scope == {"research", "education"}
    assert (training.since, training.expires, training.withdrawn) == (date(2026, 1, 1), date(2027, 1, 1), None)
    assert training.evidence == "form 1"
    assert bob.terms.to("target").value == "yes"
    assert {bob.terms.to(use).withdrawn for use in USES} == {date(2026, 5, 1)}


def test_a_use_has_a_column_of_its_own_where_the_common_one_does_not_hold(tmp_path):
    header = f"{HEADER},display_expires,training_scope"
    ann = listed(tmp_path, f"{ANN},,any", f"{BOB},2026-02-02,", header=header).rows[0]
    bob = listed(tmp_path, f"{ANN},,any", f"{BOB},2026-02-02,", header=header).rows[1]
    assert ann.terms.to("training").scope == {"any"}
    assert ann.terms.to("target").scope == {"research", "education"}
    assert bob.terms.to("display").expires == date(2026, 2, 2)
    assert bob.terms.to("training").expires is None


def test_all_mistakes_are_named_at_once(tmp_path):
    problems = problems_of(
        tmp_path,
        "x:ann,yes,perhaps,yes,no,,no,science,form 1,01.02.2026,2027-13-01,",
        "x:bob,yes,no,yes,yes,yes,no,,,,,",
        "x:bob,no,no,no,no,no,no,,,,,",
        "ann,no,no,no,no,no,no,,,,,",
        "x:bop,no,no,no,no,no,no,,,,,",
    )
    text = "\n".join(problems)
    assert "consent.csv row 2: driver is 'perhaps'; expected yes, no or unknown; write what the form says" in problems
    assert "consent.csv row 2: display is ''; expected yes, no or unknown; write what the form says" in problems
    assert "row 2: scope is 'science'; expected research, education, commercial, joined by ';', or any" in text
    assert "row 2: date is '01.02.2026'; expected a day as YYYY-MM-DD" in text
    assert "row 2: expires is '2027-13-01'; expected a day as YYYY-MM-DD" in text
    for column in ("scope", "evidence", "date"):
        assert f"row 3: {column} is empty; expected a value, because target is yes; or write `unknown`" in text
    assert "row 4: x:bob has a row already, row 3; keep the one that counts" in text
    assert "row 5: identity 'ann' is not of the form namespace:id" in text
    assert "row 6: x:bop has no clip in the list; did you mean 'x:bob'?" in text
    assert len(problems) == len(set(problems)) == 11


def test_a_person_without_a_row_is_named(tmp_path):
    assert problems_of(tmp_path, ANN) == [
        "consent.csv: has no row for x:bob (clips.csv row 3); add one, with `unknown` where nobody was asked"
    ]


def test_columns_that_are_unknown_missing_or_there_twice_are_refused(tmp_path):
    header = HEADER.replace("driver", "drivr").replace("evidence", "Evidence,evidence")
    text = "\n".join(problems_of(tmp_path, ANN.replace("form 1", "a,form 1"), header=header))
    assert "column 'drivr' is unknown; did you mean 'driver'?" in text
    assert "has no column 'driver'; add it, and write `unknown` where nobody was asked" in text
    assert "the header names one thing 2 times: 'Evidence' (column 9), 'evidence' (column 10)" in text


def test_days_that_contradict_each_other_are_named(tmp_path):
    early = ANN.replace("2027-01-01", "2025-12-31")
    (problem,) = problems_of(tmp_path, early, BOB)
    assert problem == "consent.csv row 2: expires is 2025-12-31, before date 2026-01-01; correct one of them"


def test_a_table_that_is_not_there_is_one_problem_of_its_key(tmp_path):
    recipe = recipe_of(tmp_path, HEADER)
    (tmp_path / "consent.csv").unlink()
    with pytest.raises(Problems, match=r"rights\.consent: .*the consent table cannot be read"):
        list_clips(recipe)


def test_the_list_of_clips_needs_no_words_about_consent_beside_a_table(tmp_path):
    ann, bob = listed(tmp_path, ANN, BOB).rows
    assert ann.permitted_use == "target, driver, training; no display; no publication"
    assert ann.consent.startswith("consent table: target yes for education/research from 2026-01-01 until 2027-01-01, ")
    assert bob.permitted_use == "no use; no display; no publication"  # withdrawn


def test_words_of_the_list_of_clips_still_forbid(tmp_path):
    clips = "path,identity,licence,permitted_use\na.mp4,x:ann,CC0,secret\nb.mp4,x:bob,CC0,No display\n"
    bob = BOB.replace("2026-05-01", "")
    rows = listed(tmp_path, ANN, bob, clips=clips, render_if=["No display"])
    permissions = Permissions(recipe_of(tmp_path, "", clips, render_if=["No display"]), DAY)
    assert permissions.of_recording(rows.rows[0]).reason == "use_not_permitted"
    assert permissions.of_recording(rows.rows[1]).permitted
    assert permissions.of_recording(rows.rows[1], ["display"]).reason == "use_not_permitted"


def test_licences_of_the_curators_own_are_described_in_the_recipe(tmp_path):
    clips = CLIPS.replace("x:ann,CC0", "x:ann,Lab agreement")
    ann = listed(tmp_path, ANN, BOB, clips=clips).rows[0]
    unknown = Permissions(recipe_of(tmp_path, "", clips), DAY)
    known = Permissions(recipe_of(tmp_path, "", clips, licences={"Lab agreement": ["training", "driver"]}), DAY)
    assert unknown.of_recording(ann).reason == "licence_unknown"
    assert known.of_recording(ann).permitted
    assert known.of_motion(ann).permitted
    assert known.of_face([ann]).reason == "licence_forbids"


@pytest.mark.parametrize(
    ("rights", "message"),
    [
        ({"consent": None}, "rights.render_if"),
        ({"use": ["trainig"]}, "training"),
        ({"use": []}, "at least 1"),
        ({"purpose": "profit"}, "research"),
        ({"licences": {"mine": ["everything"]}}, "training"),
    ],
)
def test_wrong_rights_in_a_recipe_are_refused(tmp_path, rights, message):
    with pytest.raises(ValueError, match=message):
        recipe_of(tmp_path, HEADER, **rights)


def test_simulated_people_need_no_table(tmp_path):
    recipe = recipe_of(tmp_path, HEADER)
    with pytest.raises(ValueError, match="simulated people need no"):
        Recipe.model_validate(recipe.model_dump(exclude_unset=True) | {"simulated": True, "folder": tmp_path})


def test_digests_count_use_purpose_and_licences_and_not_where_the_table_lies(tmp_path):
    def digest(**rights: object) -> str:
        return recipe_of(tmp_path, HEADER, render_if=["any"], **rights).digest()

    plain = digest()
    assert digest(consent="elsewhere.csv") == plain == digest(use=["training"], purpose="research", licences={})
    others = [digest(use=["training", "display"]), digest(purpose="education"), digest(licences={"a": ["driver"]})]
    assert len({plain, *others}) == 4
