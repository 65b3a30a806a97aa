"""Plans of recipes from their lists alone, written and compared."""

from __future__ import annotations

import tempfile
from pathlib import Path

from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.plans.rule import plan_listed_clips
from nvfair_tools.curate.plans.table import PlanDifference, compare_plans, write_plan
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.clip_list import list_clips
from nvfair_tools.recipe.recipe import Recipe, load_recipe
from nvfair_tools.recipe.splits import assign_splits


def write_listed_plan(recipe: Recipe, path: Path) -> int:
    """Writes the table of a recipe's plan without reading any clip; returns the number of planned videos."""
    return write_plan(path, _listed_pairs(recipe), recipe.generators)


def count_listed_plan(recipe: Recipe) -> int:
    """The number of videos that `write_listed_plan` would plan."""
    pairs = _listed_pairs(recipe)
    return sum(int(pairs.in_splits(choice.splits).sum()) for choice in recipe.generators)


def _listed_pairs(recipe: Recipe) -> PairTable:
    rows = list(list_clips(recipe).rows)
    return plan_listed_clips(recipe, rows, assign_splits(recipe, rows)).pairs


def compare(new: Path, old: Path) -> PlanDifference:
    """Compares two plans, each a recipe, a table or the folder of a data set that has been planned.

    Recipes are planned from their lists. Raises NvfairError where one is none of these, or where a recipe whose pairs
    are drawn by the content of files would be compared with the plan of files that were read.
    """
    with tempfile.TemporaryDirectory() as folder:
        tables = [_table_of(path, Path(folder) / f"{number}.parquet") for number, path in enumerate((new, old))]
        for (_, recipe), (_, another) in (tables, tables[::-1]):
            if recipe is not None and another is None and _draws_by_content(recipe):
                raise NvfairError(
                    "this recipe's pairs are drawn by the content of its files, which a plan from lists does not know",
                    where=recipe.folder,
                    remedy="run `nvfair plan RECIPE` without options, and compare the folder of its data set; or add "
                    "`faces_per_driver`, which draws by names",
                )
        return compare_plans(tables[0][0], tables[1][0])


def _draws_by_content(recipe: Recipe) -> bool:
    rule = recipe.pairs
    return rule.file is None and rule.faces_per_driver is None and rule.cross_per_clip is not None


def _table_of(path: Path, temporary: Path) -> tuple[Path, Recipe | None]:
    """The table of a plan, and the recipe that it was made of just now."""
    if path.is_dir():
        table = Workspace(path).plan_path
        if not table.exists():
            raise NvfairError("no plan is here", where=path, remedy="run `nvfair plan` or `nvfair build` of its recipe")
        return table, None
    if path.suffix == ".parquet":
        return path, None
    recipe = load_recipe(path)
    write_listed_plan(recipe, temporary)
    return temporary, recipe
