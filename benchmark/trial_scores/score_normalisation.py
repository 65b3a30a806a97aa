"""Score normalisation by a cohort, as in speaker verification: a score counts by how far it stands above the scores
that its two videos have with people who take no part.

    s' = ((s - m_e) / d_e + (s - m_p) / d_p) / 2

m_e and d_e are mean and standard deviation of the scores of the enrolled video (or template) with the cohort, m_p and
d_p those of the probe: symmetric normalisation ("s-norm", Kenny, Bayesian speaker verification with heavy-tailed
priors, Odyssey 2010). Adaptive: each side takes the cohort's videos that are most alike to it alone (Cumani et al.,
Interspeech 2011; the variant that Matejka et al., Interspeech 2017, call adaptive s-norm 1).

Legend: N videos, W windows, D embedding size, M videos of the cohort, n enrolled videos or templates, m probes.
"""

from __future__ import annotations

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

LEAST_COHORT = 2


class NormalisedScorer(Scorer):
    """Scores trials from embeddings, and normalises each score by the cohort's."""

    def __init__(
        self, embeddings: VideoEmbeddings, cohort: VideoEmbeddings, scoring: Scoring, nearest: int = 0
    ) -> None:
        """cohort: embeddings of its M videos, by the same method. nearest: for each side, so many videos of the cohort
        count, those with the highest scores; 0: all.

        Raises NvfairError where the cohort has fewer than two videos, or fewer than `nearest`, and where its embeddings
        have another size.
        """
        count = len(cohort.video_ids)
        if count < LEAST_COHORT or nearest < 0 or nearest == 1 or nearest > count:
            raise NvfairError(
                f"the cohort has {count_text(count, 'video')}, and the nearest {nearest} are to count",
                expected=f"at least {LEAST_COHORT} videos, and 0 (all) or {LEAST_COHORT} to {count} nearest ones",
            )
        sizes = [part.window_embeddings.shape[1] for part in (embeddings, cohort)]
        if sizes[0] != sizes[1]:
            raise NvfairError(
                f"embeddings have {sizes[0]} numbers and those of the cohort {sizes[1]}",
                remedy="embed the cohort with the same method",
            )
        super().__init__(_joined(embeddings, cohort), scoring)
        self.nearest = nearest
        self.cohort = np.arange(len(embeddings.video_ids), len(self.embeddings.video_ids))

    def _video_matrix(self, enrolled: np.ndarray, probes: np.ndarray) -> np.ndarray:
        plain = super()._video_matrix
        sides = (plain(enrolled, self.cohort), plain(probes, self.cohort))
        return normalise(plain(enrolled, probes), *sides, self.nearest)

    def _template_matrix(self, templates: np.ndarray, probes: np.ndarray) -> np.ndarray:
        plain = super()._template_matrix
        if self.scoring.template == "mean-score":  # the mean of normalised scores
            return plain(templates, probes)
        sides = (plain(templates, self.cohort), super()._video_matrix(probes, self.cohort))
        return normalise(plain(templates, probes), *sides, self.nearest)


def normalise(scores: np.ndarray, enrolled: np.ndarray, probes: np.ndarray, nearest: int = 0) -> np.ndarray:
    """Scores (n, m) normalised by the cohort's scores with the enrolled (n, M) and with the probes (m, M).

    nearest: so many of the highest scores of each side with the cohort count; 0: all. Deviations are those of the whole
    sample (divided by their number), and at least 1e-12.
    """
    means, deviations = zip(*(_statistics(side, nearest) for side in (enrolled, probes)), strict=True)
    by_enrolled = (scores - means[0][:, None]) / deviations[0][:, None]
    by_probe = (scores - means[1][None, :]) / deviations[1][None, :]
    return (by_enrolled + by_probe) / 2


def _statistics(scores: np.ndarray, nearest: int) -> tuple[np.ndarray, np.ndarray]:
    """Mean (n,) and standard deviation (n,) of the `nearest` highest of the scores (n, M) of each row; 0: of all."""
    if nearest and nearest < scores.shape[1]:
        scores = np.partition(scores, scores.shape[1] - nearest, axis=1)[:, -nearest:]
    return scores.mean(axis=1), np.maximum(scores.std(axis=1), 1e-12)


def _joined(embeddings: VideoEmbeddings, cohort: VideoEmbeddings) -> VideoEmbeddings:
    """The embeddings of all videos, those of the cohort last."""
    return VideoEmbeddings(
        np.concatenate([embeddings.video_ids, cohort.video_ids]),
        np.concatenate([embeddings.offsets, embeddings.offsets[-1] + cohort.offsets[1:]]),
        np.concatenate([embeddings.window_embeddings, cohort.window_embeddings]),
        embeddings.normalise,
    )
