"""The simulated people and scores on which the coverage of intervals is measured.

The model is fixed and the people are new in every experiment. Person p has a signature s_p ~ N(0, I), and clips
s_p + n_p z, where n_p (how steadily the person moves) is log-normal over people. Face k shows everybody's motion with a
strength q_k, log-normal over faces, and the generator adds its own noise: the embedding of driver j's clip c on face k
is q_k (s_j + n_j z_jc) + r z_kjc. So what is particular to a clip comes back on every face, and what is particular to a
face in every trial of it, as in a data set of all drivers on all targets. Scores are minus Euclidean distances; trials
are NVFAIR's (self-self against self-cross).

Four methods are scored on the same trials: the method, a second method (the same embedding with more noise), and two
shortcuts, which have vectors of the same form with signatures of their own (as of face shape) that say nothing about
the method's. The truth is the expected figure over new people: for means over targets the AUC of one new target with
one new driver, for pooled figures their limit for many people, both from tens of thousands of them, which leaves an
error below 0.001. The margin's truth is over the shortcut that is the stronger one in truth.

Legend: K people, M clips, S dimensions of a signature, G genuine and I impostor trials, R resamples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics import roc

CLIPS, DIMENSIONS = 5, 3
BAND_RATES = (0.1, 0.5)
# Noise that the second method adds to each embedding.
_SECOND_NOISE = 0.4
_SHORTCUT_DIMENSIONS, _SHORTCUT_STEADINESS, _SHORTCUT_NOISE = 2, (1.0, 1.2), 0.3
_TRUTH_POPULATION = 40_000


@dataclass(frozen=True)
class World:
    """A population of people and a generator.

    steadiness: mean n_p of each collection's people; steadiness_deviation: deviation of log n_p over people;
    face_deviation: of log q_k over faces; generator_noise: r. Several collections have equally many people (or one
    more) and no trials in common.
    """

    name: str
    steadiness: tuple[float, ...]
    steadiness_deviation: float
    face_deviation: float
    generator_noise: float

    def sizes(self, people: int) -> list[int]:
        """Number of people in each collection."""
        return [(people + n) // len(self.steadiness) for n in range(len(self.steadiness))]


WORLDS = (
    World("people alike", (0.9,), 0.15, 0.1, 0.3),
    World("people unlike", (0.9,), 0.6, 0.35, 0.5),
    World("nearly separable", (0.2,), 0.5, 0.2, 0.15),
    World("two collections", (0.7, 1.4), 0.3, 0.2, 0.4),
)


@dataclass(frozen=True)
class Experiment:
    """One draw of people, scored by four methods (the method, the second one, two shortcuts).

    genuine, impostor: of each method, each target's scores (G,), (I,), impostor trials by driver. drivers: each
    target's impostor drivers. strata: (K,) collection of each person.
    """

    genuine: tuple[list[np.ndarray], ...]
    impostor: tuple[list[np.ndarray], ...]
    drivers: list[np.ndarray]
    strata: np.ndarray


def draw(world: World, people: int, rng: np.random.Generator) -> Experiment:
    """New people, their clips on each other's faces, and the scores of all trials."""
    genuine: tuple[list[np.ndarray], ...] = ([], [], [], [])
    impostor: tuple[list[np.ndarray], ...] = ([], [], [], [])
    drivers: list[np.ndarray] = []
    begin, sizes = 0, world.sizes(people)
    for size, steadiness in zip(sizes, world.steadiness, strict=True):
        signature, noise, strength = _people(rng, size, world, steadiness)
        clips = signature[:, None] + noise[:, None, None] * rng.normal(size=(size, CLIPS, DIMENSIONS))
        videos = strength[:, None, None, None] * clips[None]
        videos = videos + world.generator_noise * rng.normal(size=(size, size, CLIPS, DIMENSIONS))
        _add_scores(genuine[0], impostor[0], videos)
        _add_scores(genuine[1], impostor[1], videos + _SECOND_NOISE * rng.normal(size=videos.shape))
        drivers += [begin + np.delete(np.arange(size), target) for target in range(size)]
        begin += size
    # The shortcuts come last, so that they leave the random numbers of the methods as they are.
    for number, steadiness in enumerate(_SHORTCUT_STEADINESS):
        for size in sizes:
            _add_scores(genuine[2 + number], impostor[2 + number], _shortcut_videos(world, size, steadiness, rng))
    return Experiment(genuine, impostor, drivers, np.repeat(np.arange(len(sizes)), sizes))


def _shortcut_videos(world: World, people: int, steadiness: float, rng: np.random.Generator) -> np.ndarray:
    """A shortcut's vectors (K faces, K drivers, M, S) of one collection."""
    signature = rng.normal(size=(people, _SHORTCUT_DIMENSIONS))
    strength = np.exp(world.face_deviation * rng.normal(size=people))
    clips = signature[:, None] + steadiness * rng.normal(size=(people, CLIPS, _SHORTCUT_DIMENSIONS))
    noise = _SHORTCUT_NOISE * rng.normal(size=(people, people, CLIPS, _SHORTCUT_DIMENSIONS))
    return strength[:, None, None, None] * clips[None] + noise


def _add_scores(genuine: list[np.ndarray], impostor: list[np.ndarray], videos: np.ndarray) -> None:
    """Adds the scores of each face's trials, from the vectors (K faces, K drivers, M, S) of one collection."""
    people = len(videos)
    first, second = np.triu_indices(CLIPS, 1)
    own = videos[np.arange(people), np.arange(people)]
    same = -np.linalg.norm(own[:, first] - own[:, second], axis=-1)
    other = -np.linalg.norm(own[:, None, :, None] - videos[:, :, None], axis=-1).reshape(people, people, -1)
    for target in range(people):
        genuine.append(same[target])
        impostor.append(np.delete(other[target], target, axis=0).reshape(-1))


def truth(world: World, people: int, seed: int = 99, population: int = _TRUTH_POPULATION) -> dict[str, float]:
    """Expected figures by name, from `population` targets of each collection, each with a driver of its own."""
    rng = np.random.default_rng(seed)
    means: list[list[float]] = [[], [], [], []]
    scores: list[list[tuple[np.ndarray, np.ndarray]]] = [[], []]
    for steadiness in world.steadiness:
        target = _people(rng, population, world, steadiness)
        driver = _people(rng, population, world, steadiness)
        strength = target[2]
        videos = [
            strength[:, None, None] * (s[:, None] + n[:, None, None] * rng.normal(size=(population, CLIPS, DIMENSIONS)))
            + world.generator_noise * rng.normal(size=(population, CLIPS, DIMENSIONS))
            for s, n, _ in (target, driver)
        ]
        for method in range(2):
            own, cross = (v + method * _SECOND_NOISE * rng.normal(size=v.shape) for v in videos)
            same, other = _population_scores(own, cross)
            means[method].append(_mean_auc(same, other))
            scores[method].append((same.reshape(-1), other.reshape(-1)))
    for number, steadiness in enumerate(_SHORTCUT_STEADINESS):
        strength = np.exp(world.face_deviation * rng.normal(size=population))
        own, cross = (
            strength[:, None, None]
            * (
                rng.normal(size=(population, 1, _SHORTCUT_DIMENSIONS))
                + steadiness * rng.normal(size=(population, CLIPS, _SHORTCUT_DIMENSIONS))
            )
            + _SHORTCUT_NOISE * rng.normal(size=(population, CLIPS, _SHORTCUT_DIMENSIONS))
            for _ in range(2)
        )
        means[2 + number] = [_mean_auc(*_population_scores(own, cross))] * len(world.steadiness)
    sizes = np.array(world.sizes(people), dtype=np.float64)
    # Shares of each collection in the genuine and in the impostor trials of all.
    genuine_share, impostor_share = sizes / sizes.sum(), sizes * (sizes - 1) / (sizes * (sizes - 1)).sum()
    pooled = [
        sum(
            genuine_share[a] * impostor_share[b] * roc.auc(scores[method][a][0], scores[method][b][1])
            for a in range(len(sizes))
            for b in range(len(sizes))
        )
        for method in range(2)
    ]
    mean = [float(genuine_share @ np.array(collection_means)) for collection_means in means]
    tpr = {f"TPR at FMR {x:g}": _true_tpr(scores[0], genuine_share, impostor_share, x) for x in BAND_RATES}
    return {
        "mean": mean[0],
        "pooled": float(pooled[0]),
        "difference": mean[0] - mean[1],
        "pooled difference": float(pooled[0] - pooled[1]),
        "margin": mean[0] - max(mean[2:]),
        **tpr,
    }


def _population_scores(own: np.ndarray, cross: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Genuine and impostor scores of each target, from its own videos and those of its driver (population, M, S)."""
    first, second = np.triu_indices(CLIPS, 1)
    same = -np.linalg.norm(own[:, first] - own[:, second], axis=-1)
    return same, -np.linalg.norm(own[:, :, None] - cross[:, None], axis=-1).reshape(len(own), -1)


def _mean_auc(same: np.ndarray, other: np.ndarray) -> float:
    return float((same[:, :, None] > other[:, None]).mean())


def _true_tpr(
    scores: Sequence[tuple[np.ndarray, np.ndarray]], genuine_share: np.ndarray, impostor_share: np.ndarray, fmr: float
) -> float:
    """The true match rate at a false match rate, of collections' (genuine, impostor) scores in their shares."""
    impostor = np.concatenate([other for _, other in scores])
    weight = np.concatenate([np.full(len(o), s / len(o)) for (_, o), s in zip(scores, impostor_share, strict=True)])
    order = np.argsort(-impostor)
    threshold = impostor[order][np.searchsorted(np.cumsum(weight[order]), fmr)]
    return float(sum(s * np.mean(same > threshold) for (same, _), s in zip(scores, genuine_share, strict=True)))


def _people(
    rng: np.random.Generator, people: int, world: World, steadiness: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Signatures (K, S), steadiness (K,) and strength of faces (K,)."""
    return (
        rng.normal(size=(people, DIMENSIONS)),
        steadiness * np.exp(world.steadiness_deviation * rng.normal(size=people)),
        np.exp(world.face_deviation * rng.normal(size=people)),
    )
