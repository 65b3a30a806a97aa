"""Differences between two landmarkers' tracks of the same clips: of points, and of the distances between them.

Legend: T frames in which both have the face, L landmarks (126), P pairs of landmarks (7,875).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.features import distances
from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126, landmarks_from_mesh
from nvfair_tools.landmarks.track import Track, load_track


@dataclass(frozen=True)
class TrackPair:
    """The same clip as two landmarkers tracked it. person: "" where it is not known."""

    name: str
    person: str
    first: Track
    second: Track

    @property
    def both(self) -> np.ndarray:
        """The frames in which both have the face, bool, one entry a frame of the clip."""
        return self.first.valid & self.second.valid

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The 126 landmarks of each, (T, L, 2) pixels, in the frames that both have."""
        return tuple(landmarks_from_mesh(track.mesh[self.both]) for track in (self.first, self.second))  # type: ignore[return-value]


def read_pairs(listed: Iterable[tuple[Path, str, str]], first: Path, second: Path) -> list[TrackPair]:
    """The pairs of tracks of the listed clips that both landmarkers tracked."""
    return [
        TrackPair(name, person, load_track(first / f"{name}.npz"), load_track(second / f"{name}.npz"))
        for _, name, person in listed
        if (first / f"{name}.npz").is_file() and (second / f"{name}.npz").is_file()
    ]


def point_rows(pairs: Sequence[TrackPair]) -> Iterator[str]:
    """A table of how far the points are apart, by part of the face."""
    names = {f"{track.detector} {track.version}" for pair in pairs for track in (pair.first, pair.second)}
    only = [sum(int((a.valid & ~b.valid).sum()) for a, b in order) for order in (
        [(pair.first, pair.second) for pair in pairs], [(pair.second, pair.first) for pair in pairs])]  # fmt: skip
    gaps, eyes, moving = [], [], []
    for pair in pairs:
        first, second = pair.points()
        apart = second - first
        gaps.append(np.linalg.norm(apart, axis=2))
        eyes.append(np.linalg.norm(np.subtract(*(first[:, corner] for corner in OUTER_EYE_CORNERS)), axis=1))
        moving.append(np.linalg.norm(apart - apart.mean(axis=0), axis=2))
    pixels, eye, motion = np.concatenate(gaps), np.concatenate(eyes)[:, None], np.concatenate(moving)
    yield f"{', '.join(sorted(names))}: {len(pairs)} clips, {len(pixels):,} frames that both have"
    yield f"frames that only one has: {only[0]} and {only[1]}; outer eye corners {np.median(eye):.0f} px apart"
    yield ""
    yield "| points | median, px | 95 % | worst | median, % of the eyes' distance | 95 % | worst |"
    yield "|---|---|---|---|---|---|---|"
    parts = {"all 126": np.arange(len(SCHEME_126)), **_parts()}
    for name, which in parts.items():
        yield _row(name, pixels[:, which], 100 * (pixels / eye)[:, which])
    yield _row("all, less each clip's mean offset", motion, 100 * motion / eye)


def _parts() -> dict[str, np.ndarray]:
    """The landmarks of each part of the face, both sides together, by the part's name."""
    places: dict[str, list[int]] = {}
    start = 0
    for group, members in SCHEME_126.groups.items():
        side, _, part = group.partition("_")
        name = f"{part}s" if side in ("right", "left") else group.replace("_", " ")
        places.setdefault(name, []).extend(range(start, start + len(members)))
        start += len(members)
    return {name: np.array(numbers) for name, numbers in places.items()}


def _row(name: str, pixels: np.ndarray, share: np.ndarray) -> str:
    cells = [*_three(pixels), *_three(share)]
    return f"| {name} | " + " | ".join(f"{value:.2f}" for value in cells) + " |"


def _three(values: np.ndarray) -> tuple[float, float, float]:
    return float(np.median(values)), float(np.quantile(values, 0.95)), float(values.max())


def feature_rows(pairs: Sequence[TrackPair]) -> Iterator[str]:
    """A table of the distances' differences, beside how much they move within a clip."""
    gaps, motions, spreads, correlations = [], [], [], []
    for pair in pairs:
        first, second = (distances(points).astype(np.float64) for points in pair.points())
        apart = second - first
        gaps.append(np.abs(apart).astype(np.float32))
        motions.append(np.abs(apart - apart.mean(axis=0)).astype(np.float32))
        spreads.append(np.broadcast_to(first.std(axis=0), (1, first.shape[1])))
        a, b = first - first.mean(axis=0), second - second.mean(axis=0)
        correlations.append((a * b).sum(axis=0) / np.sqrt((a * a).sum(axis=0) * (b * b).sum(axis=0)))
    yield "| distances, in facial scales | median | 95 % | worst |"
    yield "|---|---|---|---|"
    rows = {
        "difference of the two landmarkers": np.concatenate(gaps),
        "the same, less each clip's mean difference": np.concatenate(motions),
        "how much a distance moves in a clip (standard deviation)": np.concatenate(spreads),
    }
    for name, values in rows.items():
        yield f"| {name} | " + " | ".join(f"{value:.4f}" for value in _three(values)) + " |"
    correlation = np.concatenate(correlations)
    yield ""
    yield (
        f"correlation of a distance's course in a clip between the two: median {np.nanmedian(correlation):.3f}, "
        f"5 % below {np.nanquantile(correlation, 0.05):.3f}"
    )
