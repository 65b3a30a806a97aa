"""Jobs in worker processes: results, errors, crashes and Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.simulate.jobs import run_jobs

ROOT = Path(__file__).resolve().parents[3]


class Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(f"{first} {second}")


def act(payload: str, folder: Path) -> int:
    """Does what its payload says; otherwise leaves a file that shows that it ran."""
    if payload == "missing":
        raise MissingExtra("torch", "train")
    if payload == "disk":
        raise OSError(28, "No space left on device", str(folder))
    if payload == "unpicklable":
        raise Unpicklable("not", "picklable")
    if payload == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if payload == "slow":
        time.sleep(60)
    (folder / payload).write_text(str(os.getpid()))
    return len(payload)


@pytest.mark.parametrize("workers", [1, 2, None])
def test_every_job_runs_once_and_its_result_is_reported(tmp_path, workers):
    payloads = ["a", "bb", "ccc", "dddd"]
    results: list[int] = []
    run_jobs(act, [(payload, tmp_path) for payload in payloads], workers, report=results.append)
    assert sorted(results) == [1, 2, 3, 4]
    pids = {(tmp_path / payload).read_text() for payload in payloads}
    assert (pids == {str(os.getpid())}) == (workers == 1)


def test_no_jobs_and_one_job_start_no_process(tmp_path):
    results: list[int] = []
    run_jobs(act, [], 4, report=results.append)
    run_jobs(act, [("a", tmp_path)], 4, report=results.append)
    assert results == [1]
    assert (tmp_path / "a").read_text() == str(os.getpid())


@pytest.mark.parametrize(
    ("payload", "error", "message"),
    [
        ("missing", MissingExtra, r"pip install 'nvfair-tools\[train\]'"),
        ("disk", OSError, "No space left"),
        ("unpicklable", RuntimeError, "Unpicklable: not picklable"),
    ],
)
def test_an_error_of_a_job_is_raised_as_it_is_with_the_workers_traceback(tmp_path, payload, error, message):
    with pytest.raises(error, match=message) as caught:
        run_jobs(act, [(payload, tmp_path), ("slow", tmp_path)], 2, report=lambda result: None)
    assert "in act" in str(caught.value.__cause__)
    assert not (tmp_path / "slow").exists()


def test_a_worker_that_is_killed_costs_its_job_alone_and_the_command_says_what_to_do(tmp_path):
    results: list[int] = []
    jobs = [(payload, tmp_path) for payload in ("kill", "a", "bb", "ccc")]
    with pytest.raises(NvfairError, match=r"(?s)1 of 4 jobs.*SIGKILL.*run the same command again"):
        run_jobs(act, jobs, 2, report=results.append)
    assert sorted(results) == [1, 2, 3]


def test_an_error_while_reporting_ends_the_other_jobs(tmp_path):
    def refuse(result):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run_jobs(act, [("a", tmp_path), ("slow", tmp_path)], 2, report=refuse)
    assert not (tmp_path / "slow").exists(), "the other job ran to its end"


@pytest.mark.slow
def test_ctrl_c_ends_all_workers_and_the_next_run_gives_the_same_data_set(tmp_path):
    settings = tmp_path / "settings.yaml"
    settings.write_text("{sources: [{name: sim, train: 4, validation: 2, test: 4}], clips: 12, frames: 60, cross: all}")

    def command(out):
        arguments = ["simulate", "cohort", str(out), "--settings", str(settings), "--workers", "2"]
        return [sys.executable, "-m", "nvfair_tools", *arguments]

    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    stopped = tmp_path / "stopped"
    process = subprocess.Popen(command(stopped), cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)
    while not any(stopped.rglob("part-*.parquet")):  # until the first part is whole
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=1500)
    assert process.returncode == 130
    assert errors.strip().splitlines()[-1].startswith("interrupted: run the same command again")
    assert not (stopped / "dataset.json").exists()
    half_written = stopped / "frames" / f".part-00000.{process.pid}.part.parquet"
    half_written.write_bytes(b"half")
    for out in (stopped, tmp_path / "whole"):
        assert subprocess.run(command(out), cwd=ROOT, env=environment, capture_output=True, check=False).returncode == 0
    assert contents(stopped) == contents(tmp_path / "whole")


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}
