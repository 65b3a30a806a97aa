"""AVAPrintDB's videos are understood by their names and the published plans."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.releases.avaprintdb import list_avaprintdb, read_plans
from nvfair_tools.releases.listing import Release
from nvfair_tools.releases.settings import ReleaseSettings
from tests.nvfair_tools.releases.small_releases import touch, write_plan

CLIP_A, CLIP_B, DEV_CLIP = "11111111-aaaa-5e4f-a42e-000000000001", "22222222-bbbb-5e4f-a42e-000000000002", "33333333-cc"
ROWS = [
    ("C1001", "CREMA-D/VideoFlash/mp4/1001_DFA_ANG_XX.mp4", CLIP_A, "C1001", "TEST"),
    ("C1001", "CREMA-D/VideoFlash/mp4/1001_DFA_ANG_XX.mp4", CLIP_A, "C1003", "TEST"),
    ("C1003", "CREMA-D/VideoFlash/mp4/1003_IEO_HAP_HI.mp4", CLIP_B, "C1003", "TEST"),
    ("Actor_01", "RAVDESS/VIDEO-SPEECH/Actor_01/01-01-01-01-01-01-01.mp4", DEV_CLIP, "Actor_02", "DEV"),
]
NAMES = [f"{target}--{driver}--{random}--GAGA.mp4" for driver, _, random, target, _ in ROWS]


def listed(root: Path, names=NAMES, settings: ReleaseSettings | None = None) -> Release:
    write_plan(root / "plan.csv", ROWS)
    touch(root, names)
    return list_avaprintdb(root, settings or ReleaseSettings())


def test_files_and_plan_make_known_people_clips_and_splits(tmp_path):
    release = listed(tmp_path, ["videos/" + name for name in NAMES])
    assert [file.result.state for file in release.files] == ["ok"] * 4
    cross = next(file for file in release.files if file.name.startswith("videos/C1003--C1001"))
    assert (cross.kind, cross.target, cross.driver) == ("cross", "cremad:1003", "cremad:1001")
    assert (cross.clip, cross.generator, cross.split) == ("1001_DFA_ANG_XX", "gagavatar", "test")
    ravdess = next(file for file in release.files if "Actor" in file.name)
    assert (ravdess.target, ravdess.driver, ravdess.split) == ("ravdess:02", "ravdess:01", "train")
    assert release.absent == ()


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"C1001--C1001--{CLIP_A}.mp4", "unknown_name"),
        (f"C1001--C1001--{CLIP_A}--SORA.mp4", "unknown_generator"),
        (f"X1001--C1001--{CLIP_A}--LIVE.mp4", "unknown_identity"),
        (f"C1001--C1001--{CLIP_B[:-1]}9--LIVE.mp4", "not_in_plan"),
        (f"C1001--C1003--{CLIP_B}--LIVE.mp4", "not_in_plan"),
        (f"C1003--C1003--{CLIP_A}--LIVE.mp4", "contradictory_name"),
        (f"C1001--C1001--{CLIP_A}--LIVE.npy", "landmark_file"),
        (f"C1001--C1001--{CLIP_A}--LIVE.pt", "not_a_video"),
        (f"again/{NAMES[0]}", "named_twice"),
    ],
)
def test_a_file_that_does_not_fit_the_plan_is_refused_with_its_reason(tmp_path, name, reason):
    release = listed(tmp_path, [*NAMES, name])
    bad = [file for file in release.files if file.result.state != "ok"]
    assert [file.result.reason for file in bad] == [reason]
    assert bad[0].result.detail
    assert (Path(bad[0].name).name) == Path(name).name


def test_planned_videos_that_are_not_there_are_listed_for_each_generator_at_hand(tmp_path):
    names = [*NAMES[:2], NAMES[0].replace("GAGA", "HUNY")]
    release = listed(tmp_path, names)
    absent = Counter((what.rpartition("--")[2], reason) for what, reason, _ in release.absent)
    assert absent == {("gagavatar", "in_plan_only"): 2, ("hunyuanportrait", "in_plan_only"): 3}


def test_settings_name_further_generators(tmp_path):
    names = [NAMES[0].replace("GAGA", "Live2")]
    release = listed(tmp_path, names, ReleaseSettings(generators={"LIVE2": "liveportrait-2"}))
    assert [file.generator for file in release.files] == ["liveportrait-2"]


def test_validation_people_come_from_dev_and_their_pairs_with_others_are_refused(tmp_path):
    people = [f"Actor_{n:02d}" for n in range(1, 11)]
    rows = [
        (driver, f"{driver}.mp4", f"{a:02d}-{b:02d}", target, "DEV")
        for a, driver in enumerate(people)
        for b, target in enumerate(people)
        if b in (a, (a + 1) % len(people))
    ]
    # One random name a clip: give each pair its own clip.
    plan = write_plan(tmp_path / "plan.csv", rows)
    touch(tmp_path / "videos", [f"{target}--{driver}--{random}--LIVE.mp4" for driver, _, random, target, _ in rows])
    whole = list_avaprintdb(tmp_path / "videos", ReleaseSettings(), [plan])
    assert {file.split for file in whole.files} == {"train"}
    release = list_avaprintdb(tmp_path / "videos", ReleaseSettings(validation_share=0.2), [plan])
    assert Counter(release.splits.values()) == {"train": 8, "validation": 2}
    for file in release.files:
        apart = release.splits[file.target] != release.splits[file.driver]
        assert file.result.reason == ("people_in_different_splits" if apart else "")
    assert any(file.result.reason for file in release.files)


def test_contradictory_plans_are_refused_with_every_row_named(tmp_path):
    plan = write_plan(
        tmp_path / "plan.csv",
        [
            ROWS[0],
            ("C1003", ROWS[0][1], CLIP_A, "C1003", "TEST"),  # another driver of the same clip
            ("C1001", "b.mp4", "x", "C1001", "DEV"),  # a person in both parts
            ("C1001", "c.mp4", "y", "nobody", "TEST"),
            ("C1001", "d.mp4", "z", "C1001", "LAB"),
        ],
    )
    with pytest.raises(Problems) as caught:
        read_plans([plan])
    for words in ("row 3", "row 4: cremad:1001 is in DEV and in TEST", "row 5: 'nobody'", "row 6: split 'LAB'"):
        assert words in str(caught.value)


def test_a_plan_with_a_column_twice_is_refused(tmp_path):
    plan = write_plan(tmp_path / "plan.csv", ROWS)
    lines = plan.read_text().splitlines()
    plan.write_text("\n".join([f"{lines[0]},split", *(f"{line},DEV" for line in lines[1:])]))
    with pytest.raises(Problems, match=r"'split' \(column 6\), 'split' \(column 7\)"):
        read_plans([plan])


def test_no_plan_is_said_in_words(tmp_path):
    touch(tmp_path, NAMES)
    with pytest.raises(NvfairError, match="no generation plan"):
        list_avaprintdb(tmp_path, ReleaseSettings())


def test_the_published_plans_give_the_published_numbers(shared, tmp_path):
    plans = [shared / "protocols" / f"avaprintdb_{name}_plan.csv" for name in ("cremad", "ravdess")]
    clips = read_plans(plans)
    # 66,069 videos by three generators; DEV / TEST people 61 / 24 and 16 / 8, as the paper says.
    assert 3 * sum(len(clip.targets) for clip in clips.values()) == 66_069
    people = {(clip.driver, clip.part) for clip in clips.values()}
    assert Counter((driver.partition(":")[0], part) for driver, part in people) == {
        ("cremad", "DEV"): 61, ("cremad", "TEST"): 24, ("ravdess", "DEV"): 16, ("ravdess", "TEST"): 8,
    }  # fmt: skip
    assert all(clip.driver in clip.targets for clip in clips.values())


def test_named_validation_people_are_validation_and_test_people_among_them_are_refused(tmp_path):
    """The authors' own list for RAVDESS holds Actor_19, who is TEST in their plan."""
    rows = [(f"Actor_{n:02d}", f"{n}.mp4", f"clip-{n}", f"Actor_{n:02d}", part) for n, part in
            ((3, "DEV"), (13, "DEV"), (19, "TEST"), (5, "DEV"))]  # fmt: skip
    write_plan(tmp_path / "plan.csv", rows)
    release = list_avaprintdb(tmp_path, ReleaseSettings(validation_people=("Actor_03", "ravdess:13")))
    assert release.splits == {
        "ravdess:03": "validation",
        "ravdess:13": "validation",
        "ravdess:19": "test",
        "ravdess:05": "train",
    }
    with pytest.raises(Problems, match=r"Actor_19 is a TEST person(.|\n)*Actor_23 is in no plan"):
        list_avaprintdb(tmp_path, ReleaseSettings(validation_people=("Actor_03", "Actor_19", "Actor_23")))
    with pytest.raises(ValueError, match="both set"):
        ReleaseSettings(validation_people=("Actor_03",), validation_share=0.1)
