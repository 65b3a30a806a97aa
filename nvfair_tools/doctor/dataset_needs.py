"""Whether a command can read a data set, and where it puts the frames that it reads."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.reader import read_meta
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.machine import check_temporary_room
from nvfair_tools.errors import NvfairError

_FRAME_BYTES = LANDMARK_COUNT * 2 * 4  # its landmarks, as readers hold them
_PROTOCOL_RATE = 30  # frames a second, at which the official protocols read videos


def check_dataset(folder: Path) -> MachineFinding:
    """Whether a finished data set lies in a folder; of its files, dataset.json alone is read."""
    read_meta(folder)
    return MachineFinding("ok", "data set", str(folder))


def check_frames_room(
    folder: Path,
    *,
    splits: Collection[str] = (),
    generators: Collection[str] = (),
    one_generator_at_a_time: bool = False,
    video_bytes: float = 0,
    most_in_memory: float,
) -> MachineFinding:
    """Whether the landmarks of a data set's frames have room in the folder of temporary files, where they go once they
    are more than `most_in_memory` bytes.

    splits, generators: of the reenactments that are read; empty for all. one_generator_at_a_time: those of the one with
    the most frames are what lies there at once. video_bytes: what is kept of each video besides.
    """
    path = folder / "videos.parquet"
    if not path.is_file():
        return MachineFinding("note", "temporary files", "what is needed is unknown")
    try:
        table = pq.read_table(path, columns=["frames", "fps_num", "fps_den", "state", "split", "generator"])
    except (OSError, ValueError) as error:
        raise NvfairError(f"the table of videos cannot be read: {error}", where=path) from error
    chosen = pc.equal(table["state"], "ok")
    for name, values in (("split", splits), ("generator", generators)):
        if values:
            among = pc.is_in(table[name], value_set=pa.array(sorted(values), type=pa.string()))
            chosen = pc.and_(chosen, pc.fill_null(among, False))
    videos = table.filter(chosen).to_pandas()
    frames = videos["frames"] * videos["fps_den"] / videos["fps_num"] * _PROTOCOL_RATE
    needed = frames * _FRAME_BYTES + video_bytes
    most = needed.groupby(videos["generator"]).sum().max() if one_generator_at_a_time else needed.sum()
    if not most > most_in_memory:
        return MachineFinding("ok", "temporary files", "the frames have room in memory")
    return check_temporary_room(float(most), "a temporary copy of the landmarks")
