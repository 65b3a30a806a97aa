"""AVAPrintDB's landmark files: their names, their folders, and what they hold."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, LandmarkFiles, parse_sample_name, read_landmark_file
from tests.benchmark.avaprintdb_tree import landmarks, stem, write_tree


def test_a_name_says_target_first_then_driver_clip_and_generator() -> None:
    name = parse_sample_name("C1003--C1001--dd16ca7d-b40e-5e4f-a42e-7a9163c33199--GAGA")
    assert (name.target, name.driver, name.generator) == ("cremad:1003", "cremad:1001", "GAGA")
    assert (name.clip, name.collection) == ("dd16ca7d-b40e-5e4f-a42e-7a9163c33199", "cremad")
    assert name.by("LIVE") == "C1003--C1001--dd16ca7d-b40e-5e4f-a42e-7a9163c33199--LIVE"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("C1003--C1001--GAGA", "does not follow"),
        ("C1003--C1001----GAGA", "does not follow"),
        ("X1--C1001--u--GAGA", "'X1' in .* is nobody"),
        ("C1003--Actor_99x--u--GAGA", "'Actor_99x' in .* is nobody"),
        ("C1003--Actor_01--u--GAGA", "of two collections"),
    ],
)
def test_names_that_do_not_follow_the_pattern_are_refused(text: str, words: str) -> None:
    with pytest.raises(NvfairError, match=words):
        parse_sample_name(text)


def test_a_tree_is_read_by_stem_and_frames_that_are_not_finite_are_counted(tmp_path: Path) -> None:
    write_tree(tmp_path, frames=80)
    damaged = stem("C1001", "C1001", 0, "GAGA")
    path = next(tmp_path.rglob(f"{damaged}.npy"))
    points = landmarks("C1001", 0, 80)
    points[7, 3, 1], points[30] = np.nan, np.inf
    np.save(path, points.astype(np.float64))
    (tmp_path / "notes.npy").write_bytes(path.read_bytes())
    files = LandmarkFiles(tmp_path)
    assert len(files) == 48
    assert [where for where, _ in files.left_out] == ["notes.npy"]
    sequence = files.read(damaged)
    assert (sequence.points.dtype, sequence.dropped) == (np.float32, 2)
    np.testing.assert_array_equal(sequence.points, np.delete(landmarks("C1001", 0, 80), [7, 30], axis=0))
    whole = files.read(stem("C1001", "C1001", 1, "GAGA"))
    assert (whole.points.shape, whole.dropped) == ((80, 109, 3), 0)


def test_two_files_of_one_name_are_refused(tmp_path: Path) -> None:
    write_tree(tmp_path, frames=2)
    name = f"{stem('C1001', 'C1001', 0, 'GAGA')}.npy"
    np.save(tmp_path / name, landmarks("C1001", 0, 2))
    with pytest.raises(Problems, match="have one name"):
        LandmarkFiles(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (np.zeros((5, 109, 2), np.float32), r"it holds float32 \(5, 109, 2\)"),
        (np.zeros((5, 478, 3)), r"it holds float64 \(5, 478, 3\)"),
        (np.zeros((5, 109, 3), np.int64), "it holds int64"),
        (np.array(3.0), r"it holds float64 \(\)"),
        (np.array([{"run": "me"}], dtype=object), "cannot be read|can be read"),
    ],
)
def test_files_that_hold_anything_else_are_refused(tmp_path: Path, content: np.ndarray, words: str) -> None:
    np.save(tmp_path / "file.npy", content, allow_pickle=True)
    with pytest.raises(NvfairError, match=words) as caught:
        read_landmark_file(tmp_path / "file.npy")
    assert "(frames, 109, 3)" in str(caught.value)


def test_damaged_and_absent_files_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "cut.npy", np.zeros((5, 109, 3), np.float32))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:900])
    (tmp_path / "empty.npy").touch()
    (tmp_path / "lfs.npy").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    np.savez(tmp_path / "several.npz", a=np.zeros(3))
    (tmp_path / "several.npz").rename(tmp_path / "several.npy")
    for name in ("cut", "empty", "lfs", "several"):
        with pytest.raises(NvfairError, match=r"can be read|several arrays"):
            read_landmark_file(tmp_path / f"{name}.npy")
    with pytest.raises(NvfairError, match="no such file"):
        read_landmark_file(tmp_path / "none.npy")
    with pytest.raises(NvfairError, match="no such folder"):
        LandmarkFiles(tmp_path / "none")
    (tmp_path / "bare").mkdir()
    with pytest.raises(NvfairError, match=r"no \.npy file of the release"):
        LandmarkFiles(tmp_path / "bare")


def test_the_test_people_are_those_of_the_published_plans(shared: Path) -> None:
    for collection, people in TEST_PEOPLE.items():
        with open(shared / "protocols" / f"avaprintdb_{collection}_plan.csv", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == "TEST"]
        names = {row[column] for row in rows for column in ("driver_id", "target_id")}
        assert {f"{collection}:{name.removeprefix('C').removeprefix('Actor_')}" for name in names} == people
