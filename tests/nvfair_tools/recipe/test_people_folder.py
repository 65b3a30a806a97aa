"""A folder of people: every file is a clip, a portrait, or named among those that are left out."""

import pytest

from nvfair_tools.errors import Problems
from nvfair_tools.recipe.clip_list import list_clips
from tests.nvfair_tools.recipe.test_clip_list import recipe


def write(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()


def listed(folder):
    return list_clips(recipe(folder, folder="people", source="friends"))


def problems(folder) -> str:
    with pytest.raises(Problems) as caught:
        listed(folder)
    return "\n".join(caught.value.problems)


@pytest.mark.parametrize("suffix", ["MTS", "m2ts", "3gp", "ts", "ogv", "MOV", "vob", "mxf"])
def test_videos_of_cameras_and_phones_are_clips(tmp_path, suffix):
    write(tmp_path, f"people/ann/00001.{suffix}")
    assert [row.name for row in listed(tmp_path).rows] == [f"ann/00001.{suffix}"]


@pytest.mark.parametrize("name", ["portrait.JPG", "Portrait.Jpeg", "portrait.webp", "portrait.tif", "PORTRAIT.HEIC"])
def test_a_portrait_is_a_portrait_whatever_its_letters_and_format(tmp_path, name):
    write(tmp_path, "people/ann/a.mp4", f"people/ann/{name}")
    assert listed(tmp_path).rows[0].portrait == tmp_path / "people" / "ann" / name


def test_two_portraits_of_a_person_are_refused(tmp_path):
    write(tmp_path, "people/ann/a.mp4", "people/ann/portrait.jpg", "people/ann/portrait.png")
    assert "people/ann: has 2 portraits (portrait.jpg, portrait.png); keep one" in problems(tmp_path)


def test_nothing_is_left_out_without_a_word(tmp_path):
    hidden = ["ann/._a.MOV", "ann/.DS_Store", "ann/Thumbs.db", "ann/desktop.ini", "ann/.trash/old.mp4", ".DS_Store"]
    others = ["ann/notes.txt", "ann/a.mp4.part", "ann/selfie.jpg", "ann/deep/portrait.png", "readme.txt"]
    write(tmp_path / "people", "ann/a.mp4", "__MACOSX/ann/._a.mp4", *hidden, *others)
    write(tmp_path, "elsewhere/b.mp4")
    (tmp_path / "people/ann/more").symlink_to(tmp_path / "elsewhere")
    clips = listed(tmp_path)
    assert [row.name for row in clips.rows] == ["ann/a.mp4"]
    assert clips.notes == (
        "people: hidden files or files of the operating system: 7 files, such as .DS_Store, __MACOSX, ann/.DS_Store",
    )
    assert sorted(clips.left_out) == [
        "people: files that lie in no person's folder: 1 file, such as readme.txt",
        "people: files without the name of a video or track: 2 files, such as ann/a.mp4.part, ann/notes.txt",
        "people: pictures that are not called portrait: 2 files, such as ann/selfie.jpg, ann/deep/portrait.png",
        "people: symbolic links to folders, which are not followed: 1 file, such as ann/more",
    ]


def test_a_video_beside_the_folders_of_people_is_nobodys(tmp_path):
    write(tmp_path / "people", "ann/a.mp4", "b.mp4")
    assert "people: 1 clip, such as b.mp4 in no person's folder" in problems(tmp_path)


def test_a_folder_with_the_name_of_a_video_is_a_folder(tmp_path):
    write(tmp_path / "people", "ann/take.mp4/real.mp4")
    assert [row.name for row in listed(tmp_path).rows] == ["ann/take.mp4/real.mp4"]


def test_two_names_of_one_file_are_one_clip_too_many(tmp_path):
    write(tmp_path / "people", "ann/a.mp4")
    (tmp_path / "people/ann/b.mp4").symlink_to(tmp_path / "people/ann/a.mp4")
    assert "ann/b.mp4 is listed already, in people/ann/a.mp4" in problems(tmp_path)


def test_people_whose_folders_differ_only_in_case_are_asked_about(tmp_path):
    write(tmp_path / "people", "Ann/a.mp4", "ann/b.mp4")
    assert "'friends:ann' differs only in letter case from 'friends:Ann'" in problems(tmp_path)


def test_a_name_with_other_letters_or_a_line_break_is_refused_as_an_id(tmp_path):
    write(tmp_path / "people", "Jürgen/a.mp4", "bo\nb/a.mp4", "eve /a.mp4")
    assert problems(tmp_path).count("is not of the form namespace:id") == 3
