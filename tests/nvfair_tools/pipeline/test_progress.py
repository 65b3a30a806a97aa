"""Progress in a terminal and in a real notebook kernel."""

import io
import re
import sys
import time

import pytest
from rich.console import Console

from nvfair_tools.pipeline.items import ok, rejected
from nvfair_tools.pipeline.progress import Bars, default_reporter
from nvfair_tools.pipeline.progress_lines import ProgressLines, step_progress, task_progress


def test_a_terminal_shows_a_bar_a_stage_with_the_reasons_of_what_did_not_end_well():
    text = io.StringIO()
    with Bars(Console(file=text, force_terminal=True, width=120)) as bars:
        bars.begin_stage("track", 4, 1)
        for result in (ok(), rejected("no_face"), rejected("no_face")):
            bars.end_item(result)
        bars.begin_stage("render", 1, 1)
    last_frame = text.getvalue().rpartition("track")[2]
    assert "4/4" in last_frame
    assert "2 no_face" in last_frame
    assert "render" in last_frame


def line_with(text: io.StringIO, part: str) -> str:
    """The first line that holds `part`, once a thread has written it."""
    for _ in range(6000):
        lines = [line for line in text.getvalue().splitlines(keepends=True) if part in line and line.endswith("\n")]
        if lines:
            return lines[0].rstrip("\n")
        time.sleep(0.01)
    raise AssertionError(f"no line with {part!r} in:\n{text.getvalue()}")


def test_a_log_gets_lines_with_what_is_done_the_rate_and_the_time_left():
    text = io.StringIO()
    with ProgressLines(text, interval=0.05) as lines:
        lines.begin_stage("track", 4000, 1000)
        for result in (ok(), rejected("no_face"), rejected("no_face")):
            lines.end_item(result)
        line = line_with(text, "1,003")
        lines.begin_stage("render", 1, 1)
    assert re.fullmatch(
        r"\d\d:\d\d:\d\d track: 1,003 of 4,000, 2 no_face, [\d.]+ s so far, [\d.,]+ a second, about [\d.]+ \w+ left",
        line,
    )
    # A stage that has begun to speak says how it ended.
    assert sum("track" in line for line in text.getvalue().splitlines()) >= 2


def test_a_log_gets_lines_although_nothing_ends():
    text = io.StringIO()
    with ProgressLines(text, interval=0.05) as lines:
        lines.begin_stage("embedding", 0, 0)
        line_with(text, "embedding: begun, 0 s so far")
        line_with(text, "embedding: begun, 1 s so far")


def test_a_step_that_was_long_says_when_it_has_ended_and_then_the_next_begins(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    with step_progress(interval=0.05) as begin:
        begin("reading")
        line_with(text, "reading: begun, 0 s so far")
        begin("scoring")
    lines = [line.partition(" ")[2] or line for line in text.getvalue().splitlines()]
    assert lines[-2:] == ["reading: ended, 0 s", "scoring"]


def test_what_ends_within_the_first_minute_writes_no_line(capsys, monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    reporter = default_reporter()
    assert isinstance(reporter, ProgressLines)
    with reporter:
        reporter.begin_stage("track", 1, 0)
        reporter.end_item(ok())
    with task_progress("videos") as report:
        report(1, 2)
    assert text.getvalue() + capsys.readouterr().out == ""


def test_a_task_that_is_only_counted_has_a_rate_and_a_note(monkeypatch):
    text = io.StringIO()
    monkeypatch.setattr(sys, "stderr", text)
    with task_progress("training", interval=0.05) as report:
        report(500, 2000, "validation AUC 0.71")
        report(501, 2000, "validation AUC 0.71")
        line = line_with(text, "501 of")
    assert "training: 501 of 2,000, validation AUC 0.71, " in line
    assert " left" in line
    with task_progress("training", quiet=True, interval=0.01) as report:
        report(1, 2)
    assert text.getvalue().count("of 2,000") == text.getvalue().count("\n")


def test_steps_are_shown_as_they_begin_and_while_they_last(monkeypatch):
    text, begun_steps = io.StringIO(), []
    monkeypatch.setattr(sys, "stderr", text)
    with step_progress(begun_steps.append, interval=0.02) as begin:
        begin("reading 12 videos")
        begin("scoring")
        line_with(text, "scoring: begun")
    assert begun_steps == ["reading 12 videos", "scoring"]


NOTEBOOK_CELL = """
from nvfair_tools.pipeline.items import ok, rejected
from nvfair_tools.pipeline.progress import default_reporter
with default_reporter() as reporter:
    reporter.begin_stage("track", 3, 0)
    for result in (ok(), rejected("no_face"), ok()):
        reporter.end_item(result)
    reporter.begin_stage("<render>", 2, 2)
"""


def test_a_notebook_shows_the_bars_in_one_output_without_a_warning():
    manager = pytest.importorskip("jupyter_client.manager")
    spec = pytest.importorskip("jupyter_client.kernelspec").KernelSpec
    pytest.importorskip("ipykernel")
    kernel = manager.KernelManager()
    kernel._kernel_spec = spec(argv=[sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"])
    kernel.start_kernel()
    client = kernel.client()
    client.start_channels()
    messages = []
    try:
        client.wait_for_ready(timeout=600)
        client.execute_interactive(NOTEBOOK_CELL, output_hook=messages.append, timeout=600)
    finally:
        client.stop_channels()
        kernel.shutdown_kernel(now=True)
    outputs = [m for m in messages if m["msg_type"] in ("display_data", "update_display_data", "stream", "error")]
    assert outputs[0]["msg_type"] == "display_data"
    assert {m["msg_type"] for m in outputs[1:]} == {"update_display_data"}
    assert len({m["content"]["transient"]["display_id"] for m in outputs}) == 1
    page = outputs[-1]["content"]["data"]["text/html"]
    assert re.findall(r"<td[^>]*>([^<]*)</td>", page) == ["track", "3/3", "1 no_face", "&lt;render&gt;", "2/2", ""]
    assert '<progress max="3" value="3">' in page
