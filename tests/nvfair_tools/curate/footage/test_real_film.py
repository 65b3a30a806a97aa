"""A film joined from real clips of several people is cut where it was joined, and each segment is its person's."""

from __future__ import annotations

import csv
from fractions import Fraction
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.curate.build import build
from nvfair_tools.media import decode, encode
from tests.nvfair_tools.curate.footage.films import write_footage_recipe

pytestmark = pytest.mark.soak
FPS, SIDE = 25, 320
# (collection, frames): a shot of another person each.
SHOTS = (("grid", 40), ("hdtf", 45), ("mead", 40), ("web", 40))


def clips_of(shared: Path) -> dict[str, list[Path]]:
    """Clips of each collection of the film's own rate, one of each person."""
    people: dict[str, tuple[str, Path]] = {}
    with open(shared / "clips" / "clips.csv", newline="") as file:
        for row in csv.DictReader(file):
            if row["person"] and not row["note"] and row["fps"] == f"{FPS}/1":
                people.setdefault(row["person"], (row["collection"], shared / "clips" / row["path"]))
    return {name: [path for of, path in people.values() if of == name] for name, _ in SHOTS}


def square_frames(path: Path, count: int) -> list[np.ndarray]:
    """The first frames of a clip as squares (SIDE, SIDE, 3) around the picture's middle."""
    frames = []
    for frame in islice(decode(path), count):
        height, width = frame.image.shape[:2]
        side = min(height, width)
        box = ((width - side) / 2, (height - side) / 2, (width + side) / 2, (height + side) / 2)
        picture = Image.fromarray(frame.image).resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box)
        frames.append(np.asarray(picture))
    return frames


def test_segments_are_where_shots_were_joined_and_are_their_persons(shared, tmp_path):
    waiting = clips_of(shared)
    frames: list[np.ndarray] = []
    joints: list[tuple[str, int, int]] = []
    for number, (collection, count) in enumerate(SHOTS):
        shot = square_frames(waiting[collection].pop(0), count)
        assert len(shot) == count
        joints.append((f"film:p{number}", len(frames), len(frames) + count - 1))
        frames += shot
    encode(tmp_path / "film.mp4", frames, Fraction(FPS))
    # The curator's seconds are rough: a fifth of a second too early or too late.
    rows = [
        f"film.mp4,{person},{max(0, first / FPS - 0.2):.2f},{(last + 1) / FPS - 0.2:.2f}\n"
        for person, first, last in joints
    ]
    outcome = build(write_footage_recipe(tmp_path, "".join(rows)), until="ingest")
    usable = sorted(
        (clip.row.segment.first, clip.row.segment.last, clip.row.identity) for clip in outcome.clips if clip.usable
    )
    assert [person for _, _, person in usable] == [person for person, _, _ in joints]
    for (first, last, _), (_, joint_first, joint_last) in zip(usable, joints, strict=True):
        assert abs(first - joint_first) <= 2
        # The row of the person ends a fifth of a second before the shot does.
        assert joint_last - 2 - 0.2 * FPS <= last <= joint_last
