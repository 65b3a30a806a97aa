"""Compares worlds with real people: what hand-made statistics, mean face shape and head pose reach in each.

`nvfair simulate statistics` prints the tables. None of these figures is a method's. Worlds like life were fitted to the
statistics of FITTED; those of the signals LEFT_OUT were set aside before, and their misfit is printed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.simulate.calibration.fit import MotionMeasurements, measure_tracks, same_person_auc
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.statistics import SIGNALS, STATISTICS, clip_statistics, motion_signals, share_between_people
from nvfair_tools.simulate.world import World

HEAD_SIGNALS = ("roll", "yaw_proxy", "pitch_proxy", "head_x", "head_y", "scale")
# A third of the statistics, set aside before the first fit: whole signals, so that no left side tells the right.
LEFT_OUT_SIGNALS = ("mouth_width", "brow_left", "brow_right", "pitch_proxy", "head_x")
LEFT_OUT = tuple(name for name in STATISTICS if name.split("/")[0] in LEFT_OUT_SIGNALS)
FITTED = tuple(name for name in STATISTICS if name not in LEFT_OUT)
FEATURES = ("motion statistics", "mean face shape", "head pose")
# Pooled AUCs of FEATURES between real clips, over the clips of the published statistics; that of the head is not known.
REAL_AUCS = ("0.63 to 0.68", "0.907", "–")
FEWEST_PEOPLE = 3  # leaving one out must leave two
FEWEST_CLIPS = 3  # of each, for the shares of variance
_GROUPS = 12  # of people, for the jackknife
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Misfit:
    """How far statistics lie from the real ones: medians over the statistics.

    median: of the absolute logarithm of the ratio of a statistic's medians. spread: of the ratio of the distances
    between its quartiles (of logarithms). face_share, head_share: of the simulated shares of variance between people.
    """

    median: float
    spread: float
    face_share: float
    head_share: float


@dataclass(frozen=True)
class WorldComparison:
    """The figures of one world. aucs: feature -> pooled AUC over pairs of real clips and its standard error.

    same_face: feature -> mean over test people of the AUC of self- against cross-reenactments of one face.
    """

    name: str
    clips: int
    people: int
    aucs: dict[str, tuple[float, float]]
    same_face: dict[str, float]
    fitted: Misfit
    left_out: Misfit
    measured: MotionMeasurements


def compare_world(
    settings: CohortSettings, real: Mapping[str, Any], people: int | None = None, progress: Progress | None = None
) -> WorldComparison:
    """Measures the real clips of a world, and reenactments of its test people by its first generator.

    real: the published statistics. people: number of people whose real clips count, spread over the world (None: all).
    Raises NvfairError for a world with too few people or clips.
    """
    if settings.clips < FEWEST_CLIPS or sum(source.people for source in settings.sources) < FEWEST_PEOPLE:
        raise NvfairError(
            f"world {settings.name!r} has too few clips to compare people",
            expected=f"{FEWEST_CLIPS} clips of each of {FEWEST_PEOPLE} people, and more",
        )
    world = World(settings, range(478))
    everyone = list(world.identities()["identity"])
    chosen = set(everyone if people is None else everyone[:: max(1, len(everyone) // people)][:people])
    clips = [clip for clip in world.clips.values() if clip.identity in chosen]
    rows = _test_rows(world)
    done, total = 0, len(clips) + len(rows)

    def landmarks(*video: Any) -> np.ndarray:
        nonlocal done
        done += 1
        if progress:
            progress(done, total)
        return world.landmarks(*video)

    tracks = [landmarks(clip.id, clip.id, None, clip.identity) for clip in clips]
    owners = [clip.identity for clip in clips]
    measured = measure_tracks(tracks, owners)
    return WorldComparison(
        settings.name,
        len(clips),
        len(chosen),
        pooled_aucs(tracks, owners),
        _same_face_aucs([(target, driver, landmarks(*video)) for target, driver, video in rows]),
        misfit(measured, real, FITTED),
        misfit(measured, real, LEFT_OUT),
        measured,
    )


def pooled_aucs(tracks: Sequence[np.ndarray], people: Sequence[str]) -> dict[str, tuple[float, float]]:
    """Each of FEATURES with its AUC over all pairs of clips and its standard error (a jackknife over groups of people).

    tracks: meshes (T, 478, 2 or 3) at 25 frames a second. people: the person of each.
    """
    features = _stacked_features(tracks)
    _, person = np.unique(np.asarray(people), return_inverse=True)
    groups = min(_GROUPS, int(person.max()) + 1)
    result = {}
    for name, values in features.items():
        without = [person % groups != group for group in range(groups)]
        aucs = np.array([same_person_auc(values[rows], person[rows]) for rows in without])
        error = np.sqrt((groups - 1) / groups * np.square(aucs - aucs.mean()).sum())
        result[name] = (same_person_auc(values, person), float(error))
    return result


def misfit(measured: MotionMeasurements, real: Mapping[str, Any], names: Sequence[str]) -> Misfit:
    """How far the statistics `names` lie from the real ones; blinks count by their median alone."""
    shares = share_between_people(measured.statistics, list(measured.people))
    medians, spreads = [], []
    for name in names:
        simulated, true = measured.percentiles(name), np.array(real["percentiles"][name])
        medians.append(abs(np.log(simulated[2] / true[2])) if simulated[2] > 0 and true[2] > 0 else np.nan)
        if simulated[1] > 0 and 0 < true[1] < true[3]:
            spreads.append(np.log(simulated[3] / simulated[1]) / np.log(true[3] / true[1]))
    face, head = (float(np.nanmedian([shares[name] for name in names if _is_head(name) == part])) for part in (0, 1))
    return Misfit(float(np.nanmedian(medians)), float(np.median(spreads)), face, head)


def comparison_table(worlds: Sequence[WorldComparison], real: Mapping[str, Any]) -> str:
    """A Markdown table, one line a world, after a line of the published figures of real clips."""
    columns = (
        *("world", *FEATURES, "same face: motion / shape / head", "face share", "head share", "left-out face share"),
        *("left-out head share", "median off, fitted / left out", "spread, fitted / left out"),
    )
    lines = [f"| {' | '.join(columns)} |", "|" + "---|" * len(columns)]
    shares = [
        np.median([real["share_of_variance_between_people"][name] for name in names if _is_head(name) == head])
        for names in (FITTED, LEFT_OUT)
        for head in (False, True)
    ]
    lines.append(f"| real clips | {' | '.join((*REAL_AUCS, '–', *(f'{share:.2f}' for share in shares), '–', '–'))} |")
    for world in worlds:
        pooled = [f"{auc:.3f} ± {1.96 * error:.3f}" for auc, error in world.aucs.values()]
        cells = [
            world.name,
            *pooled,
            " / ".join(f"{world.same_face[name]:.3f}" for name in FEATURES) if world.same_face else "–",
            f"{world.fitted.face_share:.2f}",
            f"{world.fitted.head_share:.2f}",
            f"{world.left_out.face_share:.2f}",
            f"{world.left_out.head_share:.2f}",
            f"{np.expm1(world.fitted.median):.0%} / {np.expm1(world.left_out.median):.0%}",
            f"{world.fitted.spread:.2f} / {world.left_out.spread:.2f}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def statistics_lines(world: WorldComparison, real: Mapping[str, Any]) -> str:
    """A Markdown table of every statistic of one world: quartiles and shares, real and simulated."""
    shares = share_between_people(world.measured.statistics, list(world.measured.people))
    lines = [
        "| statistic | use | real 25 / 50 / 75 % | simulated 25 / 50 / 75 % | real share | simulated share |",
        "|" + "---|" * 6,
    ]
    for name in (*FITTED, *LEFT_OUT):
        quartiles = [
            " / ".join(f"{value:.3g}" for value in values[1:4])
            for values in (real["percentiles"][name], world.measured.percentiles(name))
        ]
        real_share = real["share_of_variance_between_people"][name]
        use = "left out" if name in LEFT_OUT else "fitted"
        lines.append(f"| {name} | {use} | {quartiles[0]} | {quartiles[1]} | {real_share:.2f} | {shares[name]:.2f} |")
    return "\n".join(lines)


def clip_features(mesh: np.ndarray) -> dict[str, np.ndarray]:
    """The hand-made features of one video, by name, from its mesh (T, 478, 2 or 3).

    Motion statistics are logarithms of STATISTICS. The mean face is about its centroid, in outer eye distances. The
    head pose has the means of the head's signals and the logarithms of their statistics.
    """
    values = motion_signals(mesh)
    statistics = clip_statistics(values)
    logs = {name: float(np.log(max(np.nan_to_num(value, nan=1e-3), 1e-3))) for name, value in statistics.items()}
    face = mesh[:, :468, :2].mean(axis=0)
    face = (face - face.mean(axis=0)) / np.linalg.norm(face[33] - face[263])
    means = values[:, [SIGNALS.index(name) for name in HEAD_SIGNALS]].mean(axis=0)
    head_logs = [value for name, value in logs.items() if _is_head(name)]
    features = (np.array(list(logs.values())), face.ravel(), np.concatenate([means, head_logs]))
    return dict(zip(FEATURES, features, strict=True))


def separation(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The probability that a genuine distance is smaller than an impostor's; ties count half (Mann-Whitney)."""
    ordered = np.sort(impostor)
    below = np.searchsorted(ordered, genuine, side="left")
    not_above = np.searchsorted(ordered, genuine, side="right")
    return float(1.0 - (0.5 * (below + not_above)).mean() / len(impostor))


def _stacked_features(tracks: Sequence[np.ndarray]) -> dict[str, np.ndarray]:
    """Feature -> (N, any) over N videos; all but the face's points, which have one unit, are standardised."""
    features = [clip_features(track) for track in tracks]
    stacked = {name: np.stack([feature[name] for feature in features]) for name in FEATURES}
    for name in (FEATURES[0], FEATURES[2]):
        centred = stacked[name] - stacked[name].mean(axis=0)
        stacked[name] = centred / np.maximum(centred.std(axis=0), 1e-9)
    return stacked


def _is_head(statistic: str) -> bool:
    return statistic.split("/")[0] in HEAD_SIGNALS


def _test_rows(world: World) -> list[tuple[str, str, tuple[str, str, str, str]]]:
    """(target, driver, arguments of `World.landmarks`) of the test people's reenactments by the first generator."""
    if not world.settings.generators:
        return []
    videos = world.videos()
    videos = videos[(videos["split"] == "test") & (videos["generator"] == world.settings.generators[0])]
    return [
        (target, driver, (video, clip, generator, target))
        for target, driver, video, clip, generator in videos[
            ["target", "driver", "video", "clip", "generator"]
        ].itertuples(index=False, name=None)
    ]


def _same_face_aucs(videos: list[tuple[str, str, np.ndarray]]) -> dict[str, float]:
    """Feature -> mean over targets of the AUC of (self, self) against (self, cross) pairs of videos of one face."""
    if not videos:
        return {}
    target, driver = (np.array([video[n] for video in videos]) for n in (0, 1))
    result = {}
    for name, values in _stacked_features([landmarks for _, _, landmarks in videos]).items():
        aucs = []
        for person in np.unique(target):
            own, other = (values[(target == person) & ((driver == person) == same)] for same in (True, False))
            if len(own) > 1 and len(other):
                distances = np.linalg.norm(own[:, None] - own[None], axis=2)[np.triu_indices(len(own), 1)]
                aucs.append(separation(distances, np.linalg.norm(own[:, None] - other[None], axis=2).ravel()))
        result[name] = float(np.mean(aucs)) if aucs else float("nan")
    return result
