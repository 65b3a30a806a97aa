"""The tags by which a video of a data set says what it is, read from the file's header alone."""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.media.container import open_container, tags_of
from nvfair_tools.media.source_types import (
    COMPOSITE,
    RETIRED_SOURCE_TYPES,
    SOURCE_TYPE_TAG,
    SOURCE_TYPES,
    SYNTHETIC_SOURCE_TYPES,
)

# In the order in which a manifest and a report show them.
OWN_TAGS = (
    "synthetic", SOURCE_TYPE_TAG, "generator", "generator_fingerprint", "motion_mode", "target", "driver", "identity",
    "clip", "video", "licence", "consent", "permitted_use",
)  # fmt: skip
# What a reenactment, an original and a side-by-side preview must say, besides whether they are synthetic.
_REENACTMENT = ("generator", "target", "driver", "clip", "video", SOURCE_TYPE_TAG)
_ORIGINAL = ("identity", "clip")
_PREVIEW = ("generator", SOURCE_TYPE_TAG)
_NOT_SYNTHETIC = (SOURCE_TYPES | RETIRED_SOURCE_TYPES | {""}) - SYNTHETIC_SOURCE_TYPES


def read_own_tags(path: Path) -> dict[str, str]:
    """Our own tags of a video, in the order of OWN_TAGS; a copy that was encoded again has mostly none.

    Raises MediaError where the file cannot be opened as a video.
    """
    with open_container(path) as container:
        stored = tags_of(container)
    return {key: stored[key] for key in OWN_TAGS if key in stored}


def tag_problems(tags: dict[str, str], source_type: str) -> list[str]:
    """What is wrong with our tags, in words. source_type: the term in the file's XMP, which the tags must repeat."""
    if not tags:
        return ["it has none of our tags"]
    term = tags.get(SOURCE_TYPE_TAG, "")
    kind = _ORIGINAL if "identity" in tags else _PREVIEW if term == COMPOSITE else _REENACTMENT
    needed = ("synthetic", *kind)
    problems = [f"the tag `{key}` is missing" for key in needed if not tags.get(key)]
    if tags.get("synthetic", "true") not in ("true", "false"):
        problems.append(f"the tag `synthetic` is {tags['synthetic']!r}, neither true nor false")
    if term != source_type:
        problems.append(f"the tag `{SOURCE_TYPE_TAG}` says {term or 'nothing'}, and the XMP {source_type or 'nothing'}")
    fitting = SYNTHETIC_SOURCE_TYPES | {COMPOSITE} if tags.get("synthetic") == "true" else _NOT_SYNTHETIC
    if term not in fitting:
        problems.append(f"the tag `synthetic` is {tags.get('synthetic')!r}, and the source type {term or 'none'}")
    return problems
