"""Zip files as Finder, Windows and old programs make them are taken; what they add is left out and named."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.submission.archive import listed_names, unpack
from leaderboard.submission.check import check_submission
from leaderboard.submission.submission import read_submission, submission_digest
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

FILES = ("submission.yaml", "embeddings/test.parquet")


class Unseekable(io.RawIOBase):
    """A stream that cannot go back, into which sizes are written after the data (data descriptors)."""

    def __init__(self) -> None:
        self.content = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, data: bytes) -> int:  # type: ignore[override]
        self.content += bytes(data)
        return len(data)


def finder(folder: Path) -> tuple[bytes, list[str]]:
    """macOS Finder's "Compress": one folder, attributes in __MACOSX, and data descriptors."""
    out, added = Unseekable(), []
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:  # type: ignore[arg-type]
        archive.writestr(member("My submission (2)/", stat.S_IFDIR), b"")
        for name in FILES:
            archive.writestr(member(f"My submission (2)/{name}"), (folder / name).read_bytes())
            head, _, last = name.rpartition("/")
            twin = f"__MACOSX/My submission (2)/{head}{'/' * bool(head)}._{last}"
            archive.writestr(member(twin), b"\0\5\x16\7")
            added.append(twin)
        archive.writestr(member("My submission (2)/.DS_Store"), bytes(6148))
    return bytes(out.content), [*added, "My submission (2)/.DS_Store"]


def explorer(folder: Path) -> tuple[bytes, list[str]]:
    """Windows Explorer's "Send to compressed folder": no Unix attributes, thumbnails and a view's settings."""
    added = ["work/Thumbs.db", "work/embeddings/desktop.ini"]
    return packed(
        {**{f"work/{name}": (folder / name).read_bytes() for name in FILES}, **dict.fromkeys(added, b"x")}
    ), added


def old_windows(folder: Path) -> tuple[bytes, list[str]]:
    """An old program of Windows: backslashes between folders, which stand in the list as entries of their own."""
    names = {"work\\": b"", "work\\embeddings\\": b""}
    names |= {"work\\" + name.replace("/", "\\"): (folder / name).read_bytes() for name in FILES}
    return packed({**names, "work\\Thumbs.db": b"x"}), ["work/Thumbs.db"]


def zip64(folder: Path) -> tuple[bytes, list[str]]:
    """The form for files of more than 4 GB, as streaming programs choose it for all."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in FILES:
            with archive.open(member(name), "w", force_zip64=True) as target:
                target.write((folder / name).read_bytes())
    return out.getvalue(), []


def german_folder(folder: Path) -> tuple[bytes, list[str]]:
    """A folder's name in code page 437, without the mark that it is UTF-8."""
    content = packed({f"Xbung/{name}": (folder / name).read_bytes() for name in FILES})
    return content.replace(b"Xbung", "Übung".encode("cp437")), []


def member(name: str, kind: int = stat.S_IFREG) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, (kind | 0o644) << 16
    return info


def packed(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            info.create_system = 0  # DOS and Windows
            archive.writestr(info, content)
    return out.getvalue()


@pytest.mark.parametrize("manager", [finder, explorer, old_windows, zip64, german_folder])
def test_a_file_managers_archive_is_the_same_submission(
    submission: Path, dataset: Dataset, tmp_path: Path, manager: Callable[[Path], tuple[bytes, list[str]]]
) -> None:
    content, added = manager(submission)
    (tmp_path / "a.zip").write_bytes(content)
    result = check_submission(tmp_path / "a.zip", dataset)
    assert result.problems == ()
    assert result.digest == submission_digest(submission, read_submission(submission))
    assert sorted(result.left_out) == sorted(added)
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "out")
    assert {path.relative_to(unpacked.folder).as_posix() for path in unpacked.folder.rglob("*") if path.is_file()} == {
        *FILES
    }


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["../.DS_Store"], "leads out"),
        (["/._x"], "leads out"),
        (["C:/Thumbs.db"], "leads out"),
        (["__MACOSX/../../x"], "leads out"),
        (["../submission.yaml"], "leads out"),
        (["a/../.DS_Store"], "leads out"),
        (["w\\..\\..\\x"], "leads out"),
        (["w\\a", "w/b"], "a null character or a backslash"),
        ([".ssh/authorized_keys", "submission.yaml"], "an odd name"),
        (["my work (2)/a (1).parquet"], "an odd name"),
        (["my work (2)/a", "my work (3)/b"], "an odd name"),
        (["a\u202eb/submission.yaml"], "an odd name"),
    ],
)
def test_what_is_not_harmless_is_refused_under_such_names_too(tmp_path: Path, names: list[str], message: str) -> None:
    (tmp_path / "a.zip").write_bytes(packed(dict.fromkeys(names, b"x")))
    with pytest.raises(NvfairError, match=message):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_a_link_or_a_bomb_among_what_is_left_out_is_never_written(submission: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in FILES:
            archive.writestr(name, (submission / name).read_bytes())
        archive.writestr(member("__MACOSX/link", stat.S_IFLNK), b"/etc/passwd")
        archive.writestr("._zeros", bytes(64 * 2**20), zipfile.ZIP_DEFLATED)
    unpacked = unpack(tmp_path / "a.zip", tmp_path / "out")
    assert unpacked.left_out == ("__MACOSX/link", "._zeros")
    assert {path.name for path in unpacked.folder.rglob("*") if not path.is_dir()} == {
        "submission.yaml",
        "test.parquet",
    }


def test_entries_without_end_are_refused_and_many_names_are_shortened(tmp_path: Path) -> None:
    (tmp_path / "a.zip").write_bytes(packed({f"._{n}": b"" for n in range(1001)}))
    with pytest.raises(NvfairError, match="1001 entries; at most 1000"):
        unpack(tmp_path / "a.zip", tmp_path / "out")
    listed = listed_names(["._\u202ea", *(f"._{n}" for n in range(40))])
    assert listed[0] == repr("._\u202ea").replace("\u202e", "\\u202e")
    assert (len(listed), listed[-1]) == (21, "21 more")
