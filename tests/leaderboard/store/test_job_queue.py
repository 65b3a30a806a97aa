"""Jobs are taken by one worker at a time, come back when it vanishes, and are closed once."""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from leaderboard.store import job_queue as queue
from leaderboard.store.database import read_session, write_session
from leaderboard.store.results import Store
from leaderboard.store.tables import (
    DONE,
    FAILED,
    FIRST_SCORING,
    LEASED,
    QUEUED,
    JobRow,
    ResultRow,
    SubmissionRow,
    utc_now,
)
from tests.leaderboard.conftest import VALID_DECLARATION


@pytest.fixture
def store(fresh_url: Callable[[], str]) -> Iterator[Store]:
    fresh_store = Store(fresh_url())
    yield fresh_store
    fresh_store.close()


def put(store: Store, count: int = 1) -> None:
    with write_session(store.engine) as session:
        for n in range(count):
            session.add(SubmissionRow(digest=f"d{n}", method="m", declaration=json.dumps(VALID_DECLARATION)))
            session.flush()
            moment = utc_now()
            session.add(
                JobRow(
                    submission=f"d{n}",
                    phase="p",
                    reason=FIRST_SCORING,
                    state=QUEUED,
                    created=moment,
                    available=moment,
                    leases=0,
                    attempts=0,
                )
            )


def take(store: Store, worker: str = "w", seconds: float = 60, max_leases: int = 100) -> queue.Lease | None:
    return queue.lease_next_job(store.engine, worker, seconds, max_leases=max_leases)


def result(digest: str = "d0") -> ResultRow:
    return ResultRow(
        submission=digest,
        entry=0,
        protocol="p",
        protocol_digest="p",
        dataset_digest="s",
        scorer="1",
        reason=FIRST_SCORING,
        figures='{"generators": {}}',
    )


def job(store: Store) -> JobRow:
    with read_session(store.engine) as session:
        return session.scalars(select(JobRow)).one()


def test_many_workers_at_once_take_every_job_exactly_once(store: Store) -> None:
    put(store, 40)

    def work(name: str) -> list[int]:
        taken_jobs = []
        while (lease := take(store, name)) is not None:
            taken_jobs.append(lease.job)
        return taken_jobs

    with ThreadPoolExecutor(6) as pool:
        taken = [job for jobs in pool.map(work, [f"w{n}" for n in range(6)]) for job in jobs]
    assert len(taken) == len(set(taken))
    # A worker may find the queue empty while another holds the row that it looked at; the rest is taken next time.
    taken += work("last")
    assert sorted(taken) == list(range(1, 41))


def test_a_lease_that_ends_is_taken_again_and_the_late_worker_may_change_nothing(store: Store) -> None:
    put(store)
    late = take(store, "late", seconds=0.2)
    assert late is not None
    assert take(store, "early") is None
    time.sleep(0.3)
    second = take(store, "second")
    assert second is not None
    assert (second.job, second.number) == (late.job, 2)
    assert not queue.finish_job(store.engine, late, [result()])
    assert not queue.extend_lease(store.engine, late, 60)
    assert not queue.fail_job(store.engine, late, "late", retry_after=None)
    assert not queue.release_job(store.engine, late)
    assert list(store.results()) == []
    assert queue.finish_job(store.engine, second, [result()])
    assert not queue.finish_job(store.engine, second, [result()])
    assert len(list(store.results())) == 1
    assert job(store).state == DONE


def test_a_lease_that_is_extended_is_not_taken(store: Store) -> None:
    put(store)
    lease = take(store, seconds=0.3)
    assert lease is not None
    assert queue.extend_lease(store.engine, lease, 60)
    time.sleep(0.4)
    assert take(store, "other") is None


def test_results_and_the_closed_job_are_stored_together_or_not_at_all(store: Store) -> None:
    put(store)
    lease = take(store)
    assert lease is not None
    broken = result()
    broken.submission = "nobody"  # refused by the database
    with pytest.raises(Exception, match=r"(?i)foreign key"):
        queue.finish_job(store.engine, lease, [result(), broken])
    assert list(store.results()) == []
    assert job(store).state == LEASED
    assert queue.finish_job(store.engine, lease, [result()])


def test_a_result_that_is_there_already_closes_the_job_and_is_not_doubled(store: Store) -> None:
    put(store)
    with write_session(store.engine) as session:
        session.add(result())
    lease = take(store)
    assert lease is not None
    assert queue.finish_job(store.engine, lease, [result()])
    assert len(list(store.results())) == 1


def test_a_failed_attempt_waits_and_the_last_one_gives_up(store: Store) -> None:
    put(store)
    lease = take(store)
    assert lease is not None
    assert queue.fail_job(store.engine, lease, "crashed", retry_after=0.2)
    assert take(store) is None
    time.sleep(0.25)
    again = take(store)
    assert again is not None
    assert queue.count_failed_attempts(store.engine, again) == 1
    assert queue.fail_job(store.engine, again, "crashed again", retry_after=None)
    assert (job(store).state, job(store).error) == (FAILED, "crashed again")
    assert queue.count_jobs(store.engine) == {QUEUED: 0, LEASED: 0, DONE: 0, FAILED: 1}


def test_a_job_given_back_is_as_if_never_taken(store: Store) -> None:
    put(store)
    lease = take(store)
    assert lease is not None
    assert queue.release_job(store.engine, lease)
    assert (job(store).state, job(store).leases, job(store).attempts) == (QUEUED, 0, 0)


def test_a_job_that_makes_its_workers_vanish_is_given_up(store: Store) -> None:
    put(store)
    for _ in range(3):
        assert take(store, seconds=0, max_leases=3) is not None
        time.sleep(0.01)
    assert take(store, max_leases=3) is None
    assert job(store).state == FAILED
    assert "vanished 3 times" in job(store).error


def test_the_age_of_the_oldest_job_is_measured(store: Store) -> None:
    assert queue.oldest_unfinished_seconds(store.engine) == 0
    put(store)
    time.sleep(0.1)
    assert 0.1 <= queue.oldest_unfinished_seconds(store.engine) < 30
