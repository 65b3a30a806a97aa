"""The entries of a demo board: a baseline, controls, and the networks that ship with the package.

Each is written as a folder like that of any author's submission. Controls and networks need torch.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmark import protocols
from benchmark.windows.window_set import WindowSet
from leaderboard.submission.example_entries import (
    landmark_spread,
    write_embeddings_submission,
    write_scores_submission,
)
from leaderboard.submission.test_set import TestSet, windows_under_test

# Networks that ship (benchmark/pretrained): name -> (kind, description).
_PRETRAINED = {
    "temporal-cnn": ("baseline", "A temporal CNN over centred landmark distances."),
    "motion-signature": ("method", "Which movements of a face come together, and how strongly."),
}


def demo_windows(test_set: TestSet) -> WindowSet:
    """The windows of the test videos, which all entries share."""
    return windows_under_test(test_set.dataset, protocols.load("nvfair-seen"))


def write_baseline(folder: Path, windows: WindowSet, *, trained_on: str) -> Path:
    """Writes the baseline `landmark spread` into a folder of its own in `folder`; returns its path.

    trained_on: the generator that its declaration names, although nothing is trained.
    """
    return write_embeddings_submission(
        folder / "landmark-spread",
        windows,
        landmark_spread(windows),
        trained_on=[trained_on],
        method="landmark spread",
        kind="baseline",
        parameters=0,
        description="How far each landmark moves within a window; nothing is trained. Named as trained on one "
        "generator, so that it stands in both tables beside the networks.",
        training={"datasets": [], "people": [], "generators": [trained_on], "data": "open"},
    )


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
    training: dict[str, Any] = {
        "datasets": [declaration.data["name"]],
        **declaration.training.to_json(),
        "data": "open",
        "selection": declaration.selection.to_json(),
    }
    return write_embeddings_submission(
        folder,
        windows,
        checkpoint.embed_all(windows),
        trained_on=sorted(declaration.training.generators or ()),
        meta={"checkpoint": checkpoint.digest},
        reproduce=[checkpoint_folder(PRETRAINED_PREFIX + name) / RECORD_FILE],
        method=name,
        kind=kind,
        parameters=checkpoint.describe()["parameters"],
        description=f"{description} It ships as {PRETRAINED_PREFIX}{name}, trained on other people, simulated as well.",
        training=training,
    )
