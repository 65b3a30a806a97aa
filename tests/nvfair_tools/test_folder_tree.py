"""Everything below a folder is listed, or named among what was not entered."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.folder_tree import FolderTree, read_folder_tree


def make(root: Path, *names: str) -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).touch()


def test_an_empty_folder_has_neither_names_nor_notes(tmp_path):
    assert read_folder_tree(tmp_path) == FolderTree()
    assert FolderTree().notes() == ()


@pytest.mark.parametrize("spelling", ["{}", "{}/", "."])
def test_names_are_relative_however_the_folder_is_written(tmp_path, monkeypatch, spelling):
    monkeypatch.chdir(tmp_path)
    make(tmp_path, "b.mp4", "a/c.mp4", "a/d/e.mp4")
    tree = read_folder_tree(Path(spelling.format(tmp_path)))
    assert tree.names == ["b.mp4", "a/c.mp4", "a/d/e.mp4"]
    assert tree.folders == ["a", "a/d"]


def test_a_link_is_followed_directly_below_the_folder_and_named_deeper_down(tmp_path):
    make(tmp_path / "disk", "ann/a.mp4")
    make(tmp_path / "root", "bob/b.mp4")
    (tmp_path / "root" / "ann").symlink_to(tmp_path / "disk" / "ann")
    (tmp_path / "root" / "bob" / "round").symlink_to(tmp_path / "root")
    (tmp_path / "root" / "bob" / "c.mp4").symlink_to(tmp_path / "disk" / "ann" / "a.mp4")
    (tmp_path / "root" / "bob" / "gone.mp4").symlink_to(tmp_path / "nowhere.mp4")
    tree = read_folder_tree(tmp_path / "root")
    assert tree.names == ["ann/a.mp4", "bob/b.mp4", "bob/c.mp4", "bob/gone.mp4"]
    assert tree.notes() == ("1 link to a folder is not followed, such as bob/round",)


def test_hidden_files_and_folders_are_counted_apart(tmp_path):
    make(tmp_path, ".DS_Store", "a/._b.mp4", "a/b.mp4", ".git/config", "a/.cache/x", "a/.cache/y")
    tree = read_folder_tree(tmp_path)
    assert tree.names == ["a/b.mp4"]
    assert tree.notes() == (
        "2 hidden files are not listed, such as .DS_Store, a/._b.mp4",
        "2 hidden folders are not entered, such as .git, a/.cache",
    )


@pytest.mark.skipif(os.name != "posix", reason="rights of folders are POSIX's")
def test_a_folder_that_cannot_be_read_is_an_error_and_no_empty_folder(tmp_path, monkeypatch):
    make(tmp_path, "a/b.mp4", "locked/c.mp4")
    (tmp_path / "locked").chmod(0)
    try:
        if os.access(tmp_path / "locked", os.R_OK):  # root reads everything: the system's own refusal stands in
            real = os.scandir

            def refusing(path):
                if os.fspath(path).endswith("locked"):
                    raise PermissionError(13, "Permission denied", os.fspath(path))
                return real(path)

            monkeypatch.setattr(os, "scandir", refusing)
        with pytest.raises(NvfairError, match="cannot be read: Permission denied") as caught:
            read_folder_tree(tmp_path)
    finally:
        (tmp_path / "locked").chmod(0o700)
    assert str(tmp_path / "locked") in str(caught.value)
