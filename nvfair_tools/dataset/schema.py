"""The columns of a data set on disk. A change of them also changes FORMAT_VERSION."""

from __future__ import annotations

import pyarrow as pa

FORMAT_VERSION = "1.0"
LANDMARK_COUNT = 126
PAIR_COUNT = LANDMARK_COUNT * (LANDMARK_COUNT - 1) // 2
MESH_POINTS = 478
SPLITS = ("train", "validation", "test")
KINDS = ("real", "self", "cross")
# What each frame row repeats of its video's row; see nvfair_tools.dataset.labels.
LABEL_COLUMNS = ("driver", "target", "generator", "split")
# The split name under which `datasets` reads a table that holds all splits; "all" has another meaning there.
TABLE_SPLIT = "table"
# What precedes the digest of all rows in the descriptions of the card's configs.
CONTENT_MARK = "content sha256 "

# Landmarks are pixels rounded to this fraction: an error of 1/128 px at most, and 44 % fewer bytes after compression.
PIXEL_FRACTION = 64

IDENTITIES_SCHEMA = pa.schema(
    [
        pa.field("identity", pa.string(), nullable=False),  # namespace:id
        pa.field("source", pa.string(), nullable=False),  # collection, such as "cremad"; pairs stay within it
        pa.field("split", pa.string(), nullable=False),
        pa.field("aliases", pa.list_(pa.string())),
        pa.field("clips", pa.int32()),  # number of usable clips
        pa.field("portrait", pa.string()),  # path of the source image, relative to the data set
        pa.field("portrait_clip", pa.string()),  # clip of the source image, never used as a driver (else flagged)
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
        pa.field("target", pa.string(), nullable=False),  # identity of the face; for a real video the same as driver
        pa.field("driver", pa.string(), nullable=False),  # identity of the motion
        pa.field("clip", pa.string(), nullable=False),  # content id of the driving clip; for a real video its own id
        pa.field("clip_name", pa.string(), nullable=False),  # stem of the clip's file, for human readers
        pa.field("generator", pa.string()),  # null for real videos
        pa.field("generator_family", pa.string()),
        # "absolute" or "relative", with options, such as "relative(reference=best)".
        pa.field("motion_mode", pa.string()),
        pa.field("scenario", pa.string()),  # scripted, free, ...
        pa.field("emotion", pa.string()),
        pa.field("content", pa.string()),  # spoken or acted content where known; equal content has equal strings
        pa.field("fps_num", pa.int32()),
        pa.field("fps_den", pa.int32()),
        pa.field("frames", pa.int32()),
        pa.field("width", pa.int32()),
        pa.field("height", pa.int32()),
        pa.field("path", pa.string()),  # path of the video, relative to the data set; null where there is none
        pa.field("sha256", pa.string()),
        pa.field("state", pa.string(), nullable=False),  # ok, rejected, failed
        pa.field("reason", pa.string(), nullable=False),  # "" where ok
        pa.field("detail", pa.string(), nullable=False),
        pa.field("flags", pa.list_(pa.string())),
        pa.field("licence", pa.string(), nullable=False),
        pa.field("consent", pa.string(), nullable=False),
        pa.field("permitted_use", pa.string(), nullable=False),
        # Ids of the inputs: portrait, clip, generator fingerprint.
        pa.field("lineage", pa.list_(pa.string())),
        pa.field("part", pa.string()),  # file of the video's frames, relative to the data set; null without frames
        pa.field("first_row", pa.int64()),  # row of the first frame in that file
    ]
)


def frames_schema(*, distances: bool, mesh: bool, labels: bool = True) -> pa.Schema:
    """The columns of a frames part: one row a frame, videos contiguous; landmarks are NaN where `valid` is false.

    labels: false for parts of data sets before version "1.0", which lack them.
    """
    label_fields = [
        pa.field("driver", pa.string(), nullable=False),
        pa.field("target", pa.string(), nullable=False),
        pa.field("generator", pa.string()),  # null for real videos
        pa.field("split", pa.string(), nullable=False),
    ]
    fields = [
        pa.field("video", pa.string(), nullable=False),
        *(label_fields if labels else []),
        pa.field("index", pa.int32(), nullable=False),
        pa.field("time", pa.float64(), nullable=False),  # seconds
        pa.field("valid", pa.bool_(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("landmarks", pa.list_(pa.float32(), LANDMARK_COUNT * 2), nullable=False),  # x0 y0 x1 y1 ... in pixels
    ]
    if distances:
        fields.append(pa.field("distances", pa.list_(pa.float16(), PAIR_COUNT), nullable=False))
    if mesh:
        fields.append(pa.field("mesh", pa.list_(pa.float32(), MESH_POINTS * 3), nullable=False))
    return pa.schema(fields)
