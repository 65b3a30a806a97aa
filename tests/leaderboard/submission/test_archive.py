"""Packing gives equal bytes for equal content; unpacking refuses every trick, says why, and leaves nothing behind."""

from __future__ import annotations

import io
import os
import stat
import struct
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.submission.archive import ArchiveLimits, pack, unpack
from leaderboard.submission.submission import read_submission, submission_digest
from nvfair_tools.errors import NvfairError
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration


def archive(path: Path, *members: tuple[str | zipfile.ZipInfo, bytes], compression: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", compression) as made:
        for name, content in members:
            made.writestr(name, content, compression)
    return path


def refusal(path: Path, into: Path, limits: ArchiveLimits | None = None) -> str:
    """What is said of an archive, after which nothing may be left."""
    with pytest.raises(NvfairError) as caught:
        unpack(path, into, limits or ArchiveLimits())
    assert not into.exists()
    return str(caught.value)


def member(name: str, **attributes: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    for key, value in attributes.items():
        setattr(info, key, value)
    return info


def test_equal_content_gives_equal_bytes_and_comes_back(submission: Path, tmp_path: Path) -> None:
    first = pack(submission, tmp_path / "a.zip").read_bytes()
    (submission / "notes.txt").write_text("not named, so not packed")
    for path in submission.rglob("*"):
        os.utime(path, (1, 1))
    os.chmod(submission / "submission.yaml", 0o600)
    assert pack(submission, tmp_path / "b.zip").read_bytes() == first
    folder = unpack(tmp_path / "a.zip", tmp_path / "back").folder
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()) == [
        "embeddings/test.parquet",
        "submission.yaml",
    ]
    assert submission_digest(folder, read_submission(folder)) == submission_digest(
        submission, read_submission(submission)
    )


def test_files_to_reproduce_by_are_packed_and_part_of_the_identity(submission: Path, tmp_path: Path) -> None:
    before = submission_digest(submission, read_submission(submission))
    (submission / "bundle.zip").write_bytes(b"first")
    write_declaration(
        submission,
        VALID_DECLARATION
        | {
            "entries": [
                VALID_DECLARATION["entries"][0] | {"reproduce": ["bundle.zip"]},
                VALID_DECLARATION["entries"][1],
            ]
        },
    )
    pack(submission, tmp_path / "a.zip")
    assert "bundle.zip" in zipfile.ZipFile(tmp_path / "a.zip").namelist()
    with_first = submission_digest(submission, read_submission(submission))
    (submission / "bundle.zip").write_bytes(b"second")
    assert len({before, with_first, submission_digest(submission, read_submission(submission))}) == 3


def test_a_link_is_not_packed(submission: Path, tmp_path: Path) -> None:
    path = submission / "embeddings" / "test.parquet"
    path.rename(tmp_path / "elsewhere.parquet")
    path.symlink_to(tmp_path / "elsewhere.parquet")
    with pytest.raises(NvfairError, match="through a link"):
        pack(submission, tmp_path / "a.zip")
    assert not (tmp_path / "a.zip").exists()


def test_the_one_folder_of_a_file_managers_archive_is_looked_into(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("mine/", b""), ("mine/submission.yaml", b"x"))
    assert unpack(path, tmp_path / "out").folder == tmp_path / "out" / "mine"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("../evil", "leads out of the archive"),
        ("a/../../evil", "leads out of the archive"),
        ("/etc/passwd", "leads out of the archive"),
        ("C:/evil", "leads out of the archive"),
        ("a\\..\\evil", "leads out of the archive"),
        ("a/b\\evil", "backslash"),
        ("a//b", "an odd name"),
        ("./a", "an odd name"),
        (".hidden", "an odd name"),
        ("-rf", "an odd name"),
        ("a\nb", "an odd name"),
        ("a\u202eb", "an odd name"),
        ("a.", "an odd name"),
        ("CON.txt", "an odd name"),
        ("a" * 201, "has 201 characters"),
        ("a/" * 9 + "b", "has 10 levels"),
    ],
)
def test_names_that_lead_elsewhere_or_are_odd_are_refused(tmp_path: Path, name: str, message: str) -> None:
    assert message in refusal(archive(tmp_path / "a.zip", (name, b"x")), tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip"]


def test_what_finder_adds_is_not_unpacked(tmp_path: Path) -> None:
    """Entries as Finder's `Compress` writes them for a folder."""
    path = archive(
        tmp_path / "a.zip",
        ("mine/", b""),
        ("mine/submission.yaml", b"x"),
        ("__MACOSX/mine/._submission.yaml", b"\0\5\x16\7"),
        ("mine/.DS_Store", b"Bud1"),
        ("mine/embeddings/", b""),
        ("mine/embeddings/test.parquet", b"y"),
        ("__MACOSX/mine/embeddings/._test.parquet", b"\0\5\x16\7"),
    )
    folder = unpack(path, tmp_path / "out").folder
    assert folder == tmp_path / "out" / "mine"
    files = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    assert sorted(files) == ["embeddings/test.parquet", "submission.yaml"]


def test_backslashes_of_windows_are_separators(tmp_path: Path) -> None:
    path = archive(
        tmp_path / "a.zip",
        ("mine\\submission.yaml", b"x"),
        ("mine\\embeddings\\", b""),
        ("mine\\embeddings\\test.parquet", b"y"),
        ("mine\\Thumbs.db", b"z"),
        ("mine\\desktop.ini", b"z"),
    )
    folder = unpack(path, tmp_path / "out").folder
    files = [file.relative_to(folder).as_posix() for file in folder.rglob("*") if file.is_file()]
    assert sorted(files) == ["embeddings/test.parquet", "submission.yaml"]


@pytest.mark.parametrize(
    "name", ["..\\evil", "C:\\evil", "\\\\server\\evil", "\\evil", "a\\b/../../evil", "mine\\.hidden"]
)
def test_backslashes_lead_nowhere_else_than_slashes(tmp_path: Path, name: str) -> None:
    path = archive(tmp_path / "a.zip", (name, b"x"), ("submission.yaml", b"x"))
    refusal(path, tmp_path / "out")


def test_a_backslash_beside_slashes_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a/b.txt", b"x"), ("a\\B.txt", b"y"))
    assert "a null character or a backslash" in refusal(path, tmp_path / "out")


def test_what_a_file_manager_adds_is_counted_and_never_read(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", *((f"__MACOSX/{number}", b"") for number in range(1001)))
    assert "1001 entries; at most 1000" in refusal(path, tmp_path / "out")
    path = archive(tmp_path / "b.zip", ("__MACOSX/bomb", bytes(64 << 20)), ("submission.yaml", b"x"))
    folder = unpack(path, tmp_path / "out").folder
    assert [file.name for file in folder.rglob("*")] == ["submission.yaml"]


def test_a_name_that_goes_on_after_a_null_character_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("aXevil", b"x"))
    path.write_bytes(path.read_bytes().replace(b"aXevil", b"a\0evil"))
    assert "null character" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFCHR, stat.S_IFBLK, stat.S_IFIFO, stat.S_IFSOCK, stat.S_IFDIR])
def test_links_and_devices_are_refused(tmp_path: Path, kind: int) -> None:
    info = member("link", create_system=3, external_attr=(kind | 0o777) << 16)
    assert "a link, a device" in refusal(archive(tmp_path / "a.zip", (info, b"/etc/passwd")), tmp_path / "out")


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("second", ["a.txt", "A.TXT"])
def test_one_name_twice_is_refused(tmp_path: Path, second: str) -> None:
    path = archive(tmp_path / "a.zip", ("a.txt", b"first"), (second, b"second"))
    assert "the same name" in refusal(path, tmp_path / "out")


def test_a_file_within_a_file_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a", b"1"), ("a/b", b"2"))
    assert "is a file by another entry" in refusal(path, tmp_path / "out")


def test_all_that_is_wrong_with_entries_is_listed_at_once(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("../a", b""), (".b", b""), ("c", b""), compression=zipfile.ZIP_LZMA)
    message = refusal(path, tmp_path / "out")
    assert message.startswith("the archive: 5 problems")
    assert message.count("compression method 14") == 3


def test_a_bomb_is_refused_by_what_it_says(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("zeros", bytes(64 * 2**20)))
    assert path.stat().st_size < 100_000
    assert "more than 200 times as many" in refusal(path, tmp_path / "out")
    assert "at most 1000" in refusal(path, tmp_path / "out", ArchiveLimits(total=1000))


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_is_written(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("zeros", bytes(64 * 2**20)))
    honest = struct.pack("<L", 64 * 2**20)
    path.write_bytes(path.read_bytes().replace(honest, struct.pack("<L", 10)))
    tracemalloc.start()
    message = refusal(path, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "cannot be unpacked" in message or "more than the archive says" in message
    assert peak < 16 * 2**20


def test_entries_that_share_their_bytes_are_counted_each(tmp_path: Path) -> None:
    inner = io.BytesIO()
    with zipfile.ZipFile(inner, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a0000", bytes(2**20))
    whole = inner.getvalue()
    at = whole.index(b"PK\x01\x02")
    local, entry = whole[:at], whole[at : whole.index(b"PK\x05\x06")]
    count = 150
    entries = b"".join(entry.replace(b"a0000", f"a{n:04d}".encode()) for n in range(count))
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, count, count, len(entries), len(local), 0)
    path = tmp_path / "a.zip"
    path.write_bytes(local + entries + end)
    assert "more than 200 times as many" in refusal(path, tmp_path / "out")


def test_an_archive_within_is_a_file_like_any_other(tmp_path: Path) -> None:
    inner = archive(tmp_path / "inner.zip", ("zeros", bytes(2**20))).read_bytes()
    folder = unpack(archive(tmp_path / "a.zip", ("submission.yaml", b"x"), ("b.zip", inner)), tmp_path / "out").folder
    assert (folder / "b.zip").read_bytes() == inner


def test_too_many_entries_are_refused_without_making_an_object_of_each(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", *((f"f{n}", b"") for n in range(201)))
    assert "201 files; at most 200" in refusal(path, tmp_path / "out")
    entry = archive(tmp_path / "b.zip", ("f", b"")).read_bytes()
    at = entry.index(b"PK\x01\x02")
    local, entry_record = entry[:at], entry[at : entry.index(b"PK\x05\x06")]
    many = entry_record * 300_000
    end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 0xFFFE, 0xFFFE, len(many), len(local), 0)
    path.write_bytes(local + many + end)
    tracemalloc.start()
    message = refusal(path, tmp_path / "out")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "the list of its entries has" in message
    assert peak < 16 * 2**20


def test_an_encrypted_entry_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "a.zip", ("a", b"x"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))
    assert "it is encrypted" in refusal(path, tmp_path / "out")


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"no zip file at all",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-10],
        lambda whole: whole[:40] + b"\xff" * 8 + whole[48:],
        lambda whole: whole.replace(b"PK\x03\x04", b"PK\x03\x05"),
    ],
)
def test_damage_is_described_in_words(tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = archive(tmp_path / "a.zip", ("submission.yaml", os.urandom(400)))
    path.write_bytes(damage(path.read_bytes()))
    assert "the archive: cannot be unpacked: " in refusal(path, tmp_path / "out")


def test_a_folder_that_is_there_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "mine.txt").write_text("keep")
    path = archive(tmp_path / "a.zip", ("submission.yaml", b"x"))
    with pytest.raises(NvfairError, match="there already"):
        unpack(path, tmp_path / "out")
    assert (tmp_path / "out" / "mine.txt").read_text() == "keep"
