"""[board] serves a board, takes a submission over the API, scores it and exports the site."""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import numpy as np
import yaml
from support import nvfair, small_cohort

import leaderboard
import nvfair_tools
from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from leaderboard.submission.test_set import windows_under_test

data = nvfair_tools.open(small_cohort())
token = re.search(r"nvf_[\w-]+", nvfair("board", "admin", "init", "board", "--dataset", data.folder))[0]

nvfair("submit", "init", "mine")
windows = windows_under_test(data, protocols.load("nvfair-unseen"))
spread = [windows.landmarks[start : start + windows.length].std(axis=0).ravel() for start in windows.start]
Path("mine/embeddings").mkdir(exist_ok=True)
write_embeddings(Path("mine/embeddings/test.parquet"), windows, np.array(spread, dtype=np.float32), {})
declaration = {
    "format_version": 1,
    "method": "landmark spread",
    "authors": ["A. Author"],
    "contact": "author@example.org",
    "training": {"datasets": [], "people": [], "generators": []},
    "entries": [{"protocol": "nvfair-unseen", "embeddings": "embeddings/test.parquet"}],
}
Path("mine/submission.yaml").write_text(yaml.safe_dump(declaration))
checked = leaderboard.check_submission("mine", data)
assert not checked.problems, checked.problems

with socket.socket() as free:
    free.bind(("127.0.0.1", 0))
    port = free.getsockname()[1]
command = [sys.executable, "-m", "nvfair_tools", "board", "serve", "board", "--port", str(port)]
with subprocess.Popen(command, env=os.environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
    try:
        url = f"http://127.0.0.1:{port}"
        for _ in range(600):
            assert server.poll() is None
            try:
                urllib.request.urlopen(f"{url}/readyz", timeout=10).close()
                break
            except OSError:
                time.sleep(0.1)
        with leaderboard.Client(url, token) as client:
            scored = client.wait_until_scored(client.submit("mine").digest)
            assert [job.state for job in scored.jobs] == ["done"], scored
    finally:
        server.terminate()
        server.wait(60)
nvfair("board", "export", "site", "--store", "sqlite:///board/board.sqlite")
