"""A file arrives whole and verified, or not at all, whatever the server does."""

import email.utils
import hashlib
import time

import pytest

pytest.importorskip("httpx")
import httpx

from nvfair_tools.downloads.answers import error_of_status
from nvfair_tools.downloads.errors import DownloadError
from nvfair_tools.downloads.remote import Place, RemoteFile
from nvfair_tools.downloads.transfer import Retries, Transfer
from tests.nvfair_tools.downloads.publisher import cut_after, status

PATH = "/api/records/7/files/clip.bin/content"
CONTENT = bytes(range(256)) * 4_000  # 1,024,000 bytes
QUICK = Retries(attempts=3, first_wait=0.01, longest_wait=0.02, longest_retry_after=2)


def remote(publisher, content=CONTENT, **changes) -> RemoteFile:
    keys = {"size": len(content), "checksum": f"md5:{hashlib.md5(content).hexdigest()}"}
    return RemoteFile(name="clip.bin", url=f"{publisher.url}{PATH}", **(keys | changes))


def fetch(publisher, tmp_path, retries=QUICK, **changes) -> list[int]:
    publisher.records.setdefault("7", {"clip.bin": CONTENT})
    file, seen = remote(publisher, **changes), []
    with Transfer(retries) as transfer:
        transfer.fetch(file, Place(file.url), tmp_path / "part", seen.append)
    return seen


def ranges(publisher) -> list[str]:
    return [headers.get("range", "") for _, _, headers in publisher.requests]


def test_a_file_arrives(publisher, tmp_path):
    seen = fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert seen[-1] == len(CONTENT)
    assert seen == sorted(seen)


def test_a_body_that_breaks_off_is_gone_on_with_where_it_stopped(publisher, tmp_path):
    publisher.faults[PATH] = [cut_after(100_000), cut_after(50_000)]
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert ranges(publisher) == ["", "bytes=100000-", "bytes=150000-"]


def test_an_interrupted_download_goes_on_in_the_next_run(publisher, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:777_777])
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert ranges(publisher) == ["bytes=777777-"]


def test_a_server_that_ignores_ranges_sends_all_of_it_again(publisher, tmp_path):
    publisher.ranges = False
    (tmp_path / "part").write_bytes(b"x" * 1000)
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert len(publisher.requests) == 1


def test_the_half_of_another_version_is_thrown_away_and_fetched_once_more(publisher, tmp_path):
    (tmp_path / "part").write_bytes(b"y" * 500_000)
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert ranges(publisher) == ["bytes=500000-", ""]


@pytest.mark.parametrize("length", [len(CONTENT) + 1, len(CONTENT) * 2])
def test_a_part_that_is_too_long_is_thrown_away(publisher, tmp_path, length):
    (tmp_path / "part").write_bytes(b"z" * length)
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT


def failure(publisher, tmp_path, retries=QUICK, **changes) -> DownloadError:
    with pytest.raises(DownloadError) as caught:
        fetch(publisher, tmp_path, retries, **changes)
    return caught.value


def test_another_checksum_is_an_error_and_nothing_is_kept(publisher, tmp_path):
    error = failure(publisher, tmp_path, checksum="md5:" + "0" * 32)
    assert error.reason == "changed"
    assert "checksum" in str(error)
    assert not (tmp_path / "part").exists()


@pytest.mark.parametrize("size", [len(CONTENT) - 1, len(CONTENT) + 1])
def test_another_size_is_an_error_before_the_file_is_downloaded(publisher, tmp_path, size):
    seen_by = {}

    def note(handler):
        seen_by["range"] = handler.headers.get("range")
        return False

    publisher.faults[PATH] = [note]
    error = failure(publisher, tmp_path, size=size)
    assert error.reason == "changed"
    assert f"{len(CONTENT):,} bytes" in error.what
    assert f"{size:,} bytes" in error.expected
    assert not (tmp_path / "part").exists()
    assert seen_by == {"range": None}


def test_another_size_shows_in_the_answer_to_a_range_too(publisher, tmp_path):
    (tmp_path / "part").write_bytes(CONTENT[:10])
    error = failure(publisher, tmp_path, size=len(CONTENT) + 5)
    assert error.reason == "changed"
    assert not (tmp_path / "part").exists()


def test_a_page_in_place_of_the_file_is_named(publisher, tmp_path):
    page = b"<!DOCTYPE html><html><head><title>Sign in to the guest network</title></head></html>"
    publisher.faults[PATH] = [status(200, page, "text/html; charset=utf-8")]
    error = failure(publisher, tmp_path)
    assert error.reason == "html_page"
    assert "Sign in to the guest network" in str(error)
    assert error.stops_all
    assert not (tmp_path / "part").exists() or not (tmp_path / "part").read_bytes()


def test_a_page_that_claims_to_be_a_file_of_the_right_size_is_named_too(publisher, tmp_path):
    page = b"  <html><body>please wait</body></html>".ljust(len(CONTENT))
    publisher.faults[PATH] = [status(200, page, "application/octet-stream")]
    assert failure(publisher, tmp_path).reason == "html_page"


@pytest.mark.parametrize("code", [429, 500, 502, 503, 504])
def test_a_busy_server_is_asked_again(publisher, tmp_path, code):
    publisher.faults[PATH] = [status(code), status(code)]
    fetch(publisher, tmp_path)
    assert (tmp_path / "part").read_bytes() == CONTENT


@pytest.mark.parametrize("code", [429, 503])
def test_the_wait_that_a_server_asks_for_is_kept(publisher, tmp_path, code):
    publisher.faults[PATH] = [status(code, Retry_After="1")]
    begun = time.monotonic()
    fetch(publisher, tmp_path, Retries(attempts=2, first_wait=0.0, longest_retry_after=5))
    assert time.monotonic() - begun >= 0.99


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "120"}, 120),
        ({"retry-after": email.utils.formatdate(time.time() + 3600, usegmt=True)}, 3600),
        ({"retry-after": email.utils.formatdate(time.time() - 3600, usegmt=True)}, 0),
        ({"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(time.time()) + 3600)}, 3600),
        ({"x-ratelimit-remaining": "5", "x-ratelimit-reset": str(int(time.time()) + 3600)}, None),
        ({"retry-after": "soon"}, None),
        ({}, None),
    ],
)
def test_a_wait_is_read_from_seconds_dates_and_times_of_reset(headers, seconds):
    error = error_of_status(httpx.Response(429, headers=headers), b"", "http://somewhere")
    # The tests may have been collected long before this one runs.
    assert error.retry_after == (None if seconds is None else pytest.approx(seconds, abs=1800))
    assert (error.retry_after is None) == (seconds is None)


def test_a_wait_that_is_too_long_ends_with_a_message(publisher, tmp_path):
    publisher.faults[PATH] = [status(429, b"slow down", Retry_After="86400")]
    error = failure(publisher, tmp_path)
    assert error.reason == "rate_limited"
    assert "429" in str(error)
    assert "slow down" in str(error)
    assert len(publisher.requests) == 1


def test_a_server_that_stays_broken_is_given_up(publisher, tmp_path):
    publisher.faults[PATH] = [status(500)] * 10
    error = failure(publisher, tmp_path)
    assert error.reason == "server_error"
    assert len(publisher.requests) == QUICK.attempts


@pytest.mark.parametrize(
    ("code", "reason"),
    [(403, "forbidden"), (401, "forbidden"), (404, "not_found"), (410, "not_found"), (400, "refused")],
)
def test_a_refusal_is_not_repeated(publisher, tmp_path, code, reason):
    publisher.faults[PATH] = [status(code, b"because")] * 3
    error = failure(publisher, tmp_path)
    assert error.reason == reason
    assert str(code) in str(error)
    assert len(publisher.requests) == 1


def test_a_used_up_quota_is_named(publisher, tmp_path):
    body = b"This repository is over its data quota. Account responsible for LFS bandwidth should purchase more."
    publisher.faults[PATH] = [status(403, body)]
    error = failure(publisher, tmp_path)
    assert error.reason == "quota_exceeded"
    assert error.stops_all


def test_githubs_rate_limit_is_no_refusal(publisher, tmp_path):
    reset = str(int(time.time()) + 3600)
    publisher.faults[PATH] = [status(403, b"{}", X_RateLimit_Remaining="0", X_RateLimit_Reset=reset)]
    error = failure(publisher, tmp_path)
    assert error.reason == "rate_limited"
    assert 3500 < error.retry_after <= 3600


def test_no_connection_is_named_after_the_attempts(tmp_path, monkeypatch):
    import socket

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/clip.bin"
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        with pytest.raises(DownloadError) as caught, Transfer(QUICK) as transfer:
            transfer.get_json(url)
    assert caught.value.reason == "no_network"
    assert url in str(caught.value)


def test_a_proxy_of_the_environment_is_used(publisher, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", publisher.url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    publisher.add_record("7", {"a.zip": b"1"})
    with Transfer(QUICK) as transfer:
        content = transfer.get_json("http://zenodo.example/api/records/7")
    assert content["id"] == 7
    assert publisher.requests[0][2]["host"] == "zenodo.example"


def test_a_full_disk_is_named_and_what_arrived_is_kept(publisher, tmp_path):
    publisher.records["7"] = {"clip.bin": CONTENT}
    file = remote(publisher)
    with pytest.raises(DownloadError) as caught, Transfer(QUICK) as transfer:
        transfer.fetch(file, Place(file.url), _FullDisk("/dev/full"), lambda arrived: None)
    assert caught.value.reason == "disk_full"


def _FullDisk(path):
    from pathlib import Path

    if not Path(path).exists():
        pytest.skip("this system has no /dev/full")
    return Path(path)


def test_an_answer_that_is_no_json_is_named(publisher):
    publisher.faults["/api/records/7"] = [status(200, b"{", "application/json")]
    with pytest.raises(DownloadError, match="no JSON"), Transfer(QUICK) as transfer:
        transfer.get_json(f"{publisher.url}/api/records/7")
