"""One run of a build: the recipe, the data set's folder, and the runner of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.pipeline.engines.local import Engine, LocalEngine, default_workers
from nvfair_tools.pipeline.progress import Reporter, Silent
from nvfair_tools.pipeline.stage import StageRunner
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.recipe import Recipe


@dataclass(frozen=True)
class Session:
    """What all stages of a build need."""

    recipe: Recipe
    workspace: Workspace
    runner: StageRunner

    @property
    def dataset(self) -> Path:
        """The data set's folder."""
        return self.workspace.dataset


@contextmanager
def session_of(recipe: Recipe, reporter: Reporter | None = None, engine: Engine | None = None) -> Iterator[Session]:
    """A session in the recipe's data set, which is locked as long as it is open."""
    workers = default_workers() if recipe.workers == "auto" else recipe.workers
    workspace = Workspace(recipe.output_folder)
    with workspace.opened() as journal:
        runner = StageRunner(
            workspace.dataset,
            journal,
            engine or LocalEngine(workers),
            reporter or Silent(),
            recipe.item_time_limit,
            (workspace.dataset, recipe.folder),
        )
        yield Session(recipe, workspace, runner)
