"""Several people are compared only if every one of them has agreed to it; scores are those of each comparison alone."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import benchmark
from benchmark import identify
from benchmark.verification.enrolment import Enrolment
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.uses import ENROLMENT, IDENTIFICATION, SIMULATED, Answer, Consent
from tests.benchmark.verification.made import calibration as made_calibration

YES = Answer("yes", scope=frozenset({"research"}), since=date(2026, 1, 1))
AGREED = Consent.of({ENROLMENT: YES, IDENTIFICATION: YES}, Answer("unknown"))
HEADER = "identity,target,driver,training,redistribution,display,voice,enrolment,identification,scope,evidence,date\n"


@pytest.fixture(scope="module")
def people(enrolled: Path) -> list[Enrolment]:
    """Ann, and two people whose windows lie elsewhere."""
    ann = Enrolment.load(enrolled / "ann.enrolment")
    random = np.random.default_rng(2)
    others = [
        replace(ann, person=f"lab:{name}", embeddings=random.normal(size=ann.embeddings.shape).astype(np.float32))
        for name in ("bob", "cem")
    ]
    return [others[0], ann, others[1]]


def test_nobody_is_compared_who_has_not_agreed_to_it(people) -> None:
    only_enrolled = Consent.of({ENROLMENT: YES}, YES)
    for_teaching = replace(AGREED, identification=replace(YES, scope=frozenset({"education"})))
    consents = {"lab:ann": AGREED, "lab:bob": only_enrolled}
    with pytest.raises(Problems) as refused:
        identify(people, "no-such-video.mp4", consents=consents)
    assert len(refused.value.problems) == 2
    assert "nobody was asked about identification" in refused.value.problems[0]
    assert "lab:cem: has no row" in refused.value.problems[1]
    with pytest.raises(Problems, match="lab:ann"):
        identify(people[:2], "no-such-video.mp4", consents={"lab:ann": for_teaching, "lab:bob": AGREED})
    assert SIMULATED.to(IDENTIFICATION).value == "yes"
    assert AGREED.strictest(only_enrolled).identification.value == "unknown"


def test_one_person_or_a_person_twice_is_refused(people) -> None:
    for several in (people[:1], [people[0], people[0]]):
        with pytest.raises(NvfairError, match="two different people"):
            identify(several, "no-such-video.mp4", consents={})
    other = replace(people[1], method=replace(people[1].method, digest="another"))
    with pytest.raises(NvfairError, match="another method"):
        identify([people[0], other], "no-such-video.mp4", consents={"lab:bob": AGREED, "lab:ann": AGREED})


def test_scores_are_those_of_each_person_alone_and_the_chance_of_a_wrong_name_is_stated(
    people, enrolled: Path, landmarker
) -> None:
    video, consents = enrolled / "video.mp4", dict.fromkeys(("lab:ann", "lab:bob", "lab:cem"), AGREED)
    alone = benchmark.verify(people[1], video, landmarker=landmarker)
    assert alone.score is not None
    scored = identify(people, video, consents=consents, landmarker=landmarker)
    assert scored.answers[0].person == "lab:ann"
    assert scored.answers[0].score == pytest.approx(alone.score, abs=1e-6)
    assert (scored.candidates, scored.chance) == ((), None)
    made = made_calibration([alone.score + 0.1] * 12, [alone.score - 0.3] * 12, people=12)
    made = replace(
        made, method=alone_method(people), landmarker=people[0].landmarker, protocol_digest=people[0].protocol.digest
    )
    result = identify(people, video, consents=consents, calibration=made, landmarker=landmarker)
    assert result.candidates == ("lab:ann",)
    assert result.chance == 0.75  # three people at a rate of 0.25
    text = " ".join(result.lines())
    assert "compared with 3 people who have all agreed" in text
    assert "up to 0.75" in text
    assert any("may be none of them" in line for line in result.limits)
    json.dumps(result.to_json(), allow_nan=False)


def alone_method(people: list[Enrolment]):
    return people[0].method


def test_the_command_asks_the_consent_table(people, enrolled: Path, tmp_path: Path) -> None:
    for person in people[:2]:
        person.save(tmp_path / f"{person.person[4:]}.enrolment")
    table = tmp_path / "consent.csv"
    rows = {name: f"lab:{name},no,no,no,no,no,no,yes,yes,research,form 12,2026-01-01\n" for name in ("ann", "bob")}
    words = ["identify", str(enrolled / "video.mp4"), *(str(tmp_path / f"{name}.enrolment") for name in rows)]
    table.write_text(HEADER + rows["ann"] + rows["bob"].replace("yes,yes", "yes,no"))
    refused = CliRunner().invoke(cli, [*words, "--consent", str(table)])
    assert isinstance(refused.exception, Problems)
    assert "lab:bob" in str(refused.exception)
    table.write_text(HEADER + rows["ann"] + rows["bob"])
    done = CliRunner().invoke(cli, [*words, "--consent", str(table)])
    assert done.exit_code == 0, done.output
    assert "lab:ann: score" in done.output
    assert CliRunner().invoke(cli, words).exit_code == 2
