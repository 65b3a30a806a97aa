"""Pages neither name people who did not agree to be shown nor give figures of theirs; results.json stays whole."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmark.evaluation.result_rows import Exclusions, TargetWithoutTrials
from benchmark.evaluation.results import read_results
from benchmark.report import write_report_folder
from benchmark.report.frames import Sample
from benchmark.report.names import NOT_NAMED, results_for_pages
from benchmark.report.page import render_page
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import write_consents
from nvfair_tools.dataset.rights import NOT_ASKED_NOTE
from nvfair_tools.governance.uses import Answer, Consent
from tests.benchmark.invented_results import cell, results
from tests.benchmark.small_world import World, make

YES = Answer("yes", scope=frozenset({"any"}))
SHY, OPEN = "toy:0", "toy:1"  # the people of the invented results
LEFT_OUT = TargetWithoutTrials("beta", SHY, "no impostor")
RESULTS = results(
    cells=(cell("cnn", "alpha"),),
    exclusions=(Exclusions(0, 9, 8, {}, {}, (LEFT_OUT,)),),
    warnings=(f"2 test people were left out: {SHY}, {OPEN}, toy:01.",),
)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    folder = tmp_path_factory.mktemp("asked")
    dataset = make(folder, World(people=(1, 1, 1), clips=1, frames=4, generators=("alpha",)))
    agreed = Consent.of({}, YES)
    write_consents(folder, {SHY: Consent.of({"display": Answer("unknown")}, YES), OPEN: agreed, "toy:01": agreed})
    return dataset


def test_whoever_did_not_agree_has_no_name_and_no_figure_on_the_pages(dataset: Dataset, tmp_path: Path) -> None:
    write_report_folder(tmp_path, RESULTS, dataset)
    page, text = (tmp_path / "index.html").read_text(), (tmp_path / "report.md").read_text()
    for content in (page, text):
        assert f"left out: {NOT_NAMED}, {OPEN}, toy:01." in content
        assert "The names and single figures of one of the test people who did not agree" in content
    assert f"<title>{OPEN}: 0.700</title>" in page
    assert SHY not in page.replace("toy:01", "")
    assert f"{NOT_NAMED} on beta" in page
    assert "0.900</title>" not in page  # the figure of the one who is not named
    assert read_results(tmp_path / "results.json") == RESULTS


def test_where_nobody_was_asked_the_curators_own_page_names_everybody(dataset: Dataset, tmp_path: Path) -> None:
    assert results_for_pages(RESULTS, None) is RESULTS
    assert results_for_pages(RESULTS, replace(dataset, folder=tmp_path)) is RESULTS


def test_pictures_of_people_who_were_not_asked_use_by_use_have_a_note() -> None:
    frame = Sample("v", "self", "toy:0", "toy:0", "alpha", ("data:image/jpeg;base64,AAAA",))
    assert NOT_ASKED_NOTE in render_page(RESULTS, [frame], consent_note=NOT_ASKED_NOTE)
    assert "Consent was not recorded" not in render_page(RESULTS, [frame])
