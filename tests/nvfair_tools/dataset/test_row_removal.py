"""A person's rows leave a part: by the ids of their videos, and by name where a table no longer knows the ids."""

import pandas as pd
import pyarrow.parquet as pq

from nvfair_tools.dataset.labels import VideoLabels
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.row_removal import count_rows, remove_rows
from tests.nvfair_tools.dataset.landmark_videos import rows_of

GONE = "toy:leaves-and-is-forgotten"
LABELS = {
    "v0": VideoLabels("toy:a", "toy:a", None, "train"),
    "v1": VideoLabels(GONE, "toy:a", "warp", "train"),
    "v2": VideoLabels("toy:a", GONE, "warp", "train"),
    "v3": VideoLabels("toy:b", "toy:a", "warp", "train"),
}


def test_rows_go_by_their_video_and_by_the_person_they_name(tmp_path):
    part = tmp_path / "part-00000.parquet"
    write_part(part, LABELS, rows_of, with_distances=False)
    before = pd.read_parquet(part)
    assert count_rows(part, ["v3"], GONE) == 1 + 12 + 7
    assert remove_rows(part, ["v3"], GONE) == 1 + 12 + 7
    after = pd.read_parquet(part)
    assert after["video"].unique().tolist() == ["v0"]
    pd.testing.assert_frame_equal(after, before[before["video"] == "v0"].reset_index(drop=True))
    assert GONE.encode() not in part.read_bytes()
    assert remove_rows(part, [], GONE) == 0


def test_rows_of_a_part_without_labels_go_by_their_video(tmp_path):
    part = tmp_path / "part-00000.parquet"
    write_part(part, LABELS, rows_of, with_distances=False)
    table = pq.read_table(part)
    pq.write_table(table.drop_columns(["driver", "target", "generator", "split"]), part)
    assert remove_rows(part, ["v1", "v2"], GONE) == 13
    assert pq.read_table(part).column("video").unique().to_pylist() == ["v0", "v3"]


def test_a_part_of_which_nothing_stays_is_deleted(tmp_path):
    part = tmp_path / "part-00000.parquet"
    write_part(part, {"v1": LABELS["v1"], "v2": LABELS["v2"]}, rows_of, with_distances=False)
    assert remove_rows(part, [], GONE) == 13
    assert not part.exists()
