"""Attacks that read a hidden set's labels from the answers of a board, and the simulated set that they attack.

A secret label says of each video whether it is the target's own (a self-reenactment) or another person's. The faces
group the videos by target, so an attacker knows the groups. A submission gives every video a *code*, a number by which
two videos are compared: equal codes are a match. With codes of +1 and -1 the mean AUC is a known quadratic function of
the codes (`HiddenSet.auc_of_signs`), and its coefficients are the labels.

Legend: K targets, V = S + C videos of each (self and cross), Q submissions. Codes are (K, V), or (Q, K, V).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

# A submission's codes (K, V) -> the board's answer; None where it says nothing.
Ask = Callable[[np.ndarray], float | None]
_SWEEPS = 20  # of an annealing: so many proposals for each exchange of a self and a cross video
_HEATS = (0.3, 3.0, 10.0)  # first temperatures of the restarts, in mean squared errors of an answer


@dataclass(frozen=True)
class HiddenSet:
    """A simulated hidden set of one generator.

    targets: K. selves, crosses: videos of each target that it drives itself, and that others drive. seed: of labels.
    """

    targets: int = 35
    selves: int = 8
    crosses: int = 21
    seed: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """The shape (K, V) of codes."""
        return self.targets, self.selves + self.crosses

    @cached_property
    def labels(self) -> np.ndarray:
        """The secret: bool (K, V), whether a video is a self-reenactment."""
        rng = np.random.default_rng([self.seed, 1])
        first = np.broadcast_to(np.arange(self.shape[1]) < self.selves, self.shape)
        return rng.permuted(first, axis=1)

    def auc_of_signs(self, codes: np.ndarray) -> np.ndarray:
        """The mean AUC of codes (..., K, V) that are +1 or -1, ties counted half: 1/2 + (G - I) / 4.

        G and I are the means of the products of the codes over the genuine and the impostor pairs of a target.
        """
        own = (codes * self.labels).sum(axis=-1)
        return mean_auc(own, codes.sum(axis=-1), self.selves, self.crosses)

    def auc(self, codes: np.ndarray) -> float:
        """The mean AUC of any codes (K, V); a pair scores the higher the nearer its codes are."""
        values = []
        for row, is_self in zip(codes, self.labels, strict=True):
            own, other = row[is_self], row[~is_self]
            first, second = np.triu_indices(self.selves, 1)
            genuine = -np.abs(own[first] - own[second])
            impostor = np.sort(-np.abs(own[:, None] - other[None]).ravel())
            below = np.searchsorted(impostor, genuine, "left") + np.searchsorted(impostor, genuine, "right")
            values.append(below.mean() / 2 / len(impostor))
        return float(np.mean(values))


def mean_auc(own: np.ndarray, total: np.ndarray, selves: int, crosses: int) -> np.ndarray:
    """The mean AUC of signs over targets, from the sums (..., K) of the self videos' codes and of all codes."""
    genuine = (own**2 - selves) / (selves * (selves - 1))
    impostor = own * (total - own) / (selves * crosses)
    return 0.5 + (genuine - impostor).mean(axis=-1) / 4


def random_signs(hidden_set: HiddenSet, count: int, rng: np.random.Generator) -> np.ndarray:
    """Codes (Q, K, V) of +1 and -1, each with probability 1/2."""
    return rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=(count, *hidden_set.shape))


def annealing(hidden_set: HiddenSet, ask: Ask, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random codes; then the labels whose quadratic fits the answers best, by annealing with restarts.

    A proposal exchanges a self and a cross video of one target. The first start is the spectral estimate.
    """
    codes, answers = _submit(hidden_set, ask, random_signs(hidden_set, count, rng))
    if not len(answers):
        return np.zeros(hidden_set.shape)
    best_labels, best_error = None, np.inf
    for restart in range(len(_HEATS)):
        if restart == 0:
            labels = _top(np.abs(_leading_vectors(codes, answers - answers.mean())), hidden_set.selves)
        else:
            labels = _top(rng.random(hidden_set.shape), hidden_set.selves)
        labels, error = _anneal(hidden_set, codes, answers, labels, rng, heat=_HEATS[restart])
        if error < best_error:
            best_labels, best_error = labels, error
    assert best_labels is not None
    return best_labels.astype(float)


def spectral(hidden_set: HiddenSet, ask: Ask, count: int, rng: np.random.Generator) -> np.ndarray:
    """Random codes; then the convex relaxation: the leading eigenvectors of the quadratic's least-squares estimate."""
    codes, answers = _submit(hidden_set, ask, random_signs(hidden_set, count, rng))
    if not len(answers):
        return np.zeros(hidden_set.shape)
    return _leading_vectors(codes, answers - answers.mean())


def boosting(hidden_set: HiddenSet, ask: Ask, count: int, rng: np.random.Generator) -> np.ndarray:
    """Wacky boosting (Blum and Hardt 2015, section 4): a vote of the random codes whose answers are above the median.

    The AUC is the same for a target's codes and their negatives, so the vote is over products of two codes.
    """
    codes, answers = _submit(hidden_set, ask, random_signs(hidden_set, count, rng))
    if not len(answers):
        return np.zeros(hidden_set.shape)
    return _leading_vectors(codes, np.sign(answers - np.median(answers)))


def flips(hidden_set: HiddenSet, ask: Ask, count: int, rng: np.random.Generator) -> np.ndarray:
    """Flips the codes of a few videos of each target, and keeps the flip where the answer rises."""
    best = random_signs(hidden_set, 1, rng)[0]
    best_answer = ask(best)
    has_answer = best_answer is not None
    for _ in range(count - 1):
        share = rng.choice([0.01, 0.03, 0.1, 0.5])
        flipped = np.where(rng.random(hidden_set.shape) < share, -best, best)
        answer = ask(flipped)
        if answer is not None and (best_answer is None or answer > best_answer):
            best, best_answer, has_answer = flipped, answer, True
    return best if has_answer else np.zeros(hidden_set.shape)


ATTACKS: dict[str, Callable[[HiddenSet, Ask, int, np.random.Generator], np.ndarray]] = {
    "annealing": annealing,
    "spectral": spectral,
    "boosting": boosting,
    "flips": flips,
}


def _submit(hidden_set: HiddenSet, ask: Ask, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The codes that were answered, (A, K, V), with their answers (A,)."""
    answers = [ask(submission) for submission in codes]
    answered = [number for number, answer in enumerate(answers) if answer is not None]
    return codes[answered], np.array([answers[number] for number in answered], dtype=float)


def _leading_vectors(codes: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Leading eigenvectors (K, V) of each target's weighted sum of products of two codes; their diagonal left out."""
    products = np.einsum("q,qkv,qkw->kvw", weights, codes, codes, optimize=True)
    diagonal = np.arange(codes.shape[-1])
    products[:, diagonal, diagonal] = 0
    _, vectors = np.linalg.eigh(products)
    leading = vectors[:, :, -1]
    # Self videos have the larger entries: they attract each other, and cross videos only repel.
    sign = np.sign((leading**3).sum(axis=1, keepdims=True))
    return leading * np.where(sign == 0, 1, sign)


def _top(values: np.ndarray, count: int) -> np.ndarray:
    """Which of each row's values are its `count` largest, bool."""
    return values.argsort(axis=1).argsort(axis=1) >= values.shape[1] - count


def _anneal(
    hidden_set: HiddenSet,
    codes: np.ndarray,
    answers: np.ndarray,
    labels: np.ndarray,
    rng: np.random.Generator,
    *,
    heat: float,
) -> tuple[np.ndarray, float]:
    """Labels near a minimum of the squared error of the answers, and that error."""
    selves, crosses, targets = hidden_set.selves, hidden_set.crosses, hidden_set.targets
    columns = np.ascontiguousarray(codes.transpose(1, 2, 0), dtype=float)  # (K, V, Q)
    own = np.einsum("kvq,kv->kq", columns, labels.astype(float))
    total = columns.sum(axis=1)
    # A target's part of the mean AUC is square * own^2 - product * own * (total - own), but for a constant.
    square, product = 1 / (4 * targets * selves * (selves - 1)), 1 / (4 * targets * selves * crosses)
    residual = mean_auc(own.T, total.T, selves, crosses) - answers
    error = float(residual @ residual)
    members = [list(np.flatnonzero(row)) for row in labels]
    others = [list(np.flatnonzero(~row)) for row in labels]
    proposals = _SWEEPS * targets * selves * crosses
    temperatures = np.geomspace(heat, heat / 1000, proposals) * error / len(answers)
    choices = rng.integers([targets, selves, crosses], size=(proposals, 3))
    luck = -np.log(rng.random(proposals))
    for (target, member, other), temperature, threshold in zip(choices, temperatures, luck, strict=True):
        leaving, joining = members[target][member], others[target][other]
        step = columns[target, joining] - columns[target, leaving]
        # (own + step)^2 - own^2 and (own + step) (total - own - step) - own (total - own)
        change = step * ((square + product) * (2 * own[target] + step) - product * total[target])
        difference = float(change @ (2 * residual + change))
        if difference < temperature * threshold:
            own[target] += step
            residual += change
            error += difference
            members[target][member], others[target][other] = joining, leaving
    fitted = np.zeros(hidden_set.shape, dtype=bool)
    for row, row_members in zip(fitted, members, strict=True):
        row[row_members] = True
    return fitted, error
