"""`nvfair view` as a process: the address it prints, how it ends, and what it refuses."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from nvfair_tools.cli.dataset.view import view
from nvfair_tools.errors import NvfairError

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")
ROOT = Path(__file__).resolve().parents[3]
VIEW = [sys.executable, "-m", "nvfair_tools", "view"]


def start(folder: Path, *options: str) -> subprocess.Popen:
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    command = [*VIEW, str(folder), "--no-browser", *options]
    return subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.soak)]
)
def test_it_prints_an_address_that_works_and_ends_cleanly(cohort, number, status):
    with start(cohort) as process:
        try:
            assert "people" in process.stdout.readline()
            address = process.stdout.readline().strip()
            assert address.startswith("http://127.0.0.1:")
            opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
            with opener.open(address, timeout=120) as answer:  # the socket takes it before the server has begun
                assert "token" not in answer.url
                assert b"nvfair view" in answer.read()
            process.send_signal(number)
            output, errors = process.communicate(timeout=120)
        finally:
            process.kill()
    assert process.returncode == status, errors
    assert "Traceback" not in errors
    assert ("stopped" in output) == (number == signal.SIGINT)


def test_an_unfinished_set_and_an_older_format_are_refused_in_words(tmp_path):
    with pytest.raises(NvfairError, match="not a finished data set"):
        view.main([str(tmp_path), "--no-browser"], standalone_mode=False)
    (tmp_path / "dataset.json").write_text('{"format_version": 1}')
    with pytest.raises(NvfairError, match="nvfair dataset upgrade"):
        view.main([str(tmp_path), "--no-browser"], standalone_mode=False)
