"""Makes a calibration from a data set: its people are enrolled in turn, its reenactments are the suspicious videos.

A genuine trial compares an enrolled person with a reenactment that the person drives, on any face; the clip that drives
it is left out of the enrolment. An impostor trial compares the person with a reenactment of the person's own face that
somebody else drives, which is what a suspicious video of a person is.

Legend: N videos, W windows, S statistics of a window.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchmark.methods.embed import embed_videos
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.verification.calibration import Calibration
from benchmark.verification.enrolment import LandmarkerIdentity
from benchmark.verification.face_windows import DEFAULT_METHOD, LoadedMethod, load_method
from benchmark.verification.held_out_collections import collection_of
from benchmark.verification.likeness import Likeness, Recording, window_statistics
from benchmark.verification.template import Template
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.rights import usable_for
from nvfair_tools.errors import NvfairError, did_you_mean
from nvfair_tools.files import make_folder
from nvfair_tools.quantities import count_text

Faces = Literal["own", "any"]
Impostors = Literal["any", "own-collection"]


def calibrate(
    data: Dataset | str | Path,
    *,
    out: str | Path | None = None,
    method: Method | str | Path = DEFAULT_METHOD,
    protocol: Protocol | str | Path | None = None,
    split: str = "validation",
    generators: Sequence[str] = (),
    without: Sequence[str] = (),
    faces: Faces = "own",
    collections: Sequence[str] = (),
    impostors: Impostors = "any",
    device: str = "cpu",
    progress: Callable[[str], None] = lambda message: None,
) -> Calibration:
    """Scores trials of a data set's people, so that later scores mean something.

    data: a data set of reenactments (`nvfair build`), or its folder. out: where the calibration is written; None keeps
    it in memory. method, protocol: those of the enrolments that it is for. split: of the people; "" for all.
    generators: only these; empty for all. without: people who are left out, such as the one who will be verified.
    faces: whether impostors appear on the enrolled person's own face, or on any face. collections: only people of these
    (the namespaces of their names); empty for all. impostors: whether an impostor is anybody, or of the enrolled
    person's own collection, so that recordings do not tell them apart. progress: called before each longer step.

    People are enrolled by their real clips; where a data set has none, as simulated cohorts, by their
    self-reenactments by the probe's generator. Videos that may not be used for `training` are left out.
    Raises NvfairError where no genuine or no impostor trial is left, or where several landmarkers found the faces.
    """
    dataset = usable_for(data if isinstance(data, Dataset) else Dataset.open(data), "training")
    if out is not None:
        make_folder(Path(out).absolute().parent)
    loaded = load_method(method, protocol, device)
    videos = _chosen(dataset, split, generators, without, collections)
    progress(f"reading the windows of {count_text(len(videos), 'video')}")
    windows = read_windows(dataset, loaded.protocol, videos=videos["video"], mesh=loaded.method.needs == "mesh")
    if not len(windows):
        raise NvfairError("no video has a window", where=dataset.folder)
    progress(f"embedding {count_text(len(windows), 'window')} with {loaded.method.name}")
    embeddings = embed_videos(loaded.method, windows, dataset)
    progress("scoring")
    trials = _Trials(windows.videos.reset_index(drop=True), embeddings, loaded, faces, impostors)
    table = trials.table()
    if not len(table) or table["genuine"].all() or not table["genuine"].any():
        missing = "genuine" if not len(table) or not table["genuine"].any() else "impostor"
        raise NvfairError(
            f"there is no {missing} trial in these {count_text(len(windows.videos), 'video')}",
            where=dataset.folder,
            expected="people with a real clip that is not the one that drives, whose faces others drive too",
            remedy="name another split, or impostors on any face (faces any)",
        )
    people = sorted({*table["enrolled"], *table["driver"]})
    makers = sorted(set(table["generator"]))
    seconds = np.diff(windows.offsets)[trials.probe_rows] / float(windows.rate)
    calibration = Calibration(
        method=loaded.identity,
        landmarker=_landmarker(dataset),
        protocol_digest=loaded.protocol.digest,
        people=tuple(people),
        generators=tuple(makers),
        scores=table["score"].to_numpy(np.float64),
        genuine=table["genuine"].to_numpy(bool),
        enrolled=np.searchsorted(people, table["enrolled"]),
        driver=np.searchsorted(people, table["driver"]),
        generator=np.searchsorted(makers, table["generator"]),
        likeness=_likeness(windows, trials.probe_rows),
        seconds=(float(seconds.min()), float(seconds.max())),
        source=f"{dataset.name}, {split or 'all'} people",
        recording=_recording(trials.videos.iloc[trials.probe_rows]),
    )
    if out is not None:
        calibration.save(out)
    return calibration


def _chosen(
    dataset: Dataset, split: str, generators: Sequence[str], without: Sequence[str], collections: Sequence[str]
) -> pd.DataFrame:
    """The usable videos of the people, generators and collections that are asked for."""
    videos = dataset.usable()
    known = sorted(videos["generator"].dropna().unique())
    if unknown := [name for name in generators if name not in known]:
        raise NvfairError(
            f"no video by {', '.join(unknown)}",
            where=dataset.folder,
            expected=f"some of {', '.join(known)}",
            remedy=did_you_mean(unknown, known),
        )
    if split and split not in set(videos["split"]):
        raise NvfairError(
            f"nobody is in split {split!r}", where=dataset.folder, expected=", ".join(sorted(set(videos["split"])))
        )
    known_collections = sorted(set(map(collection_of, videos["driver"])))
    if unknown := [name for name in collections if name not in known_collections]:
        raise NvfairError(
            f"nobody is of the collection {', '.join(unknown)}",
            where=dataset.folder,
            expected=f"some of {', '.join(known_collections)}: what stands before the colon in people's names",
        )
    chosen = videos["generator"].isna() | videos["generator"].isin(generators or known)
    if split:
        chosen &= videos["split"] == split
    if collections:
        for role in ("driver", "target"):
            chosen &= videos[role].map(collection_of).isin(collections)
    return videos[chosen & ~videos["driver"].isin(without) & ~videos["target"].isin(without)]


@dataclass
class _Trials:
    """The trials of some videos. videos: one row a video, in the order of the embeddings."""

    videos: pd.DataFrame
    embeddings: VideoEmbeddings
    loaded: LoadedMethod
    faces: Faces
    impostors: Impostors

    def __post_init__(self) -> None:
        self._has_real = bool((self.videos["kind"] == "real").any())
        self.probe_rows = np.flatnonzero(self.videos["generator"].notna())

    def table(self) -> pd.DataFrame:
        """One row a trial: enrolled, driver, generator, genuine, score."""
        rows: list[dict[str, Any]] = []
        drivers, targets, clips = (self.videos[name].to_numpy(dtype=object) for name in ("driver", "target", "clip"))
        makers = self.videos["generator"].to_numpy(dtype=object)
        for person in sorted(set(drivers)):
            templates: dict[tuple[str, str], Template | None] = {}
            for probe in self.probe_rows:
                is_genuine = drivers[probe] == person
                if not is_genuine and self.faces == "own" and targets[probe] != person:
                    continue
                if self.impostors == "own-collection" and collection_of(drivers[probe]) != collection_of(person):
                    continue
                key = (str(clips[probe]) if is_genuine else "", "" if self._has_real else str(makers[probe]))
                if key not in templates:
                    templates[key] = self._template(person, *key)
                template = templates[key]
                if template is None:
                    continue
                score = template.running()
                for row in self._rows(probe):
                    score.add(row)
                rows.append(
                    {
                        "enrolled": person,
                        "driver": drivers[probe],
                        "generator": makers[probe],
                        "genuine": is_genuine,
                        "score": score.value,
                    }
                )
        return pd.DataFrame(rows, columns=["enrolled", "driver", "generator", "genuine", "score"])

    def _template(self, person: str, clip: str, generator: str) -> Template | None:
        """What a person is enrolled by, without one clip; None where nothing is left."""
        videos = self.videos
        chosen = (videos["driver"] == person) & (videos["target"] == person) & (videos["clip"] != clip)
        chosen &= videos["generator"] == generator if generator else videos["kind"] == "real"
        numbers = np.flatnonzero(chosen)
        if not len(numbers):
            return None
        rows = [self._rows(number) for number in numbers]
        video = np.repeat(np.arange(len(rows)), [len(of_video) for of_video in rows])
        return Template(np.concatenate(rows), video, self.loaded.protocol.scoring)

    def _rows(self, video: int) -> np.ndarray:
        """Window embeddings (W, D) of a video."""
        return self.embeddings.window_embeddings[self.embeddings.offsets[video] : self.embeddings.offsets[video + 1]]


def _recording(probes: pd.DataFrame) -> Recording | None:
    """Rates and heights of the probes' pictures; None for landmarks without pictures."""
    pictures = probes.dropna(subset=["fps_num", "fps_den", "height"])
    if pictures.empty or probes["path"].isna().any():
        return None
    fps = pictures["fps_num"] / pictures["fps_den"]
    height = pictures["height"]
    return Recording((float(fps.min()), float(fps.max())), (int(height.min()), int(height.max())))


def _likeness(windows: WindowSet, probes: np.ndarray) -> Likeness | None:
    statistics, people = [], []
    driver = windows.videos["driver"].to_numpy(dtype=object)
    for video in probes:
        rows = windows.rows(slice(*np.searchsorted(windows.video, [video, video + 1])))
        statistics.append(np.stack([window_statistics(windows.landmarks[window]) for window in rows]))
        people.append(str(driver[video]))
    return Likeness.fit(statistics, people)


def _landmarker(dataset: Dataset) -> LandmarkerIdentity:
    """The landmarker that found a data set's faces; that of simulated landmarks is called "simulated"."""
    if dataset.meta.get("simulated") and "world" in dataset.meta:
        return LandmarkerIdentity("simulated", "")
    listed = dataset.meta.get("landmarks", {}).get("landmarkers") or []
    if len(listed) > 1:
        raise NvfairError(
            f"its faces were found by several landmarkers: {', '.join(listed)}",
            where=dataset.folder,
            expected="one, so that its scores compare",
        )
    name, _, version = (listed[0] if listed else "unknown ").partition(" ")
    return LandmarkerIdentity(name, version)
