"""A disk that takes nothing more stops a stage at once, with what to do; a later run continues."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
# A limit of the size of files is an error of the system's own, as a full disk is, and needs no disk of its own.
STAGE = """
import resource, sys
from pathlib import Path
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.items import ok
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.progress import Silent
from nvfair_tools.pipeline.stage import StageRunner

class Writer:
    def run(self, path):
        print("run", path.name, flush=True)
        with open(path, "wb") as file:
            file.write(bytes(100 if path.name == "small" else 400_000))
        return ok(path=path.name, bytes=path.stat().st_size)

folder, limit = Path(sys.argv[1]), int(sys.argv[2])
with Journal(folder / "journal.sqlite") as journal:
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    runner = StageRunner(folder, journal, LocalEngine(0), Silent(), 60.0)
    names = ["small", "one", "two", "three"]
    outputs = {name: name for name in names}
    results = runner.run_items("write", Writer, {name: folder / name for name in names}, outputs=outputs)
    print(sorted((id, result.state) for id, result in results.items()))
"""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of files")


def run(folder: Path, limit: int) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", STAGE, str(folder), str(limit)]
    return subprocess.run(command, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True, timeout=300)


def test_a_stage_stops_at_the_first_item_that_cannot_be_stored_and_resumes(tmp_path):
    stopped = run(tmp_path, 200_000)
    assert stopped.stdout.split() == ["run", "small", "run", "one"], "all further items would fail alike"
    assert "nothing more can be stored: File too large" in stopped.stderr
    assert "run the same command again" in stopped.stderr
    resumed = run(tmp_path, 0)
    assert resumed.stdout.splitlines()[:3] == ["run one", "run two", "run three"], "what was finished is kept"
    assert resumed.stdout.count("'ok'") == 4


def test_a_journal_that_cannot_be_written_is_the_users_error(tmp_path):
    """The limit is below the journal's first page."""
    stopped = run(tmp_path, 1_000)
    assert "the build's journal cannot be written" in stopped.stderr
    assert stopped.stderr.strip().splitlines()[-1].lstrip().startswith("to fix it: free some space")
    assert run(tmp_path, 0).stdout.count("'ok'") == 4
