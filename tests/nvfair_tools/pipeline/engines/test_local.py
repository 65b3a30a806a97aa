"""The engine against real crashes: killed, exited and endless workers."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.items import ItemResult, ok
from tests.waiting import wait_until


class Troublemaker:
    """Does what its payload says; counts the batches it prepared."""

    def __init__(self) -> None:
        self.batches = 0

    def prepare(self, shared):
        self.batches += 1
        if shared is not None:
            act(shared)
        return shared

    def run(self, prepared, payload) -> ItemResult:
        act(payload)
        threads = {os.environ.get(name) for name in ("OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM")}
        policy = os.sched_getscheduler(0) if hasattr(os, "sched_getscheduler") else None
        return ok(pid=os.getpid(), threads=sorted(map(str, threads)), batches=self.batches, policy=policy)


def act(payload: str) -> None:
    if payload == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif payload == "segfault":
        os.kill(os.getpid(), signal.SIGSEGV)
    elif payload == "exit":
        sys.exit(3)
    elif payload == "_exit":
        os._exit(4)
    elif payload == "loop":
        while True:
            pass
    elif payload.startswith("child "):
        subprocess.run(["sleep", payload.removeprefix("child ")], check=False)
    elif payload == "raise":
        raise ZeroDivisionError("by zero")
    elif payload == "users":
        raise NvfairError("no such thing", where="/home/somebody/clip.mp4")
    elif payload == "io":
        raise OSError(28, "No space left on device")


class NeverReady:
    def __init__(self) -> None:
        os._exit(9)


class Unmakeable:
    def __init__(self) -> None:
        raise NvfairError("weights are missing", remedy="add them")


def singles(*payloads: str) -> list[Batch]:
    return [Batch(((f"{n}:{payload}", payload),)) for n, payload in enumerate(payloads)]


def run(batches, workers=2, time_limit=60.0, factory=Troublemaker) -> dict[str, ItemResult]:
    outcomes = list(LocalEngine(workers).run(factory, batches, time_limit=time_limit))
    results = dict(outcomes)
    assert len(results) == len(outcomes), "an item was reported twice"
    return results


@pytest.mark.parametrize("workers", [0, 2])
def test_no_items_is_no_work(workers):
    assert run([], workers) == {}


def test_a_crashed_worker_is_one_failed_retryable_item_and_the_rest_is_done():
    results = run(singles("good", "kill", "good", "exit", "good", "_exit", "segfault", "good"))
    assert {id: result.state for id, result in results.items()} == {
        "0:good": "ok",
        "1:kill": "failed",
        "2:good": "ok",
        "3:exit": "failed",
        "4:good": "ok",
        "5:_exit": "failed",
        "6:segfault": "failed",
        "7:good": "ok",
    }
    crashed = [result for result in results.values() if result.state == "failed"]
    assert all(result.reason == "worker_crashed" and result.retryable for result in crashed)
    assert "SIGKILL" in results["1:kill"].detail
    assert "SIGSEGV" in results["6:segfault"].detail
    assert results["3:exit"].detail.endswith("exit status 3")
    assert results["5:_exit"].detail.endswith("exit status 4")


def test_an_endless_item_fails_at_its_limit_and_the_rest_is_done():
    results = run(singles("loop", "good", "good"), workers=1, time_limit=1.0)
    assert results["0:loop"].reason == "time_limit"
    assert results["0:loop"].retryable
    assert [results["1:good"].state, results["2:good"].state] == ["ok", "ok"]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs /proc to look for processes")
def test_an_overdue_items_own_programs_end_with_it():
    (result,) = run(singles(item := sleeping_child()), workers=1, time_limit=1.0).values()
    assert result.reason == "time_limit"
    wait_until(lambda: not is_asleep(item), 60)


def sleeping_child() -> str:
    """An item that starts a program of its own, which no other test starts: it sleeps for hours."""
    return f"child {time.time_ns() % 10**9 + 10**4}"


def is_asleep(item: str) -> bool:
    """Whether the program of an item of `sleeping_child` runs."""
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            if (folder / "cmdline").read_bytes() == f"sleep\0{item.removeprefix('child ')}\0".encode():
                return True
    return False


def test_a_crash_within_a_batch_costs_one_item_and_the_shared_work_is_done_again():
    batch = Batch((("a", "good"), ("b", "kill"), ("c", "good"), ("d", "good")), shared="fine")
    results = run([batch], workers=1)
    assert {id: result.state for id, result in results.items()} == {"a": "ok", "b": "failed", "c": "ok", "d": "ok"}
    assert results["a"].facts["pid"] != results["c"].facts["pid"]
    assert results["c"].facts["pid"] == results["d"].facts["pid"]
    assert results["d"].facts["batches"] == 1


@pytest.mark.parametrize(("shared", "reason"), [("kill", "worker_crashed"), ("raise", "unexpected_error")])
def test_shared_work_that_fails_fails_the_whole_batch_at_once(shared, reason):
    results = run([Batch((("a", "good"), ("b", "good")), shared=shared), Batch((("c", "good"),))], workers=1)
    assert {id: result.reason for id, result in results.items()} == {"a": reason, "b": reason, "c": ""}


@pytest.mark.parametrize("workers", [0, 1])
def test_exceptions_become_results_that_say_whether_to_try_again(workers):
    results = run(singles("raise", "users", "io", "good"), workers)
    assert results["0:raise"].reason == "unexpected_error"
    assert results["0:raise"].retryable
    assert results["0:raise"].detail.startswith("ZeroDivisionError: by zero (test_local.py:")
    assert (results["1:users"].reason, results["1:users"].retryable) == ("unusable_input", False)
    assert results["1:users"].detail == "no such thing", "a machine's path would enter the data set"
    assert (results["2:io"].reason, results["2:io"].retryable) == ("io_error", True)
    assert results["3:good"].state == "ok"


def test_workers_are_set_up_once_and_share_out_the_cores():
    results = run(singles(*["good"] * 6), workers=1)
    assert {result.facts["pid"] for result in results.values()} != {os.getpid()}
    assert len({result.facts["pid"] for result in results.values()}) == 1
    assert sorted(result.facts["batches"] for result in results.values()) == [1, 2, 3, 4, 5, 6]
    assert {tuple(result.facts["threads"]) for result in results.values()} == {(str(os.cpu_count()),)}


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="a policy of Linux")
def test_workers_and_what_they_start_are_scheduled_as_batch_jobs():
    before = os.sched_getscheduler(0)
    (result,) = run(singles("good"), workers=1).values()
    assert result.facts["policy"] == os.SCHED_BATCH
    assert os.sched_getscheduler(0) == before, "this process stays as it was"


def test_a_worker_that_cannot_be_made_is_the_users_error():
    with pytest.raises(NvfairError, match="weights are missing"):
        run(singles("good"), factory=Unmakeable)


def test_workers_that_die_before_they_are_ready_end_the_run_instead_of_looping():
    with pytest.raises(NvfairError, match=r"3 worker processes in a row .* exit status 9"):
        run(singles("good", "good"), workers=1, factory=NeverReady)


def test_results_stream_and_closing_the_run_stops_its_workers():
    stream = LocalEngine(2).run(Troublemaker, singles("good", "loop", "loop"), time_limit=60.0)
    _, result = next(stream)
    stream.close()
    assert result.state == "ok"
    with pytest.raises(ProcessLookupError):
        os.kill(result.facts["pid"], 0)
