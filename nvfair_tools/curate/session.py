"""A session is one run of a build: the recipe, the data set's folder, and the runner of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from pathlib import Path

from nvfair_tools.pipeline.engines.engine import Engine
from nvfair_tools.pipeline.engines.local import LocalEngine, default_workers
from nvfair_tools.pipeline.progress import Reporter, default_reporter
from nvfair_tools.pipeline.stage import StageRunner
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Recipe


@dataclass(frozen=True)
class Session:
    """The values that all stages of a build need. day: the one for which consents are judged."""

    recipe: Recipe
    workspace: Workspace
    runner: StageRunner
    day: date = field(default_factory=date.today)

    @property
    def dataset(self) -> Path:
        """The folder of the data set."""
        return self.workspace.dataset

    @cached_property
    def permissions(self) -> Permissions:
        """What may be done with people's clips on the session's day."""
        return Permissions(self.recipe, self.day)


@contextmanager
def open_session(
    recipe: Recipe, reporter: Reporter | None = None, engine: Engine | None = None, day: date | None = None
) -> Iterator[Session]:
    """Opens a session in the recipe's data set, which is locked until the session is closed.

    reporter: default `default_reporter()`; one that is a context manager is entered. engine: default, the recipe's
    number of processes on this machine. day: for which consents are judged; default, today. Raises NvfairError where
    the folder cannot be used, or where another build is at work in it.
    """
    workers = default_workers() if recipe.workers == "auto" else recipe.workers
    workspace = Workspace(recipe.output_folder)
    reporter = default_reporter() if reporter is None else reporter
    with ExitStack() as stack:
        if isinstance(reporter, AbstractContextManager):
            stack.enter_context(reporter)
        journal = stack.enter_context(workspace.open_journal())
        journal.forget_progress()
        runner = StageRunner(
            workspace.dataset,
            journal,
            engine or LocalEngine(workers),
            reporter,
            recipe.item_time_limit,
            (workspace.dataset, recipe.folder),
        )
        yield Session(recipe, workspace, runner, day or date.today())
