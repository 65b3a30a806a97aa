"""[view] serves the page of a data set."""

import os
import signal
import subprocess
import sys
import urllib.request

from support import small_cohort

folder = small_cohort()
command = [sys.executable, "-m", "nvfair_tools", "view", str(folder), "--no-browser"]
environment = os.environ | {"PYTHONUNBUFFERED": "1"}
with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
    try:
        assert "people" in process.stdout.readline()
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(process.stdout.readline().strip(), timeout=120) as answer:
            assert b"nvfair view" in answer.read()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
    finally:
        process.kill()
assert process.returncode == 130
