"""How alike simulated and real people are: the statistics of simulated clips beside those of real ones.

`python -m nvfair_tools.simulate.calibration.fit REAL.json [DOCS.md]` prints the table, or writes it into the page
between
its two markers. REAL.json holds `percentiles` (10/25/50/75/90 of each statistic) and
`share_of_variance_between_people` and `mean_correlation`, measured on real clips by `nvfair_tools.simulate.statistics`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.simulate.noise import CAMERA_NOISE, tracking_noise
from nvfair_tools.simulate.randomness import random_of
from nvfair_tools.simulate.rig import Camera, Rig
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.statistics import NAMES, SIGNALS, clip_statistics, share_between, signals
from nvfair_tools.simulate.world import World

PERCENTILES = (10, 25, 50, 75, 90)
BEGIN, END = "<!-- statistics: begin -->", "<!-- statistics: end -->"


@dataclass(frozen=True)
class Measured:
    """statistics: name -> (N,) over clips. people: (N,) whose. correlation: (S, S) mean over clips.
    shapes: (N, 478 * 2) mean face of each clip, in eye distances about its centroid."""

    statistics: dict[str, np.ndarray]
    people: np.ndarray
    correlation: np.ndarray
    shapes: np.ndarray

    def percentiles(self, name: str) -> np.ndarray:
        return np.nanpercentile(self.statistics[name], PERCENTILES)


def measure_simulated(settings: CohortSettings, people: int | None = None) -> Measured:
    """Measures every real clip of (the first `people` of) a simulated world, tracked with noise like any video."""
    world = World(settings, range(478))
    noise = tracking_noise()
    camera = Camera()
    identities = list(world.identities()["identity"])[:people]
    rigs = {identity: Rig.of(world.person(identity).shape) for identity in identities}
    meshes, owners = [], []
    for clip in world.clips.values():
        if clip.identity in rigs:
            mesh = rigs[clip.identity].landmarks(world.states(clip.id), camera)
            size = camera.eye_distance * settings.noise * CAMERA_NOISE
            meshes.append(mesh + noise.draw(random_of(settings.seed, clip.id, "measured"), len(mesh), size))
            owners.append(clip.identity)
    return measure_tracks(meshes, owners)


def measure_tracks(meshes: list[np.ndarray], people: list[str]) -> Measured:
    """Measures tracks (T, 478, 2 or 3) at 25 frames a second."""
    found, correlations, shapes = [], [], []
    for mesh in meshes:
        values = signals(mesh)
        found.append(clip_statistics(values))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlations.append(np.corrcoef(values.T))
        face = mesh[:, :468, :2].mean(axis=0)
        face = face - face.mean(axis=0)
        shapes.append((face / np.linalg.norm(face[33] - face[263])).ravel())
    return Measured(
        {name: np.array([one[name] for one in found]) for name in NAMES},
        np.asarray(people),
        np.nanmean(correlations, axis=0),
        np.array(shapes),
    )


def motion_auc(measured: Measured) -> float:
    """Pooled AUC of hand-made motion statistics: the distance of two clips' standardised log statistics."""
    columns = [np.log(np.maximum(np.nan_to_num(v, nan=1e-3), 1e-3)) for v in measured.statistics.values()]
    table = np.stack(columns, axis=1)
    spread = table.std(axis=0)
    return pair_auc((table - table.mean(axis=0))[:, spread > 0] / spread[spread > 0], measured.people)


def shape_auc(measured: Measured) -> float:
    """Pooled AUC of the clips' mean face shapes."""
    return pair_auc(measured.shapes, measured.people)


def pair_auc(features: np.ndarray, people: np.ndarray) -> float:
    """How often two clips of one person are nearer than two of different people (Mann-Whitney)."""
    squares = np.square(features).sum(axis=1)
    apart = squares[:, None] + squares[None] - 2 * features @ features.T
    first, second = np.triu_indices(len(people), 1)
    distance, same = apart[first, second], people[first] == people[second]
    order = np.argsort(distance, kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    genuine, impostor = int(same.sum()), int((~same).sum())
    return 1.0 - (rank[same].sum() - genuine * (genuine + 1) / 2) / (genuine * impostor)


def table(measured: Measured, real: dict) -> str:
    """Markdown: every statistic, real and simulated, quartiles and share between people."""
    shares = share_between(measured.statistics, list(measured.people))
    real_shares = real["share_of_variance_between_people"]
    lines = [
        "| statistic | real 25 / 50 / 75 % | simulated 25 / 50 / 75 % | median ratio | real share | simulated share |",
        "|---|---|---|---|---|---|",
    ]
    for name in NAMES:
        ours, theirs = measured.percentiles(name), np.array(real["percentiles"][name])
        ratio = f"{ours[2] / theirs[2]:.2f}" if theirs[2] else "–"
        lines.append(
            f"| {name} | {_three(theirs)} | {_three(ours)} | {ratio} | {real_shares[name]:.2f} | {shares[name]:.2f} |"
        )
    return "\n".join(lines)


def correlations(measured: Measured, real: dict) -> str:
    """Markdown: mean correlations of the signals, simulated over real, below the diagonal."""
    names = real["mean_correlation"]["signals"]
    index = [SIGNALS.index(name) for name in names]
    ours, theirs = measured.correlation[np.ix_(index, index)], np.array(real["mean_correlation"]["matrix"])
    lines = ["| real / simulated | " + " | ".join(names[:-1]) + " |", "|---" * len(names) + "|"]
    for row in range(1, len(names)):
        cells = [f"{theirs[row, c]:.2f} / {ours[row, c]:.2f}" if c < row else "" for c in range(len(names) - 1)]
        lines.append(f"| {names[row]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _three(values: np.ndarray) -> str:
    return " / ".join(f"{value:.3g}" for value in values[1:4])


def main(arguments: list[str]) -> None:
    real = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    measured = measure_simulated(CohortSettings(clips=6, frames=125), people=161)
    text = "\n\n".join(
        (
            table(measured, real),
            correlations(measured, real),
            f"Pooled AUC of hand-made motion statistics between clips: {motion_auc(measured):.3f}; "
            f"of the clips' mean face shapes: {shape_auc(measured):.3f}.",
        )
    )
    if len(arguments) == 1:
        print(text)
        return
    page = Path(arguments[1])
    before, rest = page.read_text(encoding="utf-8").split(BEGIN)
    page.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
