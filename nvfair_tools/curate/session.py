"""A session is one run of a build: the recipe, the data set's folder, and the runner of its stages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.landmarks.sources_of_points import mixture_text, sources_of_points
from nvfair_tools.pipeline.engines.engine import Engine
from nvfair_tools.pipeline.engines.local import LocalEngine, default_workers
from nvfair_tools.pipeline.engines.ray_cluster import RayCluster
from nvfair_tools.pipeline.engines.ray_engine import RayEngine
from nvfair_tools.pipeline.progress import Reporter, default_reporter
from nvfair_tools.pipeline.stage import StageRunner
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
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

    def render_engine(self, *, uses_device: bool) -> Engine:
        """The engine that renders with one generator. uses_device: whether it is a network, which may use a GPU."""
        engine, workers = self.runner.engine, self.recipe.render_workers
        if isinstance(engine, RayEngine) and workers != 0:
            uses_gpus = uses_device and self.recipe.device != "cpu"
            return replace(engine, uses_gpus=uses_gpus, workers=workers or engine.workers)
        return engine if workers is None else LocalEngine(workers)


@contextmanager
def open_session(
    recipe: Recipe, reporter: Reporter | None = None, engine: Engine | None = None, day: date | None = None
) -> Iterator[Session]:
    """Opens a session in the recipe's data set, which is locked until the session is closed.

    reporter: default `default_reporter()`; one that is a context manager is entered. engine: default, that of the
    recipe; one that is a context manager is entered. day: for which consents are judged; default, today. Raises
    NvfairError where the folder cannot be used, or where another build is at work in it.
    """
    workspace = Workspace(recipe.output_folder)
    reporter = default_reporter() if reporter is None else reporter
    with ExitStack() as stack:
        if isinstance(reporter, AbstractContextManager):
            stack.enter_context(reporter)
        journal = stack.enter_context(workspace.open_journal())
        keep_landmarker(recipe, workspace)
        journal.forget_progress()
        engine = recipe_engine(recipe, workspace) if engine is None else engine
        if isinstance(engine, AbstractContextManager):
            stack.enter_context(engine)
        runner = StageRunner(
            workspace.dataset,
            journal,
            engine,
            reporter,
            recipe.item_time_limit,
            (workspace.dataset, recipe.folder),
        )
        yield Session(recipe, workspace, runner, day or date.today())


def keep_landmarker(recipe: Recipe, workspace: Workspace) -> None:
    """Notes in the workspace which landmarker finds the faces of this build.

    Raises NvfairError where the build was begun with another one, unless the recipe names it: all that was tracked and
    rendered would be made again. A model file that is missing is an error where it is used.
    """
    spec = LandmarkerSpec.from_recipe(recipe)
    if not spec.is_installed():
        return
    source, earlier = spec.source_of_points(), _earlier_landmarker(workspace)
    is_named = recipe.landmarks.landmarker != "auto" or recipe.landmarks.model is not None
    if earlier and earlier != source and not is_named:
        raise NvfairError(
            f"this build was begun with {earlier}, and here {source} would find the faces",
            where=workspace.dataset,
            expected=f"one landmarker for a whole data set, not {mixture_text((earlier, source))}",
            remedy="go on in the Python environment that began it, or name another `output`; to make everything again "
            "here, write into the recipe: landmarks: {landmarker: "
            + (f"tasks, model: {spec.model}}}" if spec.kind == "tasks" else "facemesh}"),
        )
    if earlier != source:
        write_text(workspace.landmarker_path, source + "\n")


def _earlier_landmarker(workspace: Workspace) -> str:
    """What found the faces of an earlier run: what it noted, else what the finished data set says; "" if neither."""
    with suppress(FileNotFoundError):
        return workspace.landmarker_path.read_text(encoding="utf-8").strip()
    try:
        record = json.loads((workspace.dataset / "dataset.json").read_text(encoding="utf-8"))
        sources = sources_of_points(record["landmarks"]["landmarkers"])
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return ""
    return next(iter(sources)) if len(sources) == 1 else ""


def recipe_engine(recipe: Recipe, workspace: Workspace) -> Engine:
    """The engine that a recipe chooses; without workers (`workers: 0`) it is this process, for debugging."""
    choice = recipe.engine
    if choice.name == "local" or recipe.workers == 0:
        return LocalEngine(default_workers() if recipe.workers == "auto" else recipe.workers)
    workers = None if recipe.workers == "auto" else recipe.workers
    cpus = None if workers is None else max(default_workers(), int(workers * choice.cpus_per_worker))
    return RayEngine(
        RayCluster(choice.address, workspace.folder, tuple(_files_of_all_machines(recipe)), cpus),
        workers,
        choice.cpus_per_worker,
        None if choice.gpus_per_worker == "auto" else choice.gpus_per_worker,
    )


def _files_of_all_machines(recipe: Recipe) -> Iterator[Path]:
    """The files and folders of this machine that a recipe names and workers read."""
    names = [name for source in recipe.sources for name in (source.csv, source.folder, source.root)]
    rule, model = recipe.landmarks, LandmarkerSpec.from_recipe(recipe).model
    names += [choice.weights for choice in recipe.generators] + [rule.detector, rule.recogniser]
    names += [None if model is None else str(model)]
    for name in names:
        # What is no file here is a registered name.
        if name is not None and (path := recipe.resolve(name)).exists():
            yield path
