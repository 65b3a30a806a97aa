"""The paths of videos in a data set: NVFAIR's own layout, with names that no two clips share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.identity import identity_file_name


def clip_names(clips: Iterable[Clip]) -> dict[str, str]:
    """Returns {clip id: the stem of its file, in plain characters}.

    Stems that two clips of a person share get a part of the id. "--" separates the parts of a reenactment's name, so
    no stem contains it.
    """
    stems = {clip.id: (clip.row.identity, _plain_stem(clip.row.name)) for clip in clips}
    # Some file systems do not distinguish upper from lower case.
    uses = Counter((identity, stem.lower()) for identity, stem in stems.values())
    return {
        id: stem if uses[identity, stem.lower()] == 1 else f"{stem}-{id[:8]}" for id, (identity, stem) in stems.items()
    }


def original_path(clip: Clip, name: str) -> str:
    """Path of a real video, relative to the data set."""
    return f"videos/{clip.row.source}/originals/{identity_file_name(clip.row.identity)}/{name}.mp4"


def reenactment_path(pair: Pair, generator: str, name: str) -> str:
    """Path of a reenactment, relative to the data set. generator: its label; name: the driving clip's."""
    target, driver = identity_file_name(pair.target), identity_file_name(pair.driver)
    return f"videos/{pair.source}/{generator}-generated/{target}/{target}--{name}--{driver}.mp4"


def _plain_stem(name: str) -> str:
    stem = name.rpartition("/")[2].rpartition(".")[0] or name
    return re.sub("-{2,}", "-", re.sub(r"[^A-Za-z0-9_.-]", "_", stem)).strip("-") or "clip"
