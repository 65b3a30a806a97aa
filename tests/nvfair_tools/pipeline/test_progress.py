"""Progress in a terminal and in a real notebook kernel."""

import io
import re
import sys

import pytest
from rich.console import Console

from nvfair_tools.pipeline.items import ok, rejected
from nvfair_tools.pipeline.progress import Bars, Silent, default_reporter


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


def test_nothing_is_shown_where_nobody_watches(capsys, monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    reporter = default_reporter()
    assert isinstance(reporter, Silent)
    reporter.begin_stage("track", 1, 0)
    reporter.end_item(ok())
    assert capsys.readouterr().out == ""


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
        client.wait_for_ready(timeout=60)
        client.execute_interactive(NOTEBOOK_CELL, output_hook=messages.append, timeout=60)
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
