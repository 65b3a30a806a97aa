"""Where frames go is planned from ids and lengths alone."""

import hashlib

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.dataset.parts import plan_parts

VIDEO = st.tuples(st.sampled_from(["train", "test"]), st.sampled_from(["a", "b", None]), st.integers(1, 40))


@settings(deadline=None)  # machines are shared
@given(st.lists(VIDEO, max_size=30), st.integers(1, 60), st.randoms(use_true_random=False))
def test_parts_are_contiguous_ordered_no_longer_than_asked_and_independent_of_the_tables_order(videos, most, random):
    table = pd.DataFrame(
        [(f"{n:03d}", *video) for n, video in enumerate(videos)], columns=["video", "split", "generator", "frames"]
    )
    placed = table.assign(**plan_parts(table, most))
    for part, group in placed.groupby("part"):
        group = group.sort_values("first_row")
        assert group["video"].is_monotonic_increasing
        assert group["first_row"].tolist() == np.cumsum([0, *group["frames"]])[:-1].tolist()
        assert group["frames"].sum() <= most or len(group) == 1
        folder = {f"frames/{row.split}/{row.generator or 'originals'}" for row in group.fillna("").itertuples()}
        assert folder == {part.rpartition("/")[0]}
    order = list(range(len(table)))
    random.shuffle(order)
    again = table.assign(**plan_parts(table.iloc[order], most))
    pd.testing.assert_frame_equal(again, placed)


def test_a_generator_whose_name_is_no_folders_name_everywhere_gets_one_that_is():
    videos = pd.DataFrame({"video": ["a", "b"], "split": "test", "generator": ["lab:warp?", "warp-dense"], "frames": 5})
    parts = plan_parts(videos)["part"].tolist()
    digits = hashlib.sha256(b"lab:warp?").hexdigest()[:8]
    assert parts == [f"frames/test/lab_warp-{digits}/part-00000.parquet", "frames/test/warp-dense/part-00000.parquet"]
