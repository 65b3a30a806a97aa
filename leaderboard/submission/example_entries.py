"""First entries of a board: submissions that need no method of anybody's, made in the way that every author goes.

Controls say how far one gets without knowing anybody's motion; baselines, what little work gives. Each is a folder with
`submission.yaml` and one file of embeddings or scores.

Legend: W windows, L landmarks, D embedding size.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import WindowSet
from leaderboard.submission.submission import DECLARATION_FILE
from leaderboard.submission.test_set import TestSet
from nvfair_tools.files import atomic_output, make_folder, write_text

SEEN, UNSEEN = "nvfair-seen", "nvfair-unseen"
_AUTHORS = ["nvfair-tools"]
_CONTACT = "the maintainers of nvfair-tools"


def landmark_spread(windows: WindowSet) -> np.ndarray:
    """A baseline without training (W, 2 L): how far each landmark moves in a window, in units of the face's size.

    Standard deviation over the window of each coordinate of the mean-centred landmarks, divided by the mean distance
    of the landmarks from their middle.
    """
    rows = np.empty((len(windows), windows.landmarks.shape[1] * 2), dtype=np.float32)
    for n, start in enumerate(windows.start):
        points = windows.landmarks[start : start + windows.length].astype(np.float64)
        points -= points.mean(axis=1, keepdims=True)
        size = np.linalg.norm(points, axis=2).mean()
        rows[n] = (points.std(axis=0) / size).ravel()
    return rows


def write_embeddings_submission(
    folder: Path,
    windows: WindowSet,
    embeddings: np.ndarray,
    *,
    trained_on: Sequence[str] = (),
    meta: dict[str, str] | None = None,
    reproduce: Sequence[Path] = (),
    **about: Any,
) -> Path:
    """Writes a submission of embeddings (W, D) to both protocols; returns `folder`. reproduce: files for others, which
    are copied; about: keys of submission.yaml."""
    write_embeddings(folder / "embeddings.parquet", windows, embeddings, meta or {})
    entry: dict[str, Any] = {"embeddings": "embeddings.parquet", "trained_on_generators": list(trained_on)}
    for file in reproduce:
        shutil.copyfile(file, make_folder(folder / "reproduce") / file.name)
        entry["reproduce"] = [*entry.get("reproduce", ()), f"reproduce/{file.name}"]
    return _declared(folder, [{"protocol": SEEN, **entry}, {"protocol": UNSEEN, **entry}], **about)


def write_scores_submission(folder: Path, test: TestSet, scorer: PairScorer, **about: Any) -> Path:
    """Writes a submission of scores of every trial of every test generator; returns `folder`.

    For what compares videos in a way of its own. It was trained on no generator, so that all are unseen to it; under
    the protocol of seen generators it names them all, to stand beside the methods that it is there to be compared with.
    """
    protocol = protocols.load(UNSEEN)
    videos = test.expected_rows(protocol).videos
    names: list[str] = []
    values: list[np.ndarray] = []
    generators = test.generators(protocol)
    for generator in generators:
        for one in make_trials(videos, generator, protocol.trials):
            result = scorer.score(one)
            for pairs, mine in ((one.genuine, result.genuine), (one.impostor, result.impostor)):
                names += one.trial_names(videos["video"].to_numpy(dtype=object), pairs)
                values.append(mine)
    with _made(folder / "scores.parquet") as aside:
        pd.DataFrame({"trial": names, "score": np.concatenate(values)}).to_parquet(aside)
    entries: list[dict[str, Any]] = [
        {"protocol": SEEN, "scores": "scores.parquet", "trained_on_generators": generators},
        {"protocol": UNSEEN, "scores": "scores.parquet"},
    ]
    return _declared(folder, entries, **about)


def _made(path: Path) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    return atomic_output(path)


def _declared(folder: Path, entries: Iterable[dict[str, Any]], **about: Any) -> Path:
    nothing: dict[str, Any] = {"datasets": [], "people": [], "generators": [], "data": "open"}
    content = {
        "format_version": 1,
        "authors": _AUTHORS,
        "contact": _CONTACT,
        "links": {},
        "training": nothing,
        **about,
        "entries": list(entries),
    }
    write_text(folder / DECLARATION_FILE, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return folder
