"""Rows of the tests whose probes have two drivers or none: what share of them a verifier accepts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from benchmark.protocols.schema import TrialRule
from benchmark.stress.made_videos import MadeVideos, made_row
from benchmark.stress.mixed_drivers import with_lower_face
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rates import MIXED, SOUND, StressRate
from benchmark.stress.sound_driven import neutral_face, sound_driven_track
from benchmark.stress.stressed_cell import StressedCell
from benchmark.stress.tracks import Track
from benchmark.trials.trials import TargetTrials
from benchmark.windows.window_set import read_windows

OWN_MOUTH = "the enrolled person's lower face on another's head"
OTHER_MOUTH = "another's lower face on the enrolled person's head"
AS_OWNER = "accepted as the person whose face it shows"
AS_ITSELF = "two such videos of one face, accepted as one driver"
_FACE_VIDEOS = 12  # so many videos of a face make its mean


def mixed_rows(cell: StressedCell, plan: RatePlan) -> Iterator[StressRate]:
    """Rates for the lower face of one person with head and upper face of another, both ways round.

    For each target and each other driver of its face, one of the driver's videos and one of the target's own are drawn
    by the seed. A probe is compared with the target's enrolled videos of other clips than the target's part of it.
    """
    if reason := _unusable_reason(cell):
        yield StressRate(cell.method.name, MIXED, cell.cell, skipped=reason)
        return
    random = np.random.default_rng(plan.seed)
    rows: list[dict[str, Any]] = []
    sources: dict[str, tuple[str, str]] = {}  # id -> (video with the head, video with the lower face)
    for target, own, others in _faces(cell):
        for driver, videos in others.groupby("driver", sort=True):
            other = videos.iloc[int(random.integers(len(videos)))]
            same_rate = own[(own["fps_num"] == other["fps_num"]) & (own["fps_den"] == other["fps_den"])]
            if same_rate.empty:
                continue
            chosen = same_rate.iloc[int(random.integers(len(same_rate)))]
            for case, base, donor in ((OWN_MOUTH, other, chosen), (OTHER_MOUTH, chosen, other)):
                video = f"{case}: {target}, {driver}"
                rows.append(made_row(base.to_dict(), video, target=target, clip=chosen["clip"], case=case))
                sources[video] = str(base["video"]), str(donor["video"])
    if not rows:
        yield StressRate(cell.method.name, MIXED, cell.cell, skipped="no face has videos of two drivers at one rate")
        return
    names = sorted({video for pair in sources.values() for video in pair})
    track_of: dict[str, Track] = {video: tuple(track) for video, *track in cell.dataset.tracks(names)}  # type: ignore[misc]
    made = MadeVideos.of(
        cell.dataset, pd.DataFrame(rows), lambda video: with_lower_face(*(track_of[v] for v in sources[video]))
    )
    yield from _accepted_rows(cell, MIXED, made, (OWN_MOUTH, OTHER_MOUTH))


def sound_rows(cell: StressedCell, plan: RatePlan) -> Iterator[StressRate]:
    """Rates for probes that a text drives, on every target's face, as long as the median video of the cell."""
    if reason := _unusable_reason(cell):
        yield StressRate(cell.method.name, SOUND, cell.cell, skipped=reason)
        return
    rows: list[dict[str, Any]] = []
    parts: dict[str, tuple[np.ndarray, str]] = {}  # id -> (face, text)
    seconds = float((cell.videos["frames"] * cell.videos["fps_den"] / cell.videos["fps_num"]).median())
    for target, own, others in _faces(cell):
        examples = pd.concat([own, others]).sort_values("video").head(_FACE_VIDEOS)
        face = neutral_face(cell.dataset.tracks(examples["video"]))
        for number in range(plan.texts):
            video, text = f"sound: {target}, text {number:02d}", f"sound {number:02d}"
            # A clip that nobody has, and no driver.
            rows.append(made_row(own.iloc[0].to_dict(), video, driver="", clip=text, case=AS_OWNER))
            parts[video] = face, text
    made = MadeVideos.of(
        cell.dataset,
        pd.DataFrame(rows),
        lambda video: sound_driven_track(*parts[video], seconds, plan.seed, video),
    )
    yield from _accepted_rows(cell, SOUND, made, (AS_OWNER, AS_ITSELF))


def _accepted_rows(cell: StressedCell, test: str, made: MadeVideos, cases: tuple[str, ...]) -> Iterator[StressRate]:
    """A row for each case: the made videos of the case against the enrolled ones, or against each other."""
    windows = read_windows(made, cell.protocol)
    scorer, videos = cell.joined(windows)
    total = len(cell.videos)
    for case in cases:
        trials, requested = [], 0
        for target, own, _ in _faces(cell):
            is_probe = (videos.index >= total) & (videos["target"] == target)
            probes = videos[is_probe & (videos.get("case") == (AS_OWNER if case == AS_ITSELF else case))]
            clips = _clips(made, target, AS_OWNER if case == AS_ITSELF else case)
            if case == AS_ITSELF:
                numbers = probes.index.to_numpy()
                pairs = [(a, b) for n, a in enumerate(numbers) for b in numbers[n + 1 :]]
                requested += len(clips) * (len(clips) - 1) // 2
            else:
                pairs = [
                    (first, second)
                    for first, clip in zip(own.index, own["clip"], strict=True)
                    for second, used in zip(probes.index, probes["clip"], strict=True)
                    if clip != used
                ]
                requested += sum(clip != used for clip in own["clip"] for used in clips)
            no_pairs = np.empty((0, 2), np.int64)
            trials.append(TargetTrials(target, cell.cell, no_pairs, np.array(pairs, np.int64).reshape(-1, 2)))
        count = sum(len(target_trials.impostor) for target_trials in trials)
        yield cell.row(test, case, trials, scorer=scorer, videos=videos, lost=requested - count)


def _clips(made: MadeVideos, target: str, case: str) -> list[str]:
    """The clips of a target's made videos in a case, also of those without a window."""
    rows = made.videos
    return rows.loc[(rows["target"] == target) & (rows["case"] == case), "clip"].tolist()


def _faces(cell: StressedCell) -> Iterator[tuple[str, pd.DataFrame, pd.DataFrame]]:
    """(target, its enrolled videos, the probes' videos of its face that others drive) of each scored target."""
    enrolment, probe = cell.generators
    videos = cell.videos
    for target in sorted({target_trials.target for target_trials in cell.trials}):
        of_face = videos[videos["target"] == target]
        own = of_face[(of_face["driver"] == target) & (of_face["generator"] == enrolment)]
        others = of_face[(of_face["driver"] != target) & (of_face["generator"] == probe)]
        yield target, own, others


def _unusable_reason(cell: StressedCell) -> str:
    """Why there are no probes of these kinds under the cell's rule; "" where there are."""
    rule = cell.protocol.trials
    if rule.rule is not TrialRule.SELF_SELF_VS_SELF_CROSS:
        return f"the rule {rule.rule.value} has no enrolled videos of the person whose face is shown"
    if rule.template is not None:
        return "a template of several clips is not compared with made videos"
    if rule.across_generators:
        return "made videos are compared within one generator"
    return ""
