"""The public collections whose folders a recipe can name, and what the names of their clips say."""

from __future__ import annotations

import pandas as pd

from nvfair_tools.recipe.cremad import CREMAD
from nvfair_tools.recipe.public_collection import PublicCollection
from nvfair_tools.recipe.ravdess import RAVDESS

ALL: tuple[PublicCollection, ...] = (
    RAVDESS,
    CREMAD,
)
COLLECTIONS = {collection.name: collection for collection in ALL}
NAMESPACES = frozenset(collection.namespace for collection in ALL)


def name_fields(videos: pd.DataFrame) -> pd.DataFrame:
    """What the clip names of a data set's videos say beyond its columns, such as RAVDESS's seven fields.

    videos: a table with the columns video, source and clip_name. Returns one row a video of a known collection: video,
    and the fields of its name in words, null where a collection does not have the field.
    """
    fields_of = {collection.namespace: collection.name_fields for collection in ALL}
    rows = []
    for video, source, clip_name in videos[["video", "source", "clip_name"]].itertuples(index=False):
        if source in fields_of and (fields := fields_of[source](clip_name)):
            rows.append({"video": video, **fields})
    return pd.DataFrame(rows, columns=None if rows else ["video"])
