"""A zip file is unpacked only if every member of it may be."""

import io
import zipfile

import pytest

pytest.importorskip("httpx")
from nvfair_tools.downloads.catalogue import COLLECTIONS
from tests.nvfair_tools.downloads.publisher import zip_of
from tests.nvfair_tools.downloads.recordings import files_in, video

RAVDESS = COLLECTIONS["ravdess"].record


def bomb() -> bytes:
    return zip_of({"Actor_01/01-01-01-01-01-01-01.mp4": bytes(4_000_000)})


def encrypted() -> bytes:
    content = bytearray(zip_of({"Actor_01/a.mp4": b"1"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        content[content.index(signature) + offset] |= 1
    return bytes(content)


def linked() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        link = zipfile.ZipInfo("Actor_01/link.mp4")
        link.external_attr = 0o120777 << 16
        archive.writestr(link, "/etc/passwd")
    return file.getvalue()


def damaged() -> bytes:
    content = bytearray(zip_of({"Actor_01/01-02-01-01-01-01-01.mp4": video("x")}))
    content[100] ^= 255
    return bytes(content)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (zip_of({"../outside.mp4": b"1"}), "leaves its folder"),
        (zip_of({"/outside.mp4": b"1"}), "plain relative path"),
        (zip_of({"Actor_01/a.mp4": b"1", "Actor_01/A.mp4": b"2"}), "letter case"),
        (zip_of({"Actor_01/con.mp4": b"1"}), "Windows"),
        (zip_of({"Video_Speech_Actor_01.zip": b"1"}), "is the same file as Video_Speech_Actor_01.zip"),
        (bomb(), "would grow"),
        (encrypted(), "encrypted"),
        (linked(), "no plain file"),
        (damaged(), "damaged"),
        (b"no zip file at all", "damaged"),
    ],
)
def test_a_zip_file_that_is_not_what_it_should_be_is_refused(
    nvfair, publisher, ravdess_files, tmp_path, content, words
):
    publisher.records[RAVDESS]["Video_Song_Actor_01.zip"] = content
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert words in text
    assert not (tmp_path / "outside.mp4").exists()
    present = set(files_in(tmp_path / "r")) - {"Video_Song_Actor_01.zip"}
    assert present == {name for name in ravdess_files if "/01-01" in name}


def test_two_archives_that_unpack_to_one_file_are_refused(nvfair, publisher, tmp_path):
    members = {"Actor_01/01-01-01-01-01-01-01.mp4": video("x")}
    publisher.add_record(
        RAVDESS, {f"Video_Speech_Actor_0{number}.zip": zip_of(members | {f"{number}.mp4": b"1"}) for number in (1, 2)}
    )
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms", "--connections", 1)
    assert code == 1
    assert "is the same file as" in text
    assert "1 unpacked, 1 failed" in text
