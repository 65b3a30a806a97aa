"""A repair gives each damaged file its promised bytes back, or says why it cannot; and never takes other bytes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.repairing import RepairReport, repair_dataset
from nvfair_tools.dataset.repairing.single_bit import corrected, corrected_record
from nvfair_tools.dataset.writer import meta_text, sealed
from nvfair_tools.files import sha256_of
from tests.nvfair_tools.dataset.test_checking import flip, write_sound

PART = "frames/train/originals/part-00000.parquet"


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sound(tmp_path_factory.mktemp("sound") / "set")


@pytest.fixture
def folder(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "set"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def assert_mended(report: RepairReport, folder: Path, sound: Path, files: set[str]) -> None:
    assert report.whole, report
    assert set(report.mended) == files
    assert contents(folder) == contents(sound)
    assert check_dataset(folder, full=True).faults == ()


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "a flipped bit": lambda path: flip(path, path.stat().st_size // 3, 3),
    "cut in half": truncate,
    "gone": lambda path: path.unlink(),
    "nothing in it": lambda path: path.write_bytes(b""),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_copy_gives_every_file_its_bytes_back(folder: Path, sound: Path, damage: str) -> None:
    files = set(contents(folder)) - {"dataset.json"}
    for file in files:
        DAMAGES[damage](folder / file)
    shutil.copytree(sound, folder.parent / "copy")
    assert_mended(repair_dataset(folder, copies=[folder.parent / "copy"]), folder, sound, files)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_copy_gives_the_record_back_where_something_proves_that_it_is_of_this_set(
    folder: Path, sound: Path, damage: str
) -> None:
    DAMAGES[damage](folder / "dataset.json")
    assert_mended(repair_dataset(folder, copies=[sound]), folder, sound, {"dataset.json"})


def test_the_record_of_another_set_is_refused(folder: Path, tmp_path: Path) -> None:
    other = write_sound(tmp_path / "other")
    shutil.rmtree(other / "portraits")
    for name in ("identities.parquet", "README.md"):
        (folder / name).unlink()
    (folder / "dataset.json").unlink()
    flip(other / "dataset.json", 30, 1)
    report = repair_dataset(folder, copies=[other])
    assert report.unmended == {"dataset.json": f"is missing; {other / 'dataset.json'} is damaged too"}
    flip(other / "dataset.json", 30, 1)
    report = repair_dataset(folder, copies=[other])
    assert "nothing proves that" in report.unmended["dataset.json"]
    assert report.whole is False


def test_a_copy_whose_files_have_other_names_or_are_damaged_too(folder: Path, sound: Path, tmp_path: Path) -> None:
    copies = [Path(shutil.copytree(sound, tmp_path / name)) for name in ("first", "second")]
    for name in ("a-self", "c-real"):
        (folder / "videos" / f"{name}.mp4").unlink()
        flip(copies[0] / "videos" / f"{name}.mp4", 200, 2)
    (copies[1] / "videos").rename(copies[1] / "mp4")
    report = repair_dataset(folder, copies=copies)
    assert_mended(report, folder, sound, {"videos/a-self.mp4", "videos/c-real.mp4"})
    assert set(report.mended.values()) == {f"from {copies[1]}"}


def test_swapped_and_renamed_files_find_their_places_without_a_copy(folder: Path, sound: Path) -> None:
    parts = sorted(path.relative_to(folder).as_posix() for path in folder.glob("frames/**/*.parquet"))
    files = {parts[0], parts[1], "videos/a-real.mp4", "videos/b-real.mp4", "videos/c-real.mp4"}
    first, second = (folder / part for part in parts[:2])
    first.rename(folder / "x")
    second.rename(first)
    (folder / "x").rename(second)
    names = ["a-real", "b-real", "c-real"]
    videos = [folder / "videos" / f"{name}.mp4" for name in names]
    turned = [video.read_bytes() for video in videos]
    for video, content in zip(videos, turned[1:] + turned[:1], strict=True):
        video.write_bytes(content)
    report = repair_dataset(folder)
    assert_mended(report, folder, sound, files)


def test_damaged_distances_follow_from_the_landmarks(folder: Path, sound: Path) -> None:
    with pq.ParquetFile(folder / PART) as file:
        group = file.metadata.row_group(0)
        columns = {group.column(n).path_in_schema.split(".")[0]: group.column(n) for n in range(group.num_columns)}
    start, length = columns["distances"].data_page_offset, columns["distances"].total_compressed_size
    content = bytearray((folder / PART).read_bytes())
    content[start + 100 : start + length - 100] = bytes(length - 200)
    (folder / PART).write_bytes(content)
    report = repair_dataset(folder)
    assert_mended(report, folder, sound, {PART})
    assert report.mended[PART] == "from its own landmarks"


def test_parts_without_their_column_of_distances_get_it_back(folder: Path, sound: Path) -> None:
    table = pq.read_table(folder / PART, partitioning=None)
    pq.write_table(table.drop_columns(["distances"]), folder / PART)
    assert_mended(repair_dataset(folder), folder, sound, {PART})


def test_other_landmarks_are_never_taken(folder: Path) -> None:
    with pq.ParquetFile(folder / PART) as file:
        group = file.metadata.row_group(0)
        landmarks = next(
            group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema.startswith("landmarks")
        )
    flip(folder / PART, landmarks.data_page_offset + landmarks.total_compressed_size // 2, 0)
    damaged = (folder / PART).read_bytes()
    report = repair_dataset(folder)
    assert report.whole is False
    assert report.unmended == {PART: "is damaged; nothing here has or gives its content"}
    assert (folder / PART).read_bytes() == damaged  # left where it was: much of it can still be read


@pytest.mark.parametrize("file", ["README.md", "portraits/b.png", "segments.parquet", "dataset.json"])
@pytest.mark.parametrize("share", [0.0, 0.31, 0.62, 0.999])
def test_a_flipped_bit_of_a_small_file_is_turned_back_by_the_hash_alone(
    folder: Path, sound: Path, file: str, share: float
) -> None:
    flip(folder / file, int((folder / file).stat().st_size * share), 5)
    assert_mended(repair_dataset(folder), folder, sound, {file})


def test_every_bit_of_a_record_is_turned_back() -> None:
    for content in ({"a": "x", "files": {}}, {"a": [1], "files": {"b": "0" * 64}, "tools": {"x": "1"}}):
        text = meta_text(sealed(content)).encode()
        for place in range(len(text)):
            damaged = bytearray(text)
            damaged[place] ^= 1 << place % 8
            assert corrected_record(bytes(damaged)) == text, (place, bytes(damaged))


def test_two_wrong_bits_are_not_guessed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"some words " * 20)
    digest = sha256_of(path)
    flip(path, 5, 1)
    flip(path, 90, 1)
    assert corrected(path.read_bytes(), digest) is None


def test_a_dry_run_says_the_same_and_changes_nothing(folder: Path, sound: Path, tmp_path: Path) -> None:
    (folder / "videos" / "a-self.mp4").unlink()
    truncate(folder / PART)
    before = contents(folder)
    planned = repair_dataset(folder, copies=[sound], dry_run=True)
    assert contents(folder) == before
    assert planned.whole is None
    assert repair_dataset(folder, copies=[sound]).mended == planned.mended
    assert contents(folder) == contents(sound)


def test_an_interrupted_repair_goes_on(folder: Path, sound: Path) -> None:
    files = ["videos/a-self.mp4", "videos/b-real.mp4", "videos/c-real.mp4"]
    swapped = [(folder / file).read_bytes() for file in files]
    for file, content in zip(files, swapped[1:] + swapped[:1], strict=True):
        (folder / file).write_bytes(content)

    def stop(task: str, done: int, total: int) -> None:
        if task == "repair" and done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        repair_dataset(folder, progress=stop)
    assert (folder / ".repair").is_dir()  # the first file's damaged content may be another's right one
    report = repair_dataset(folder)
    assert report.whole
    assert contents(folder) == contents(sound)


def test_what_was_promised_wrongly_is_no_matter_of_a_repair(folder: Path, sound: Path) -> None:
    from tests.nvfair_tools.dataset.test_checking import other_index

    other_index(folder)
    report = repair_dataset(folder, copies=[sound])
    (why,) = report.unmended.values()
    assert "is not the frame that videos.parquet puts there; the file is as it was written" in why


def mend_flips(folder: Path, sound: Path, count: int, seed: int) -> None:
    """Flips one bit of a file at a time, and has the file mended from a copy."""
    rng = np.random.default_rng(seed)
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    for _ in range(count):
        path = paths[int(rng.integers(len(paths)))]
        flip(path, int(rng.integers(path.stat().st_size)), int(rng.integers(8)))
        assert_mended(repair_dataset(folder, copies=[sound]), folder, sound, {path.relative_to(folder).as_posix()})


def test_flipped_bits_anywhere_are_mended(folder: Path, sound: Path) -> None:
    mend_flips(folder, sound, 5, seed=5)


@pytest.mark.soak
def test_a_thousand_flipped_bits_are_mended(folder: Path, sound: Path) -> None:
    mend_flips(folder, sound, 1000, seed=6)
