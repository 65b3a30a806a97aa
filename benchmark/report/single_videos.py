"""One person enrolled, one video asked about: the test videos of a cell as a reader without tables wants them.

Every choice is by a rule, so that nobody picks what looks good. Of one cell, the first of the results:
* The score of a video is the mean of its trials: its comparisons with the enrolled videos of other clips.
* The threshold for a person is set on the videos of all other people: where both kinds of mistake are equally frequent.
* The people are ranked by their share of right answers, then by id; the one in the middle is shown.
* Of each outcome, the video in the middle by score is shown: of that person, or of the next in the ranking who has one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.evaluation.evidence import videos_file
from benchmark.evaluation.result_rows import CellResult
from benchmark.evaluation.results import EvaluationResults
from benchmark.methods.embedding_files import read_embeddings, table_columns, video_embeddings
from benchmark.methods.score_files import TableScorer, read_scores
from benchmark.metrics.thresholds import threshold_at_eer
from benchmark.protocols.schema import Protocol, TrialRule
from benchmark.trial_scores.scores import PairScorer, Scorer
from benchmark.trials.trials import make_trials
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

# (drives, accepted) of each outcome, in the order of the page.
OUTCOMES = ((True, True), (False, False), (True, False), (False, True))


@dataclass(frozen=True)
class JudgedVideo:
    """A test video: who drives it, its score for the enrolled person, and whether it is accepted."""

    video: str
    enrolled: str
    driver: str
    score: float
    accepted: bool

    @property
    def drives(self) -> bool:
        """Whether the enrolled person drives it."""
        return self.driver == self.enrolled

    @property
    def right(self) -> bool:
        """Whether the answer is right."""
        return self.drives == self.accepted


@dataclass(frozen=True)
class EnrolledPerson:
    """A person, the ids of the enrolled videos, the threshold, and the judged videos by falling score, then by id."""

    person: str
    enrolled: tuple[str, ...]
    threshold: float
    videos: tuple[JudgedVideo, ...]

    @property
    def right_share(self) -> float:
        """The share of right answers."""
        return sum(video.right for video in self.videos) / len(self.videos)


@dataclass(frozen=True)
class SingleVideos:
    """All people of a cell, ranked by their share of right answers, then by id."""

    cell: CellResult
    people: tuple[EnrolledPerson, ...]

    @property
    def person(self) -> EnrolledPerson:
        """The person in the middle of the ranking (the lower one of two)."""
        return self.people[(len(self.people) - 1) // 2]

    @cached_property
    def examples(self) -> dict[tuple[bool, bool], JudgedVideo | None]:
        """Outcome (drives, accepted) -> the video that stands for it, None where there is none at all."""
        middle = (len(self.people) - 1) // 2
        order = [*self.people[middle:], *self.people[:middle]]
        return {outcome: _example(order, outcome) for outcome in OUTCOMES}

    @property
    def videos(self) -> list[JudgedVideo]:
        """The judged videos of everybody."""
        return [video for person in self.people for video in person.videos]

    def count(self, drives: bool, accepted: bool) -> int:
        """The number of videos with an outcome."""
        return sum((video.drives, video.accepted) == (drives, accepted) for video in self.videos)


def judge_single_videos(results: EvaluationResults, evidence: Path) -> SingleVideos:
    """Judges every test video of the first cell of the results from the files of its evidence.

    Raises NvfairError where there is no evidence, where the rule does not enrol people by their own videos, and where
    fewer than three people have videos of both kinds: then there are too few others for a threshold.
    """
    if not results.cells:
        raise NvfairError("there is no cell")
    cell = results.cells[0]
    protocol = next(entry.protocol for entry in results.protocols if entry.protocol.name == cell.protocol)
    trials = protocol.trials
    if trials.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS or trials.template is not None or trials.across_generators:
        raise NvfairError(f"protocol {protocol.name} does not compare a person's own videos with others of the face")
    file = evidence / cell.evidence
    if not cell.evidence or not file.is_file():
        raise NvfairError("no embeddings were kept", where=evidence)
    table = pd.read_parquet(evidence / videos_file(cell.section))
    videos = table[table["scored"] & (table["generator"] == cell.generator)].sort_values("video", ignore_index=True)
    scores = _mean_scores(_scorer(file, videos, protocol), videos, cell.generator, protocol)
    if len(scores) < 3:
        raise NvfairError(
            f"{count_text(len(scores), 'person has', 'people have')} videos of both kinds; three are needed for a "
            "threshold"
        )
    people = []
    for person in scores:
        others = [score for other in scores if other != person for score in scores[other]]
        genuine, impostor = (np.array([s for _, _, s, drives in others if drives is kind]) for kind in (True, False))
        threshold = threshold_at_eer(genuine, impostor)
        judged = [JudgedVideo(v, person, driver, s, s >= threshold) for v, driver, s, _ in scores[person]]
        own = sorted(video.video for video in judged if video.drives)
        ordered = sorted(judged, key=lambda video: (-video.score, video.video))
        people.append(EnrolledPerson(person, tuple(own), threshold, tuple(ordered)))
    people.sort(key=lambda person: (person.right_share, person.person))
    return SingleVideos(cell, tuple(people))


def _mean_scores(
    scorer: PairScorer, videos: pd.DataFrame, generator: str, protocol: Protocol
) -> dict[str, list[tuple[str, str, float, bool]]]:
    """Person -> (video, driver, mean score of its trials, whether the person drives it) of each test video."""
    names, drivers = videos["video"].tolist(), videos["driver"].tolist()
    result = {}
    for target_trials in make_trials(videos, generator, protocol.trials):
        if not target_trials.complete:
            continue
        scores = scorer.score(target_trials)
        total, count = np.zeros(len(videos)), np.zeros(len(videos))
        # A person's own video is compared with the others whether it comes first or second in a pair.
        sides = ((target_trials.genuine, scores.genuine, (0, 1)), (target_trials.impostor, scores.impostor, (1,)))
        for pairs, pair_scores, columns in sides:
            for column in columns:
                np.add.at(total, pairs[:, column], pair_scores)
                np.add.at(count, pairs[:, column], 1)
        result[target_trials.target] = [
            (names[n], drivers[n], float(total[n] / count[n]), drivers[n] == target_trials.target)
            for n in np.flatnonzero(count)
        ]
    return result


def _scorer(file: Path, videos: pd.DataFrame, protocol: Protocol) -> PairScorer:
    ids = videos["video"].to_numpy(dtype=object)
    if "embedding" in table_columns(file)[0]:
        return Scorer(video_embeddings(read_embeddings(file), ids.tolist(), where=file), protocol.scoring)
    return TableScorer(read_scores(file), ids, file)


def _example(people: Sequence[EnrolledPerson], outcome: tuple[bool, bool]) -> JudgedVideo | None:
    """The video in the middle by score (the higher one of two) of the first person who has any of the outcome."""
    for person in people:
        videos = [video for video in person.videos if (video.drives, video.accepted) == outcome]
        if videos:
            return videos[(len(videos) - 1) // 2]
    return None
