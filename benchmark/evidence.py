"""What a figure can be recomputed from: embeddings (or scores) of every candidate, and the test videos' table.

    videos.parquet
    NAME-SECTION.parquet        embeddings: video, window, start_frame, embedding; or the file as it was given

Pixels and landmarks stay where they are: their licences do not travel with figures.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd

from benchmark.candidates import Candidate, EmbeddingsCandidate, ScoresCandidate
from benchmark.embedding_files import write_embeddings
from benchmark.scores import VideoEmbeddings
from benchmark.windows import WindowSet
from nvfair_tools.atomic import made_folder, written_aside

VIDEOS = "videos.parquet"
# Columns of the videos' table that trials, figures and controls of a protocol read.
COLUMNS = (
    "video", "kind", "source", "split", "target", "driver", "clip", "generator", "generator_family", "scenario",
    "state", "licence", "permitted_use",
)  # fmt: skip


class Evidence:
    """Writes what candidates were scored from to `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = made_folder(folder)
        self._videos: list[pd.DataFrame] = []

    def keep(self, one: Candidate, windows: WindowSet, found: VideoEmbeddings | None, section: int) -> str:
        """Keeps one candidate's embeddings of `windows`, or its file; returns the file's name."""
        if isinstance(one, (EmbeddingsCandidate, ScoresCandidate)):
            name = f"{one.name}-{section}{one.path.suffix}"
            with written_aside(self.folder / name) as aside:
                shutil.copyfile(one.path, aside)
            return name
        assert found is not None
        name = f"{one.name}-{section}.parquet"
        meta = {"declaration": json.dumps(one.declaration.to_json(), sort_keys=True)}
        write_embeddings(self.folder / name, windows, found.windows, meta)
        return name

    def keep_videos(self, videos: pd.DataFrame) -> None:
        """Adds the videos of a section to the table."""
        self._videos.append(videos.reindex(columns=list(COLUMNS)))
        table = pd.concat(self._videos).drop_duplicates("video").sort_values("video")
        with written_aside(self.folder / VIDEOS) as aside:
            table.to_parquet(aside, index=False)
