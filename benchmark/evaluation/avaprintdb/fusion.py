"""Fusion of systems' scores by rules of ours: AVAPrintDB publishes figures of a fusion, and neither a rule nor weights.

Legend: S systems, G genuine and I impostor pairs of DEV videos, K trials.

A fused score is a weighted sum of the systems' scores and an offset. The rules differ in where the weights come from:

    logistic    logistic regression on pairs of DEV videos, both classes of the same total weight, scores standardised,
                a small ridge, so that weights stay finite where scores separate the classes
    z-mean      the mean of the scores, each minus its mean over these pairs and divided by its standard deviation
    mean        the mean of the scores; nothing is fitted

No rule sees a TEST person. The systems were trained on DEV people, though, and scores of people whom a system has met
are better than those of strangers: weights that are fitted there may favour the system that remembers best.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmark.evaluation.avaprintdb.listed_pairs import ListFigures, ListTrials, relation_to
from benchmark.evaluation.avaprintdb.systems import Report, System
from benchmark.protocols.schema import TrialRule
from benchmark.trial_scores.scores import Scorer, TargetScores
from benchmark.trials.pair_lists import PairList
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, SampleName

RULES = ("logistic", "z-mean", "mean")
_RIDGE = 1e-3  # of the weights of standardised scores


@dataclass(frozen=True)
class Fusion:
    """A fused score: `offset` plus the sum of `weights` times scores.

    rule: one of RULES. systems: their kinds, in the order of the weights. collection, generator, videos, genuine,
    impostor, seed: the DEV videos and pairs that it was fitted on; empty and 0 for the rule that fits nothing.
    """

    rule: str
    systems: tuple[str, ...]
    weights: tuple[float, ...]
    offset: float
    collection: str = ""
    generator: str = ""
    videos: int = 0
    genuine: int = 0
    impostor: int = 0
    seed: int = 0

    @property
    def name(self) -> str:
        """What a figure of it is called, so that nobody takes it for the published fusion."""
        of = "+".join(self.systems)
        if not self.collection:
            return f"our fusion of {of} by {self.rule}"
        return f"our fusion of {of} by {self.rule}, fitted on DEV of {self.collection} by {self.generator}"

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Fused scores (K,) of scores (S, K)."""
        return np.asarray(self.weights) @ scores + self.offset

    def to_json(self) -> dict[str, Any]:
        """All that decides it, as plain values, and its name."""
        return asdict(self) | {"name": self.name, "published_rule": "not public"}


@dataclass(frozen=True)
class FusedScorer:
    """Scores trials by several systems at once. scorers: in the order of the fusion's weights."""

    scorers: Sequence[Scorer]
    fusion: Fusion

    def score(self, trials: TargetTrials) -> TargetScores:
        """Fused scores of one target's trials."""
        scores = [scorer.score(trials) for scorer in self.scorers]
        genuine, impostor = (np.stack([getattr(s, kind) for s in scores]) for kind in ("genuine", "impostor"))
        return TargetScores(trials, self.fusion(genuine), self.fusion(impostor))


def fit_fusion(
    systems: Sequence[System],
    rule: str = "logistic",
    *,
    fit_on: tuple[str, str] | None = None,
    videos: int = 2_000,
    pairs: int = 20_000,
    seed: int = 0,
    report: Report | None = None,
) -> Fusion:
    """A fusion of systems, fitted on pairs of DEV videos.

    systems: two or more, of different kinds. rule: one of RULES. fit_on: collection and generator (label, such as
    "gagavatar") of the videos; default, those that all systems were trained on. videos, pairs: at most so many DEV
    videos, drawn at random, and pairs of each kind among them: of one driver by two driving clips, each driver equally
    likely, and of two drivers, each equally likely.

    Raises NvfairError for an unknown rule, where the systems do not agree on what they were trained on and nothing is
    named, and where DEV has too few videos that all systems have.
    """
    kinds = tuple(system.kind for system in systems)
    if rule not in RULES:
        raise NvfairError(f"fusion rule {rule!r} is unknown", expected=f"one of {', '.join(RULES)}")
    if len(systems) < 2 or len(set(kinds)) < len(kinds):
        raise NvfairError(f"a fusion of {', '.join(kinds) or 'nothing'}", expected="two systems or more, no kind twice")
    if rule == "mean":
        return Fusion(rule, kinds, (1 / len(kinds),) * len(kinds), 0.0)
    collection, generator = fit_on or _common_training(systems)
    common = set.intersection(*({*_dev_names(system, collection, generator)} for system in systems))
    drawn = np.random.default_rng([seed, 0]).permutation(sorted(common))[:videos]
    embedded = [system.embed(drawn.tolist(), report) for system in systems]
    stems = sorted(set.intersection(*({*files.stems} for files in embedded)))
    names = [systems[0].files.names[stem] for stem in stems]
    trials = draw_dev_pairs(names, pairs, np.random.default_rng([seed, 1]))
    if trials is None:
        raise NvfairError(
            f"DEV videos of {collection} by {generator} with enough frames in all systems' files: {len(stems):,}; no "
            "driver has two driving clips among them, or there is one driver",
            where=systems[0].files.root,
            remedy="name folders that hold the files of the DEV videos too, or use --rule mean, which fits nothing",
        )
    scorers = [system.scorer(files.among(stems)) for system, files in zip(systems, embedded, strict=True)]
    scores = [scorer.score(trials) for scorer in scorers]
    genuine, impostor = (np.stack([getattr(s, kind) for s in scores]) for kind in ("genuine", "impostor"))
    weights, offset = logistic_weights(genuine, impostor) if rule == "logistic" else z_mean_weights(genuine, impostor)
    return Fusion(
        rule,
        kinds,
        tuple(float(weight) for weight in weights),
        float(offset),
        collection,
        generator,
        len(stems),
        genuine.shape[1],
        impostor.shape[1],
        seed,
    )


def _common_training(systems: Sequence[System]) -> tuple[str, str]:
    trained = {system.trained_on for system in systems}
    (first, *others) = trained
    if others or first is None:
        listing = "; ".join(
            f"{system.checkpoint.name}: {' '.join(system.trained_on) if system.trained_on else 'unknown'}"
            for system in systems
        )
        raise NvfairError(
            f"the systems were not trained on one collection and generator ({listing})",
            remedy="name both by --fit-on, such as --fit-on cremad gagavatar",
        )
    return first


def _dev_names(system: System, collection: str, generator: str) -> Iterator[str]:
    """Stems of the system's files of a collection's DEV people by a generator (its label)."""
    if collection not in TEST_PEOPLE:
        raise NvfairError(f"collection {collection!r} is unknown", expected=f"one of {', '.join(TEST_PEOPLE)}")
    for stem, name in system.files.names.items():
        is_test = {name.driver, name.target} & TEST_PEOPLE[collection]
        if name.collection == collection and name.generator_label == generator and not is_test:
            yield stem


def draw_dev_pairs(names: Sequence[SampleName], count: int, rng: np.random.Generator) -> TargetTrials | None:
    """At most `count` pairs of each kind among videos, as positions in `names`; None where a kind has none.

    Genuine: one driver, two driving clips. Impostor: two drivers. Drivers are drawn evenly; no pair comes twice.
    """
    drivers = sorted({name.driver for name in names})
    by_driver = {driver: [n for n, name in enumerate(names) if name.driver == driver] for driver in drivers}
    several = [d for d in drivers if len({names[n].clip for n in by_driver[d]}) > 1]
    if not several or len(drivers) < 2:
        return None
    genuine: set[tuple[int, int]] = set()
    impostor: set[tuple[int, int]] = set()
    for _ in range(count):
        group = by_driver[several[rng.integers(len(several))]]
        first = group[rng.integers(len(group))]
        others = [n for n in group if names[n].clip != names[first].clip]
        genuine.add(_ordered(first, others[rng.integers(len(others))]))
        one_driver, other_driver = rng.choice(len(drivers), 2, replace=False)
        pair = (by_driver[drivers[number]] for number in (one_driver, other_driver))
        impostor.add(_ordered(*(group[rng.integers(len(group))] for group in pair)))
    return TargetTrials(
        "DEV", names[0].generator, np.array(sorted(genuine)), np.array(sorted(impostor)), rule=TrialRule.SAME_DRIVER
    )


def _ordered(first: int, second: int) -> tuple[int, int]:
    return min(first, second), max(first, second)


def z_mean_weights(genuine: np.ndarray, impostor: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (S,) and offset of the mean of scores that are standardised over the pairs (S, G) and (S, I)."""
    scores = np.concatenate([genuine, impostor], axis=1)
    weights = 1 / (len(scores) * _deviations(scores))
    return weights, -float(weights @ scores.mean(axis=1))


def logistic_weights(genuine: np.ndarray, impostor: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights (S,) and offset of a logistic regression of pairs (S, G) against (S, I).

    It minimises half the mean loss of each class, plus half of _RIDGE times the squared weights of standardised scores.
    """
    from scipy.optimize import minimize

    scores = np.concatenate([genuine, impostor], axis=1)
    label = np.repeat([1.0, 0.0], [genuine.shape[1], impostor.shape[1]])
    share = np.where(label == 1, 0.5 / genuine.shape[1], 0.5 / impostor.shape[1])
    centre, deviation = scores.mean(axis=1), _deviations(scores)
    standard = (scores - centre[:, None]) / deviation[:, None]

    def loss_and_gradient(values: np.ndarray) -> tuple[float, np.ndarray]:
        logit = values[:-1] @ standard + values[-1]
        residual = share * (0.5 * (1 + np.tanh(logit / 2)) - label)
        loss = share @ (np.logaddexp(0, logit) - label * logit) + 0.5 * _RIDGE * values[:-1] @ values[:-1]
        return float(loss), np.append(standard @ residual + _RIDGE * values[:-1], residual.sum())

    values = minimize(loss_and_gradient, np.zeros(len(scores) + 1), jac=True, method="BFGS", options={"gtol": 1e-9}).x
    weights = values[:-1] / deviation
    return weights, float(values[-1] - weights @ centre)


def _deviations(scores: np.ndarray) -> np.ndarray:
    """Standard deviations (S,), all above 0; NvfairError where a system gives every pair one score."""
    deviations = scores.std(axis=1)
    if not (deviations > 0).all():
        raise NvfairError("a system gives every pair of DEV videos the same score", expected="scores that differ")
    return deviations


def evaluate_fusion(
    systems: Sequence[System], fusion: Fusion, pairs: PairList, report: Report | None = None
) -> list[ListFigures]:
    """Figures of each system and of their fusion, all on the trials of a list that every system can score.

    Raises NvfairError as `evaluate_list` does, and where a person of the list was among the DEV people.
    """
    for system in systems:
        system.check_people(pairs.people, pairs.name)
    if fusion.collection and (shared := sorted(pairs.people - TEST_PEOPLE.get(pairs.collection, frozenset()))):
        raise NvfairError(
            f"{', '.join(shared)} are DEV people, on whom a fusion is fitted", where=pairs.name, expected="TEST people"
        )
    embedded = [system.embed(pairs.samples, report) for system in systems]
    trials = ListTrials.of(pairs, embedded)
    scorers = [system.scorer(files.among(trials.stems)) for system, files in zip(systems, embedded, strict=True)]
    figures = [
        trials.figures(
            scorer,
            system.protocol,
            method=system.checkpoint.name,
            undeclared=system.checkpoint.declaration.unknown_roles,
            relation=relation_to(system.trained_on, pairs, system.kind),
        )
        for system, scorer in zip(systems, scorers, strict=True)
    ]
    trainings = {system.trained_on for system in systems}
    trained_on = systems[0].trained_on if len(trainings) == 1 else None
    # The published figure is that of all three systems.
    kind = "fusion" if {*fusion.systems} == {"graph", "dino", "clip"} else ""
    fused = trials.figures(
        FusedScorer(scorers, fusion),
        systems[0].protocol,
        method=fusion.name,
        undeclared=tuple(sorted({role for row in figures for role in row.undeclared})),
        relation=relation_to(trained_on, pairs, kind),
        protocol_digest="+".join(system.protocol.digest for system in systems),
    )
    return [*figures, fused]
