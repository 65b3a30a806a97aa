"""What the build of a recipe needs of this machine, up to one of its stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from functools import partial
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.landmarker_files import check_landmarker_files
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Check, Needs, busy_finding, finding_of
from nvfair_tools.doctor.tools import check_device, check_encoder, check_face_network, check_generator_weights
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.clip_list import list_clips
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.permissions import Permissions
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

_PACKAGES = ("av", "pillow", "scipy", "matplotlib")
# Generators with weights.
_NETWORKS = ("face-vid2vid", "lia", "tps")


def recipe_needs(recipe: Recipe, until: str, engine: str = "") -> Needs:
    """What a build needs. until: the last stage that is to run, one of `curate.build.STAGES`. engine: "local" or "ray",
    in place of the recipe's.

    Stages that come first run first, so that each needs what the earlier ones need.
    """
    spec = LandmarkerSpec.from_recipe(recipe)
    checks: list[Check] = [
        partial(check_packages, "curate", _PACKAGES),
        partial(check_landmarker_files, spec.kind, spec.model),
        partial(_check_output, recipe),
        partial(_check_plan, recipe, until not in ("ingest", "plan")),
    ]
    networks = [network for network in (spec.detector, spec.recogniser) if network is not None]
    if recipe.clip_checks is not None and recipe.clip_checks.pack is not None:
        networks.append(_path_or_name(recipe, recipe.clip_checks.pack))
    checks += [partial(check_face_network, network) for network in dict.fromkeys(networks)]
    if until not in ("ingest", "plan"):
        checks.append(check_encoder)
        if any(choice.name in _NETWORKS for choice in recipe.generators):
            checks.append(partial(_check_networks, recipe))
        checks += [
            partial(_check_generator, recipe, number)
            for number, choice in enumerate(recipe.generators)
            if choice.name not in _NETWORKS
        ]
    if (engine or recipe.engine.name) == "ray":
        checks.append(partial(check_packages, "ray", ("ray",)))
    return Needs(tuple(checks))


def _check_output(recipe: Recipe) -> Iterator[MachineFinding]:
    workspace = Workspace(recipe.output_folder)
    try:
        workspace.check_folder()
    except NvfairError as error:
        yield finding_of(error, "output")
    if workspace.is_locked():
        yield busy_finding(recipe.output_folder)


def _check_plan(recipe: Recipe, renders: bool) -> Iterator[MachineFinding]:
    """Disk and memory, by the plan of the whole build: what is begun shall also end. renders: whether videos are made,
    of which something shall be usable."""
    from nvfair_tools.curate.costs.room import check_build_memory, check_build_room, stated_mean_frames
    from nvfair_tools.curate.plans.rule import plan_listed_clips
    from nvfair_tools.curate.usability.listed import listed_findings

    rows = list(list_clips(recipe).rows)
    splits = assign_splits(recipe, rows)
    pairs = plan_listed_clips(recipe, rows, splits).pairs
    findings = [check_build_room(recipe, pairs, len(rows), stated_mean_frames(rows)), *check_build_memory(recipe)]
    if renders:
        findings += listed_findings(recipe, rows, splits, pairs, Permissions(recipe, date.today()))
    for finding in findings:
        yield MachineFinding(finding.level, finding.topic, finding.message, finding.remedy)


def _check_networks(recipe: Recipe) -> Iterator[MachineFinding]:
    """What runs the recipe's network generators, and whether their weights are there; no network is loaded."""
    packages = check_packages("render", ("torch", "safetensors"))
    yield packages
    if packages.level != "ok":
        return
    yield check_device(recipe.device)
    for choice in recipe.generators:
        if choice.name in _NETWORKS:
            weights = None if choice.weights is None else _path_or_name(recipe, choice.weights)
            yield replace(check_generator_weights(choice.name, weights), topic=f"weights of {choice.label}")


def _check_generator(recipe: Recipe, number: int) -> MachineFinding:
    """Whether a generator without weights is known and takes its settings."""
    from nvfair_tools.render.choice import resolve_generator

    topic = f"generator {recipe.generators[number].label}"
    try:
        resolve_generator(recipe, number, Workspace(recipe.output_folder).read_formats())
    except NvfairError as error:
        return finding_of(error, topic)
    return MachineFinding("ok", topic, "takes its settings")


def _path_or_name(recipe: Recipe, name: str) -> Path | str:
    path = recipe.resolve(name)
    return path if path.exists() else name
