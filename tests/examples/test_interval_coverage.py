"""Intervals are printed where they were measured to hold, and the model that measures them is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.metrics import roc
from benchmark.metrics.intervals import FEWEST_PEOPLE
from examples.studies import interval_coverage
from examples.studies.interval_coverage import (
    DRAWN,
    JACKKNIFE,
    PERCENTILE,
    PRINTED,
    SIZES,
    TABLES,
    TARGETS,
    TRIALS,
    CoverageRow,
    measure_all,
    study,
    tables,
    write,
)
from examples.studies.simulated_scores import WORLDS, Experiment, World, draw, truth

PAGE = Path(__file__).resolve().parents[2] / "docs" / "intervals.md"
LEAST = 0.90
COLUMNS = {
    f"{figure}: {method}" for figures in TABLES.values() for figure, methods in figures.items() for method in methods
}
Coverage = dict[tuple[str, int, str], float]


def published() -> Coverage:
    """(world, people, column) -> coverage, from the page's tables."""
    coverage: Coverage = {}
    heads: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| world |"):
            heads = cells
        elif line.startswith("|") and not line.startswith("|---"):
            for head, cell in zip(heads[2:], cells[2:], strict=True):
                match = re.match(r"([\d.]+)%", cell)
                assert match, cell
                coverage[cells[0], int(cells[1]), head] = float(match[1]) / 100
    return coverage


def fewest(coverage: Coverage, ending: str = "(printed)") -> int:
    """The smallest number of people from which every interval of this kind covers enough in every world."""
    sizes = sorted({people for _, people, _ in coverage})
    fails = [people for (_, people, head), value in coverage.items() if head.endswith(ending) and value < LEAST]
    return min(people for people in sizes if people > max(fails, default=0))


def least(coverage: Coverage, column: str, fewest_people: int = FEWEST_PEOPLE) -> float:
    """The lowest coverage of a column from so many people on."""
    return min(value for (_, people, head), value in coverage.items() if head == column and people >= fewest_people)


def test_the_rule_in_the_code_is_what_the_published_tables_say() -> None:
    coverage = published()
    assert {people for _, people, _ in coverage} == set(SIZES)
    assert {world for world, _, _ in coverage} == {world.name for world in WORLDS}
    assert {head for _, _, head in coverage} == COLUMNS
    assert fewest(coverage) == FEWEST_PEOPLE


def test_the_published_tables_show_why_people_are_resampled_and_not_trials() -> None:
    coverage = published()
    assert max(value for (_, _, head), value in coverage.items() if head.endswith(TRIALS)) < LEAST
    assert least(coverage, f"mean: {PERCENTILE}") < LEAST


def test_the_published_tables_show_why_differences_count_drivers_as_well_as_targets() -> None:
    coverage = published()
    assert least(coverage, f"difference: {TARGETS}") < LEAST <= least(coverage, f"difference: {JACKKNIFE}")
    assert least(coverage, f"difference: {PRINTED}") >= LEAST
    assert least(coverage, f"margin: {PERCENTILE}") < LEAST <= least(coverage, f"margin: {PRINTED}")


def test_a_rule_that_lets_too_much_through_would_be_noticed() -> None:
    worse = {**published(), ("people alike", 6, f"margin: {PRINTED}"): 0.89}
    assert fewest(worse) > FEWEST_PEOPLE


def mean_aucs(experiment: Experiment, method: int) -> float:
    pairs = zip(experiment.genuine[method], experiment.impostor[method], strict=True)
    return float(np.mean([roc.auc(genuine, impostor) for genuine, impostor in pairs]))


def test_the_truth_is_that_of_a_large_drawn_population() -> None:
    for world in (WORLDS[0], WORLDS[3]):
        people = 120
        experiment = draw(world, people, np.random.default_rng(5))
        true = truth(world, people, population=10_000)
        means = [mean_aucs(experiment, method) for method in range(4)]
        assert means[0] == pytest.approx(true["mean"], abs=0.04)
        assert means[0] - means[1] == pytest.approx(true["difference"], abs=0.015)
        assert means[0] - max(means[2:]) == pytest.approx(true["margin"], abs=0.06)
        pots = [
            [np.concatenate(scores[method]) for scores in (experiment.genuine, experiment.impostor)]
            for method in range(2)
        ]
        assert roc.auc(*pots[0]) == pytest.approx(true["pooled"], abs=0.04)
        assert roc.auc(*pots[0]) - roc.auc(*pots[1]) == pytest.approx(true["pooled difference"], abs=0.015)
        assert roc.tpr_at_fmr(*pots[0], 0.1) == pytest.approx(true["TPR at FMR 0.1"], abs=0.06)
        assert roc.tpr_at_fmr(*pots[0], 0.5) == pytest.approx(true["TPR at FMR 0.5"], abs=0.06)


def test_without_signatures_apart_the_truth_is_the_normal_formula() -> None:
    """One clip's noise far above all else makes people alike: the AUC tends to a half."""
    noisy = World("noise", (500.0,), 0.0, 0.0, 0.0)
    assert truth(noisy, 10, population=20_000)["mean"] == pytest.approx(norm.cdf(0), abs=0.01)


def test_a_study_counts_intervals_that_are_not_given_as_not_covering() -> None:
    rows = {(row.figure, row.method): row for row in study(WORLDS[2], 3, experiments=12, resamples=60)}
    printed = rows["mean", PRINTED]
    assert printed.given_share < 1
    assert printed.covered <= printed.given_share


def test_a_small_study_covers_what_the_page_says_within_chance() -> None:
    """40 experiments: the standard error of a coverage of 95 % is 3.5 points."""
    coverage = published()
    rows = study(WORLDS[0], 10, experiments=40, resamples=100)
    assert {f"{row.figure}: {row.method}" for row in rows} == COLUMNS
    for row in rows:
        expected = coverage[row.world, row.people, f"{row.figure}: {row.method}"]
        error = np.sqrt(max(expected * (1 - expected), 0.02) / 40)
        assert row.covered == pytest.approx(expected, abs=4 * error), (row.figure, row.method)


def any_rows() -> list[CoverageRow]:
    return [
        CoverageRow("w", 6, figure, method, 0.95, 0.1, 0.5)
        for figures in TABLES.values()
        for figure, methods in figures.items()
        for method in methods
    ]


def test_the_tables_replace_what_stood_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- coverage: begin -->\nold\n<!-- coverage: end -->\nafter\n")
    write(page, any_rows())
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert tables(any_rows()) in text
    assert "95.0% (0.100, given in 50%)" in text


def test_an_interrupted_study_continues_from_its_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[tuple[str, int]] = []

    def counted(world: World, people: int, *_: int) -> list[CoverageRow]:
        measured.append((world.name, people))
        if len(measured) == 3:
            raise KeyboardInterrupt
        return [CoverageRow(world.name, people, "mean", PRINTED, 0.95, 0.1, 1.0)]

    monkeypatch.setattr(interval_coverage, "study", counted)
    rows_file = tmp_path / "rows.jsonl"
    with pytest.raises(KeyboardInterrupt):
        measure_all(rows_file=rows_file)
    assert len(rows_file.read_text().splitlines()) == 2
    rows = measure_all(rows_file=rows_file)
    assert len(rows) == len(set(measured))
    assert sorted(set(measured)) == sorted((row.world, row.people) for row in rows)
    assert measured[2:4] == [measured[2]] * 2  # the one that was interrupted is measured again, the others are not


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_printed_intervals_still_cover_what_the_page_says() -> None:
    """500 experiments a cell: the standard error of a coverage of 95 % is one point."""
    expected = published()
    coverage = {(row.world, row.people, f"{row.figure}: {row.method}"): row.covered for row in measure_all()}
    assert fewest(coverage) == FEWEST_PEOPLE
    assert set(coverage) == set(expected)
    for key, value in coverage.items():
        assert value == pytest.approx(expected[key], abs=0.06), key


def test_bands_are_measured_at_every_number_of_people() -> None:
    assert {people for _, people, head in published() if head.endswith(DRAWN)} == set(SIZES)
