"""What is wrong in a user's file is said with its key, what stands there and what was expected, in plain words."""

import copy
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from benchmark.protocols.schema import Protocol
from leaderboard.settings import Settings
from leaderboard.submission.submission import DECLARATION_TEMPLATE, Submission
from nvfair_tools.dataset.publication import Publication
from nvfair_tools.errors import Problems
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.releases.settings import ReleaseSettings
from nvfair_tools.schema_problems.lines import parse_model
from nvfair_tools.simulate.settings import CohortSettings

RECIPE = {
    "name": "clips",
    "output": "out",
    "sources": [{"csv": "clips.csv", "footage": {}}],
    "rights": {"render_if": ["research"]},
    "splits": {},
    "generators": [{"name": "warp-dense"}],
    "pairs": {},
    "landmarks": {},
    "features": {},
    "policy": {},
    "clip_checks": {"people": {}, "yaw": {}},
    "quality": {},
    "publication": {"creators": [{"name": "A"}]},
    "engine": {"name": "ray"},
}
PROTOCOL = {
    "name": "a",
    **{part: {} for part in ("split", "generators", "time", "missing", "scoring", "uncertainty")},
    "trials": {"template": {"clips": 1}},
    "sweep": {"field": "trials.seed", "values": [1]},
}
FILES: dict[str, tuple[type[BaseModel], dict[str, Any]]] = {
    "recipe": (Recipe, RECIPE),
    "protocol": (Protocol, PROTOCOL),
    "submission": (Submission, yaml.safe_load(DECLARATION_TEMPLATE)),
    "publication": (Publication, {"creators": [{"name": "A"}]}),
    "release": (ReleaseSettings, {"columns": {}, "landmarks": {}, "features": {}}),
    "simulation": (CohortSettings, {"sources": [{"name": "a", "train": 1, "validation": 1, "test": 1}], "framing": {}}),
    "board": (Settings, {"datasets": {"a": {"folder": "x"}}, "phases": {"p": {"dataset": "a"}}, "limits": {}}),
}
WRONG_VALUES = [None, -1, 2.5, True, "", "x" * 300, "neutrl", [], [None], [{"a": 1}], {}, {"a": None}, {1: 2}]
# Of the library that reads the schema; no user knows them.
LIBRARY_WORDS = re.compile(
    r"Input should|Value error|Extra inputs|Field required|valid (dict|tuple|list|string|integer|number|boolean)|"
    r"constrained|function-|literal\[|tuple\[|dict\[|nullable|instance of|unable to parse|\[key\]|String should|"
    r"Tuple should|NoneType|<class|pydantic"
)


def places(model: type[BaseModel], content: Any, keys: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """The places of a file where something may stand: all keys of the parts that `content` has."""
    for name, field in model.model_fields.items():
        if field.exclude:
            continue
        key = field.alias or name
        yield (*keys, key)
        value = content.get(key)
        parts = {(key,): value} if isinstance(value, dict) else {}
        if isinstance(value, list):
            parts = {(key, number): item for number, item in enumerate(value) if isinstance(item, dict)}
        for place, part in parts.items():
            for inner in _models(field.annotation):
                yield from places(inner, part, (*keys, *place))


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in getattr(annotation, "__args__", ()) for model in _models(part)]


def with_value(content: Any, keys: tuple[str | int, ...], value: Any) -> Any:
    """The content with `value` at a place."""
    changed = holder = copy.deepcopy(content)
    for key in keys[:-1]:
        holder = holder[key]
    holder[keys[-1]] = value
    return changed


@pytest.mark.parametrize("name", FILES)
def test_every_wrong_value_of_every_key_is_told_in_plain_words(name):
    model, content = FILES[name]
    parse_model(model, content, where="file")
    mistakes = []
    for keys in places(model, content):
        for value in WRONG_VALUES:
            try:
                parse_model(model, with_value(content, keys, value), where="file")
            except Problems as error:
                mistakes.append((keys, value, error.problems))
    for keys, value, problems in mistakes:
        for line in problems:
            key = line.partition(":")[0]
            assert not LIBRARY_WORDS.search(line), line
            # The line names the key, a part of it, or a part that it belongs to, whose values contradict each other.
            text = ".".join(map(str, keys))
            assert key == "file" or text.startswith(key) or key.startswith(f"{text}."), (keys, value, problems)
    assert len(mistakes) > 4 * len(list(places(model, content)))


def lines(**changes: Any) -> tuple[str, ...]:
    """The problems of the recipe with other keys; "leave out" leaves one out."""
    content = {key: value for key, value in (RECIPE | changes).items() if value != "leave out"}
    with pytest.raises(Problems) as caught:
        parse_model(Recipe, content, where="recipe.yaml")
    return caught.value.problems


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        (
            {"pairs": {"cross_per_clip": {"train": -3}}},
            "pairs.cross_per_clip.train: found -3; expected a whole number of at least 0, or null",
        ),
        ({"pairs": {"cross_per_clip": {"trian": 3}}}, "pairs.cross_per_clip.trian: no such key; did you mean `train`?"),
        (
            {"generators": [{"name": "lia", "reference": "neutrl"}]},
            "generators.0.reference: found 'neutrl'; expected a whole number of at least 0, or one of best, neutral; "
            "did you mean `neutral`?",
        ),
        ({"workers": 1.5}, "workers: found 1.5; expected a whole number of at least 0, or the word auto"),
        (
            {"name": "../x"},
            "name: found '../x'; expected letters, digits, blanks and _ . -, the first a letter or digit",
        ),
        ({"policy": {"min_valid_share": 95}}, "policy.min_valid_share: found 95; expected a number from 0 to 1"),
        (
            {"landmarks": None},
            "landmarks: found nothing; expected values for the keys landmarker, model, detector, recogniser",
        ),
        (
            {"publication": {"published": "soon"}},
            "publication.published: found 'soon'; expected a date such as 2026-01-31, or null",
        ),
        ({"splits": {"by": "file"}}, "splits: `by: file` needs `file`"),
        ({"output": "leave out"}, "output: is needed; expected a text"),
    ],
)
def test_a_mistake_is_one_line_with_key_value_and_expectation(changes, line):
    assert lines(**changes) == (line,)


def test_what_keys_contradict_is_found_although_other_keys_are_misspelt():
    """The schema's own checks of a part do not run where a key of it is unknown; both are told at once."""
    problems = lines(splits={"by": "shares", "shars": {"train": 0.5}, "seeed": 1})
    assert problems == (
        "splits.shars: no such key; did you mean `shares`?",
        "splits.seeed: no such key; did you mean `seed`?",
        "splits: shares must add up to 1; they add up to 0.5",
    )
    problems = lines(rigths={"consent": "consent.csv"}, rights="leave out", simulated=True)
    assert "rigths: no such key; did you mean `rights`?" in problems
    assert problems[-1].startswith("file: simulated people need no `rights.consent`")
    # What stands under a misspelt key is looked at as well.
    problems = lines(generatrs=[{"name": "lia", "mode": "abs"}], generators="leave out")
    assert "generators.0.mode: found 'abs'; expected one of absolute, relative" in problems


def test_thousands_of_mistakes_take_no_time():
    content = yaml.safe_load(DECLARATION_TEMPLATE)
    content["training"]["people"] = ["nobody"] * 5_000
    with pytest.raises(Problems) as caught:
        parse_model(Submission, content, where="submission.yaml", quote_values=False)
    assert len(caught.value.problems) == 5_000
    assert "expected such as cremad:1001" in caught.value.problems[0]


def test_values_are_not_quoted_where_they_may_be_private():
    content = yaml.safe_load(DECLARATION_TEMPLATE) | {"contact": "me" * 200}
    with pytest.raises(Problems) as caught:
        parse_model(Submission, content, where="submission.yaml", quote_values=False)
    assert caught.value.problems == ("contact: found a text; expected a text of 3 to 200 characters",)
