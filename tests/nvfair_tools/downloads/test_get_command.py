"""`nvfair get` of a Zenodo record: listed, asked for, resumed after anything, verified, unpacked."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("httpx")
from nvfair_tools.downloads.catalogue import COLLECTIONS
from tests.nvfair_tools.downloads.publisher import cut_after, status, zip_of
from tests.nvfair_tools.downloads.recordings import files_in

RAVDESS, AVAPRINTDB = COLLECTIONS["ravdess"].record, COLLECTIONS["avaprintdb"].record


def test_ravdess_is_downloaded_verified_and_unpacked_without_its_silent_copies(
    nvfair, publisher, ravdess_files, tmp_path
):
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 0, text
    assert files_in(tmp_path / "r") == ravdess_files
    assert "CC BY-NC-SA 4.0" in text
    assert "files: 2 downloaded, 2 unpacked" in text
    assert "unpacked: 3 files" in text
    assert "left out: silent copies (modality 02): 3" in text
    assert "left out: files of an operating system: 1" in text
    assert "3 of the published 2,452 clips" in text
    assert not any("Audio" in path for path in publisher.paths())


def test_a_second_run_downloads_nothing(nvfair, publisher, ravdess_files, tmp_path):
    nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    publisher.requests.clear()
    code, text = nvfair("get", "ravdess", tmp_path / "r")  # the terms were accepted for this folder
    assert code == 0, text
    assert "files: 2 there already" in text
    assert "unpacked: 3 files" in text
    assert publisher.paths() == [f"/api/records/{RAVDESS}"]


def test_a_lost_file_is_brought_again(nvfair, ravdess_files, tmp_path):
    nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    (tmp_path / "r" / "Actor_01" / "01-02-01-01-01-01-01.mp4").unlink()
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 0, text
    assert "files: 1 there already, 1 downloaded, 1 unpacked" in text
    assert files_in(tmp_path / "r") == ravdess_files


def test_nothing_is_downloaded_before_the_terms_are_accepted(nvfair, publisher, ravdess_files, tmp_path):
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 2
    assert "--accept-terms" in text
    assert "CC BY-NC-SA 4.0" in text
    assert not publisher.requests
    assert not files_in(tmp_path / "r")


def test_a_dry_run_lists_files_and_bytes(nvfair, publisher, ravdess_files, tmp_path):
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--dry-run")
    assert code == 0, text
    size = len(publisher.records[RAVDESS]["Video_Song_Actor_01.zip"])
    assert f"{size:,}" in text
    assert "Video_Song_Actor_01.zip" in text
    assert "nothing was downloaded" in text
    assert publisher.paths() == [f"/api/records/{RAVDESS}"]
    assert not (tmp_path / "r").exists()


def test_an_archive_brought_by_hand_is_verified_used_and_kept(nvfair, publisher, ravdess_files, tmp_path):
    name = "Video_Song_Actor_01.zip"
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / name).write_bytes(publisher.records[RAVDESS][name])
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 0, text
    assert not any(name in path for path in publisher.paths())
    assert files_in(tmp_path / "r") == ravdess_files | {name: publisher.records[RAVDESS][name]}


def test_another_file_of_that_name_is_left_alone(nvfair, ravdess_files, tmp_path):
    name = "Video_Song_Actor_01.zip"
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / name).write_bytes(b"mine")
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert "is not the published file" in text
    assert (tmp_path / "r" / name).read_bytes() == b"mine"
    assert "1 downloaded" in text, "the other file is downloaded all the same"


def test_a_version_that_has_changed_since_is_named(nvfair, publisher, ravdess_files, tmp_path):
    nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    publisher.records[RAVDESS]["Video_Song_Actor_01.zip"] += b"\0"
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 1
    assert "another version" in text
    assert files_in(tmp_path / "r") == ravdess_files


def test_archives_are_kept_on_request(nvfair, publisher, ravdess_files, tmp_path):
    nvfair("get", "ravdess", tmp_path / "r", "--accept-terms", "--keep-archives")
    archives = {name: content for name, content in publisher.records[RAVDESS].items() if "Video" in name}
    assert files_in(tmp_path / "r") == ravdess_files | archives
    nvfair("get", "ravdess", tmp_path / "r")
    assert files_in(tmp_path / "r") == ravdess_files | archives


def test_too_little_room_is_found_before_anything_is_downloaded(nvfair, publisher, ravdess_files, tmp_path):
    publisher.stated[RAVDESS, "Video_Song_Actor_01.zip"] = {"size": 10**16}
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert "10000" in text.replace(",", "")
    assert "free some space" in text
    assert publisher.paths() == [f"/api/records/{RAVDESS}"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": "../../escape.zip"}, "leaves its folder"),
        ({"key": "/etc/passwd"}, "plain relative path"),
        ({"checksum": "crc32:00"}, "checksum"),
        ({"checksum": None}, "checksum"),
        ({"size": "many"}, "no number of bytes"),
    ],
)
def test_a_list_that_cannot_be_trusted_is_refused(nvfair, publisher, ravdess_files, tmp_path, change, words):
    publisher.stated[RAVDESS, "Video_Song_Actor_01.zip"] = change
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert words in text
    assert not files_in(tmp_path / "r")


def test_an_unknown_record_is_named(nvfair, tmp_path):
    code, text = nvfair("get", "avaprintdb", tmp_path / "a", "--accept-terms")
    assert code == 1
    assert "404" in text


@pytest.mark.parametrize(("collection", "server"), [("ravdess", "zenodo"), ("crema-d", "github-api")])
def test_without_a_network_the_way_around_it_is_named(nvfair, tmp_path, collection, server):
    words = ("--accept-terms", "--attempts", "1", "--server", f"{server}=http://127.0.0.1:9")
    code, text = nvfair("get", collection, tmp_path / "r", *words, servers=False)
    assert code == 1
    assert "127.0.0.1:9" in text
    assert "no connection" in text
    assert "on a machine that reaches it" in " ".join(text.split())
    assert COLLECTIONS[collection].page in text


def test_one_file_that_fails_does_not_stop_the_others(nvfair, publisher, ravdess_files, tmp_path):
    path = f"/api/records/{RAVDESS}/files/Video_Song_Actor_01.zip/content"
    publisher.faults[path] = [status(404)]
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert "1 downloaded" in text
    assert "1 failed" in text
    assert "by hand as" in text
    assert f"{publisher.url}{path}" in text
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 0, text
    assert files_in(tmp_path / "r") == ravdess_files


def test_a_download_that_breaks_off_goes_on_in_the_next_run(nvfair, publisher, ravdess_files, tmp_path):
    path = f"/api/records/{RAVDESS}/files/Video_Song_Actor_01.zip/content"
    publisher.faults[path] = [cut_after(1_000)]
    code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms", "--attempts", 1)
    assert code == 1
    assert "the connection ended" in text
    publisher.requests.clear()
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 0, text
    assert [headers["range"] for _, place, headers in publisher.requests if place == path] == ["bytes=1000-"]
    assert files_in(tmp_path / "r") == ravdess_files


def test_each_archive_of_avaprintdb_gets_a_folder_and_patterns_choose(nvfair, publisher, tmp_path):
    publisher.add_record(
        AVAPRINTDB,
        {"landmarks_A.zip": zip_of({"x.npy": b"a"}), "landmarks_B.zip": zip_of({"x.npy": b"b"}), "videos.zip": b"no"},
    )
    code, text = nvfair("get", "avaprintdb", tmp_path / "a", "--accept-terms", "--only", "landmarks_*")
    assert code == 0, text
    assert files_in(tmp_path / "a") == {"landmarks_A/x.npy": b"a", "landmarks_B/x.npy": b"b"}
    code, text = nvfair("get", "avaprintdb", tmp_path / "a", "--accept-terms", "--only", "nothing*")
    assert code == 1
    assert "none of its 3 files matches nothing*" in text


@pytest.mark.parametrize("words", [["zenodo"], ["zenodo=ftp://x"], ["elsewhere=http://x"]])
def test_a_server_that_cannot_be_meant_is_refused(nvfair, tmp_path, words):
    code, text = nvfair("get", "ravdess", tmp_path, "--server", *words, servers=False)
    assert code == 2
    assert "NAME=URL" in text


def test_two_downloads_into_one_folder_are_refused(nvfair, ravdess_files, tmp_path):
    from nvfair_tools.downloads.ledger import open_ledger

    with open_ledger(tmp_path / "r"):
        code, text = nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    assert code == 1
    assert "another download is at work" in text


def test_an_archive_whose_removal_was_interrupted_is_removed(nvfair, publisher, ravdess_files, tmp_path):
    nvfair("get", "ravdess", tmp_path / "r", "--accept-terms")
    name = "Video_Song_Actor_01.zip"
    (tmp_path / "r" / name).write_bytes(publisher.records[RAVDESS][name])
    nvfair("get", "ravdess", tmp_path / "r")
    assert files_in(tmp_path / "r") == ravdess_files


def test_a_killed_download_goes_on(publisher, ravdess_files, nvfair, tmp_path):
    """The process is killed while a body is under way; nothing half-written has a final name."""
    path = f"/api/records/{RAVDESS}/files/Video_Song_Actor_01.zip/content"
    content = publisher.records[RAVDESS]["Video_Song_Actor_01.zip"]

    def stall(handler) -> bool:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content[:1_500])
        handler.wfile.flush()
        time.sleep(20)
        return True

    publisher.faults[path] = [stall]
    arguments = ["get", "ravdess", str(tmp_path / "r"), "--accept-terms", "--quiet", *publisher.arguments()]
    process = subprocess.Popen(
        [sys.executable, "-m", "nvfair_tools", *arguments],
        cwd=Path(__file__).resolve().parents[3],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[3])},
        stdout=subprocess.DEVNULL,
    )
    try:
        parts = tmp_path / "r" / ".nvfair-get" / "parts"
        speech = tmp_path / "r" / "Actor_01" / "01-01-01-01-02-01-01.mp4"
        for _ in range(1_200):
            sizes = [part.stat().st_size for part in parts.glob("*.part")] if parts.exists() else []
            if 1_500 in sizes and speech.exists():
                break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    assert not (tmp_path / "r" / "Video_Song_Actor_01.zip").exists()
    assert [part.stat().st_size for part in parts.glob("*.part")] == [1_500]
    publisher.requests.clear()
    code, text = nvfair("get", "ravdess", tmp_path / "r")
    assert code == 0, text
    assert [headers["range"] for _, place, headers in publisher.requests if place == path] == ["bytes=1500-"]
    assert files_in(tmp_path / "r") == ravdess_files
    assert not list(parts.iterdir())
