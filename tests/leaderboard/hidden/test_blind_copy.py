"""A blind copy gives nothing away but what embedding needs, and the board finds its way back with the key."""

from __future__ import annotations

import hashlib
import json
import shutil
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.windows.window_set import read_windows
from leaderboard.hidden.blind_copy import frames_needed, write_blind_copy
from leaderboard.hidden.blind_key import KEY_FILE, blind_names, read_key
from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.media.decoding import decode
from nvfair_tools.media.encoding import encode
from nvfair_tools.media.probing import probe
from tests.benchmark.small_world import World, make

SEEN = protocols.load("nvfair-seen")
SECRET = "Betrayed-Driver-Name"
FREE = {"licence": "CC0-1.0", "permitted_use": "any"}  # what may be passed on


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Test videos with names that tell everything, two of them with pictures, one without a face for a while."""
    world = World(people=(1, 1, 3), clips=2, frames=137, fps=(25, 1), **FREE)
    made = make(tmp_path_factory.mktemp("hidden"), world, {"alpha-03-clip-04-1": "gap"})
    videos = made.videos.copy()
    videos["lineage"] = [[f"lineage-{row}-{SECRET}"] for row in videos["video"]]
    videos["content"] = "what the driver said"
    pictures = np.random.default_rng(5).integers(0, 255, (137, 32, 48, 3), dtype=np.uint8)
    test = videos[videos["split"] == "test"]["video"].tolist()
    for number in (0, 3):
        path = f"videos/toy/alpha-generated/{SECRET}/{test[number]}.mp4"
        (made.folder / path).parent.mkdir(parents=True, exist_ok=True)
        info = encode(made.folder / path, pictures + np.uint8(number), Fraction(25), metadata={"comment": SECRET})
        row = videos["video"] == test[number]
        videos.loc[row, "path"], videos.loc[row, "sha256"] = path, info.sha256
        videos.loc[row, ["width", "height"]] = 48, 32
    finish_dataset(
        made.folder, made.identities, videos, {"name": f"set of {SECRET}", "world": {"settings": {"seed": SECRET}}}
    )
    return Dataset.open(made.folder)


@pytest.fixture(scope="module")
def copy(source: Dataset, tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, dict[str, str]]:
    """The blind copy, and {name in the copy: id}."""
    folder = tmp_path_factory.mktemp("copy")
    key = write_blind_copy(source, folder / "out", folder / "key.json", [SEEN])
    return Dataset.open(folder / "out"), {name: video for video, name in key.names.items()}


def every_text(folder: Path) -> str:
    """Names of all files and folders, all bytes, and all values of Parquet files, which are compressed in the bytes."""
    parts = []
    for path in folder.rglob("*"):
        parts.append(path.name)
        if path.is_file():
            parts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            columns = [c for c in table.column_names if c not in ("landmarks", "time", "index", "valid")]
            parts += [str(table.select(columns).to_pydict()), str(table.schema.metadata)]
    return "\n".join(parts)


def secrets_of(source: Dataset) -> set[str]:
    """Every name, path, hash and note of the source that is long enough to be no accident."""
    texts: set[str] = {SECRET, "what the driver said"}
    for table in (source.videos, source.identities):
        for column in table.columns:
            for value in table[column].dropna():
                values = value if isinstance(value, (list, np.ndarray)) else [value]
                texts |= {str(name) for name in values if isinstance(name, str)}
    texts |= {hashlib.sha256(path.read_bytes()).hexdigest() for path in source.folder.rglob("*") if path.is_file()}
    texts |= {path.stem for path in source.folder.rglob("*") if path.is_file()}
    library_names = {"videos", "identities", "dataset", "part-00000", "README", "landmarks"}
    plain = {"test", "train", "ok", "real", "self", "cross", "validation"}
    return {text for text in texts if len(text) >= 4} - library_names - plain


def test_no_name_hash_path_or_tag_of_the_source_is_in_any_byte(source: Dataset, copy) -> None:
    text = every_text(copy[0].folder)
    assert "hidden" in text
    assert [secret for secret in sorted(secrets_of(source)) if secret in text] == []


def test_no_frame_row_names_a_driver_a_target_or_a_generator(copy) -> None:
    parts = sorted((copy[0].folder / "frames").rglob("*.parquet"))
    rows = pd.concat([pd.read_parquet(path) for path in parts])
    assert len(rows) == copy[0].videos["frames"].sum()
    labels = rows[["driver", "target", "generator", "split"]].drop_duplicates()
    assert labels.to_numpy().tolist() == [["hidden:hidden", "hidden:hidden", "hidden", "test"]]
    for path in parts:  # nor a dictionary or a footer, which hold them uncompressed or compressed
        with pq.ParquetFile(path) as file:
            groups = [file.metadata.row_group(n) for n in range(file.num_row_groups)]
            statistics = [group.column(n).statistics for group in groups for n in range(1, 5)]
        assert {value for each in statistics for value in (each.min, each.max)} == {"hidden:hidden", "hidden", "test"}


def test_only_test_videos_with_windows_are_there_and_all_rows_look_alike(source: Dataset, copy) -> None:
    made, back = copy
    test = source.videos[(source.videos["split"] == "test") & source.videos["generator"].notna()]
    assert set(back.values()) == set(test["video"])
    assert set(made.videos["video"]) == set(back)
    allowed = {"video", "path", "sha256", "first_row", "frames", "width", "height"}
    for column in set(made.videos.columns) - allowed:
        assert made.videos[column].map(str).nunique() == 1, column
    assert len(made.identities) == 0


def test_files_tell_no_time_and_no_order(copy, source: Dataset, tmp_path: Path) -> None:
    made, back = copy
    stamps = {path.stat().st_mtime for path in [made.folder, *made.folder.rglob("*")]}
    assert stamps == {315_532_800.0}
    order = [back[name] for name in made.videos.sort_values("first_row")["video"]]
    assert order != sorted(order)
    again = write_blind_copy(source, tmp_path / "again", tmp_path / "key.json", [SEEN])
    assert sorted(again.names, key=lambda video: again.names[video]) != order  # another draw, another order
    assert not set(again.names.values()) & set(back)


def test_the_windows_are_those_of_the_source(source: Dataset, copy) -> None:
    made, back = copy
    copy_windows = read_windows(made, SEEN, videos=made.videos["video"])
    source_windows = read_windows(source, SEEN, videos=back.values())
    place = {video: n for n, video in enumerate(source_windows.videos["video"])}
    assert len(copy_windows) == len(source_windows)
    for n, name in enumerate(copy_windows.videos["video"]):
        copied, original = (
            copy_windows.start[copy_windows.video == n],
            source_windows.start[source_windows.video == place[back[name]]],
        )
        assert len(copied) == len(original)
        for a, b in zip(copied, original, strict=True):
            assert np.array_equal(
                copy_windows.landmarks[a : a + SEEN.time.window],
                source_windows.landmarks[b : b + SEEN.time.window],
                equal_nan=True,
            )


def test_lengths_are_cut_to_the_windows(copy) -> None:
    # 137 frames at 25 a second are 164 at 30: windows at 0, 35 and 70 end with frame 140, shown at 4.667 s.
    assert set(copy[0].videos["frames"]) == {118}


def test_pictures_are_encoded_anew_and_still_the_same_to_the_eye(source: Dataset, copy) -> None:
    made, back = copy
    for row in made.videos.dropna(subset="path").to_dict("records"):
        original = source.videos.set_index("video").loc[back[row["video"]]]
        path = made.folder / row["path"]
        assert path.stem == row["video"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == row["sha256"] != original["sha256"]
        assert SECRET not in str(probe(path).metadata)
        frames = list(decode(path))
        assert len(frames) == row["frames"]
        before = next(iter(decode(source.folder / original["path"]))).image.astype(float)
        assert np.abs(frames[0].image - before).mean() < 25  # noise is the hardest picture to encode
    assert made.videos["path"].notna().sum() == 2


def test_a_key_is_used_again_and_kept_out_of_the_copy(source: Dataset, tmp_path: Path) -> None:
    first = write_blind_copy(source, tmp_path / "a", tmp_path / "key.json", [SEEN])
    second = write_blind_copy(source, tmp_path / "b", tmp_path / "key.json", [SEEN])
    assert first == second == read_key(tmp_path / "key.json")
    digests = [hashlib.sha256((tmp_path / name / "dataset.json").read_bytes()).hexdigest() for name in "ab"]
    assert digests[0] == digests[1]
    assert (tmp_path / "key.json").stat().st_mode & 0o777 == 0o600
    with pytest.raises(NvfairError, match="the key would lie in the copy"):
        write_blind_copy(source, tmp_path / "c", tmp_path / "c" / "key.json", [SEEN])
    with pytest.raises(NvfairError, match="the folder is not empty"):
        write_blind_copy(source, tmp_path / "a", tmp_path / "key.json", [SEEN])


def test_a_key_of_other_data_is_refused(source: Dataset, tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    write_blind_copy(source, tmp_path / "a", path, [SEEN])
    content = json.loads(path.read_text())
    path.write_text(json.dumps(content | {"data": "0" * 64}))
    with pytest.raises(NvfairError, match="of other data"):
        write_blind_copy(source, tmp_path / "b", path, [SEEN])
    key_path = source.folder / KEY_FILE
    try:
        key_path.write_text(json.dumps(content | {"data": "0" * 64}))
        with pytest.raises(NvfairError, match="of another data set"):
            blind_names(source)
        key_path.write_text("{}")
        with pytest.raises(NvfairError, match="not a key"):
            blind_names(source)
    finally:
        key_path.unlink()


@pytest.mark.parametrize(("frames", "valid", "needed"), [(0, [], 0), (70, [], 0), (71, [], 71), (140, [], 106)])
def test_frames_are_kept_as_far_as_windows_reach(frames: int, valid: list[int], needed: int) -> None:
    assert frames_needed(np.arange(frames) / 30, np.ones(frames, bool), [SEEN]) == needed


def test_a_frame_without_a_face_at_the_end_keeps_the_next_that_has_one() -> None:
    valid = np.ones(120, bool)
    valid[104:108] = False
    assert frames_needed(np.arange(120) / 30, valid, [SEEN]) == 109


def test_the_command_puts_the_key_where_a_board_looks_for_it(tmp_path: Path) -> None:
    made = make(tmp_path / "set", World(people=(1, 1, 2), clips=1, generators=("alpha",), **FREE))
    result = CliRunner().invoke(command, ["blind", str(made.folder), str(tmp_path / "out")], catch_exceptions=False)
    assert "4 videos for authors" in result.output
    assert set(blind_names(made).values()) == set(Dataset.open(tmp_path / "out").videos["video"])
    assert pd.read_parquet(tmp_path / "out" / "videos.parquet")["generator"].unique().tolist() == ["hidden"]


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ({"permitted_use": "research only; no display; no publication"}, "18 use_not_permitted"),
        ({"permitted_use": "research only"}, "18 consent_unknown"),  # nobody was asked about it
        ({"licence": "handshake"}, "18 licence_unknown"),
        ({"licence": "CC-BY-ND-4.0 + Apache-2.0"}, "18 licence_forbids"),
    ],
)
def test_no_copy_is_made_of_videos_that_may_not_be_passed_on(
    source: Dataset, tmp_path: Path, terms: dict[str, str], reason: str
) -> None:
    videos = source.videos.assign(**terms)
    is_test = (videos["split"] == "test") & (videos["generator"] == "alpha")
    videos = videos[is_test].head(18)
    with pytest.raises(NvfairError, match="forbids to pass them on") as caught:
        write_blind_copy(replace(source, videos=videos), tmp_path / "out", tmp_path / "key.json", [SEEN])
    assert reason in str(caught.value)
    assert not (tmp_path / "out").exists()


def test_a_set_in_a_later_format_keeps_the_key_that_it_had_before(source: Dataset, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(source.folder, tmp_path / "set"))
    key = write_blind_copy(Dataset.open(folder), tmp_path / "copy", folder / KEY_FILE, [SEEN])
    before = hashlib.sha256((folder / "dataset.json").read_bytes()).hexdigest()
    meta = json.loads((folder / "dataset.json").read_text())
    upgraded = meta | {"upgraded_from": {"format_version": 1, "sha256": before}}
    (folder / "dataset.json").write_text(json.dumps(upgraded))
    assert blind_names(Dataset.open(folder)) == key.names
    (folder / "dataset.json").write_text(json.dumps(meta | {"name": "another"}))
    with pytest.raises(NvfairError, match="of another data set"):
        blind_names(Dataset.open(folder))
