"""A stop that comes while a worker process is being started waits until it is, and leaves no traceback behind."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
# The signal comes when the worker exists and has not yet been told what it is.
PROGRAM = """
import multiprocessing.util as util, os, signal
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine

def stop(number, frame):
    raise SystemExit(143)

def start_and_stop(path, args, passed):
    pid = start(path, args, passed)
    if "spawn_main" in str(args):
        os.kill(os.getpid(), signal.{name})
    return pid

if __name__ == "__main__":
    signal.signal(signal.{name}, stop)
    start, util.spawnv_passfds = util.spawnv_passfds, start_and_stop
    list(LocalEngine(1).run(dict, [Batch([("a", 1)], None)], time_limit=60))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other signals")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGINT"])
def test_a_stop_while_a_worker_is_started_leaves_no_traceback(tmp_path: Path, name: str) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.replace("{name}", name))
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, program], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 143, done.stderr
    assert done.stderr == ""
