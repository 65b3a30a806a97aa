"""Intervals are printed where they were measured to hold, and the model that measures them is what it says."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.metrics import roc
from benchmark.metrics.intervals import FEWEST_PEOPLE
from examples.studies.interval_coverage import (
    FIGURE_PERCENTILE,
    FIGURES,
    PERCENTILE,
    PRINTED,
    SIZES,
    TRIALS,
    WORLDS,
    Row,
    World,
    draw,
    study,
    table,
    truth,
    whole,
    write,
)

PAGE = Path(__file__).resolve().parents[2] / "docs" / "intervals.md"
LEAST = 0.90


def published() -> dict[tuple[str, int, str], float]:
    """(world, people, column) -> coverage, from the page's table."""
    lines = [line for line in PAGE.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    heads = [cell.strip() for cell in lines[0].strip("|").split("|")]
    result = {}
    for line in lines[2:]:
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for head, cell in zip(heads[2:], cells[2:], strict=True):
            match = re.match(r"([\d.]+)%", cell)
            assert match, cell
            result[cells[0], int(cells[1]), head] = float(match[1]) / 100
    return result


def fewest(result: dict[tuple[str, int, str], float]) -> int:
    """The smallest number of people from which every printed interval covers enough in every world."""
    sizes = sorted({people for _, people, _ in result})
    fails = [people for (_, people, head), value in result.items() if head.endswith("(printed)") and value < LEAST]
    return min(people for people in sizes if people > max(fails, default=0))


def test_the_rule_in_the_code_is_what_the_published_table_says() -> None:
    result = published()
    assert {people for _, people, _ in result} == set(SIZES)
    assert {world for world, _, _ in result} == {world.name for world in WORLDS}
    assert fewest(result) == FEWEST_PEOPLE


def test_the_published_table_shows_why_people_are_resampled_and_not_trials() -> None:
    result = published()
    assert max(value for (_, _, head), value in result.items() if head.endswith(TRIALS)) < LEAST
    assert (
        min(value for (_, people, head), value in result.items() if head.endswith(PERCENTILE) and people >= 6) < LEAST
    )


def test_a_rule_that_lets_too_much_through_would_be_noticed() -> None:
    result = published()
    worse = {**result, ("people alike", 6, f"mean: {PRINTED}"): 0.89}
    assert fewest(worse) > FEWEST_PEOPLE


def test_the_truth_is_that_of_a_large_drawn_population() -> None:
    for world in (WORLDS[0], WORLDS[3]):
        people = 120
        drawn = draw(world, people, np.random.default_rng(5))
        goal = truth(world, people, population=10_000)
        areas = [roc.auc(g, i) for g, i in zip(drawn.genuine[0], drawn.impostor[0], strict=True)]
        assert np.mean(areas) == pytest.approx(goal.mean, abs=0.04)
        pooled = roc.auc(np.concatenate(drawn.genuine[0]), np.concatenate(drawn.impostor[0]))
        assert pooled == pytest.approx(goal.pooled, abs=0.04)
        second = [roc.auc(g, i) for g, i in zip(drawn.genuine[1], drawn.impostor[1], strict=True)]
        assert np.mean(areas) - np.mean(second) == pytest.approx(goal.difference, abs=0.015)


def test_without_signatures_apart_the_truth_is_the_normal_formula() -> None:
    """One clip's noise far above all else makes people alike: the AUC tends to a half."""
    noisy = World("noise", (500.0,), 0.0, 0.0, 0.0)
    assert truth(noisy, 10, population=20_000).mean == pytest.approx(norm.cdf(0), abs=0.01)


def test_a_study_counts_intervals_that_are_not_given_as_not_covering() -> None:
    rows = {(r.figure, r.method): r for r in study(WORLDS[2], 3, experiments=12, resamples=60)}
    printed = rows["mean", PRINTED]
    assert printed.given_share < 1
    assert printed.covered <= printed.given_share


def test_the_table_replaces_what_stood_between_the_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- coverage: begin -->\nold\n<!-- coverage: end -->\nafter\n")
    heads = [("mean", PRINTED), ("mean", PERCENTILE), ("mean", "t over targets"), ("mean", TRIALS)]
    heads += [("pooled", PRINTED), ("pooled", PERCENTILE), ("pooled", TRIALS), ("difference", PRINTED)]
    heads += [("difference", FIGURES), ("difference", FIGURE_PERCENTILE)]
    rows = [Row("w", 6, figure, method, 0.95, 0.1, 0.5) for figure, method in heads]
    write(page, rows)
    text = page.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "old" not in text
    assert table(rows) in text
    assert "95.0% (0.100, given in 50%)" in text


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_printed_intervals_still_cover_what_the_page_says() -> None:
    """500 experiments a cell: the standard error of a coverage of 95 % is one point."""
    output = published()
    now = {(r.world, r.people, f"{r.figure}: {r.method}"): r.covered for r in whole()}
    assert fewest(now) == FEWEST_PEOPLE
    assert set(now) == set(output)
    for key, value in now.items():
        assert value == pytest.approx(output[key], abs=0.06), key
