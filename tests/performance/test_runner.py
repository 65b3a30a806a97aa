"""`python -m tests.performance`: what it runs, and what it says of what went wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.performance", *arguments]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, timeout=1500)


def test_every_benchmark_is_listed():
    listed = run("--list").stdout.split()
    files = {path.stem.removeprefix("bench_") for path in (ROOT / "tests" / "performance").glob("bench_*.py")}
    assert set(listed) == files
    assert {"lia", "tps", "face_vid2vid", "warp"} <= files


def test_a_benchmark_that_fails_fails_the_run_after_the_others():
    done = run("features", "lia", "--", "--frames", "none")
    header, *rest = done.stdout.splitlines()
    assert {"processor", "threads", "torch", "versions"} <= set(json.loads(header))
    assert [line.split(":")[0] for line in rest if line.startswith("--")] == ["-- features", "-- lia"]
    assert done.returncode == 2
    assert "failed: features, lia" in done.stderr


def test_an_unknown_name_is_refused_with_those_there_are():
    done = run("speed")
    assert done.returncode == 2
    assert "'speed'" in done.stderr
    assert "'tps'" in done.stderr
