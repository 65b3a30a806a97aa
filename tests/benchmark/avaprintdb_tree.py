"""A small tree with AVAPrintDB's published names: landmark files of simulated drivers, and a list of trials.

A driver's landmarks swing in a way of their own, so that drivers can be told apart; faces add nothing.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import numpy as np

# DEV people of the feature files: two of them are in the authors' validation list for attention networks.
FEATURE_DEV = ("C1001", "C1002", "C1006", "C1008", "C1016", "C1025")
DEV, TEST = ("C1001", "C1002", "C1006", "C1008"), ("C1003", "C1004", "C1005", "C1007")
RAVDESS_TEST = ("Actor_01", "Actor_02", "Actor_17")


def landmarks(driver: str, clip: int, frames: int) -> np.ndarray:
    """Landmarks float32 (frames, 109, 3) of a driver's clip, with the nose point at 0."""
    own, this = (np.random.default_rng(zlib.crc32(text.encode())) for text in (driver, f"{driver} {clip}"))
    pose, swing = own.standard_normal((2, 109, 3)) * 0.3
    phase = this.uniform(0, 6) + np.arange(frames) * 0.3
    points = pose + np.sin(phase)[:, None, None] * swing + this.normal(0, 0.1, (frames, 109, 3))
    return (points - points[:, 53:54]).astype(np.float32)


def stem(target: str, driver: str, clip: int, generator: str) -> str:
    """The published form of a name; the uuid belongs to the driving clip."""
    return f"{target}--{driver}--{uuid.uuid5(uuid.NAMESPACE_URL, f'{driver} {clip}')}--{generator}"


def write_tree(
    root: Path,
    generators: Sequence[str] = ("GAGA",),
    frames: int = 105,
    test: Sequence[str] = TEST,
    clips: int = 3,
    dev: Sequence[str] = DEV,
) -> list[tuple[str, str]]:
    """Writes landmarks/{DEV|TEST}/{GEN}/*.npy; each clip drives its own face and one other.

    Returns (stem, driver) of the TEST videos by the first generator.
    """
    listed = []
    for part, people in (("DEV", dev), ("TEST", test)):
        for generator in generators:
            folder = root / "landmarks" / part / generator
            folder.mkdir(parents=True, exist_ok=True)
            for number, driver in enumerate(people):
                for clip in range(clips):
                    for target in (driver, people[(number + 1) % len(people)]):
                        name = stem(target, driver, clip, generator)
                        np.save(folder / f"{name}.npy", landmarks(driver, clip, frames))
                        if part == "TEST" and generator == generators[0]:
                            listed.append((name, driver))
    return listed


def features(driver: str, target: str, clip: int, frames: int, size: int) -> np.ndarray:
    """Frame features float32 (frames, size): the face's appearance, and a motion that is the driver's own."""
    face, own, this = (
        np.random.default_rng(zlib.crc32(text.encode())) for text in (f"{target} face", driver, f"{driver} {clip} f")
    )
    phase = this.uniform(0, 6) + np.arange(frames) * 0.3
    swing = np.sin(phase)[:, None] * own.standard_normal(size) + own.standard_normal(size)
    return (0.5 * face.standard_normal(size) + swing + this.normal(0, 0.5, (frames, size))).astype(np.float32)


def write_features(
    root: Path, name: str, generator: str = "GAGA", frames: int = 66, test: Sequence[str] = TEST
) -> list[tuple[str, str]]:
    """Writes embeddings/{CLIPFeats|DINOFeats}/{DEV|TEST}/{GEN}/*.pt; each clip drives its own face and two others.

    Returns (stem, driver) of the TEST videos.
    """
    import torch

    size = {"clip": 768, "dino": 1024}[name]
    listed = []
    for part, people in (("DEV", FEATURE_DEV), ("TEST", test)):
        folder = root / "embeddings" / f"{name.upper()}Feats" / part / generator
        folder.mkdir(parents=True)
        for number, driver in enumerate(people):
            for clip in range(2):
                for target in sorted({driver, people[(number + 1) % len(people)], people[number - 1]}):
                    video = stem(target, driver, clip, generator)
                    values = torch.from_numpy(features(driver, target, clip, frames, size))
                    torch.save(values, folder / f"{video}.pt")
                    if part == "TEST":
                        listed.append((video, driver))
    return sorted(listed)


def write_list(path: Path, videos: Sequence[tuple[str, str]]) -> Path:
    """Writes all pairs of different videos as a list in the published form."""
    rows = [f"{a}.mp4,{b}.mp4,{int(x == y)}" for (a, x), (b, y) in combinations(videos, 2)]
    path.write_text("\n".join(["enrolment_sample,test_sample,label", *rows]) + "\n")
    return path
