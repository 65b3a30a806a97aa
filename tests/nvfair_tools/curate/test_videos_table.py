"""The table of videos is the same however many of its rows are in memory together."""

import pandas as pd

from nvfair_tools.curate import tables
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA


def test_a_table_made_in_pieces_has_the_rows_and_types_of_one_made_at_once(monkeypatch):
    """The first rows have no generator, the last no path, as real and failed videos have not."""
    rows = [
        {
            "video": f"{9 - number}",
            "generator": None if number < 4 else "warp-dense",
            "path": f"videos/{number}.mp4" if number < 6 else None,
            "frames": number if number % 2 else None,
            "flags": ["portrait"] * (number % 3),
            "lineage": [],
        }
        for number in range(9)
    ]
    whole = tables.videos_table(rows)
    monkeypatch.setattr(tables, "_ROWS_AT_ONCE", 2)
    pieces = tables.videos_table(iter(rows))
    pd.testing.assert_frame_equal(pieces, whole)
    assert list(whole.columns) == VIDEOS_SCHEMA.names
    assert whole["video"].tolist() == [f"{number}" for number in range(1, 10)]
    assert tables.videos_table([]).empty
