"""Judging rendered videos by the limits of the recipe's key `quality`, before their frames are stored.

Measures do not depend on the limits: other limits judge again without measuring again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.curate.landmark_tracks import packed_rows_ids
from nvfair_tools.curate.plans.renderings import RenderPlan
from nvfair_tools.faces.insight import pack_folder
from nvfair_tools.pipeline.id_template import id_text
from nvfair_tools.pipeline.items import ItemResult, failed, item_id
from nvfair_tools.pipeline.result_table import ResultTable
from nvfair_tools.quality.measure import MeasureTask, MeasureWorker, VideoPlace
from nvfair_tools.quality.measure_dataset import VIDEOS_AT_ONCE, model_name
from nvfair_tools.quality.places import LandmarkPlace, PortraitPlace
from nvfair_tools.quality.table import TABLE_NAME, measured_by, quality_table, write_quality
from nvfair_tools.quality.thresholds import judge
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.quality_rule import QualityRule


@dataclass(frozen=True)
class RenderingQuality:
    """The measures of a build's videos. rejections: {place in the plan: result}. measures: by video id. method: what
    they were measured with."""

    rejections: Mapping[int, ItemResult]
    measures: Mapping[str, Mapping[str, Any]]
    method: str

    def write(self, dataset: Path, videos: pd.DataFrame) -> Path:
        """Writes the measures where `nvfair quality` looks for them; returns the file. videos: the finished table."""
        path = dataset / "quality" / TABLE_NAME
        write_quality(path, quality_table(videos, self.measures, self.method))
        return path


def judge_renderings(plan: RenderPlan, landmarks: ResultTable, originals: Mapping[str, ItemResult]) -> RenderingQuality:
    """Measures the videos whose face was tracked, and judges them by the recipe's limits; without any, none is bad.

    landmarks: results in the order of the plan. originals: {clip id: result of encoding it}. Raises NvfairError where
    the recipe's recogniser is not on disk.
    """
    rule = plan.session.recipe.quality or QualityRule()
    source = LandmarkerSpec.from_recipe(plan.session.recipe).recogniser
    recogniser = pack_folder(source) if isinstance(source, str) else source
    method = measured_by(None if recogniser is None else model_name(recogniser))
    places_by_id: dict[str, np.ndarray] = {}
    tasks: dict[str, MeasureTask] = {}
    for places in _groups(plan, np.flatnonzero(landmarks.is_ok)):
        rows = id_text(packed_rows_ids(plan.session, plan.ids[places]))
        id = item_id("quality", rows=list(rows), method=method)
        places_by_id[id] = places
        tasks[id] = _task(plan, places, list(rows), originals)
    results = plan.session.runner.run_items("quality", partial(MeasureWorker, recogniser), tasks)
    rejections: dict[int, ItemResult] = {}
    measures: dict[str, Mapping[str, Any]] = {}
    for id, places in places_by_id.items():
        for place in places.tolist():
            video = plan.id_of(place)
            if results[id].state != "ok":  # a video that could not be measured is not taken for a good one
                rejections[place] = results[id]
                measures[video] = {"problem": f"{results[id].reason}: {results[id].detail}"}
                continue
            measures[video] = results[id].facts["videos"][video]
            if problem := measures[video].get("problem"):
                rejections[place] = failed("not_measured", str(problem), retryable=False)
            elif rejection := judge(measures[video], rule):
                rejections[place] = rejection
    return RenderingQuality(rejections, measures, method)


def _groups(plan: RenderPlan, places: np.ndarray) -> list[np.ndarray]:
    """The places (ascending) in groups of one generator and one driving clip, of bounded length."""
    if not len(places):
        return []
    keys = [(plan.generator_of(place), plan.pair_of(place).clip_id) for place in places.tolist()]
    changes = [number for number in range(1, len(keys)) if keys[number] != keys[number - 1]]
    return [
        group[start : start + VIDEOS_AT_ONCE]
        for group in np.split(places, changes)
        for start in range(0, len(group), VIDEOS_AT_ONCE)
    ]


def _task(plan: RenderPlan, places: np.ndarray, rows: list[str], originals: Mapping[str, ItemResult]) -> MeasureTask:
    session = plan.session
    clip = plan.clips[plan.pair_of(int(places[0])).clip_id]
    original = originals.get(clip.id)
    has_video = original is not None and original.state == "ok"
    videos = []
    for place, id in zip(places.tolist(), rows, strict=True):
        pair = plan.pair_of(place)
        portrait = plan.portraits[pair.target]
        target = PortraitPlace(
            session.dataset / portrait.path, LandmarkPlace(session.workspace.track_path(portrait.id))
        )
        path = session.dataset / plan.path_of(place)
        landmarks = LandmarkPlace(session.workspace.track_path(id))
        videos.append(VideoPlace(plan.id_of(place), path, landmarks, target, pair.kind == "self"))
    return MeasureTask(
        LandmarkPlace(session.workspace.track_path(clip.track_id)),
        session.dataset / original.facts["path"] if original is not None and has_video else None,
        tuple(videos),
    )
