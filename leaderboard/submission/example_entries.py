"""The first entries of a board: submissions of baselines and controls, written as every author writes one.

A control shows how far a shortcut gets without any motion of the driver; a baseline, how far a simple method gets. What
each declares is true, as it is what readers copy. Each is a folder with `submission.yaml` and one file of embeddings or
scores.

Legend: W windows, L landmarks, D embedding size.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from benchmark import protocols
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.methods.embedding_files import write_embeddings
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import WindowSet, read_windows
from leaderboard.submission.checkpoint_facts import training_of
from leaderboard.submission.submission import DECLARATION_FILE
from leaderboard.submission.test_set import TestSet, windows_under_test
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import usable_for
from nvfair_tools.files import atomic_output, make_folder, write_text

SEEN, UNSEEN = "nvfair-seen", "nvfair-unseen"
_AUTHORS = ["nvfair-tools"]
_CONTACT = "the maintainers of nvfair-tools"
# Networks that ship (benchmark/pretrained): name -> (kind, description).
_PRETRAINED = {
    "temporal-cnn": ("baseline", "A temporal CNN over centred landmark distances."),
    "motion-signature": ("method", "Which movements of a face come together, and how strongly."),
}


def landmark_spread(windows: WindowSet) -> np.ndarray:
    """Embeddings (W, 2 L) without training: how far each landmark moves in a window, in units of the face's size.

    The standard deviation over the window of each coordinate of the mean-centred landmarks, divided by the mean
    distance of the landmarks from their middle.
    """
    embeddings = np.empty((len(windows), windows.landmarks.shape[1] * 2), dtype=np.float32)
    for n, start in enumerate(windows.start):
        points = windows.landmarks[start : start + windows.length].astype(np.float64)  # (T, L, 2)
        points -= points.mean(axis=1, keepdims=True)
        face_size = np.linalg.norm(points, axis=2).mean()
        embeddings[n] = (points.std(axis=0) / face_size).ravel()
    return embeddings


def write_embeddings_submission(
    folder: Path,
    windows: WindowSet,
    embeddings: np.ndarray,
    *,
    trained_on: Sequence[str] = (),
    meta: dict[str, str] | None = None,
    reproduce: Sequence[Path] = (),
    **declaration: Any,
) -> Path:
    """Writes a submission of embeddings (W, D) to both protocols; returns `folder`.

    meta: what the file of embeddings says of itself. reproduce: files that let others repeat the method; they are
    copied. declaration: keys of submission.yaml.
    """
    write_embeddings(folder / "embeddings.parquet", windows, embeddings, meta or {})
    entry: dict[str, Any] = {"embeddings": "embeddings.parquet", "trained_on_generators": list(trained_on)}
    for file in reproduce:
        shutil.copyfile(file, make_folder(folder / "reproduce") / file.name)
        entry["reproduce"] = [*entry.get("reproduce", ()), f"reproduce/{file.name}"]
    return _write_declaration(folder, [{"protocol": SEEN, **entry}, {"protocol": UNSEEN, **entry}], **declaration)


def write_scores_submission(folder: Path, test: TestSet, scorer: PairScorer, **declaration: Any) -> Path:
    """Writes a submission of scores of every trial of every test generator to both protocols; returns `folder`.

    For controls (`kind="control"`), which compare videos without embeddings and learn nothing. declaration: keys of
    submission.yaml.
    """
    protocol = protocols.load(UNSEEN)
    videos = test.expected_rows(protocol).videos
    names: list[str] = []
    values: list[np.ndarray] = []
    generators = test.generators(protocol)
    for generator in generators:
        for target_trials in make_trials(videos, generator, protocol.trials):
            result = scorer.score(target_trials)
            for pairs, scores in (
                (target_trials.genuine, result.genuine),
                (target_trials.impostor, result.impostor),
            ):
                names += target_trials.trial_names(videos["video"].to_numpy(dtype=object), pairs)
                values.append(scores)
    make_folder(folder)
    with atomic_output(folder / "scores.parquet") as unfinished:
        pd.DataFrame({"trial": names, "score": np.concatenate(values)}).to_parquet(unfinished)
    entries = [{"protocol": name, "scores": "scores.parquet"} for name in (SEEN, UNSEEN)]
    return _write_declaration(folder, entries, **declaration)


def _write_declaration(folder: Path, entries: Iterable[dict[str, Any]], **declaration: Any) -> Path:
    untrained: dict[str, Any] = {"datasets": [], "people": [], "generators": [], "data": "open"}
    content = {
        "format_version": 1,
        "authors": _AUTHORS,
        "contact": _CONTACT,
        "links": {},
        "training": untrained,
        **declaration,
        "entries": list(entries),
    }
    write_text(folder / DECLARATION_FILE, yaml.safe_dump(content, sort_keys=False, allow_unicode=True))
    return folder


def demo_windows(test_set: TestSet) -> WindowSet:
    """The windows of the test videos, which all entries share."""
    return windows_under_test(test_set.dataset, protocols.load("nvfair-seen"))


def write_baseline(folder: Path, test_set: TestSet, windows: WindowSet, *, trained_on: str) -> Path:
    """Writes the baseline `landmark spread` into a folder of its own in `folder`; returns its path.

    It is trained: on the training people's videos by the generator `trained_on`, which give each landmark's usual
    spread and how much it varies.
    """
    training = training_windows(test_set.dataset, trained_on)
    spreads = landmark_spread(training)
    usual, variation = spreads.mean(axis=0), spreads.std(axis=0)
    exposure = RoleExposure.from_videos(training.videos["driver"], training.videos["target"], [trained_on])
    return write_embeddings_submission(
        folder / "landmark-spread",
        windows,
        (landmark_spread(windows) - usual) / np.maximum(variation, 1e-6),
        trained_on=[trained_on],
        meta={"declaration": Declaration(exposure).to_text()},
        method="landmark spread",
        kind="baseline",
        parameters=2 * spreads.shape[1],
        description="How far each landmark moves within a window, over what is usual among the training people. Usual "
        f"means and deviations are all that it learns, from their videos by {trained_on}.",
        training={"datasets": [test_set.dataset.meta["name"]], **exposure.to_json(), "data": "open"},
    )


def training_windows(dataset: Dataset, generator: str) -> WindowSet:
    """The windows of the training people's videos by one generator, as both protocols cut them."""
    protocol = protocols.load(SEEN)
    videos = usable_for(dataset, "training").videos
    chosen = videos[(videos["split"] == protocol.split.train) & (videos["generator"] == generator)]
    return read_windows(dataset, protocol, videos=chosen["video"])


def write_controls_and_networks(folder: Path, test_set: TestSet, windows: WindowSet) -> Iterator[Path]:
    """Writes the entries that need torch, each into a folder of its own in `folder`; yields their paths."""
    from benchmark import controls

    for name, make_scorer in (
        (controls.SHAPE, controls.shape_scorer),
        (controls.STILL, controls.still_scorer),
        (controls.POSE, controls.pose_scorer),
    ):
        yield write_scores_submission(
            folder / name.replace(" ", "-"),
            test_set,
            make_scorer(windows),
            method=name,
            kind="control",
            parameters=0,
            description=f"A control: {controls.DESCRIPTIONS[name]}.",
        )
    for name in _PRETRAINED:
        yield _write_network(folder / name, name, windows)


def _write_network(folder: Path, name: str, windows: WindowSet) -> Path:
    """Writes the entry of a network that ships with the package. Its checkpoint says on whom it was trained."""
    from benchmark.methods.checkpoint import RECORD_FILE, load_checkpoint
    from benchmark.pretrained import PRETRAINED_PREFIX, checkpoint_folder

    kind, description = _PRETRAINED[name]
    checkpoint = load_checkpoint(PRETRAINED_PREFIX + name)
    declaration = checkpoint.declaration
    return write_embeddings_submission(
        folder,
        windows,
        checkpoint.embed_all(windows),
        trained_on=sorted(declaration.training.generators or ()),
        meta={"checkpoint": checkpoint.digest, "declaration": declaration.to_text()},
        reproduce=[checkpoint_folder(PRETRAINED_PREFIX + name) / RECORD_FILE],
        method=name,
        kind=kind,
        parameters=checkpoint.describe()["parameters"],
        description=f"{description} It ships as {PRETRAINED_PREFIX}{name}, trained on other people, simulated as well.",
        training=training_of(declaration) | {"data": "open"},
    )
