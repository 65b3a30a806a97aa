"""How much a board's answers tell of the labels of a hidden set: the gain in AUC of an attacker without any method.

    python -m examples.studies.label_recovery            every attack on every kind of answers, a few minutes

From nothing: the attacks of `label_attacks` submit codes that mean nothing, and make one submission of what the answers
tell. The gain is that submission's AUC above 0.5. From a method: codes are added to the scores of a method, and what is
answered better is kept. The gain is the AUC above the method's own. Both are AUCs over the whole hidden set, and
overfitting: they are worth nothing on other videos.

Kinds of answers: *exact*, the mean AUC; *rounded*, to 0.01, at once, as hidden sets answered before they were sealed;
*sealed*, the board's own `leaderboard.store.answers`, with one ladder for all accounts. An attacker with many accounts
has all answers of all of them.

Legend: K targets, S self and C cross videos of each, P pairs of each target (genuine, then impostor), Q answers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from examples.studies.label_attacks import ATTACKS, HiddenSet

REPETITIONS = 5
STRENGTHS = (0.1, 0.4, 0.8, 1.2)  # of codes added to a method, in deviations of its scores
METHODS = (0.58, 0.7, 0.85)  # AUCs of the methods that are attacked
# How far below an answer the method is at the start: the worst of these is reported.
DISTANCES = (0.005, 0.01, 0.015, 0.02, 0.025)

# From the mean AUC of a submission to the answer, None where there is none.
Answer = Callable[[float], float | None]


def exact_answers() -> Answer:
    """The mean AUC without rounding."""
    return float


def rounded_answers() -> Answer:
    """The mean AUC rounded to 0.01, at once: `leaderboard.ranking.redaction.coarse_figures`."""
    from leaderboard.ranking.redaction import coarse_figures

    def answer(auc: float) -> float:
        figures = coarse_figures({"generators": {"hidden": {"auc_mean": {"value": auc}}}})
        return float(figures["generators"]["hidden"]["auc_mean"]["value"])

    return answer


class SealedAnswers:
    """The answers of a sealed set, by the board's own code. best: the best AUC that was answered before.

    count: how many answers were given.
    """

    def __init__(self, hidden_set: HiddenSet, best: float | None = None) -> None:
        from leaderboard.settings import DEFAULT_COMPARED, DEFAULT_STEP
        from leaderboard.store.answers import CHANCE_AUC, CHANCE_DEVIATIONS, chance_deviation

        genuine = hidden_set.targets * hidden_set.selves * (hidden_set.selves - 1) // 2
        impostor = hidden_set.targets * hidden_set.selves * hidden_set.crosses
        deviation = chance_deviation({"hidden": {"trials": {"genuine": genuine, "impostor": impostor}}})
        self.step = max(DEFAULT_STEP, CHANCE_DEVIATIONS * deviation)
        # No answer comes earlier, whatever the best is.
        self._best = max(CHANCE_AUC + self.step, best or 0.0)
        self._left, self.count = DEFAULT_COMPARED, 0

    def __call__(self, auc: float) -> float | None:
        """The answer to the next submission, whoever sends it."""
        from leaderboard.store.answers import next_level

        self._left -= 1
        level = next_level(auc, self._best, self.step) if self._left >= 0 else None
        if level is not None:
            self._best, self.count = auc, self.count + 1
        return level


@dataclass(frozen=True)
class Gain:
    """What an attack gains from so many answers. gain: mean over repetitions; least, most: of the repetitions."""

    answers: str
    start: str
    attack: str
    submissions: int
    gain: float
    least: float
    most: float


class Method:
    """A method on a hidden set: normal scores (K, P) of all pairs, shifted for genuine ones to a given AUC."""

    def __init__(self, hidden_set: HiddenSet, auc: float, rng: np.random.Generator) -> None:
        from scipy.special import ndtri

        selves, videos = hidden_set.selves, hidden_set.shape[1]
        pairs = [(first, second) for second in range(selves) for first in range(second)]
        self._genuine = len(pairs)
        pairs += [(first, second) for first in range(selves) for second in range(selves, videos)]
        self._first, self._second = np.array(pairs).T
        self._scores = rng.normal(size=(hidden_set.targets, len(pairs)))
        self._scores[:, : self._genuine] += np.sqrt(2) * ndtri(auc)

    def auc(self, codes: np.ndarray) -> float:
        """The mean AUC with codes (K, V) added: a pair's score rises by the product of its videos' codes.

        The self videos are the first ones of each row, which no attack makes use of.
        """
        scores = self._scores + codes[:, self._first] * codes[:, self._second]
        ranks = scores.argsort(axis=1).argsort(axis=1)[:, : self._genuine].sum(axis=1)
        impostors = scores.shape[1] - self._genuine
        values = (ranks - self._genuine * (self._genuine - 1) / 2) / (self._genuine * impostors)
        return float(values.mean())


def climb(
    method: Method, shape: tuple[int, int], answer: Answer, count: int, strength: float, rng: np.random.Generator
) -> float:
    """The gain of a climber, who adds random codes to some of the videos and keeps what is answered better."""
    base = method.auc(np.zeros(shape))
    codes, best_answer, best = np.zeros(shape), answer(base), base
    for _ in range(count - 1):
        share = rng.choice([0.1, 0.3, 1.0])
        changed = np.where(rng.random(shape) < share, strength * rng.choice([-1.0, 1.0], size=shape), codes)
        auc = method.auc(changed)
        new_answer = answer(auc)
        if new_answer is not None and (best_answer is None or new_answer > best_answer):
            codes, best_answer, best = changed, new_answer, auc
    return best - base


def gains_from_nothing(
    make_answer: Callable[[HiddenSet], Answer], attack: str, count: int, repetitions: int = REPETITIONS, **sizes: int
) -> list[float]:
    """The gain of an attack in each repetition, with labels and random numbers of its own. sizes: of the hidden set."""
    gains = []
    for seed in range(repetitions):
        hidden_set = HiddenSet(seed=seed, **sizes)
        answer = make_answer(hidden_set)

        def ask(codes: np.ndarray, hidden_set: HiddenSet = hidden_set, answer: Answer = answer) -> float | None:
            return answer(float(hidden_set.auc_of_signs(codes)))

        codes = ATTACKS[attack](hidden_set, ask, count, np.random.default_rng([seed, 2]))
        gains.append(hidden_set.auc(codes) - 0.5)
    return gains


def gains_from_a_method(
    make_answer: Callable[[HiddenSet, float], Answer],
    auc: float,
    count: int,
    strength: float,
    repetitions: int = REPETITIONS,
) -> list[float]:
    """The gain of a climber in each repetition. make_answer: of the hidden set and the method's exact AUC."""
    gains = []
    for seed in range(repetitions):
        hidden_set, rng = HiddenSet(seed=seed), np.random.default_rng([seed, 3])
        method = Method(hidden_set, auc, rng)
        answer = make_answer(hidden_set, method.auc(np.zeros(hidden_set.shape)))
        gains.append(climb(method, hidden_set.shape, answer, count, strength, rng))
    return gains


def sealed_below(distance: float) -> Callable[[HiddenSet, float], Answer]:
    """Sealed answers to a method whose AUC lacks `distance` to its next answer."""

    def make_answer(hidden_set: HiddenSet, auc: float) -> Answer:
        step = SealedAnswers(hidden_set).step
        return SealedAnswers(hidden_set, best=auc + distance - step)

    return make_answer


def measure(counts: Sequence[int] = (100, 1000)) -> Iterator[Gain]:
    """The gain of every attack, by the kind of answers and the number of submissions Q."""
    boards: dict[str, Callable[[HiddenSet], Answer]] = {
        "exact": lambda _: exact_answers(),
        "rounded": lambda _: rounded_answers(),
        "sealed": SealedAnswers,
    }
    for name, make_answer in boards.items():
        for count in counts:
            for attack in ATTACKS:
                yield _gain(name, "nothing", attack, count, gains_from_nothing(make_answer, attack, count))
    for auc in METHODS:
        for name, makers in (
            ("rounded", [lambda _set, _auc: rounded_answers()]),
            ("sealed", [sealed_below(distance) for distance in DISTANCES]),
        ):
            attempts = [
                (gains_from_a_method(maker, auc, counts[-1], strength), strength)
                for maker in makers
                for strength in STRENGTHS
            ]
            gains, strength = max(attempts, key=lambda attempt: max(attempt[0]))
            yield _gain(name, f"a method of {auc}", f"climb, strength {strength}", counts[-1], gains)


def _gain(answers: str, start: str, attack: str, count: int, gains: list[float]) -> Gain:
    return Gain(answers, start, attack, count, float(np.mean(gains)), min(gains), max(gains))


if __name__ == "__main__":
    for row in measure():
        print(
            json.dumps({key: round(v, 4) if isinstance(v, float) else v for key, v in asdict(row).items()}), flush=True
        )
