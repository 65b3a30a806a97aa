"""Reading gives back each video's own frames, and says what is wrong with a data set that is not whole."""

import json
import os
import pickle
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.parts import plan_parts, round_landmarks, write_part
from nvfair_tools.dataset.row_removal import remove_rows
from nvfair_tools.errors import NvfairError
from tests.nvfair_tools.dataset.landmark_videos import LENGTHS, labels_of, rows_of, videos_table, write_dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_dataset(tmp_path_factory.mktemp("dataset"), mesh=True)


def assert_is(video, landmarks, valid, time):
    written = rows_of(video, mesh=True)
    expected = round_landmarks(written.landmarks)
    expected[~written.valid] = np.nan
    np.testing.assert_array_equal(landmarks, expected)
    np.testing.assert_array_equal(valid, written.valid)
    np.testing.assert_array_equal(time, written.time)


@settings(deadline=None, max_examples=25)
@given(st.data())
def test_any_videos_in_any_order_come_back_with_exactly_their_own_frames(folder, data):
    videos = data.draw(st.lists(st.sampled_from(sorted(LENGTHS)), unique=True))
    table = Dataset.open(folder).tracks(videos)
    assert table.videos.tolist() == videos
    assert table.offsets.tolist() == np.cumsum([0, *(LENGTHS[video] for video in videos)]).tolist()
    for video, landmarks, valid, time in table:
        assert_is(video, landmarks, valid, time)


def test_without_a_wish_all_usable_videos_come(folder):
    table = Dataset.open(folder).tracks(mesh=True)
    assert sorted(table.videos) == sorted(LENGTHS)
    for n, (video, landmarks, valid, time) in enumerate(table):
        assert_is(video, landmarks, valid, time)
        mesh = table.mesh[table.rows(n)]
        assert np.abs(mesh - rows_of(video, mesh=True).mesh)[valid].max() <= 1 / 128
        assert np.isnan(mesh[~valid]).all()


@settings(deadline=None, max_examples=25)
@given(st.sampled_from(sorted(LENGTHS)), st.integers(-14, 14), st.none() | st.integers(-14, 14))
def test_a_slice_of_a_videos_frames_is_that_of_the_whole_video(folder, video, start, stop):
    dataset = Dataset.open(folder)
    whole, part = dataset.tracks([video], mesh=True), dataset.frames(video, start, stop, mesh=True)
    for name in ("landmarks", "valid", "time", "mesh"):
        np.testing.assert_array_equal(getattr(part, name), getattr(whole, name)[start:stop])
    assert part.reason.tolist() == ["" if valid else "no_face" for valid in part.valid]
    assert dataset.frames(video, start, stop).mesh is None


@settings(deadline=None, max_examples=25)
@given(st.lists(st.tuples(st.sampled_from(sorted(LENGTHS)), st.integers(-14, 14), st.none() | st.integers(-14, 14))))
def test_many_slices_are_those_of_their_videos_in_the_order_of_the_wish(folder, slices):
    dataset = Dataset.open(folder)
    table = dataset.slices(slices, mesh=True)
    assert table.videos.tolist() == [video for video, _, _ in slices]
    for n, (video, start, stop) in enumerate(slices):
        single = dataset.frames(video, start, stop, mesh=True)
        for name in ("landmarks", "valid", "time", "mesh"):
            np.testing.assert_array_equal(getattr(table, name)[table.rows(n)], getattr(single, name))
    assert len(table.time) == table.offsets[-1]


def test_slices_over_several_row_groups_are_read_once(tmp_path, monkeypatch):
    lengths = {"v0": 700, "v1": 900, "v2": 400}
    videos = videos_table(lengths)
    planned = plan_parts(videos)
    write_part(
        tmp_path / planned["part"].iloc[0], labels_of(lengths), lambda v: rows_of(v, lengths), with_distances=False
    )
    dataset = Dataset(tmp_path, {}, videos, videos.join(planned))
    groups_read = []
    read = pq.ParquetFile.iter_batches

    def counting(file, *arguments, row_groups, **options):
        groups_read.extend(row_groups)
        return read(file, *arguments, row_groups=row_groups, **options)

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", counting)
    slices = [("v2", 300, None), ("v0", 10, 20), ("v0", 12, 22), ("v1", 895, 900), ("v1", 5, 5)]
    table = dataset.slices(slices)
    assert groups_read == [0, 3]  # rows 10:22 and 1595:1600 and 1900:2000 of groups of 520
    for n, (video, start, stop) in enumerate(slices):
        expected = round_landmarks(rows_of(video, lengths).landmarks[start:stop])
        expected[~rows_of(video, lengths).valid[start:stop]] = np.nan
        np.testing.assert_array_equal(table.landmarks[table.rows(n)], expected)


def test_a_slice_is_read_from_its_own_row_groups(tmp_path, monkeypatch):
    monkeypatch.setattr("nvfair_tools.dataset.part_writer.ROWS_PER_GROUP", 4)
    dataset = Dataset.open(write_dataset(tmp_path, rows_per_part=1000))
    groups_read = []
    read = pq.ParquetFile.read_row_groups

    def counting(file, groups, **options):
        groups_read.extend(groups)
        return read(file, groups, **options)

    monkeypatch.setattr(pq.ParquetFile, "read_row_groups", counting)
    expected = dataset.tracks(["v2"]).landmarks
    np.testing.assert_array_equal(dataset.frames("v2", 3, 9).landmarks, expected[3:9])
    assert 0 < len(groups_read) <= 3


def test_frames_of_an_unknown_video_or_of_another_part_are_an_error(tmp_path):
    folder = write_dataset(tmp_path, rows_per_part=1000)
    with pytest.raises(NvfairError, match="'gone'"):
        Dataset.open(folder).frames("gone")
    with pytest.raises(NvfairError, match="did not keep the mesh"):
        Dataset.open(folder).frames("v0", mesh=True)
    train, test = (next(p for p in folder.rglob("part-*.parquet") if split in p.parts) for split in ("train", "test"))
    test.write_bytes(train.read_bytes())
    with pytest.raises(NvfairError, match="other frames"):
        Dataset.open(folder).frames("v4", 1, 2)


def test_a_part_that_is_replaced_is_never_read_by_what_was_known_of_the_old_one(tmp_path):
    folder = write_dataset(tmp_path, rows_per_part=1000)
    dataset = Dataset.open(folder)
    before = dataset.frames("v3", 2, 5).landmarks
    part = folder / dataset.usable().set_index("video").loc["v3", "part"]
    status = part.stat()
    remove_rows(part, {"v3"}, "nobody")
    os.utime(part, ns=(status.st_atime_ns, status.st_mtime_ns))
    for read in (
        lambda: dataset.frames("v3", 2, 5),
        lambda: dataset.slices([("v3", 2, 5)]),
        lambda: dataset.tracks(["v3"]),
    ):
        with pytest.raises(NvfairError, match="other frames"):
            read()
    write_dataset(folder, rows_per_part=1000)
    np.testing.assert_array_equal(dataset.frames("v3", 2, 5).landmarks, before)


def test_another_process_is_sent_the_data_set_without_what_was_looked_up(folder):
    dataset = Dataset.open(folder)
    unread = len(pickle.dumps(dataset))
    expected = dataset.frames("v2", 1, 4).landmarks
    assert len(pickle.dumps(dataset)) == unread
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(dataset)).frames("v2", 1, 4).landmarks, expected)


def test_a_notebook_shows_name_licence_and_counts_by_split_and_generator(tmp_path):
    videos = videos_table()
    real = videos["video"].isin(["v0", "v3"])
    videos.loc[real, ["kind", "generator"]] = ["real", None]
    dataset = Dataset.open(write_dataset(tmp_path, videos))
    people = dataset.people
    assert people["identity"].tolist() == ["toy:a"]
    html = replace(dataset, meta=dataset.meta | {"name": "<i>toy</i>", "simulated": True})._repr_html_()
    assert "&lt;i&gt;toy&lt;/i&gt;" in html
    assert "simulated people" in html
    assert "licence: any" in html
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"(?s)<tr.*?</tr>", html)]
    assert rows == [
        ["", "split", "train", "test"],
        ["people", "", "1", "0"],
        ["real videos", "", "1", "1"],
        ["self videos", "warp", "2", "1"],
    ]
    assert repr(dataset) == f"Dataset('toy', 1 person, 5 videos, folder={str(tmp_path)!r})"


def test_videos_that_failed_are_listed_but_have_no_frames(tmp_path):
    videos = videos_table({"v0": 5, "v1": 1})
    ok = write_dataset(tmp_path, videos).joinpath("videos.parquet")
    table = pd.read_parquet(ok)
    table.loc[table["video"] == "v1", ["state", "reason", "part"]] = ["failed", "render_failed", None]
    table.to_parquet(ok)
    dataset = Dataset.open(tmp_path)
    assert dataset.usable()["video"].tolist() == ["v0"]
    with pytest.raises(NvfairError, match=r"1 video has no frames here.*'v1'"):
        dataset.tracks(["v0", "v1"])


def test_an_id_that_is_not_there_is_named(folder):
    with pytest.raises(NvfairError, match=r"videos\.parquet.*'gone'"):
        Dataset.open(folder).tracks(["v0", "gone"])


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_folder_without_a_finished_data_set_says_how_to_finish_it(tmp_path, name):
    with pytest.raises(NvfairError, match=r"(?s)not a finished data set.*nvfair build"):
        Dataset.open(tmp_path / name)


def test_a_broken_dataset_json_is_named(tmp_path):
    write_dataset(tmp_path)
    text = (tmp_path / "dataset.json").read_text()
    (tmp_path / "dataset.json").write_text(text[: len(text) // 2])
    with pytest.raises(NvfairError, match=r"(?s)dataset\.json: not valid JSON.*to fix it"):
        Dataset.open(tmp_path)


@pytest.mark.parametrize("content", ["[]", "3", "null"])
def test_a_dataset_json_that_is_no_object_is_named(tmp_path, content):
    (tmp_path / "dataset.json").write_text(content)
    with pytest.raises(NvfairError, match=r"dataset\.json"):
        Dataset.open(tmp_path)


def with_version(folder, version):
    """The data set with that entry in place of its own version."""
    meta = json.loads((folder / "dataset.json").read_text())
    (folder / "dataset.json").write_text(json.dumps(meta | {"format_version": version}))
    return folder


@pytest.mark.parametrize(
    ("version", "remedy"),
    [
        (1, "nvfair dataset upgrade {folder}"),
        (2, "install a newer nvfair-tools"),
        ("2.0", "install a newer nvfair-tools"),
        ("11.3", "install a newer nvfair-tools"),
        *((other, "build or copy the data set again") for other in (0, True, 1.0, "1", "0.9", "1.0.0", "1.x", None)),
    ],
)
def test_another_format_version_is_refused_with_what_to_do(tmp_path, version, remedy):
    with_version(write_dataset(tmp_path), version)
    with pytest.raises(NvfairError) as caught:
        Dataset.open(tmp_path)
    assert caught.value.what == f"format version {version!r}"
    assert caught.value.where == str(tmp_path / "dataset.json")
    assert '"1.0"' in caught.value.expected
    assert caught.value.remedy.startswith(remedy.format(folder=tmp_path))


def test_a_newer_minor_version_is_read_without_what_it_adds(tmp_path):
    before = Dataset.open(write_dataset(tmp_path)).tracks().landmarks
    for name in ("videos.parquet", "identities.parquet", *(str(path) for path in tmp_path.rglob("part-*.parquet"))):
        table = pq.read_table(tmp_path / name, partitioning=None)
        pq.write_table(table.append_column("mood", pa.array(["new"] * table.num_rows)), tmp_path / name)
    opened = Dataset.open(with_version(tmp_path, "1.7"))
    assert "mood" not in [*opened.videos.columns, *opened.identities.columns]
    np.testing.assert_array_equal(opened.tracks().landmarks, before)
    np.testing.assert_array_equal(opened.frames("v2").landmarks, opened.tracks(["v2"]).landmarks)


@pytest.mark.parametrize("table", ["videos.parquet", "identities.parquet"])
@pytest.mark.parametrize("harm", ["missing", "cut"])
def test_a_table_that_is_missing_or_cut_short_is_named_with_the_remedy(tmp_path, table, harm):
    write_dataset(tmp_path)
    path = tmp_path / table
    whole = path.read_bytes()
    path.unlink()
    if harm == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(NvfairError) as caught:
        Dataset.open(tmp_path)
    assert caught.value.where == str(path)
    assert "build or copy it again" in caught.value.remedy


@pytest.mark.parametrize("share", [None, 0.0, 0.5, 0.99])
def test_a_part_that_is_missing_or_cut_short_is_named_with_the_remedy(tmp_path, share):
    write_dataset(tmp_path)
    dataset = Dataset.open(tmp_path)
    path = tmp_path / dataset.usable()["part"].iloc[0]
    whole = path.read_bytes()
    path.unlink()
    if share is not None:
        path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(NvfairError) as caught:
        dataset.tracks()
    assert caught.value.where == str(path)
    assert "build or copy it again" in caught.value.remedy


def test_a_part_with_fewer_rows_than_its_videos_need_is_an_error_not_a_short_read(tmp_path):
    folder = write_dataset(tmp_path, rows_per_part=1000)
    parts = sorted(folder.rglob("part-*.parquet"))
    table = pd.read_parquet(folder / "videos.parquet")
    # The part of the training videos in place of that of the test videos, which is of another length.
    train, test = (next(p for p in parts if split in p.parts) for split in ("train", "test"))
    test.write_bytes(train.read_bytes())
    wrong = table[table["split"] == "test"]["video"].tolist()
    with pytest.raises(NvfairError) as caught:
        Dataset.open(folder).tracks(wrong)
    assert caught.value.where == str(test)


def test_a_mesh_that_was_not_kept_says_how_to_keep_it(tmp_path):
    write_dataset(tmp_path)
    with pytest.raises(NvfairError, match=r"(?s)part-.*features: \{mesh: true\}"):
        Dataset.open(tmp_path).tracks(mesh=True)
