"""The state of a build can be read by another process while it runs, and changes nothing."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.curate.build import status
from nvfair_tools.curate.status import build_status
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import failed, ok, rejected
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.workspace import Workspace

ROOT = Path(__file__).resolve().parents[3]
# A build that has been rendering for a while, by a process of its own.
BUILD = """
import sys, time
from pathlib import Path
from nvfair_tools.pipeline.items import failed, ok
from nvfair_tools.pipeline.workspace import Workspace
with Workspace(Path(sys.argv[1])).open_journal() as journal:
    for stage, part in (("render", "warp-dense"), ("render", "warp-tps"), ("track", ""), ("landmarks", "")):
        journal.plan_stage(stage, 10, 4 if stage == "render" else 0, part=part)
    journal.begin_stage("render", part="warp-dense")
    for number in range(3):
        time.sleep(0.05)
        journal.record("render", str(number), ok() if number else failed("io_error", retryable=True), part="warp-dense")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_a_running_build_is_seen_in_the_order_of_the_pipeline(tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    folder = tmp_path / "dataset"
    command = [sys.executable, "-c", BUILD, str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "ready\n"
            state = build_status(folder)
            output = CliRunner().invoke(status, [str(folder)], catch_exceptions=False).output
            with pytest.raises(NvfairError, match="another build is at work"), Workspace(folder).open_journal():
                pass
            assert build_status(folder).running, "a second build that was refused leaves the lock as it is"
        finally:
            process.stdin.close()
    assert state.running
    assert not state.finished
    table = state.progress
    assert table[["stage", "part"]].to_numpy().tolist() == [
        ["track", ""],
        ["render", "warp-dense"],
        ["render", "warp-tps"],
        ["landmarks", ""],
    ]
    row = table.iloc[1]
    assert (row["planned"], row["done"], row["failed"]) == (10, 6, 1), "four of an earlier run, two of this one"
    assert 0 < row["rate"] <= 20
    assert row["left"] == pytest.approx(3 / row["rate"])
    assert table["rate"].isna().tolist() == [True, False, True, True]
    assert "a build is at work" in output
    assert "this run" in output
    assert not build_status(folder).running


def test_counts_stand_in_the_order_of_the_pipeline(tmp_path):
    journal_path = Workspace(tmp_path).journal_path
    with Journal(journal_path) as journal:
        for stage in ("landmarks", "shard", "original", "track", "read", "render"):
            journal.record(stage, "1", ok())
        journal.record("track", "2", rejected("no_face"))
    counts = build_status(tmp_path).counts
    assert counts["stage"].tolist() == ["read", "track", "track", "original", "render", "landmarks", "shard"]


def test_a_journal_that_kept_no_progress_is_read_and_not_changed(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.folder.mkdir()
    old = Path(__file__).parents[1] / "pipeline" / "journal_0_1_0.sqlite"
    workspace.journal_path.write_bytes(old.read_bytes())
    before = workspace.journal_path.read_bytes()
    state = build_status(tmp_path)
    assert len(state.progress) == 0
    assert state.counts["items"].sum() > 0
    assert workspace.journal_path.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write anywhere")
def test_a_build_on_a_medium_that_cannot_be_written_is_read(tmp_path):
    with Journal(Workspace(tmp_path).journal_path) as journal:
        journal.record("track", "1", failed("time_limit", retryable=True))
    Workspace(tmp_path).folder.chmod(0o500)
    try:
        assert build_status(tmp_path).counts["reason"].tolist() == ["time_limit"]
    finally:
        Workspace(tmp_path).folder.chmod(0o700)


def test_a_folder_without_a_build_is_refused(tmp_path):
    with pytest.raises(NvfairError, match="no build has begun"):
        build_status(tmp_path)


def test_a_journal_that_is_just_being_made_has_no_items_yet(tmp_path):
    workspace = Workspace(tmp_path)
    workspace.folder.mkdir()
    workspace.journal_path.touch()
    state = build_status(tmp_path)
    assert len(state.counts) == len(state.progress) == 0
