"""Stress tests for readers: a sentence and a table for each test, on the report's page and by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from benchmark.stress.driverless import AS_ITSELF, AS_OWNER, OTHER_MOUTH, OWN_MOUTH
from benchmark.stress.rates import (
    BOTH,
    DISGUISE,
    ENROLMENT,
    GROUPS,
    IMITATION,
    MIXED,
    PROBE,
    REENCODING,
    SOUND,
    SPEECH,
    TESTS,
    UNSTRESSED,
    StressRate,
)
from nvfair_tools.quantities import count_text

# Fewer genuine comparisons make no rate (a rate of 10 % would be three of thirty).
_FEWEST_GENUINE = 30
# A difference between two accepted shares that is called one.
_CLEAR_DIFFERENCE = 0.1


@dataclass(frozen=True)
class StressTestTable:
    """One test: its name, what it does, the sentence to take away, its rows, and why it was not run ("" where it was).

    has_genuine: whether any row has genuine comparisons.
    """

    name: str
    description: str
    sentence: str
    rows: tuple[StressRate, ...]
    skipped: str
    has_genuine: bool


@dataclass(frozen=True)
class StressTables:
    """All tests of one method on one generator; rule: where its threshold comes from."""

    method: str
    generator: str
    rule: str
    tests: tuple[StressTestTable, ...]


def stress_tables(rows: Sequence[StressRate]) -> list[StressTables]:
    """The tables of every method and generator, in the order of the rows."""
    tables = []
    for method, generator in dict.fromkeys((row.method, row.generator) for row in rows):
        own = [row for row in rows if (row.method, row.generator) == (method, generator)]
        unstressed = next((row for row in own if row.test == UNSTRESSED and not row.skipped), None)
        tests = []
        for name in dict.fromkeys(row.test for row in own):
            scored = tuple(row for row in own if row.test == name and not row.skipped)
            skipped = next((row.skipped for row in own if row.test == name and row.skipped), "")
            sentence = _sentence(name, scored, unstressed) if scored and unstressed is not None else ""
            has_genuine = any(row.genuine for row in scored)
            tests.append(StressTestTable(name, TESTS.get(name, ""), sentence, scored, skipped, has_genuine))
        tables.append(StressTables(method, generator, unstressed.rule if unstressed else "", tuple(tests)))
    return tables


def percent(value: float | None) -> str:
    """A rate in percent with one decimal; a dash for none."""
    return "–" if value is None else f"{value * 100:.1f}\u202f%"


def _sentence(test: str, rows: Sequence[StressRate], plain: StressRate) -> str:
    """What a test says, in one or two sentences; "" where no row has a rate."""
    if test == UNSTRESSED:
        return (
            f"As they are, {percent(plain.fnmr)} of genuine comparisons are rejected and {percent(plain.fmr)} "
            "of impostor comparisons accepted."
        )
    by_test = {
        REENCODING: _reencoding_sentence,
        DISGUISE: _disguise_sentence,
        IMITATION: _imitation_sentence,
        MIXED: _mixed_sentence,
        SOUND: _sound_sentence,
        SPEECH: _speech_sentence,
        GROUPS: _groups_sentence,
    }
    return by_test[test](rows, plain) if test in by_test else ""


def _reencoding_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    before = next((row for row in rows if not row.side), plain)
    parts = []
    for side, words in ((PROBE, "the probe alone"), (ENROLMENT, "the enrolled video alone"), (BOTH, "both")):
        worst = _worst(rows, side)
        if worst is not None:
            parts.append(f"{percent(worst.fnmr)} with {words} ({worst.case})")
    if not parts:
        return ""
    return (
        f"Genuine comparisons rejected: {percent(before.fnmr)} as stored; at worst {', '.join(parts)}. "
        "A rise with one side alone says that the two sides no longer match; what remains with both is loss of detail."
        + _few_words(before)
    )


def _disguise_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    worst = _worst(rows, PROBE)
    if worst is None:
        return ""
    return (
        f"A driver who hides succeeds most often with “{worst.case}”: {percent(worst.fnmr)} of genuine comparisons "
        f"are rejected, {percent(plain.fnmr)} without a disguise.{_few_words(worst)}"
    )


def _imitation_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    scored = [row for row in rows if row.fmr is not None]
    if not scored:
        return ""
    most = max(scored, key=lambda row: row.fmr or 0.0)
    return (
        f"An impostor who imitates ({most.case}) is accepted in {percent(most.fmr)} of the comparisons, "
        f"{percent(plain.fmr)} without imitation."
    )


def _mixed_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    rate = {row.case: row.fmr for row in rows}
    mouth, head = rate.get(OWN_MOUTH), rate.get(OTHER_MOUTH)
    if mouth is None or head is None:
        return ""
    accepted = None if plain.fnmr is None else 1 - plain.fnmr
    answer = "neither part decides alone"
    if abs(head - mouth) >= _CLEAR_DIFFERENCE:
        answer = f"the method follows the {'head and upper face' if head > mouth else 'lower face'} more"
    return (
        f"With the enrolled person's lower face on another's head {percent(mouth)} of the comparisons are accepted, "
        f"with another's lower face on the enrolled person's head {percent(head)} (genuine {percent(accepted)}, "
        f"impostor {percent(plain.fmr)}): {answer}."
    )


def _sound_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    owner = next((row for row in rows if row.case == AS_OWNER), None)
    if owner is None or owner.fmr is None:
        return ""
    itself = next((row for row in rows if row.case == AS_ITSELF), None)
    alike = ""
    if itself is not None and itself.fmr is not None:
        alike = f" Two of them with different texts are taken for one driver in {percent(itself.fmr)}."
    return (
        f"Videos that nobody drives are accepted as the person whose face they show in {percent(owner.fmr)} of the "
        f"comparisons; every acceptance is false. Impostors' videos are accepted in {percent(plain.fmr)}.{alike}"
    )


def _speech_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    same, different = rows[0], rows[1]
    return (
        f"Genuine comparisons are rejected in {_rate_or_none(same.fnmr)} with the same and "
        f"{_rate_or_none(different.fnmr)} with different content; impostors are accepted in "
        f"{_rate_or_none(same.fmr)} and {_rate_or_none(different.fmr)}."
    )


def _rate_or_none(value: float | None) -> str:
    return "(no such comparison)" if value is None else percent(value)


def _groups_sentence(rows: Sequence[StressRate], plain: StressRate) -> str:
    largest: tuple[float, StressRate, StressRate] | None = None
    by_column: dict[str, list[StressRate]] = {}
    for row in rows:
        if row.fnmr is not None and not row.case.endswith("of the same group"):
            by_column.setdefault(row.case.partition(":")[0], []).append(row)
    for groups in by_column.values():
        ordered = sorted(groups, key=lambda row: row.fnmr or 0.0)
        gap = (ordered[-1].fnmr or 0.0) - (ordered[0].fnmr or 0.0)
        if len(ordered) > 1 and (largest is None or gap > largest[0]):
            largest = gap, ordered[0], ordered[-1]
    if largest is None:
        return "No two groups have ten people, so that no difference between groups is stated."
    _, best, worst = largest
    return (
        f"The largest difference between groups of ten people or more: {percent(worst.fnmr)} of genuine comparisons "
        f"are rejected for {worst.case} ({count_text(worst.people, 'person')}), {percent(best.fnmr)} for {best.case} "
        f"({count_text(best.people, 'person')})."
    )


def _few_words(row: StressRate) -> str:
    """A warning where a rate stands on few genuine comparisons."""
    return (
        f" Only {count_text(row.genuine, 'genuine comparison')}: too few for a rate."
        if row.genuine < _FEWEST_GENUINE
        else ""
    )


def _worst(rows: Sequence[StressRate], side: str) -> StressRate | None:
    scored = [row for row in rows if row.side == side and row.fnmr is not None]
    return max(scored, key=lambda row: row.fnmr or 0.0, default=None)
