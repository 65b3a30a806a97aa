"""Reading a recipe with everything that is wrong in it at once, the names of its generators included."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from nvfair_tools.curate.finding import Finding
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.recipe.recipe import Recipe, load_recipe
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping


def load_whole_recipe(path: str | Path) -> Recipe:
    """Reads a recipe as `load_recipe` does; generators that do not exist are among the problems that it raises."""
    from nvfair_tools.render.choice import generator_name_problem

    problems: list[str] = []
    remedy, recipe = "see docs/datasets.md for every key", None
    try:
        recipe = load_recipe(path)
        names = dict(enumerate(choice.name for choice in recipe.generators))
    except Problems as error:
        problems, remedy = list(error.problems), error.remedy
        names = _generator_names(path)
    for number, name in names.items():
        if text := generator_name_problem(name):
            problems.append(f"generators.{number}.name: {text}")
    if problems or recipe is None:
        raise Problems(path, problems, remedy=remedy)
    return recipe


def with_findings(error: NvfairError, findings: Iterable[Finding]) -> NvfairError:
    """The error of a list of clips, with what else was found wrong."""
    others = [_line(finding) for finding in findings if finding.level == "error"]
    if not others:
        return error
    problems = list(error.problems) if isinstance(error, Problems) else [str(error)]
    return Problems(error.where if isinstance(error, Problems) else "", [*problems, *others], remedy=error.remedy)


def _line(finding: Finding) -> str:
    return f"{finding.topic}: {finding.message}" + (f"; to fix it: {finding.remedy}" if finding.remedy else "")


def _generator_names(path: str | Path) -> dict[int, str]:
    """{number: name} of the generators in a recipe of which other keys are wrong."""
    content = read_yaml_mapping(path, "recipe", example="")
    entries = content.get("generators")
    entries = entries if isinstance(entries, list) else []
    names = {number: entry.get("name") for number, entry in enumerate(entries) if isinstance(entry, dict)}
    return {number: name for number, name in names.items() if isinstance(name, str)}
