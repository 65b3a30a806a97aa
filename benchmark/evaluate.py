"""Evaluation: checkpoints x test generators under the protocols, beside the shortcut figures, as one results file."""

from __future__ import annotations

import json
import platform
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmark import controls, provenance
from benchmark.checkpoint import Checkpoint
from benchmark.embed import by_video, embed_windows
from benchmark.figures import HEADLINES, figures
from benchmark.inputs import DeviceFrames
from benchmark.scores import Scorer
from benchmark.trials import TargetTrials, trials
from benchmark.windows import WindowSet, prepare
from nvfair_tools.atomic import write_text
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.writer import sha256_of
from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Protocol, Relation, TrialRule

RESULTS_VERSION = 1
# A control at most this far below a method's figure "comes near" it.
NEAR = 0.03
_CROSS_CLIPS = 4
_DETECTOR_VIDEOS = 1500

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """Which checkpoint is tested on which generator under which protocol, and what speaks against it."""

    checkpoint: Checkpoint
    protocol: Protocol
    generator: str
    relation: str
    contaminated: tuple[str, ...]


def evaluate(
    dataset: Dataset,
    checkpoints: Sequence[Checkpoint],
    protocols: Sequence[Protocol],
    *,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    device: str = "cpu",
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Figures of every checkpoint on every test generator, as plain values (see `write_results`).

    protocols: differ only in how training and test generators stand to each other; each cell belongs to one of them.
    generators: test generators (default: the protocol's, or all there are). Raises NvfairError where people or
    generators overlap and `allow_overlap` is not given, and where nothing can be scored.
    """
    begun = time.monotonic()
    protocol = _common(protocols)
    _same_windows(checkpoints, protocol)
    videos = _test_videos(dataset, protocol)
    named = _test_generators(videos, protocols, generators, dataset)
    videos = videos[videos["generator"].isin(named)]
    people = sorted({*videos["driver"], *videos["target"]})
    plan = _plan(checkpoints, protocols, named, people, bool(generators), allow_overlap)
    say(f"reading {len(videos)} test videos of {len(people)} people")
    windows = prepare(dataset, videos["video"], protocol)
    rules = {name: list(trials(windows.videos, name, protocol.trials)) for name in named}
    cross = _cross_trials(windows.videos, named, protocol)
    cells = _cells(plan, windows, rules, cross, protocol, device, say)
    shortcuts = _shortcuts(dataset, windows, rules, protocol, say)
    unused = {name: [one for one in rules[name] if not one.complete] for name in named}
    return {
        "format_version": RESULTS_VERSION,
        "protocols": [p.model_dump(mode="json") | {"digest": p.digest} for p in protocols],
        "data": {
            "name": str(dataset.meta.get("name", dataset.folder.name)),
            "sha256": sha256_of(dataset.folder / "dataset.json"),
            "simulated": bool(dataset.meta.get("simulated", False)),
            "test_people": people,
            "videos": len(windows.videos),
            "windows": len(windows),
        },
        "generators": {name: _family(videos, name) for name in named},
        "checkpoints": {c.name: _about(c) for c in checkpoints},
        "cells": cells,
        "controls": shortcuts,
        "about_controls": controls.ABOUT,
        "exclusions": _exclusions(dataset, videos, windows, unused),
        "published": json.loads((resources.files("benchmark") / "published.json").read_text(encoding="utf-8")),
        "notes": _notes(cells, shortcuts, dataset, videos, HEADLINES[protocol.scoring.headline]),
        "machine": _machine(device) | {"seconds": round(time.monotonic() - begun, 1)},
    }


def write_results(path: Path, results: dict[str, Any]) -> None:
    """Writes results as JSON, whole or not at all; NaN is refused rather than written."""
    write_text(path, json.dumps(results, indent=1, sort_keys=True, allow_nan=False) + "\n")


def _common(protocols: Sequence[Protocol]) -> Protocol:
    """The protocol that all share but for the generators' relation."""
    if not protocols:
        raise NvfairError("no protocol is named")
    plain = [p.model_dump(mode="json", exclude={"name", "title", "generators"}) for p in protocols]
    if any(other != plain[0] for other in plain[1:]):
        raise NvfairError(
            f"protocols {', '.join(p.name for p in protocols)} differ in more than their generators",
            remedy="evaluate them one at a time",
        )
    return protocols[0]


def _same_windows(checkpoints: Sequence[Checkpoint], protocol: Protocol) -> None:
    if not checkpoints:
        raise NvfairError(
            "no checkpoint is named", remedy="pass --checkpoint FOLDER, as often as there are checkpoints"
        )
    names = [c.name for c in checkpoints]
    if len(set(names)) < len(names):
        raise NvfairError(f"two checkpoints share a name among {', '.join(names)}", remedy="rename their folders")
    for checkpoint in checkpoints:
        if checkpoint.protocol.time != protocol.time:
            raise NvfairError(
                f"it was trained on windows of {checkpoint.protocol.time}, the protocol asks for {protocol.time}",
                where=f"checkpoint {checkpoint.name}",
                remedy="train it under this protocol",
            )


def _test_videos(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    videos = dataset.videos
    chosen = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    if chosen.empty:
        raise NvfairError(f"split {protocol.split.test!r} has no reenactments", where=dataset.folder)
    return chosen


def _test_generators(
    videos: pd.DataFrame, protocols: Sequence[Protocol], asked: Sequence[str], dataset: Dataset
) -> list[str]:
    known = sorted(videos["generator"].unique())
    wanted = sorted(asked) or sorted({name for p in protocols for name in p.generators.test}) or known
    unknown = [name for name in wanted if name not in known]
    if unknown:
        raise NvfairError(
            f"generator {', '.join(unknown)!r} has no test video", where=dataset.folder, expected=", ".join(known)
        )
    return wanted


def _plan(
    checkpoints: Sequence[Checkpoint],
    protocols: Sequence[Protocol],
    generators: Sequence[str],
    people: Sequence[str],
    explicit: bool,
    allow_overlap: bool,
) -> list[Plan]:
    """Cells; where generators were named explicitly, every one of them must fit the protocol."""
    cells = []
    for checkpoint in checkpoints:
        by_people = provenance.overlaps(checkpoint, people, (), Relation.ANY)
        if by_people and not allow_overlap:
            provenance.refuse(checkpoint, by_people)
        for generator in generators:
            how = provenance.relation(checkpoint, generator)
            fitting = [p for p in protocols if p.generators.relation.value in (how, "any")]
            against = list(by_people)
            if not fitting:
                if not explicit and not _protocols_name_tests(protocols):
                    continue
                wrong = provenance.overlaps(checkpoint, (), (generator,), protocols[0].generators.relation)
                if not allow_overlap:
                    provenance.refuse(checkpoint, wrong)
                fitting, against = [protocols[0]], against + wrong
            cells.append(Plan(checkpoint, fitting[0], generator, how, tuple(against)))
    if not cells:
        relations = ", ".join(p.generators.relation.value for p in protocols)
        raise NvfairError(
            f"no checkpoint has a {relations} generator among {', '.join(generators)}",
            remedy="evaluate under another protocol, or on a data set with other generators",
        )
    return cells


def _protocols_name_tests(protocols: Iterable[Protocol]) -> bool:
    """Whether a protocol itself says which generators are tested."""
    return any(p.generators.test for p in protocols)


def _cells(
    plan: Sequence[Plan],
    windows: WindowSet,
    rules: dict[str, list[TargetTrials]],
    cross: dict[str, list[TargetTrials]],
    protocol: Protocol,
    device: str,
    say: Say,
) -> list[dict[str, Any]]:
    cross_protocol = protocol.model_copy(
        update={"trials": protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS})}
    )
    cells = []
    scorers: dict[str, Scorer] = {}
    for cell in plan:
        checkpoint = cell.checkpoint
        if checkpoint.name not in scorers:
            say(f"embedding {len(windows)} windows with {checkpoint.name}")
            network = checkpoint.network.to(device)
            frames = DeviceFrames(windows.landmarks, network.shape.input, device, checkpoint.feature["scale"])
            scorers[checkpoint.name] = Scorer(
                by_video(windows, embed_windows(network, windows, frames)), protocol.scoring
            )
            network.to("cpu")
        say(f"scoring {checkpoint.name} on {cell.generator}")
        scorer = scorers[checkpoint.name]
        result = {
            "checkpoint": checkpoint.name,
            "train_generators": list(checkpoint.provenance.train_generators),
            "generator": cell.generator,
            "relation": cell.relation,
            "protocol": cell.protocol.name,
            "protocol_digest": cell.protocol.digest,
            "contaminated": list(cell.contaminated),
            **figures(scorer, rules[cell.generator], windows.videos, protocol),
        }
        if any(one.complete for one in cross[cell.generator]):
            extra = figures(scorer, cross[cell.generator], windows.videos, cross_protocol, full=False)
            result["cross_cross"] = {key: extra[key] for key in ("auc_mean", "auc_pooled", "trials")}
        cells.append(result)
    return cells


def _shortcuts(
    dataset: Dataset, windows: WindowSet, rules: dict[str, list[TargetTrials]], protocol: Protocol, say: Say
) -> list[dict[str, Any]]:
    """The controls' figures on the same trials."""
    say("scoring shortcuts")
    scorers: dict[str, Any] = {
        controls.SHAPE: controls.shape_scorer(windows),
        controls.STILL: controls.still_scorer(windows),
    }
    train = _detector_videos(dataset, protocol)
    if train["kind"].nunique() == 2:
        learned = prepare(dataset, train["video"], protocol)
        if learned.videos["kind"].nunique() == 2:
            scorers[controls.CROSSNESS] = controls.crossness_scorer(learned, windows)
    return [
        {"control": name, "generator": generator, **figures(scorer, found, windows.videos, protocol, full=False)}
        for name, scorer in scorers.items()
        for generator, found in rules.items()
    ]


def _detector_videos(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    """A seeded sample of training people's reenactments, by any generator."""
    videos = dataset.usable()
    chosen = videos[(videos["split"] == protocol.split.train) & videos["generator"].notna()].sort_values("video")
    if len(chosen) > _DETECTOR_VIDEOS:
        rng = np.random.default_rng(protocol.uncertainty.seed)
        chosen = chosen.iloc[np.sort(rng.choice(len(chosen), _DETECTOR_VIDEOS, replace=False))]
    return chosen


def _cross_trials(videos: pd.DataFrame, generators: Sequence[str], protocol: Protocol) -> dict[str, list[TargetTrials]]:
    rule = protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS, "clips_per_driver": _CROSS_CLIPS})
    return {name: list(trials(videos, name, rule)) for name in generators}


def _exclusions(
    dataset: Dataset, videos: pd.DataFrame, windows: WindowSet, unused: dict[str, list[TargetTrials]]
) -> dict[str, Any]:
    reasons = windows.excluded.assign(whole=windows.excluded["windows_kept"] == 0)
    return {
        "videos_asked": len(videos),
        "videos_used": len(windows.videos),
        "videos_lost": {str(k): int(v) for k, v in reasons[reasons["whole"]]["reason"].value_counts().items()},
        "windows_lost": {
            str(k): int(v) for k, v in reasons.groupby("reason")["windows_lost"].sum().items() if int(v) > 0
        },
        "targets_without_trials": [
            {"generator": name, "target": one.target, "reason": one.lack}
            for name, some in unused.items()
            for one in some
        ],
    }


def _notes(
    cells: list[dict[str, Any]], shortcuts: list[dict[str, Any]], dataset: Dataset, videos: pd.DataFrame, figure: str
) -> list[str]:
    """What a reader must know before any figure, in words. figure: the one that is reported first."""
    notes = []
    if dataset.meta.get("simulated"):
        notes.append("These people are simulated: the figures say how the tools behave, nothing about real people.")
    stamped = sorted({reason for cell in cells for reason in cell["contaminated"]})
    if stamped:
        notes.append("Contaminated: " + "; ".join(stamped) + ".")
    for checkpoint in dict.fromkeys(cell["checkpoint"] for cell in cells):
        near = _near([cell for cell in cells if cell["checkpoint"] == checkpoint], shortcuts, figure)
        if near:
            notes.append(
                f"{checkpoint} need not have used motion: a shortcut comes near it on {len(near)} generator(s). "
                + "; ".join(near)
                + "."
            )
    families = {cell["generator"]: _family(videos, cell["generator"]) for cell in cells}
    trained = {name for cell in cells for name in cell["train_generators"]}
    known = dataset.videos.dropna(subset="generator").drop_duplicates("generator").set_index("generator")
    for family in sorted({f for f in families.values() if f}):
        members = {name for name in trained if name in known.index and known.loc[name, "generator_family"] == family}
        unseen = [c for c in cells if c["relation"] == "unseen" and families[c["generator"]] == family]
        if members and unseen:
            notes.append(
                f"Unseen generators here are unseen within the {family} family: its members share more than unrelated "
                "generators do."
            )
    return notes


def _near(cells: list[dict[str, Any]], shortcuts: list[dict[str, Any]], figure: str) -> list[str]:
    """For each cell that its strongest shortcut comes near, the two figures in words."""
    found = []
    for cell in cells:
        beside = [x for x in shortcuts if x["generator"] == cell["generator"]]
        best = max(beside, key=lambda x: x[figure]["value"], default=None)
        if best is not None and best[figure]["value"] >= cell[figure]["value"] - NEAR:
            short, value = best[figure]["value"], cell[figure]["value"]
            found.append(f"{cell['generator']}: {best['control']} {short:.3f} against {value:.3f}")
    return found


def _family(videos: pd.DataFrame, generator: str) -> str:
    values = videos.loc[videos["generator"] == generator, "generator_family"].dropna().unique()
    return str(values[0]) if len(values) else ""


def _about(checkpoint: Checkpoint) -> dict[str, Any]:
    made = checkpoint.provenance
    return {
        "digest": checkpoint.digest,
        "input": checkpoint.feature["input"],
        "scale": checkpoint.feature["scale"],
        "train_generators": list(made.train_generators),
        "selection_generators": list(made.selection_generators),
        "train_people": len(made.train.all),
        "validation_people": len(made.validation.all),
        "data": made.data,
        "selection": checkpoint.selection,
        "windows": checkpoint.options.get("windows"),
        "seed": checkpoint.options.get("seed"),
        "parameters": sum(p.numel() for p in checkpoint.network.parameters()),
    }


def _machine(device: str) -> dict[str, Any]:
    versions = {}
    for package in ("nvfair-tools", "torch", "numpy", "pandas", "pyarrow", "scipy"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed as a package"
    gpu = torch.cuda.get_device_name(0) if device.startswith("cuda") and torch.cuda.is_available() else None
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "device": gpu or device,
        "versions": versions,
    }


def _processor() -> str:
    path = Path("/proc/cpuinfo")
    if path.is_file():
        for line in path.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"
