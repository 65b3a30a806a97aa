"""Ctrl-C and SIGTERM stop a build alike: no half file stays, and the message says how to go on."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nvfair_tools.curate.status import build_status
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.workspace import Workspace
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import write_recipe, write_sources

skip_without_landmarker()
ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
def test_a_build_that_is_asked_to_end_stops_and_can_go_on(tmp_path):
    recipe = write_recipe(tmp_path / "recipe.yaml", write_sources(tmp_path, clips=2), workers=1)
    folder = tmp_path / "dataset"
    command = [sys.executable, "-m", "nvfair_tools", "build", "--quiet", str(recipe)]
    with subprocess.Popen(
        command, cwd=ROOT, env=dict(os.environ), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        begun = False
        while process.poll() is None and not begun:
            time.sleep(0.02)
            try:
                begun = "track" in build_status(folder).progress["stage"].tolist()
            except NvfairError:  # the journal is not there yet
                continue
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=300)
    assert process.returncode == 143, errors
    last = errors.splitlines()[-1]
    assert last == "interrupted: run the same command again; what was finished is kept and not done again"
    assert Workspace(folder).is_running() is False
    assert list(folder.rglob(".*.part*")) == []
    assert not (folder / "dataset.json").exists()
