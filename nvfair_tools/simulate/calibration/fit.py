"""Compares simulated with real people: the statistics of simulated clips in a table with those of real clips.

`python -m nvfair_tools.simulate.calibration.fit REAL.json [DOCS.md]` prints the table, or writes it into the page
between its two markers. REAL.json holds `percentiles` (10/25/50/75/90 of each statistic),
`share_of_variance_between_people` and `mean_correlation`, measured on real clips by `nvfair_tools.simulate.statistics`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.simulate.noise import CAMERA_NOISE, tracking_noise
from nvfair_tools.simulate.randomness import random_generator
from nvfair_tools.simulate.rig import Camera, Rig
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.statistics import SIGNALS, STATISTICS, clip_statistics, motion_signals, share_between_people
from nvfair_tools.simulate.world import World

PERCENTILES = (10, 25, 50, 75, 90)
BEGIN, END = "<!-- statistics: begin -->", "<!-- statistics: end -->"


@dataclass(frozen=True)
class MotionMeasurements:
    """The measurements of N clips with S signals.

    statistics: name -> (N,). people: (N,), the person of each clip. correlation: (S, S), mean over the clips.
    shapes: (N, 468 * 2), the mean face of each clip about its centroid, in eye distances.
    """

    statistics: dict[str, np.ndarray]
    people: np.ndarray
    correlation: np.ndarray
    shapes: np.ndarray

    def percentiles(self, name: str) -> np.ndarray:
        """The PERCENTILES of the statistic `name` over the clips."""
        return np.nanpercentile(self.statistics[name], PERCENTILES)


def measure_simulated(settings: CohortSettings, people: int | None = None) -> MotionMeasurements:
    """Measures the real clips of the first `people` people (None: all) of a simulated world, with tracking noise."""
    world = World(settings, range(478))
    noise = tracking_noise()
    camera = Camera()
    identities = list(world.identities()["identity"])[:people]
    rigs = {identity: Rig.from_shape(world.person(identity).shape) for identity in identities}
    meshes, owners = [], []
    for clip in world.clips.values():
        if clip.identity in rigs:
            mesh = rigs[clip.identity].landmarks(world.states(clip.id), camera)
            size = camera.eye_distance * settings.noise * CAMERA_NOISE
            meshes.append(mesh + noise.draw(random_generator(settings.seed, clip.id, "measured"), len(mesh), size))
            owners.append(clip.identity)
    return measure_tracks(meshes, owners)


def measure_tracks(meshes: list[np.ndarray], people: list[str]) -> MotionMeasurements:
    """Measures tracks (T, 478, 2 or 3) at 25 frames a second; people: the person of each track."""
    statistics, correlations, shapes = [], [], []
    for mesh in meshes:
        values = motion_signals(mesh)
        statistics.append(clip_statistics(values))
        with np.errstate(invalid="ignore", divide="ignore"):
            correlations.append(np.corrcoef(values.T))
        # The mean face about its centroid, in units of the distance of the outer eye corners.
        face = mesh[:, :468, :2].mean(axis=0)
        face = face - face.mean(axis=0)
        shapes.append((face / np.linalg.norm(face[33] - face[263])).ravel())
    return MotionMeasurements(
        {name: np.array([clip[name] for clip in statistics]) for name in STATISTICS},
        np.asarray(people),
        np.nanmean(correlations, axis=0),
        np.array(shapes),
    )


def motion_auc(measured: MotionMeasurements) -> float:
    """The pooled AUC of motion statistics, by the distance of two clips' standardised log statistics."""
    columns = [np.log(np.maximum(np.nan_to_num(v, nan=1e-3), 1e-3)) for v in measured.statistics.values()]
    logs = np.stack(columns, axis=1)
    spread = logs.std(axis=0)
    varying = spread > 0
    return same_person_auc((logs - logs.mean(axis=0))[:, varying] / spread[varying], measured.people)


def shape_auc(measured: MotionMeasurements) -> float:
    """The pooled AUC of the clips' mean face shapes."""
    return same_person_auc(measured.shapes, measured.people)


def same_person_auc(features: np.ndarray, people: np.ndarray) -> float:
    """The probability that two clips of one person are nearer than two clips of different people (Mann-Whitney).

    features: (N, any). people: (N,), the person of each clip.
    """
    squares = np.square(features).sum(axis=1)
    squared_distances = squares[:, None] + squares[None] - 2 * features @ features.T
    first, second = np.triu_indices(len(people), 1)
    distance, same = squared_distances[first, second], people[first] == people[second]
    # AUC from the rank sum of the genuine pairs.
    order = np.argsort(distance, kind="stable")
    rank = np.empty(len(order))
    rank[order] = np.arange(1, len(order) + 1)
    genuine, impostor = int(same.sum()), int((~same).sum())
    return 1.0 - (rank[same].sum() - genuine * (genuine + 1) / 2) / (genuine * impostor)


def statistics_table(measured: MotionMeasurements, real: dict) -> str:
    """A Markdown table of every statistic: quartiles and share between people, of real and of simulated clips."""
    shares = share_between_people(measured.statistics, list(measured.people))
    real_shares = real["share_of_variance_between_people"]
    lines = [
        "| statistic | real 25 / 50 / 75 % | simulated 25 / 50 / 75 % | median ratio | real share | simulated share |",
        "|---|---|---|---|---|---|",
    ]
    for name in STATISTICS:
        simulated, real_values = measured.percentiles(name), np.array(real["percentiles"][name])
        cells = [
            name,
            _quartiles(real_values),
            _quartiles(simulated),
            f"{simulated[2] / real_values[2]:.2f}" if real_values[2] else "–",
            f"{real_shares[name]:.2f}",
            f"{shares[name]:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def correlation_table(measured: MotionMeasurements, real: dict) -> str:
    """A Markdown table of the mean correlations of the signals, real / simulated, below the diagonal."""
    names = real["mean_correlation"]["signals"]
    index = [SIGNALS.index(name) for name in names]
    simulated, real_matrix = measured.correlation[np.ix_(index, index)], np.array(real["mean_correlation"]["matrix"])
    lines = ["| real / simulated | " + " | ".join(names[:-1]) + " |", "|---" * len(names) + "|"]
    for row in range(1, len(names)):
        cells = [
            f"{real_matrix[row, column]:.2f} / {simulated[row, column]:.2f}" if column < row else ""
            for column in range(len(names) - 1)
        ]
        lines.append(f"| {names[row]} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _quartiles(values: np.ndarray) -> str:
    return " / ".join(f"{value:.3g}" for value in values[1:4])


def main(arguments: list[str]) -> None:
    """Prints the tables for REAL.json, or writes them into a page between its markers."""
    real = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    measured = measure_simulated(CohortSettings(clips=6, frames=125), people=161)
    text = "\n\n".join(
        (
            statistics_table(measured, real),
            correlation_table(measured, real),
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
