"""Pages are rendered once a change, off the readers' time; drafts never stand in them."""

import asyncio
import tracemalloc
from collections.abc import Callable

import pytest

from leaderboard.server.api_submissions import publish_submission
from leaderboard.server.page_cache import PageCache
from leaderboard.server.snapshot import Snapshot
from leaderboard.store.database import write_session
from leaderboard.store.results import Store
from leaderboard.store.tables import DatasetRow, SubmissionRow
from leaderboard.submission.scoring import score_submission
from tests.leaderboard.board_process import create_account
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration


class Site:
    """An application that counts what it renders."""

    def __init__(self) -> None:
        self.version, self.rendered, self.slow = 1, 0, 0.0
        self.cache = PageCache(self.app, lambda: self.version, pause_factor=0)

    async def app(self, scope, receive, send) -> None:
        self.rendered += 1
        version = self.version
        await asyncio.sleep(self.slow)
        cookie = [(b"set-cookie", b"a=b")] if scope["path"] == "/cookie" else []
        status = 404 if scope["path"] == "/nowhere" else 200
        await send({"type": "http.response.start", "status": status, "headers": cookie})
        await send({"type": "http.response.body", "body": f"page of {version}".encode()})

    async def get(self, path: str = "/", query: str = "", headers=(), method: str = "GET") -> tuple[int, str]:
        sent = []

        async def send(message) -> None:
            sent.append(message)

        scope = {"type": "http", "method": method, "path": path, "query_string": query.encode(), "headers": headers}
        await self.cache(scope, None, send)
        return sent[0]["status"], sent[1]["body"].decode()


def test_a_page_is_rendered_once_for_many_readers() -> None:
    async def read() -> None:
        site = Site()
        site.slow = 0.05
        first = await asyncio.gather(*(site.get() for _ in range(20)))
        assert set(first) == {(200, "page of 1")}
        await site.get()
        assert site.rendered == 1
        await site.get(query="sort=auc")
        assert site.rendered == 2

    asyncio.run(read())


def test_after_a_change_readers_get_the_old_page_at_once_and_then_the_new_one() -> None:
    async def read() -> None:
        site = Site()
        await site.get()
        site.version, site.slow = 2, 0.2
        start = asyncio.get_running_loop().time()
        assert [await site.get() for _ in range(5)] == [(200, "page of 1")] * 5
        assert asyncio.get_running_loop().time() - start < 0.15
        await asyncio.sleep(0.3)
        assert await site.get() == (200, "page of 2")
        assert site.rendered == 2

    asyncio.run(read())


@pytest.mark.parametrize(
    ("path", "method", "headers"),
    [
        ("/", "POST", ()),
        ("/submit", "GET", ()),
        ("/metrics", "GET", ()),
        ("/api/v1/account", "GET", [(b"authorization", b"Bearer x")]),
        ("/cookie", "GET", ()),
        ("/nowhere", "GET", ()),
    ],
)
def test_private_answers_and_errors_are_never_cached(path: str, method: str, headers) -> None:
    async def read() -> None:
        site = Site()
        for _ in range(3):
            await site.get(path, method=method, headers=headers)
        assert site.rendered == 3

    asyncio.run(read())


def test_a_page_that_takes_long_is_not_rendered_at_every_change() -> None:
    async def read() -> None:
        site = Site()
        site.cache = PageCache(site.app, lambda: site.version, pause_factor=5)
        site.slow = 0.1
        assert await site.get() == (200, "page of 1")
        end = asyncio.get_running_loop().time() + 0.3
        while asyncio.get_running_loop().time() < end:  # within five times 0.1 s
            site.version += 1
            assert await site.get() == (200, "page of 1")
            await asyncio.sleep(0.01)
        assert site.rendered == 1
        assert (await site.get("/another"))[0] == 200  # what nobody has seen yet is made at once
        await asyncio.sleep(0.7)
        await site.get()
        await asyncio.sleep(0.2)
        assert await site.get() == (200, f"page of {site.version}")

    asyncio.run(read())


def test_the_cache_has_a_maximal_size() -> None:
    async def read() -> None:
        site = Site()
        site.cache = PageCache(site.app, lambda: site.version, max_bytes=10_000)
        for n in range(100):
            await site.get(query=f"page={n}")
        await site.get(query="page=99")
        assert site.rendered == 100  # the newest is there
        await site.get(query="page=0")
        assert site.rendered == 101  # the oldest is not

    asyncio.run(read())


def test_addresses_count_against_the_size_like_pages() -> None:
    async def read() -> int:
        site = Site()
        site.cache = PageCache(site.app, lambda: site.version, max_bytes=2_000_000, pause_factor=0)
        tracemalloc.start()
        for n in range(500):
            await site.get(query=f"{n}" + "x" * 60_000)  # 30 MB of addresses
        cached_bytes = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        assert site.rendered == 500
        return cached_bytes

    assert asyncio.run(read()) < 3_000_000


def test_a_page_larger_than_the_cache_is_answered_and_not_kept() -> None:
    async def read() -> None:
        site = Site()
        site.cache = PageCache(site.app, lambda: site.version, max_bytes=100)
        for _ in range(2):
            assert await site.get() == (200, "page of 1")
        assert site.rendered == 2

    asyncio.run(read())


def test_an_error_while_rendering_reaches_the_reader_and_the_next_one_tries_again() -> None:
    async def read() -> None:
        site = Site()

        async def broken(scope, receive, send) -> None:
            raise ZeroDivisionError

        site.cache = PageCache(broken, lambda: 1)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                await site.get()

    asyncio.run(read())


def test_the_snapshot_follows_the_database_without_drafts(submission, dataset, fresh_url: Callable[[], str]) -> None:
    store = Store(fresh_url())
    snapshot = Snapshot(store)
    assert snapshot.refresh()
    assert not snapshot.refresh()
    ann = create_account(store)

    def methods() -> list[str]:
        return [result.submission.method for result in snapshot.current.results]

    for name, private in (("public", False), ("draft", True)):
        write_declaration(submission, {**VALID_DECLARATION, "method": name})
        digest, declaration, rows = score_submission(submission, dataset)
        scored_on = rows[0].dataset_digest
        store.add(digest, declaration, rows)
        with write_session(store.engine) as session:
            row = session.get(SubmissionRow, digest)
            row.private, row.account = private, ann.id
    assert snapshot.refresh()
    assert methods() == ["public", "public"]
    version = snapshot.current.version
    assert publish_submission(store.engine, digest, ann, address="")
    assert snapshot.refresh()
    assert methods() == ["public", "public", "draft", "draft"]
    assert not any(result.private for result in snapshot.current.results)  # boards leave private results out
    assert snapshot.current.version > version
    assert {result.feedback for result in snapshot.current.results} == {"full"}
    with write_session(store.engine) as session:
        session.add(DatasetRow(digest=scored_on, name="toy", feedback="coarse"))
    assert snapshot.refresh()
    assert {(result.feedback, result.dataset) for result in snapshot.current.results} == {("coarse", "toy")}
    store.close()
