"""Work in a child process ends within its time and memory, and whatever happens to it is told."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from leaderboard.submission.sandbox import Abandoned, BoundedChild, Fault, LimitReached
from nvfair_tools.errors import Problems
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[3]


class Work:
    """Things that submissions may do to a process."""

    def add(self, a: int, b: int) -> int:
        return a + b

    def process(self) -> int:
        return os.getpid()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)

    def grow(self, megabytes: int) -> int:
        return len(bytearray(megabytes * 2**20))

    def crash(self) -> None:
        os.kill(os.getpid(), signal.SIGSEGV)

    def complain(self) -> None:
        raise Problems("here", ["first", "second"])

    def stumble(self) -> None:
        raise ZeroDivisionError("nobody foresaw this")


@pytest.fixture(scope="module")
def child() -> Iterator[BoundedChild]:
    made = BoundedChild(Work, 256)
    yield made
    made.stop()


def test_the_same_process_serves_many_calls(child: BoundedChild) -> None:
    assert child.call("add", 2, 3, seconds=600) == 5
    assert child.call("process", seconds=600) == child.call("process", seconds=600) != os.getpid()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_to_the_whole_group_leaves_the_child_to_its_parent(child: BoundedChild, number: int) -> None:
    process = child.call("process", seconds=600)
    threading.Timer(0.2, os.kill, (process, number)).start()
    child.call("sleep", 0.6, seconds=600)
    assert child.call("process", seconds=600) == process


def test_what_takes_too_long_is_ended_and_the_next_call_works(child: BoundedChild) -> None:
    start = time.monotonic()
    with pytest.raises(LimitReached, match=r"longer than 0\.3 s"):
        child.call("sleep", 60, seconds=0.3)
    assert time.monotonic() - start < 20
    assert child.call("add", 1, 1, seconds=600) == 2


@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux alone")
def test_what_grows_too_large_is_refused_within_its_bound(child: BoundedChild) -> None:
    assert child.call("grow", 100, seconds=600) == 100 * 2**20
    with pytest.raises(LimitReached, match="256 MB of memory"):
        child.call("grow", 600, seconds=600)
    assert child.call("add", 1, 1, seconds=600) == 2


def test_a_crash_is_reported_with_its_status_and_the_next_call_works(child: BoundedChild) -> None:
    with pytest.raises(LimitReached, match=f"status {-signal.SIGSEGV}"):
        child.call("crash", seconds=600)
    assert child.call("add", 1, 1, seconds=600) == 2


def test_errors_come_back_as_they_were_raised(child: BoundedChild) -> None:
    with pytest.raises(Problems) as caught:
        child.call("complain", seconds=600)
    assert caught.value.problems == ("first", "second")
    with pytest.raises(Fault, match="nobody foresaw this"):
        child.call("stumble", seconds=600)


def test_work_that_should_not_continue_is_ended(child: BoundedChild) -> None:
    beats = iter([True, True, False])
    with pytest.raises(Abandoned):
        child.call("sleep", 60, seconds=60, should_continue=lambda: next(beats), poll_seconds=0.05)


def test_a_child_is_replaced_after_its_number_of_calls() -> None:
    child = BoundedChild(Work, 256, calls=2)
    first, second, third = (child.call("process", seconds=600) for _ in range(3))
    child.stop()
    assert first == second != third


def test_a_child_ends_with_a_parent_that_was_killed() -> None:
    code = """
from tests.leaderboard.submission.test_sandbox import Work
from leaderboard.submission.sandbox import BoundedChild
if __name__ == "__main__":
    child = BoundedChild(Work, 256)
    print(child.call("process", seconds=600), flush=True)
    child.call("sleep", 600, seconds=600)
"""
    script = [sys.executable, "-c", code]
    with subprocess.Popen(script, cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        parent.kill()

    def gone() -> bool:
        status = Path(f"/proc/{pid}/stat")
        return not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z"

    wait_until(gone, 20)
