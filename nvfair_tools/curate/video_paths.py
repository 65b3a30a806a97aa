"""The paths of videos in a data set: NVFAIR's own layout, with names that no two clips share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.pairs import Pair
from nvfair_tools.identity import identity_file_name, is_reserved_name

# The longest file name has this stem between two identities of 64 characters; file systems allow 255 bytes, of which a
# file that is being written needs some for its temporary name.
_LONGEST_STEM = 100


def clip_names(clips: Iterable[Clip]) -> dict[str, str]:
    """Returns {clip id: the stem of its file, in plain characters}.

    Stems that two clips of a person share, and those too long for a file's name, get a part of the id. "--" separates
    the parts of a reenactment's name, so no stem contains it.
    """
    stems = {clip.id: (clip.row.identity, _plain_stem(clip.row.name)) for clip in clips}
    # Some file systems do not distinguish upper from lower case.
    uses = Counter((identity, stem.lower()) for identity, stem in stems.values())
    return {
        id: f"{stem[: _LONGEST_STEM - 9].rstrip('-')}-{id[:8]}"
        if uses[identity, stem.lower()] > 1 or len(stem) > _LONGEST_STEM
        else stem
        for id, (identity, stem) in stems.items()
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
    plain = re.sub("-{2,}", "-", re.sub(r"[^A-Za-z0-9_.-]", "_", stem)).lstrip(".-").rstrip("-") or "clip"
    return f"clip-{plain}" if is_reserved_name(plain) else plain
