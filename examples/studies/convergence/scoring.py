"""Scores a network, and the shortcuts, on the test people of every generator: two AUCs a person, for paired intervals.

The trials, scores and figures are the benchmark's own; nothing is resampled here, because the tables average over seeds
and generators before they take an interval over people (benchmark.metrics.paired_differences).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from benchmark import controls, protocols
from benchmark.methods.embed import group_by_video
from benchmark.methods.network import Network, embed_windows
from benchmark.protocols.schema import TrialRule
from benchmark.trial_scores.chart_data import person_figures
from benchmark.trial_scores.scored_trials import score_trials
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset

SELF_CROSS, CROSS_CROSS = "self-self / self-cross", "cross-cross"
_CROSS_CLIPS = 4  # of each driver on each face, as in the benchmark's own cells
_SHORTCUT_VIDEOS = 1_500  # of training people, for the detectors among the shortcuts


@dataclass(frozen=True)
class Cell:
    """AUCs on the trials of one test generator.

    people: target -> (AUC of the person as a target, AUC of the pairs in which the person is the impostor).
    """

    generator: str
    trials: str
    people: dict[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """The fields as plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Cell:
        """The cell that `to_json` wrote."""
        people = {person: (pair[0], pair[1]) for person, pair in content["people"].items()}
        return cls(content["generator"], content["trials"], people)


def score_network(network: Network, cohort: Path, device: str) -> list[Cell]:
    """AUCs of a network's embeddings of the test people's videos, for every generator and both kinds of trials."""
    windows = test_windows(cohort)
    embeddings = embed_windows(network.to(torch.device(device)), windows, device=device)
    return score_cells(Scorer(group_by_video(windows, embeddings), protocols.load("nvfair-seen").scoring), windows)


def score_shortcuts(cohort: Path) -> dict[str, list[Cell]]:
    """AUCs of every shortcut that the cohort allows, by its name."""
    data, protocol, windows = Dataset.open(cohort), protocols.load("nvfair-seen"), test_windows(cohort)
    videos = data.usable()
    train = videos[(videos["split"] == protocol.split.train) & videos["generator"].notna()].sort_values("video")
    sample = train.sample(min(len(train), _SHORTCUT_VIDEOS), random_state=0)["video"]
    scorers = controls.shortcut_scorers(data, windows, read_windows(data, protocol, videos=sample))
    return {name: score_cells(scorer, windows) for name, scorer in scorers.items()}


@lru_cache(maxsize=1)
def test_windows(cohort: Path) -> WindowSet:
    """The windows of all reenactments of a cohort's test people; kept, as every run of a process scores them."""
    data, protocol = Dataset.open(cohort), protocols.load("nvfair-seen")
    videos = data.usable()
    chosen = videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]
    return read_windows(data, protocol, videos=chosen["video"])


def score_cells(scorer: PairScorer, windows: WindowSet) -> list[Cell]:
    """The AUCs of a scorer over the videos of `windows`, for every generator and both kinds of trials."""
    protocol = protocols.load("nvfair-seen")
    cross = protocol.trials.model_copy(update={"rule": TrialRule.CROSS_CROSS, "clips_per_driver": _CROSS_CLIPS})
    cells = []
    for generator in sorted(windows.videos["generator"].unique()):
        for title, rule in ((SELF_CROSS, protocol.trials), (CROSS_CROSS, cross)):
            trials = [trial for trial in make_trials(windows.videos, generator, rule) if trial.complete]
            if not trials:
                continue
            scored = score_trials(scorer, trials, windows.videos, protocol.model_copy(update={"trials": rule}))
            people = {
                row.person: (row.auc, row.auc if row.auc_as_impostor is None else row.auc_as_impostor)
                for row in person_figures(scored)
            }
            cells.append(Cell(generator, title, people))
    return cells
