"""Scores of every method and shortcut on all pairs of clips that drive two different faces.

Legend: C clips, F pairs of faces, N videos.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark import controls, protocols
from benchmark.controls.video_vectors import vector_scorer
from benchmark.methods.avaprintdb.published_graph import import_published
from benchmark.methods.candidates import Candidate, MethodCandidate, as_candidate
from benchmark.methods.declaration import Declaration
from benchmark.pretrained import checkpoint_folder
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import TargetTrials
from benchmark.windows.window_set import WindowSet, read_windows
from examples.studies.real_people.plan import OURS, SHORTCUTS, Plan
from examples.studies.real_people.renderings import DRIVERS
from examples.studies.real_people.shortcuts import jitter, mean_yaw
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of

Progress = Callable[[str], None]


@dataclass(frozen=True)
class ClipScores:
    """The clips that every method can use, and the scores of their pairs.

    person, session: (C,). scores: generator -> method or shortcut -> (F, C, C): for each pair of faces, the score of
    clip i on the first face with clip j on the second. left_out: reason -> number of clips that some method cannot use.
    """

    person: np.ndarray
    session: np.ndarray
    scores: dict[str, dict[str, np.ndarray]]
    left_out: dict[str, int]


@dataclass(frozen=True)
class _CellVideos:
    """The videos of one generator: ids (faces, C), clip by clip on each face."""

    ids: np.ndarray

    def positions(self, windows: WindowSet) -> np.ndarray:
        """Positions (faces, C) of the videos in `windows.videos`."""
        position = {video: n for n, video in enumerate(windows.videos["video"])}
        return np.vectorize(position.__getitem__)(self.ids)


@dataclass(frozen=True)
class StudyMethods:
    """The methods of a plan by name: those under our protocol (`OURS` first), and the published networks."""

    under_our_protocol: dict[str, Candidate]
    published: dict[str, Candidate]


def load_methods(plan: Plan, models: Path) -> StudyMethods:
    """Loads all methods of a plan. models: folder of the published networks.

    Raises NvfairError where the weights of ours or of a published network are not the planned ones.
    """
    _check_hash(checkpoint_folder(plan.ours) / "weights.safetensors", plan.our_sha256)
    published: dict[str, Candidate] = {}
    for network in plan.published:
        path = models / network.file
        _check_hash(path, network.sha256)
        published[network.name] = MethodCandidate(import_published(path, Declaration.unknown(), network.name))
    ours_and_others = {OURS: as_candidate(plan.ours)} | {other: as_candidate(other) for other in plan.others}
    return StudyMethods(ours_and_others, published)


def score_all(data: Dataset, clips: pd.DataFrame, plan: Plan, methods: StudyMethods, progress: Progress) -> ClipScores:
    """Embeds the videos by every method and scores all pairs."""
    table = data.usable()
    table = table[(table["kind"] == "cross") & table["driver"].str.startswith(f"{DRIVERS}:")]
    our_protocol, published_protocol = (protocols.load(n) for n in (plan.our_protocol, plan.published_protocol))
    windows = {
        protocol.name: read_windows(data, protocol, videos=table["video"])
        for protocol in (our_protocol, published_protocol)
    }
    usable, left_out = _usable_clips(clips, table, list(windows.values()))
    person, session = (usable[column].to_numpy(dtype=object) for column in ("person", "session"))
    scores: dict[str, dict[str, np.ndarray]] = {}
    for generator in plan.generators:
        of_generator = table[(table["generator"] == generator) & table["clip_name"].isin(usable["clip"])]
        cell = _CellVideos(
            of_generator.pivot(index="target", columns="clip_name", values="video")[usable["clip"]].to_numpy()
        )
        by_method: dict[str, np.ndarray] = {}
        video_ids = cell.ids.reshape(-1)
        our_windows = read_windows(data, our_protocol, videos=video_ids)
        for name, candidate in methods.under_our_protocol.items():
            progress(f"{generator}: {name}")
            scorer = candidate.scorer(candidate.embeddings(our_windows, data), our_windows, our_protocol.scoring)
            by_method[name] = _pair_scores(scorer, cell.positions(our_windows))
        for name, scorer in _shortcut_scorers(data, our_windows, usable):
            progress(f"{generator}: {name}")
            by_method[name] = _pair_scores(scorer, cell.positions(our_windows))
        graph_windows = read_windows(data, published_protocol, videos=video_ids, mesh=True)
        for name, candidate in methods.published.items():
            progress(f"{generator}: {name}")
            scorer = candidate.scorer(
                candidate.embeddings(graph_windows, data), graph_windows, published_protocol.scoring
            )
            by_method[name] = _pair_scores(scorer, cell.positions(graph_windows))
        scores[generator] = by_method
    return ClipScores(person, session, scores, left_out)


def _check_hash(path: Path, expected: str) -> None:
    if not path.is_file():
        raise NvfairError("there is no such file", where=path, remedy="name the folder of the networks with --models")
    digest = sha256_of(path)
    if digest != expected:
        raise NvfairError(f"its sha256 is {digest}", where=path, expected=f"{expected}, as the plan says")


def _usable_clips(
    clips: pd.DataFrame, table: pd.DataFrame, window_sets: list[WindowSet]
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The clips whose videos on every face and by every generator have windows under every protocol; and how many
    others there are, by reason."""
    videos_of_clip = table.groupby("clip_name")["video"].agg(set)
    expected = table.groupby(["target", "generator"]).ngroups
    with_windows = [set(windows.videos["video"]) for windows in window_sets]
    is_usable, left_out = [], {"not rendered": 0, "too short, or a face missing in every window": 0}
    not_rendered, no_window = left_out
    for clip in clips["clip"]:
        videos = videos_of_clip.get(clip, set())
        is_whole = len(videos) == expected
        has_windows = is_whole and all(videos <= ids for ids in with_windows)
        left_out[not_rendered] += not is_whole
        left_out[no_window] += is_whole and not has_windows
        is_usable.append(has_windows)
    return clips[np.array(is_usable, dtype=bool)].reset_index(drop=True), left_out


def _shortcut_scorers(data: Dataset, windows: WindowSet, clips: pd.DataFrame) -> Iterator[tuple[str, PairScorer]]:
    """The shortcuts in the order of `SHORTCUTS`; each is minus the distance of one vector a video."""
    width_of_clip = dict(zip(clips["clip"], clips["face_width_px"], strict=True))
    widths = windows.videos["clip_name"].map(width_of_clip).to_numpy(np.float64)
    tracks = data.tracks(windows.videos["video"])
    scorers: list[PairScorer] = [
        controls.shape_scorer(windows),
        controls.pose_scorer(windows),
        controls.still_scorer(windows),
        vector_scorer(windows, np.log(jitter(tracks))[:, None]),
        vector_scorer(windows, np.log(widths)[:, None]),
        vector_scorer(windows, np.log(windows.videos["frames"].to_numpy(np.float64))[:, None]),
        vector_scorer(windows, mean_yaw(tracks)[:, None]),
    ]
    yield from zip(SHORTCUTS, scorers, strict=True)


def _pair_scores(scorer: PairScorer, positions: np.ndarray) -> np.ndarray:
    """Scores (F, C, C) of all clips on one face with all clips on another, for every two faces."""
    clips = positions.shape[1]
    parts = []
    for first, second in itertools.combinations(positions, 2):
        pairs = np.stack([np.repeat(first, clips), np.tile(second, clips)], axis=1)
        trials = TargetTrials("", "", pairs, np.empty((0, 2), np.int64))
        parts.append(scorer.score(trials).genuine.reshape(clips, clips))
    return np.stack(parts)
