"""Results as pages show them: whoever did not agree to be shown has neither a name there nor a figure of their own.

results.json stays whole: it is a file of the lab, as the data set is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from benchmark.evaluation.results import EvaluationResults
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import DatasetRights

NOT_NAMED = "a person who is not named"


def results_for_pages(results: EvaluationResults, dataset: Dataset | None) -> EvaluationResults:
    """The results without names and single figures of people who are not shown; a warning counts them.

    dataset: says who; without it nobody is left out, because the curator's own machine shows what no word forbids.
    """
    if dataset is None:
        return results
    content = results.to_json()
    unnamed = frozenset(DatasetRights(dataset).unnamed(_people(content), public=False))
    if not unnamed:
        return results
    longest_first = sorted(map(re.escape, unnamed), key=lambda name: (-len(name), name))
    # Not within a longer name, but also before the full stop of a sentence.
    pattern = re.compile(rf"(?<![\w:.-])(?:{'|'.join(longest_first)})(?![\w-]|[.:]\w)")
    without = EvaluationResults.from_json(_without(content, unnamed, pattern))
    people = f"{len(unnamed)} test people" if len(unnamed) > 1 else "one of the test people"
    note = f"The names and single figures of {people} who did not agree to be shown are left out of this page."
    return replace(without, warnings=(*without.warnings, note))


def _people(content: dict[str, Any]) -> Iterator[str]:
    """Everybody of whom the results have a figure or a word."""
    yield from content["data"]["test_people"]
    for row in (*content["cells"], *content["controls"]):
        yield from row["per_target"]
    for exclusions in content["exclusions"]:
        yield from (target["target"] for target in exclusions["targets_without_trials"])


def _without(value: Any, unnamed: frozenset[str], pattern: re.Pattern[str]) -> Any:
    """A JSON value in which names are replaced; entries that are of one such person alone are left out."""
    if isinstance(value, dict):
        return {key: _without(item, unnamed, pattern) for key, item in value.items() if key not in unnamed}
    if isinstance(value, list):
        own = (isinstance(item, dict) and item.get("person") in unnamed for item in value)
        return [_without(item, unnamed, pattern) for item, is_own in zip(value, own, strict=True) if not is_own]
    return pattern.sub(NOT_NAMED, value) if isinstance(value, str) else value
