"""A bundle is passed on: it is written only where everybody in its cell agreed to that."""

from __future__ import annotations

import zipfile
from dataclasses import replace
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

import benchmark
from benchmark.evaluation.reproduce import recompute_bundle, write_bundle
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import CONSENT_FILE, read_consents, write_consents
from nvfair_tools.dataset.rights import usable_for
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.uses import Answer, Consent
from tests.benchmark.small_world import World, make

METHOD = "tests.benchmark.toy_methods:MotionSize"
DAY = date(2026, 7, 1)
YES = Answer("yes", scope=frozenset({"research"}), since=date(2026, 1, 1))
# Four test people, toy:02 to toy:05, of whom one agrees to nothing but training and one only for a while.
WORLD = World(people=(1, 1, 4), clips=2, generators=("alpha",), licence="CC-BY-4.0 + Apache-2.0")
NEVER, ENDING, TEST_PEOPLE = "toy:02", "toy:03", ["toy:02", "toy:03", "toy:04", "toy:05"]


def evaluated(dataset: Dataset, folder: Path) -> Path:
    benchmark.evaluate(dataset, METHOD, out=folder, protocols="nvfair-unseen")
    return folder


@pytest.fixture(scope="module")
def consented(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("consented")
    dataset = make(folder, WORLD)
    consents = dict.fromkeys(dataset.identities["identity"], Consent.of({}, YES))
    consents[NEVER] = Consent.of({"redistribution": Answer("no"), "display": Answer("unknown")}, YES)
    consents[ENDING] = Consent.of({"redistribution": replace(YES, expires=DAY)}, YES)
    write_consents(folder, consents)
    return dataset


@pytest.fixture(scope="module")
def report(consented: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return evaluated(consented, tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def shareable(consented: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on those who agree to redistribution on that day."""
    with pytest.warns(UserWarning, match="may not be used for redistribution are left out: .* consent_refused"):
        rest = usable_for(consented, "redistribution", DAY)
    return evaluated(rest, tmp_path_factory.mktemp("shareable"))


def test_a_cell_with_somebody_who_refused_is_not_packed(report: Path, tmp_path: Path) -> None:
    # Of 4 targets x 8 clips, 8 show NEVER's face and 2 clips of NEVER move each of the 3 others.
    with pytest.raises(NvfairError, match=r"14 of the 32 videos of this cell \(14 consent_refused\)") as caught:
        write_bundle(report, tmp_path / "b.zip", day=DAY)
    assert "--use redistribution" in caught.value.remedy
    assert not (tmp_path / "b.zip").exists()


def test_consents_are_judged_for_the_day_of_packing(shareable: Path, tmp_path: Path) -> None:
    write_bundle(shareable, tmp_path / "b.zip", day=DAY)
    assert recompute_bundle(tmp_path / "b.zip").changed == ()
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        videos = pd.read_parquet(archive.open("videos.parquet"))
        assert NEVER.encode() not in b"".join(map(archive.read, archive.namelist()))
    assert {*videos["driver"], *videos["target"]} == {*TEST_PEOPLE} - {NEVER}
    with pytest.raises(NvfairError, match=r"10 of the 18 videos of this cell \(10 consent_expired\)"):
        write_bundle(shareable, tmp_path / "c.zip", day=date(2026, 7, 2))


def test_the_data_set_is_asked_as_it_is_today_where_it_is_named(
    shareable: Path, consented: Dataset, tmp_path: Path
) -> None:
    answers = read_consents(consented.folder)
    assert answers is not None
    later = Dataset.open(make(tmp_path / "later", WORLD).folder)
    write_consents(later.folder, answers | {"toy:04": Consent.of({}, replace(YES, withdrawn=DAY))})
    with pytest.raises(NvfairError, match=r"\(10 consent_withdrawn\)"):
        write_bundle(shareable, tmp_path / "b.zip", day=DAY, dataset=later)
    gone = replace(consented, videos=consented.videos[consented.videos["target"] != "toy:05"])
    with pytest.raises(NvfairError, match=r"\(6 not_in_the_set\)"):
        write_bundle(shareable, tmp_path / "b.zip", day=DAY, dataset=gone)


def test_the_evidence_knows_the_answers_of_its_own_people_alone(report: Path, consented: Dataset) -> None:
    recorded = read_consents(report / "evidence")
    answers = read_consents(consented.folder)
    assert recorded is not None
    assert answers is not None
    assert recorded == {person: answers[person] for person in TEST_PEOPLE}


def test_where_nobody_was_asked_a_real_persons_embeddings_stay(tmp_path: Path) -> None:
    unasked = evaluated(make(tmp_path / "data", WORLD), tmp_path / "report")
    assert not (unasked / "evidence" / CONSENT_FILE).exists()
    result = CliRunner().invoke(cli, ["reproduce", "pack", str(unasked), str(tmp_path / "b.zip")])
    assert isinstance(result.exception, NvfairError)
    assert "(32 consent_unknown)" in result.exception.what
    (unasked / "evidence" / "rights.json").write_text("[]")
    with pytest.raises(NvfairError, match="not the rights of a data set"):
        write_bundle(unasked, tmp_path / "b.zip")
    (unasked / "evidence" / "rights.json").write_text('{"simulated": true}')
    write_bundle(unasked, tmp_path / "b.zip")


def test_scores_of_other_cells_do_not_travel(consented: Dataset, tmp_path: Path) -> None:
    two = make(tmp_path / "data", replace(WORLD, generators=("alpha", "beta"), permitted_use="any"))
    trials = [
        f"{first}|{second}"
        for _, rows in two.videos[two.videos["split"] == "test"].groupby(["generator", "target"])
        for first in rows["video"]
        for second in rows["video"]
        if first != second
    ]
    (tmp_path / "mine.csv.declaration.yaml").write_text("{}")
    pd.DataFrame({"trial": trials, "score": range(len(trials))}).to_csv(tmp_path / "mine.csv", index=False)
    benchmark.evaluate(two, tmp_path / "mine.csv", out=tmp_path / "report", protocols="nvfair-unseen")
    write_bundle(tmp_path / "report", tmp_path / "b.zip", generator="beta")
    assert recompute_bundle(tmp_path / "b.zip").changed == ()
    with zipfile.ZipFile(tmp_path / "b.zip") as archive:
        sent = archive.read("scores.csv")
    assert b"alpha-" not in sent
    assert sent.count(b"\n") == 1 + len(trials) // 2


def test_the_command_evaluates_without_those_who_refuse(consented: Dataset, tmp_path: Path) -> None:
    arguments = ["evaluate", str(consented.folder), "--method", METHOD, "--out", str(tmp_path / "report")]
    arguments += ["--protocol", "nvfair-unseen", "--use", "display"]
    with pytest.warns(UserWarning, match="may not be used for display are left out: .* consent_unknown"):
        result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    people = benchmark.read_results(tmp_path / "report" / "results.json").data.test_people
    assert people == ("toy:03", "toy:04", "toy:05")
