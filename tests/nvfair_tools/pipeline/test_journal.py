"""The journal forgets nothing that was recorded."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import failed, ok, rejected
from nvfair_tools.pipeline.journal import Journal


def test_the_journal_gives_back_what_was_recorded(tmp_path):
    results = {
        "1": ok(frames=3, share=0.5),
        "2": rejected("no_face", "none in 3 frames"),
        "3": failed("time_limit", retryable=True),
    }
    with Journal(tmp_path / "new" / "journal.sqlite") as journal:
        for id, result in results.items():
            journal.record("track", id, result)
        journal.record("render", "1", ok())
    with Journal(tmp_path / "new" / "journal.sqlite") as journal:
        assert journal.results("track") == results
        assert journal.results("track", ["2", "9"]) == {"2": results["2"]}
        journal.record("track", "3", ok())
        assert journal.results("track")["3"] == ok()
        counted = journal.counts().to_numpy().tolist()
    assert counted == [["render", "ok", "", 1], ["track", "ok", "", 2], ["track", "rejected", "no_face", 1]]


def test_a_path_belongs_to_the_item_recorded_last_until_another_is_about_to_write_it(tmp_path):
    with Journal(tmp_path / "journal.sqlite") as journal:
        journal.record("render", "1", ok(path="a.mp4"))
        journal.record("render", "2", ok(path="a.mp4"))
        journal.record("render", "3", ok(path="b.mp4"))
        assert journal.output_owners(["a.mp4", "never.mp4"]) == {"a.mp4": "2"}
        many = [f"{number}.mp4" for number in range(2_000)]
        assert journal.output_owners([*many, "b.mp4", "a.mp4"]) == {"a.mp4": "2", "b.mp4": "3"}
        journal.release_outputs([("a.mp4", "1"), ("b.mp4", "3"), ("never.mp4", "4")])
        assert journal.output_owners(["a.mp4", "b.mp4"]) == {"b.mp4": "3"}


def test_a_killed_process_loses_no_recorded_result(tmp_path):
    code = f"""
import os, signal
from pathlib import Path
from nvfair_tools.pipeline.items import ok
from nvfair_tools.pipeline.journal import Journal
journal = Journal(Path({str(tmp_path / "journal.sqlite")!r}))
for n in range(20):
    journal.record("track", str(n), ok(n=n))
os.kill(os.getpid(), signal.SIGKILL)
"""
    root = Path(__file__).resolve().parents[3]
    process = subprocess.run([sys.executable, "-c", code], cwd=root, env={**os.environ}, check=False)
    assert process.returncode == -signal.SIGKILL
    with Journal(tmp_path / "journal.sqlite") as journal:
        assert len(journal.results("track")) == 20


def test_a_damaged_journal_is_the_users_error_with_a_remedy(tmp_path):
    (tmp_path / "journal.sqlite").write_bytes(b"not a database, but long enough to be read as one" * 100)
    with pytest.raises(NvfairError, match="journal cannot be opened"):
        Journal(tmp_path / "journal.sqlite")
