"""The columns of a data set on disk. Changing them changes FORMAT_VERSION."""

from __future__ import annotations

import pyarrow as pa

FORMAT_VERSION = 1
LANDMARK_COUNT = 126
PAIR_COUNT = LANDMARK_COUNT * (LANDMARK_COUNT - 1) // 2
MESH_VALUES = 478 * 3
SPLITS = ("train", "validation", "test")
KINDS = ("real", "self", "cross")
STATES = ("ok", "rejected", "failed")
# What `datasets` calls the one part of a table of all splits; "all" has another meaning to it.
TABLE_SPLIT = "table"

# Landmarks are pixels rounded to this fraction: an error of 1/128 px at most, and 44 % fewer bytes after compression.
PIXEL_FRACTION = 64

IDENTITIES_SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), nullable=False),  # namespace:id
        pa.field("source", pa.string(), nullable=False),  # collection, such as "cremad"; pairs stay within it
        pa.field("split", pa.string(), nullable=False),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("clips", pa.int32()),  # usable clips
        pa.field("portrait", pa.string()),  # path of the source image, relative to the data set
        pa.field("portrait_clip", pa.string()),  # the clip it was taken from, never used as a driver (else flagged)
        pa.field("flags", pa.list_(pa.string())),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("consent", pa.string(), nullable=False),
        pa.field("permitted_use", pa.string(), nullable=False),
        pa.field("gender", pa.string()),
        pa.field("age", pa.string()),
        pa.field("ethnicity", pa.string()),
    ]
)

VIDEOS_SCHEMA = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),  # content id, unique
        pa.field("kind", pa.string(), nullable=False),  # real, self, cross
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),  # whose face (identity); for a real video the same as driver
        pa.field("driver", pa.string(), nullable=False),  # whose motion
        pa.field("clip", pa.string(), nullable=False),  # content id of the driving clip; a real video's own id
        pa.field("clip_name", pa.string(), nullable=False),  # its file's stem, for people
        pa.field("generator", pa.string()),  # null for real videos
        pa.field("generator_family", pa.string()),
        pa.field(
            "motion_mode", pa.string()
        ),  # "absolute", "relative", with options, such as "relative(reference=best)"
        pa.field("scenario", pa.string()),  # scripted, free, ...
        pa.field("emotion", pa.string()),
        pa.field("content", pa.string()),  # what is said or done, where known: equal content, equal string
        pa.field("fps_num", pa.int32()),
        pa.field("fps_den", pa.int32()),
        pa.field("frames", pa.int32()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("path", pa.string()),  # of the video, relative to the data set; null where there is none
        pa.field("sha256", pa.string()),
        pa.field("state", pa.string(), nullable=False),  # ok, rejected, failed
        pa.field("reason", pa.string(), nullable=False),  # "" where ok
        pa.field("detail", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("consent", pa.string(), nullable=False),
        pa.field("permitted_use", pa.string(), nullable=False),
        pa.field(
            "lineage", pa.list_(pa.string())
        ),  # ids of what it was made from: portrait, clip, generator fingerprint
        pa.field("part", pa.string()),  # file of its frames, relative to the data set; null where it has none
        pa.field("first_row", pa.int64()),  # row of its first frame in that file
    ]
)


def frames_schema(*, distances: bool, mesh: bool) -> pa.Schema:
    """Columns of a frames part: one row a frame, videos contiguous. NaN landmarks where `valid` is false."""
    fields = [
        pa.field("video", pa.string(), nullable=False),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("time", pa.float64(), nullable=False),  # seconds
        pa.field("valid", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("landmarks", pa.list_(pa.float32(), LANDMARK_COUNT * 2), nullable=False),  # x0 y0 x1 y1 ... in pixels
    ]
    if distances:
        fields.append(pa.field("distances", pa.list_(pa.float16(), PAIR_COUNT), nullable=False))
    if mesh:
        fields.append(pa.field("mesh", pa.list_(pa.float32(), MESH_VALUES), nullable=False))
    return pa.schema(fields)
