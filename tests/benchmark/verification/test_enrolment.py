"""An enrolment's file, its consent, its end and its revocation."""

import json
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import benchmark
from benchmark.verification.enrol import stated_consent
from benchmark.verification.enrolment import REVOKED_LIST, Enrolment, read_revoked, revoke_enrolment
from nvfair_tools import read_consent
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.uses import Answer, Consent
from tests.benchmark.verification.made import enrolment

TODAY = date(2026, 7, 1)
HEAD = "identity,target,driver,training,redistribution,display,voice,enrolment,scope,evidence,date,expires,withdrawn\n"


def table(folder: Path, *rows: str) -> Path:
    path = folder / "consent.csv"
    path.write_text(HEAD + "".join(f"{row}\n" for row in rows))
    return path


def test_an_enrolment_is_read_as_it_was_written_and_holds_no_name_of_a_file(tmp_path: Path) -> None:
    made = enrolment().save(tmp_path / "ann.enrolment")
    read = Enrolment.load(tmp_path / "ann.enrolment")
    assert read.path == made.path == tmp_path / "ann.enrolment"
    assert (read.person, read.videos, read.consent, read.expires) == (
        made.person,
        made.videos,
        made.consent,
        made.expires,
    )
    assert read.protocol.digest == made.protocol.digest
    np.testing.assert_array_equal(read.embeddings, made.embeddings)
    assert (tmp_path / "ann.enrolment").stat().st_mode & 0o077 == 0
    with safe_open(tmp_path / "ann.enrolment", framework="np") as file:
        assert set(file.keys()) == {"embeddings", "video"}
        record = json.loads(file.metadata()["nvfair-enrolment"])
    keys = "format_version id person method landmarker protocol consent created expires videos"
    assert set(record) == set(keys.split())
    assert set(record["videos"][0]) == {"sha256", "seconds", "windows", "notes"}


@pytest.mark.parametrize("damage", ["cut", "other", "absent", "text"])
def test_a_file_that_is_no_whole_enrolment_is_refused_in_words(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "ann.enrolment"
    enrolment().save(path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-4])
    elif damage == "other":
        path.write_bytes(path.read_bytes().replace(b'\\"1.0\\"', b'\\"2.0\\"'))
    elif damage == "absent":
        path.unlink()
    else:
        path.write_text("hello")
    with pytest.raises(NvfairError, match="enrolment"):
        Enrolment.load(path)


def test_a_revoked_enrolment_is_gone_and_a_copy_that_comes_back_is_listed(tmp_path: Path) -> None:
    made = enrolment().save(tmp_path / "ann.enrolment")
    listed = revoke_enrolment(tmp_path / "ann.enrolment", on=TODAY)
    assert not (tmp_path / "ann.enrolment").exists()
    assert listed == tmp_path / REVOKED_LIST
    assert read_revoked(listed) == {made.id: "2026-07-01"}
    assert "ann" not in listed.read_text()
    other = enrolment(id="f" * 16).save(tmp_path / "bob.enrolment")
    revoke_enrolment(tmp_path / "bob.enrolment", on=TODAY)
    assert set(read_revoked(listed)) == {made.id, other.id}
    listed.write_text("{")
    with pytest.raises(NvfairError, match="not a list of revoked"):
        read_revoked(listed)


@pytest.mark.parametrize(
    ("row", "refusal"),
    [
        ("lab:ann,yes,yes,yes,no,no,no,no,research,form,2026-01-01,,", "the answer is no"),
        ("lab:ann,yes,yes,yes,no,no,no,unknown,research,form,2026-01-01,,", "unknown"),
        ("lab:ann,yes,yes,yes,no,no,no,yes,research,form,2026-01-01,2026-06-30,", "ended on 2026-06-30"),
        ("lab:ann,yes,yes,yes,no,no,no,yes,education,form,2026-01-01,,", "covers education, not research"),
        ("lab:ann,yes,yes,yes,no,no,no,yes,research,form,2026-01-01,,2026-03-01", "withdrawn on 2026-03-01"),
        ("lab:ann,yes,yes,yes,no,no,no,yes,research,form,2026-08-01,,", "begins on 2026-08-01"),
    ],
)
def test_nobody_is_enrolled_without_a_yes(tmp_path: Path, row: str, refusal: str) -> None:
    consent = read_consent(table(tmp_path, row), "lab:ann")
    with pytest.raises(NvfairError, match=refusal):
        benchmark.enrol("lab:ann", ["no-such.mp4"], consent=consent, on=TODAY)


def test_a_yes_to_every_use_of_data_sets_is_no_yes_to_enrolment(tmp_path: Path) -> None:
    path = tmp_path / "consent.csv"
    path.write_text(
        HEAD.replace("enrolment,", "") + "lab:ann,yes,yes,yes,yes,yes,yes,any,form,2026-01-01,,\n", encoding="utf-8"
    )
    for consent in (read_consent(path, "lab:ann"), Consent.of({}, Answer("yes", scope=frozenset({"any"})))):
        with pytest.raises(NvfairError, match="nobody was asked about enrolment"):
            benchmark.enrol("lab:ann", ["no-such.mp4"], consent=consent, on=TODAY)


def test_with_a_yes_every_video_that_cannot_serve_is_named(tmp_path: Path) -> None:
    consent = read_consent(table(tmp_path, "lab:ann,no,no,no,no,no,no,yes,any,form,2026-01-01,2026-09-01,"), "lab:ann")
    with pytest.raises(Problems) as caught:
        benchmark.enrol("lab:ann", [tmp_path / "a.mp4", tmp_path / "b.mp4"], consent=consent, on=TODAY)
    assert len(caught.value.problems) == 2


def test_a_person_without_a_row_and_a_statement_without_evidence_are_refused(tmp_path: Path) -> None:
    path = table(tmp_path, "lab:ann,no,no,no,no,no,no,yes,any,form,2026-01-01,,")
    with pytest.raises(NvfairError, match=r"did you mean 'lab:ann'"):
        read_consent(path, "lab:an")
    with pytest.raises(NvfairError, match="evidence"):
        stated_consent(" ", TODAY, scope=["research"])
    with pytest.raises(NvfairError, match="scope"):
        stated_consent("form 12", TODAY, scope=["fun"])
    with pytest.raises(NvfairError, match="before it begins"):
        stated_consent("form 12", TODAY, until=date(2026, 6, 1), scope=["research"])
