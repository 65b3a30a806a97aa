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


def check_dataset(folder: Path) -> MachineFinding:
    """Whether a finished data set lies in a folder; of its files, dataset.json alone is read."""
    read_meta(folder)
    return MachineFinding("ok", "data set", str(folder))


def check_frames_room(
    folder: Path, *, splits: Collection[str] = (), generators: Collection[str] = (), most_in_memory: float
) -> MachineFinding:
    """Whether the landmarks of a data set's frames have room in the folder of temporary files, where they go once they
    are more than `most_in_memory` bytes.

    splits, generators: of the reenactments that are read; empty for all.
    """
    path = folder / "videos.parquet"
    if not path.is_file():
        return MachineFinding("note", "temporary files", "what is needed is unknown")
    try:
        table = pq.read_table(path, columns=["frames", "state", "split", "generator"])
    except (OSError, ValueError) as error:
        raise NvfairError(f"the table of videos cannot be read: {error}", where=path) from error
    chosen = pc.equal(table["state"], "ok")
    for name, values in (("split", splits), ("generator", generators)):
        if values:
            among = pc.is_in(table[name], value_set=pa.array(sorted(values), type=pa.string()))
            chosen = pc.and_(chosen, pc.fill_null(among, False))
    needed = _FRAME_BYTES * float(pc.sum(table.filter(chosen)["frames"]).as_py() or 0)
    if needed <= most_in_memory:
        return MachineFinding("ok", "temporary files", "the frames have room in memory")
    return check_temporary_room(needed, "a temporary copy of the landmarks")
