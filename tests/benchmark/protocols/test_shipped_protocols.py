"""Every shipped protocol from embeddings to figures, on people whose motion is told apart easily, and by a control."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark import protocols
from benchmark.controls import CrossnessScorer
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.cell_figures import HEADLINE_FIGURES
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import cell_names, make_trials

MEMBERS = [item for name in protocols.names() for item in protocols.load_all(name)]


def world(separation: float, seed: int = 0) -> tuple[pd.DataFrame, VideoEmbeddings]:
    """4 people, 10 clips each on 3 faces, two generators, 1 or 2 windows; a driver's embeddings share a direction."""
    rng = np.random.default_rng(seed)
    styles = rng.normal(size=(4, 8)) * separation
    rows, windows, counts = [], [], []
    for driver in range(4):
        for clip in range(10):
            motion = styles[driver] + rng.normal(size=8)
            for face in {driver, (driver + 1) % 4, (driver + 2) % 4}:
                for generator in ("x", "y"):
                    video = f"{generator}{face}{driver}{clip}"
                    scenario = "free" if clip % 2 else "scripted"
                    rows.append((video, f"t:{face}", f"t:{driver}", f"{driver}-{clip}", generator, "t", scenario))
                    counts.append(int(rng.integers(1, 3)))
                    windows.append(motion + 0.3 * rng.normal(size=(counts[-1], 8)))
    table = pd.DataFrame(rows, columns=["video", "target", "driver", "clip", "generator", "source", "scenario"])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return table, VideoEmbeddings(table["video"].to_numpy(dtype=object), offsets, np.concatenate(windows))


@pytest.mark.parametrize("protocol", MEMBERS, ids=lambda item: item.name)
def test_figures_come_out_of_every_shipped_protocol(protocol: Protocol) -> None:
    protocol = protocol.model_copy(
        update={"uncertainty": protocol.uncertainty.model_copy(update={"resamples": 50, "permutations": 20})}
    )
    videos, outcome = world(2.0)
    for cell in cell_names(["x", "y"], protocol.trials):
        scorer = Scorer(outcome, protocol.scoring)
        some = list(make_trials(videos, cell, protocol.trials))
        result = compute_figures(scorer, some, videos, protocol)
        assert result.auc(HEADLINE_FIGURES[protocol.scoring.headline]).value > 0.8
        scored = [scorer.score(item) for item in some]
        labels = np.concatenate([np.repeat([1, 0], [len(s.genuine), len(s.impostor)]) for s in scored])
        scores = np.concatenate([np.concatenate([s.genuine, s.impostor]) for s in scored])
        assert result.auc_pooled.value == pytest.approx(roc_auc_score(labels, scores), abs=1e-9)
        assert list(result.tpr_at_fmr) == ["0.1", "0.01", "0.001"]


@pytest.mark.parametrize("name", ["nvfair-cross-cross", "nvfair-different-face"])
def test_noticing_a_face_that_is_not_the_drivers_gains_nothing_where_both_kinds_have_one(name: str) -> None:
    """The perfect self/cross detector is at 1 under NVFAIR's rule and at exactly one half here."""
    videos, _ = world(0.0)
    detector = CrossnessScorer((videos["target"] != videos["driver"]).to_numpy().astype(float))
    for protocol, expected in ((protocols.load("nvfair-seen"), 1.0), (protocols.load(name), 0.5)):
        result = compute_figures(
            detector, list(make_trials(videos, "x", protocol.trials)), videos, protocol, full=False
        )
        assert result.auc_mean.value == expected


def test_more_enrolled_clips_help() -> None:
    videos, outcome = world(0.7, seed=1)
    value = {}
    for protocol in protocols.load_all("nvfair-enrol-k"):
        some = list(make_trials(videos, "x", protocol.trials))
        result = compute_figures(Scorer(outcome, protocol.scoring), some, videos, protocol, full=False)
        value[protocol.trials.template.clips] = result.auc_mean.value
    assert value[1] < value[2] < value[4] < value[8]


def test_near_copies_are_found_where_people_are_all_alike() -> None:
    """Without anybody's signature a shared clip is still recognised: the diagnostic is about copies, not people."""
    videos, outcome = world(0.0)
    for name, cell in (("nvfair-same-clip", "x"), ("nvfair-same-clip-generators", "x>y"), ("nvfair-seen", "x")):
        protocol = protocols.load(name)
        result = compute_figures(
            Scorer(outcome, protocol.scoring),
            list(make_trials(videos, cell, protocol.trials)),
            videos,
            protocol,
            full=False,
        )
        assert (result.auc_mean.value > 0.9) == name.startswith("nvfair-same-clip")
