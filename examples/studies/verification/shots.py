"""Measures on real clips what `nvfair verify` sees of cuts, and of a person who takes another one's place.

    python -m examples.studies.verification.shots CLIPS

CLIPS has clips.csv and the clips it lists. Nothing is written.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from itertools import combinations, permutations
from pathlib import Path

import click
import numpy as np

from benchmark.verification.shots import UNLIKE, CutFinder, face_shape, shape_difference
from examples.studies.verification.outcomes import upper_bound
from nvfair_tools.landmarks.landmarker import Landmarker, create_landmarker
from nvfair_tools.landmarks.tracking import follow_face
from nvfair_tools.media import decode
from nvfair_tools.pipeline.progress_lines import task_progress

_MOST_FRAMES = 300  # of a clip
_JOINED_FRAMES = 60  # on either side of a cut between two clips


@dataclass(frozen=True)
class MeasuredClip:
    """A real clip. cuts: found in it. begin: its first frames, green alone, uint8 (T, H, W). first, second: shapes of
    the face in its two halves."""

    person: str
    cuts: int
    begin: np.ndarray
    first: np.ndarray
    second: np.ndarray


@click.command()
@click.argument("clips", type=click.Path(path_type=Path, file_okay=False, exists=True))
def main(clips: Path) -> None:
    """Prints how many cuts are found, and how often the faces on both sides are called unlike."""
    with open(clips / "clips.csv", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["person"]]
    landmarker = create_landmarker()
    measured = []
    with task_progress("clips") as report:
        for number, row in enumerate(rows):
            report(number, len(rows), row["path"])
            measured.append(_measure(clips / row["path"], row["person"], landmarker))
    landmarker.close()
    within = sum(bool(clip.cuts) for clip in measured)
    joined = [pair for pair in permutations(measured, 2) if pair[0].person != pair[1].person]
    seen = sum(_cuts([*first.begin, *second.begin]) == [len(first.begin)] for first, second in joined)
    click.echo(f"{len(measured)} clips of {len({clip.person for clip in measured})} people")
    click.echo(f"cuts within clips that have none: {within} of {len(measured)}")
    click.echo(f"cuts between two people seen: {seen} of {len(joined)}")
    _print("halves of one clip", [shape_difference(clip.first, clip.second) for clip in measured])
    pairs = [(a, b, shape_difference(a.second, b.first)) for a, b in combinations(measured, 2)]
    _print("two clips of one person", [difference for a, b, difference in pairs if a.person == b.person])
    _print("clips of two people", [difference for a, b, difference in pairs if a.person != b.person])


def _measure(path: Path, person: str, landmarker: Landmarker) -> MeasuredClip:
    frames = [frame for frame, _ in zip(decode(path), range(_MOST_FRAMES), strict=False)]
    height, width = frames[0].image.shape[:2]
    meshes = [tracked.mesh for tracked in follow_face(frames, landmarker, (width, height)) if tracked.mesh is not None]
    shapes = np.stack([face_shape(mesh) for mesh in meshes])
    middle = len(shapes) // 2
    begin = np.stack([frame.image[..., 1] for frame in frames[:_JOINED_FRAMES]])
    cuts = len(_cuts([frame.image[..., 1] for frame in frames]))
    return MeasuredClip(person, cuts, begin, shapes[:middle].mean(axis=0), shapes[middle:].mean(axis=0))


def _cuts(greens: list[np.ndarray]) -> list[int]:
    """Numbers of the frames that begin a shot. greens: pictures (H, W), of any size."""
    finder = CutFinder()
    return [n - 1 for n, green in enumerate(greens) if finder.add(np.broadcast_to(green[..., None], (*green.shape, 3)))]


def _print(title: str, differences: list[float]) -> None:
    unlike = sum(difference > UNLIKE for difference in differences)
    low, middle, high = np.percentile(differences, [0, 50, 100])
    click.echo(
        f"{title}: {len(differences)} pairs, {low:.3f} to {high:.3f}, median {middle:.3f}; unlike {unlike} "
        f"({unlike / len(differences):.2f}, at most {upper_bound(unlike, len(differences)):.2f})"
    )


if __name__ == "__main__":
    main()
