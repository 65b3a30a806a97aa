"""Evaluation: candidates x test generators under the protocols, beside the shortcut figures, as one results file."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

import pandas as pd

from benchmark import controls
from benchmark.controls import null_controls, shortcut_rows
from benchmark.controls.null_controls import judged, score_nulls, trial_nulls
from benchmark.evaluation.cache import Say, SharedWork
from benchmark.evaluation.evidence import Evidence
from benchmark.evaluation.machine import machine
from benchmark.evaluation.notes import notes
from benchmark.evaluation.sections import (
    Cell,
    NothingToScore,
    Section,
    cells,
    sections,
    select_test_generators,
    select_test_videos,
)
from benchmark.evaluation.seeds import seed_spread
from benchmark.methods.candidates import Candidate, MethodCandidate
from benchmark.metrics.margin import margin
from benchmark.protocols.schema import Protocol
from benchmark.report.embedding_map import embedding_map
from benchmark.stress import ABOUT as ABOUT_STRESS
from benchmark.stress import StressPlan, sweeps
from benchmark.trial_scores.cells import CellContext, compute_cell_figures
from benchmark.trial_scores.scored_trials import collection_of_person
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.trials.trials import TargetTrials, cell_generators, cell_names, trials
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of, write_text

RESULTS_VERSION = 2


def evaluate(
    dataset: Dataset,
    candidates: Sequence[Candidate],
    protocols: Sequence[Protocol],
    *,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    device: str = "cpu",
    stress: StressPlan | None = None,
    keep: Path | None = None,
    say: Say = lambda text: None,
) -> dict[str, Any]:
    """Figures of every candidate on every test generator, as plain values (see `write_results`).

    protocols: those that share their trials form one section of the results, in which each cell belongs to one of
    them. generators: test generators (default: the protocols', or all there are). stress: sweeps to run under the first
    protocol, none where it is None. keep: a folder for the embeddings and
    tables from which every figure can be recomputed. Raises NvfairError where people or generators overlap and
    `allow_overlap` is not given, and where nothing can be scored.
    """
    begun = time.monotonic()
    _named(candidates)
    mesh = any(isinstance(one, MethodCandidate) and one.method.needs == "mesh" for one in candidates)
    run = SharedWork(dataset, device, say, Evidence(keep) if keep is not None else None, mesh)
    parts, empty = [], []
    for number, section in enumerate(sections(protocols)):
        for one in candidates:
            one.check_protocol(section.protocol)
        try:
            parts.append(_section(run, candidates, section, number, generators, allow_overlap))
        except NothingToScore as error:
            empty.append({"section": number, "title": section.title, "reason": error.what})
            if len(empty) == len(sections(protocols)):
                raise
    flat = {key: [row for part in parts for row in part[key]] for key in ("cells", "controls", "exclusions")}
    flat["nulls"] = judged([row for part in parts for row in part["nulls"]])
    people = sorted({person for part in parts for person in part["people"]})
    videos = pd.concat([part["videos"] for part in parts]).drop_duplicates("video")
    results = {
        "format_version": RESULTS_VERSION,
        "protocols": [
            p.model_dump(mode="json") | {"digest": p.digest, "section": n}
            for n, section in enumerate(sections(protocols))
            for p in section.protocols
        ],
        "data": {
            "name": str(dataset.meta.get("name", dataset.folder.name)),
            "sha256": sha256_of(dataset.folder / "dataset.json"),
            "simulated": bool(dataset.meta.get("simulated", False)),
            "test_people": people,
            "videos": len(videos),
            "windows": max(part["windows"] for part in parts),
        },
        "generators": {name: _family(videos, name) for name in sorted(videos["generator"].unique())},
        "methods": {one.name: _about(one) for one in candidates},
        **flat,
        "not_scored": empty,
        "stress": _stressed(run, candidates, sections(protocols)[0].protocol, stress),
        "about_controls": controls.ABOUT,
        "about_nulls": null_controls.ABOUT,
        "about_stress": ABOUT_STRESS,
        "published": json.loads((resources.files("benchmark") / "published.json").read_text(encoding="utf-8")),
        "machine": machine(device) | {"seconds": round(time.monotonic() - begun, 1)},
    }
    results["seeds"] = seed_spread(results)
    results["notes"] = notes(results, dataset)
    return results


def write_results(path: Path, results: dict[str, Any]) -> None:
    """Writes results as JSON, whole or not at all; NaN is refused rather than written."""
    write_text(path, json.dumps(results, indent=1, sort_keys=True, allow_nan=False) + "\n")


def _named(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise NvfairError(
            "no method is named", remedy="pass --checkpoint FOLDER, --method NAME or --embeddings FILE, repeatable"
        )
    names = [one.name for one in candidates]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise NvfairError(f"two methods share the name {', '.join(twice)}", remedy="rename their folders or files")


def _section(
    run: SharedWork,
    candidates: Sequence[Candidate],
    section: Section,
    number: int,
    generators: Sequence[str],
    allow_overlap: bool,
) -> dict[str, Any]:
    """Cells, controls and exclusions of protocols that share their trials."""
    protocol = section.protocol
    asked = select_test_videos(run.dataset, protocol)
    names = select_test_generators(asked, section, generators, run.dataset)
    asked = asked[asked["generator"].isin(names)].sort_values("video").reset_index(drop=True)
    people = sorted({*asked["driver"], *asked["target"]})
    planned = cells(candidates, section, names, people, explicit=bool(generators), allow_overlap=allow_overlap)
    key, windows = run.cut(asked, protocol)
    if run.evidence is not None:
        run.evidence.keep_videos(asked, windows.videos["video"], number)
    rules = {name: list(trials(windows.videos, name, protocol.trials)) for name in cell_names(names, protocol.trials)}
    planned = [cell for cell in planned if any(one.complete for one in rules[cell.generator])]
    if not planned:
        raise NothingToScore(
            "no target has both genuine and impostor trials",
            where=f"protocol {section.title}",
            remedy="`nvfair protocols count` says which targets lack which, and why",
        )
    validation = {
        one.name: run.validated(one, protocol, frozenset(people), number)
        for one in {cell.candidate.name: cell.candidate for cell in planned}.values()
    }
    run.say("scoring shortcuts and null controls")
    scorers = controls.shortcuts(run.dataset, windows, run.training(protocol))
    shortcuts = [row.to_json() | {"section": number} for row in shortcut_rows(scorers, windows.videos, rules, protocol)]
    nulls = [
        row | {"section": number, "generator": name, "method": ""}
        for name, found in rules.items()
        if any(one.complete for one in found)
        for row in trial_nulls(found, windows.videos, protocol)
    ]
    scored = []
    for cell in planned:
        one, found = cell.candidate, rules[cell.generator]
        embedded, file = run.embedded(one, key, windows, number)
        run.say(f"scoring {one.name} on {cell.generator}")
        scorer = one.scorer(embedded, windows, protocol.scoring)
        figures = compute_cell_figures(
            scorer,
            windows.videos,
            cell.generator,
            cell.protocol,
            CellContext(asked, validation[one.name].pair, run.demographics),
        ).to_json()
        beside = {row["control"]: row["per_target"] for row in shortcuts if row["generator"] == cell.generator}
        gain = margin(
            figures["per_target"], beside, source=collection_of_person(windows.videos), seed=protocol.uncertainty.seed
        )
        scored.append(
            _about_cell(cell, number, file)
            | {"validation": {"people": validation[one.name].people, "reason": validation[one.name].reason}}
            | figures
            | ({} if gain is None else {"margin": gain.to_json()})
            | ({} if embedded is None else {"map": _map(embedded, windows, cell)})
        )
        nulls += [
            row | {"section": number, "generator": cell.generator, "method": one.name}
            for row in score_nulls(scorer, found, windows.videos, protocol)
        ]
    return {
        "cells": scored,
        "controls": shortcuts,
        "nulls": nulls,
        "exclusions": [_exclusions(asked, windows, rules) | {"section": number}],
        "people": people,
        "videos": windows.videos,
        "windows": len(windows),
    }


def _stressed(
    run: SharedWork, candidates: Sequence[Candidate], protocol: Protocol, plan: StressPlan | None
) -> list[dict[str, Any]]:
    """Rows of every sweep of every method that is run here."""
    if plan is None:
        return []
    rows: list[dict[str, Any]] = []
    for one in candidates:
        if isinstance(one, MethodCandidate):
            rows += [
                {"method": one.name, **row} for row in sweeps(run.dataset, one.method, protocol, plan, say=run.say)
            ]
        else:
            rows += [
                {"method": one.name, "sweep": name, "skipped": "a file cannot be run again"} for name in ABOUT_STRESS
            ]
    return rows


def _about_cell(cell: Cell, section: int, file: str) -> dict[str, Any]:
    return {
        "method": cell.candidate.name,
        "section": section,
        "train_generators": sorted(cell.candidate.declaration.training.generators or ()),
        "generator": cell.generator,
        "relation": cell.relation,
        "protocol": cell.protocol.name,
        "protocol_digest": cell.protocol.digest,
        "contaminated": list(cell.contaminated),
        "evidence": file,
    }


def _map(embedded: VideoEmbeddings, windows: WindowSet, cell: Cell) -> dict[str, Any]:
    return embedding_map(embedded, windows.videos, cell_generators(cell.generator))


def _exclusions(videos: pd.DataFrame, windows: WindowSet, rules: dict[str, list[TargetTrials]]) -> dict[str, Any]:
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
            for name, some in rules.items()
            for one in some
            if not one.complete
        ],
    }


def _family(videos: pd.DataFrame, generator: str) -> str:
    values = videos.loc[videos["generator"] == generator, "generator_family"].dropna().unique()
    return str(values[0]) if len(values) else ""


def _about(one: Candidate) -> dict[str, Any]:
    made = one.declaration
    people = {role: None if t.people is None else len(t.people) for role, t in made.roles().items()}
    return one.describe() | {
        "people": people,
        "generators": {r: None if t.generators is None else sorted(t.generators) for r, t in made.roles().items()},
        "unknown": list(made.unknown_roles),
        "data": dict(made.data),
    }
