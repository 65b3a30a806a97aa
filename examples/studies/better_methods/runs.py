"""Makes one run: trains the variant, and scores it in every way on validation and on test people.

FOLDER/worlds/WORLD     the simulated cohorts
FOLDER/runs/KEY         the training, which goes on where it was interrupted
FOLDER/results/KEY.json its AUCs; such a run is not made again
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path

from benchmark import protocols
from benchmark.methods.candidates import as_candidate
from benchmark.methods.cohorts import Cohort, NormalisedCandidate
from benchmark.methods.embed import group_by_video
from benchmark.methods.network import embed_windows
from benchmark.protocols.schema import Trials
from benchmark.training.loop import train
from benchmark.trial_scores.chart_data import person_figures
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from examples.studies.better_methods.plan import (
    NEAREST,
    NORMALISED,
    PLAIN,
    Run,
    pretraining_options,
    spare_world,
    trial_rules,
)  # fmt: skip
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder, write_text
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings

TEST, VALIDATION = "test", "validation"


@dataclass(frozen=True)
class Cell:
    """AUCs of a run scored in one way. split: TEST or VALIDATION. scoring: how. enrolment: "pairs", or clips.

    people: person -> (AUC of the person as a target, AUC of the pairs in which the person is the impostor).
    """

    world: str
    title: str
    seed: int
    split: str
    scoring: str
    enrolment: str
    generator: str
    seen: bool
    people: dict[str, tuple[float, float]]


def read_cells(folder: Path) -> list[Cell]:
    """The cells of all finished runs."""
    files = sorted((folder / "results").glob("*.json"))
    return [Cell(**cell) for file in files for cell in json.loads(file.read_text(encoding="utf-8"))["cells"]]


def make_run(folder: Path, run: Run) -> str:
    """Makes a run unless it is finished; a line of text about it."""
    result = folder / "results" / f"{run.key}.json"
    if result.exists():
        return f"{run.key}: finished before"
    begun = time.monotonic()
    data = simulated(folder, run.settings)
    start = pretrained(folder, run) if run.variant.pretraining else None
    train(data, folder / "runs" / run.key, run.options, "nvfair-seen", name=run.variant.title, start=start)
    seconds = time.monotonic() - begun
    cells = list(score_run(folder, run))
    content = {"seconds": round(seconds, 1), "cells": [asdict(cell) for cell in cells]}
    make_folder(result.parent)
    write_text(result, json.dumps(content, sort_keys=True) + "\n")
    return f"{run.key}: trained in {seconds:.0f} s, scored in {time.monotonic() - begun - seconds:.0f} s"


def simulated(folder: Path, settings: CohortSettings) -> Path:
    """The folder of a world, simulated where it is not there yet."""
    cohort = folder / "worlds" / f"{settings.name}-{settings.world_hash()[:8]}"
    write_cohort(cohort, settings, workers=1)
    return cohort


def pretrained(folder: Path, run: Run) -> Path:
    """The checkpoint of the pretraining with a run's seed, trained where it is not there yet."""
    out = folder / "runs" / f"{run.world}-pretraining-{run.size.name}-{run.seed}"
    spare = simulated(folder, spare_world(run.settings, run.size))
    train(spare, out, pretraining_options(run.size, run.seed), "nvfair-seen")
    return out


def score_run(folder: Path, run: Run) -> Iterator[Cell]:
    """The AUCs of a finished training, scored and enrolled in every way, on validation and on test people.

    Validation people are scored on the generator of the training alone, as nothing else may be chosen on.
    """
    scoring, seen = protocols.load("nvfair-seen").scoring, run.settings.generators[0]
    candidate = as_candidate(folder / "runs" / run.key)
    spare = Dataset.open(simulated(folder, spare_world(run.settings, run.size)))
    data = Dataset.open(simulated(folder, run.settings))
    cohort = Cohort.embed(candidate, spare, protocols.load("nvfair-seen"), "test", (seen,))
    candidates = {
        PLAIN: candidate,
        NORMALISED: NormalisedCandidate(candidate, cohort),
        NEAREST: NormalisedCandidate(candidate, cohort, run.size.nearest),
    }
    for split in (VALIDATION, TEST):
        windows = windows_of(data.folder, split, seen if split == VALIDATION else "")
        embeddings = group_by_video(windows, embed_windows(candidate.method.network, windows))
        for way, scored in candidates.items():
            scorer = Scorer(embeddings, scoring) if way == PLAIN else scored.scorer(embeddings, windows, scoring)
            for enrolment, rule in trial_rules().items():
                for generator in sorted(windows.videos["generator"].unique()):
                    people = people_aucs(scorer, windows, generator, rule)
                    yield Cell(
                        run.world,
                        run.variant.title,
                        run.seed,
                        split,
                        way,
                        enrolment,
                        generator,
                        generator == seen,
                        people,
                    )


@lru_cache(maxsize=2)
def windows_of(folder: Path, split: str, generator: str) -> WindowSet:
    """The windows of a split's reenactments, by one generator or ("") by all; kept for the runs that follow."""
    data = Dataset.open(folder)
    videos = data.usable()
    videos = videos[(videos["split"] == split) & videos["generator"].notna()]
    if generator:
        videos = videos[videos["generator"] == generator]
    return read_windows(data, "nvfair-seen", videos=videos["video"])


def people_aucs(scorer: PairScorer, windows: WindowSet, generator: str, rule: Trials) -> dict[str, tuple[float, float]]:
    """Each person's two AUCs on a generator's trials; empty where there are no trials."""
    trials = [trial for trial in make_trials(windows.videos, generator, rule) if trial.complete]
    if not trials:
        return {}
    protocol = protocols.load("nvfair-seen").model_copy(update={"trials": rule})
    scored = score_trials(scorer, trials, windows.videos, protocol)
    return {
        row.person: (row.auc, row.auc if row.auc_as_impostor is None else row.auc_as_impostor)
        for row in person_figures(scored)
    }
