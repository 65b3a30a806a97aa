"""Joined sets hold the very files of the sets they are made of, read as those do, and contradict nothing."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmark.windows.window_set import read_windows
from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.curate.care import merge as merging
from nvfair_tools.curate.care.merge import append, merge
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.checking.card_check import card_problems
from nvfair_tools.dataset.consents import read_consents, write_consents
from nvfair_tools.dataset.merging import merge as files_of
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.writer import meta_text, sealed
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.curator_key import create_key
from nvfair_tools.governance.tombstones import Tombstones
from nvfair_tools.governance.uses import Answer, Consent
from tests.nvfair_tools.dataset.small_sets import GENERATOR, META, write_set
from tests.nvfair_tools.small_build import file_hashes

FIRST = ["a-1", "b-1", "aa-1", "ab-1", "c-1"]
SECOND = ["b-1", "bb-1", "ab-1", "d-1", "dd-1", "e-1"]  # b-1 and ab-1 are in the first one too
PEOPLE = {"a": "train", "b": "train", "c": "test", "d": "test", "e": "validation"}


def people(names: str) -> dict[str, str]:
    return {name: PEOPLE[name] for name in names}


@pytest.fixture(scope="module")
def sets(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two data sets with a person and two videos in common; do not change them."""
    folder = tmp_path_factory.mktemp("sets")
    return write_set(folder / "first", people("abc"), FIRST), write_set(folder / "second", people("abde"), SECOND)


@pytest.fixture(scope="module")
def plain_sets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the same two data sets without pixels and cards; do not change them."""
    folder = tmp_path_factory.mktemp("plain")
    write_set(folder / "first", people("abc"), FIRST, pixels=False, card=False)
    write_set(folder / "second", people("abde"), SECOND, pixels=False, card=False)
    return folder


@pytest.fixture
def landmark_sets(plain_sets: Path, tmp_path: Path) -> tuple[Path, Path]:
    """Copies of these, to be changed."""
    shutil.copytree(plain_sets, tmp_path, dirs_exist_ok=True)
    return tmp_path / "first", tmp_path / "second"


def change_record(folder: Path, **changes: object) -> None:
    record = json.loads((folder / "dataset.json").read_text()) | changes
    (folder / "dataset.json").write_text(meta_text(sealed(record)))


def refused(out: Path, *folders: Path) -> list[str]:
    with pytest.raises(Problems) as caught:
        merge(out, folders)
    assert not out.exists()
    return list(caught.value.problems)


@pytest.fixture(scope="module")
def joined(sets: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The two sets joined; do not change it."""
    out = tmp_path_factory.mktemp("joined") / "all"
    before = [file_hashes(folder) for folder in sets]
    report = merge(out, sets, name="both")
    # b-1 was alone in a part of the second set, which is left out; ab-1 was with bb-1 in one that is written anew.
    assert (report.people, report.videos, report.repeated, report.rewritten) == (5, 9, 2, 1)
    assert [file_hashes(folder) for folder in sets] == before
    return out


def test_a_joined_set_is_whole_and_described(joined: Path) -> None:
    full = check_dataset(joined, full=True)
    assert (full.faults, full.remarks) == ((), ())
    assert card_problems(joined) == []
    data = Dataset.open(joined)
    assert data.name == "both"
    assert sorted(data.videos["video"]) == sorted({*FIRST, *SECOND})
    assert [part["name"] for part in data.meta["merged_from"]] == ["toy", "toy"]
    assert dict(zip(data.identities["identity"], data.identities["clips"], strict=True))["toy:b"] == 1


def test_windows_of_a_joined_set_are_those_of_its_parts(sets: tuple[Path, Path], joined: Path) -> None:
    for folder in sets:
        ids = list(Dataset.open(folder).usable()["video"])
        expected, got = (read_windows(data, "nvfair-seen", videos=ids) for data in (folder, joined))
        assert len(got) == len(expected) > 0
        np.testing.assert_array_equal(np.asarray(got.landmarks), np.asarray(expected.landmarks))


def test_files_are_the_same_ones_unless_copies_are_asked_for(
    sets: tuple[Path, Path], joined: Path, landmark_sets: tuple[Path, Path], tmp_path: Path
) -> None:
    part = next(sets[0].glob("frames/test/**/*.parquet")).relative_to(sets[0])
    video = next(sets[0].glob("videos/**/a-1.mp4")).relative_to(sets[0])
    for file in (part, video):
        assert (joined / file).samefile(sets[0] / file)
    names = sorted(path.name for path in (joined / "frames/test/originals").iterdir())
    assert names == ["part-00000.parquet", "part-00001.parquet"]  # one of each set, the second renamed
    merge(tmp_path / "linked", landmark_sets)
    merge(tmp_path / "copies", landmark_sets, copies=True)
    assert (tmp_path / "linked" / part).samefile(landmark_sets[0] / part)
    assert not (tmp_path / "copies" / part).samefile(landmark_sets[0] / part)
    assert file_hashes(tmp_path / "linked") == file_hashes(tmp_path / "copies")


def test_all_contradictions_are_named_at_once(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    first, _ = landmark_sets
    facts = {"gender": "male"}
    second = write_set(
        tmp_path / "other",
        {"a": "train", "b": "test", "d": "test"},
        ["b-1", "d-1"],
        facts=facts,
        rows={"b-1": {"licence": "CC BY-NC 4.0"}},
        pixels=False,
        card=False,
        features={"distances": "none", "mesh": False, "scale": "interocular"},
        generators=[GENERATOR | {"fingerprint": "0" * 20}],
    )
    (second / "portraits" / "toy_a.png").write_bytes(b"another face")
    record = json.loads((second / "dataset.json").read_text())
    change_record(
        second, files=record["files"] | {"portraits/toy_a.png": sha256_of(second / "portraits" / "toy_a.png")}
    )
    problems = "\n".join(refused(tmp_path / "all", first, second))
    for text in (
        "features is {'distances': 'none', 'mesh': False, 'scale': 'overall'}",
        "toy:b: split is 'train'",
        "toy:a: gender is 'female'",
        "toy:a: another portrait",
        "video b-1 is another one",
        "the generator warp of",
    ):
        assert text in problems, problems


def test_faces_of_two_landmarkers_are_not_joined(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = landmark_sets
    record = json.loads((second / "dataset.json").read_text())["landmarks"]
    # A detector in front chooses the crop, and moves no point.
    change_record(second, landmarks=record | {"landmarkers": ["facemesh+scrfd 0.10.21+5838f7fe053e"]})
    merge(tmp_path / "one", [first, second])
    change_record(second, landmarks=record | {"landmarkers": ["mediapipe-tasks 1.2.3+64184e229b26"]})
    (problem,) = refused(tmp_path / "two", first, second)
    assert "found by facemesh 0.10.21 and mediapipe-tasks 64184e229b26: two landmarkers" in problem
    with pytest.raises(Problems, match="put their points differently"):
        append(first, second)


def test_a_clip_of_a_portrait_must_not_drive(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    videos = ["a-portrait", "ab-portrait"]
    third = write_set(tmp_path / "third", people("ab"), videos, pixels=False, card=False)
    problems = refused(tmp_path / "all", landmark_sets[0], third)
    assert problems == [f"toy:a: the clip of the portrait in {landmark_sets[0]} drives videos in {third}"]


def test_one_name_of_two_people_is_refused(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    third = write_set(tmp_path / "third", people("e"), ["e-1"], facts={"aliases": ["toy:c"]}, pixels=False, card=False)
    problems = refused(tmp_path / "all", landmark_sets[0], third)
    assert problems == [f"the name toy:c is toy:c in {landmark_sets[0]}, and toy:e in {third}"]


def test_people_of_two_worlds_are_not_the_same(tmp_path: Path) -> None:
    worlds = [
        write_set(
            tmp_path / name,
            people("ab"),
            ["a-1"],
            pixels=False,
            card=False,
            simulated=True,
            world={"hash": name, "settings": {}},
        )
        for name in ("one", "two")
    ]
    (problem,) = refused(tmp_path / "all", *worlds)
    assert problem.startswith("people of two simulated worlds have the same names, such as toy:a")


def test_who_has_withdrawn_does_not_come_back(
    landmark_sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = landmark_sets
    key_path = tmp_path / "settings" / "key"
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(key_path))
    key = create_key(key_path)
    Tombstones(key.name, ()).with_person(key, "toy:d", [], ["x"], "2026-01-01").write(first / "revoked.json")
    assert refused(tmp_path / "all", first, second) == [f"toy:d has withdrawn from {first}, and is in {second}"]
    Tombstones(key.name, ()).with_person(key, "toy:z", [], ["x"], "2026-01-01").write(first / "revoked.json")
    merge(tmp_path / "all", [first, second])
    assert (tmp_path / "all" / "revoked.json").read_bytes() == (first / "revoked.json").read_bytes()
    key_path.unlink()
    with pytest.raises(NvfairError, match="the key of revocations is not there"):
        merge(tmp_path / "more", [first, second])


def test_consents_travel_and_must_agree(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    first, second = landmark_sets
    yes, no = (Consent.of({}, Answer(word, "form", frozenset({"research"}))) for word in ("yes", "no"))

    def agree(folder: Path, answers: dict[str, Consent]) -> None:
        write_consents(folder, answers)
        record = json.loads((folder / "dataset.json").read_text())
        change_record(folder, files=record["files"] | {"consent.parquet": sha256_of(folder / "consent.parquet")})

    agree(first, {f"toy:{name}": yes for name in "abc"})
    (problem,) = refused(tmp_path / "all", first, second)
    assert "its people would count as not having agreed" in problem
    agree(second, {"toy:a": yes, "toy:b": no, "toy:d": yes, "toy:e": no})
    assert refused(tmp_path / "all", first, second) == [
        f"toy:b: agreed to other uses in {first} than in {second} (consent.parquet)"
    ]
    agree(second, {"toy:a": yes, "toy:b": yes, "toy:d": yes, "toy:e": no})
    merge(tmp_path / "all", [first, second])
    assert read_consents(tmp_path / "all") == {f"toy:{name}": no if name == "e" else yes for name in "abcde"}
    assert check_dataset(tmp_path / "all", full=True).faults == ()


def test_measures_of_videos_travel(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    for number, (folder, videos) in enumerate(zip(landmark_sets, (FIRST, SECOND), strict=True)):
        (folder / "quality").mkdir()
        table = pd.DataFrame({"video": sorted(videos), "sharpness": float(number)})
        table.to_parquet(folder / "quality" / "quality.parquet")
    merge(tmp_path / "all", landmark_sets)
    rows = pd.read_parquet(tmp_path / "all" / "quality" / "quality.parquet").set_index("video")["sharpness"]
    assert sorted(rows.index) == sorted({*FIRST, *SECOND})
    assert rows["b-1"] == 0.0  # a repeated video keeps the first set's row
    assert rows["d-1"] == 1.0


def test_an_interrupted_merge_goes_on_and_no_other_begins(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "all"

    def stop(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        merge(out, landmark_sets, progress=stop)
    with pytest.raises(NvfairError, match="not a finished data set"):
        Dataset.open(out)
    with pytest.raises(NvfairError, match="other data sets were being joined here"):
        merge(out, landmark_sets[::-1])
    merge(out, landmark_sets)
    merge(tmp_path / "other", landmark_sets)
    assert file_hashes(out) == file_hashes(tmp_path / "other")
    with pytest.raises(NvfairError, match="there is a data set here already"):
        merge(out, landmark_sets)


def test_a_damaged_set_is_not_joined(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    table = pq.read_table(landmark_sets[0] / "videos.parquet")
    pq.write_table(table, landmark_sets[0] / "videos.parquet", compression="none")
    with pytest.raises(NvfairError, match="are not as they were written"):
        merge(tmp_path / "all", landmark_sets)


def test_append_gives_what_merge_gives_and_keeps_a_curators_notes(
    landmark_sets: tuple[Path, Path], tmp_path: Path
) -> None:
    first, second = landmark_sets
    merge(tmp_path / "all", landmark_sets, name="toy")
    (first / "notes.txt").write_text("mine")
    done = CliRunner().invoke(command, ["append", str(first), str(second)])
    assert done.exit_code == 0, done.output
    assert "5 people, 9 videos" in done.output
    expected = file_hashes(tmp_path / "all")
    assert {file: digest for file, digest in file_hashes(first).items() if file != "notes.txt"} == expected
    assert (first / "notes.txt").read_text() == "mine"
    before = file_hashes(first)
    done = CliRunner().invoke(command, ["append", str(first), str(second)])
    assert "all of it is here already" in done.output
    assert file_hashes(first) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["all", "first", "second"]


def test_an_interrupted_append_leaves_the_old_state(
    landmark_sets: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = landmark_sets
    before = file_hashes(first)

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    for place, moment in ((merging, "exchange_folders"), (merging, "_carry_others"), (files_of, "write_extras")):
        with monkeypatch.context() as patch:
            patch.setattr(place, moment, killed)
            with pytest.raises(KeyboardInterrupt):
                append(first, second)
        assert file_hashes(first) == before
        assert check_dataset(first, full=True).faults == ()
    # Where folders cannot be exchanged in one step, the old one is renamed first; a run may end in between.
    real = os.replace

    def killed_second(source: object, target: object) -> None:
        if Path(str(target)) == first:
            raise KeyboardInterrupt
        real(str(source), str(target))

    with monkeypatch.context() as patch:
        patch.setattr(merging, "_exchanged_in_one_step", lambda new, old: False)
        patch.setattr(merging.os, "replace", killed_second)
        with pytest.raises(KeyboardInterrupt):
            append(first, second)
    assert not first.exists()
    append(first, second)
    assert len(Dataset.open(first).videos) == 9
    assert check_dataset(first, full=True).faults == ()


def test_a_set_whose_build_can_go_on_is_not_appended_to(landmark_sets: tuple[Path, Path]) -> None:
    (landmark_sets[0] / ".build").mkdir()
    with pytest.raises(NvfairError, match="the build of this data set can still be continued"):
        append(*landmark_sets)


def test_a_joined_set_is_joined_again(landmark_sets: tuple[Path, Path], tmp_path: Path) -> None:
    third = write_set(
        tmp_path / "third", {"f": "train"}, ["f-1", "ff-1"], pixels=False, card=False, name="third", cautions=["x."]
    )
    merge(tmp_path / "two", landmark_sets)
    merge(tmp_path / "three", [tmp_path / "two", third])
    joined = Dataset.open(tmp_path / "three")
    assert [part["name"] for part in joined.meta["merged_from"]] == ["toy", "toy", "third"]
    assert joined.meta["cautions"] == ["x."]
    assert joined.meta["generators"] == META["generators"]
    assert check_dataset(tmp_path / "three", full=True).faults == ()
    shutil.rmtree(tmp_path / "two")
    assert check_dataset(tmp_path / "three", full=True).faults == ()
