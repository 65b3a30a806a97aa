"""The database's tables: made, brought forward, refused; and what they never allow."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import DatabaseError

from leaderboard.settings import PhaseSetting
from leaderboard.store import schema
from leaderboard.store.accounts import authenticate
from leaderboard.store.database import open_engine, read_session, write_session
from leaderboard.store.job_queue import lease_next_job
from leaderboard.store.quota import get_quota
from leaderboard.store.results import Store
from leaderboard.store.tables import AnswerRow, AuditRow, Base, ResultRow, SubmissionRow, utc_now
from nvfair_tools.errors import NvfairError
from tests.leaderboard.conftest import VALID_DECLARATION

# What the first release made, as its own code said it (create_all), for each database.
OLD = (
    "CREATE TABLE submissions (digest VARCHAR(64) NOT NULL PRIMARY KEY, method VARCHAR(80) NOT NULL, "
    "declaration TEXT NOT NULL)",
    "CREATE TABLE results ({id}, submission VARCHAR(64) NOT NULL REFERENCES submissions (digest), "
    "entry INTEGER NOT NULL, protocol VARCHAR(80) NOT NULL, protocol_digest VARCHAR(64) NOT NULL, "
    "dataset_digest VARCHAR(64) NOT NULL, scorer VARCHAR(40) NOT NULL, reason VARCHAR(200) NOT NULL, "
    "figures TEXT NOT NULL, UNIQUE (submission, entry, protocol_digest, dataset_digest, scorer, reason))",
)
FIGURES = {"generators": {}, "overlap": []}
BOARD_0002 = Path(__file__).with_name("board_0002.sql")
BOARD_0002_TOKEN = "nvf_6ac36f3f1e01_mQfsAMcEW01f3aUVdk2fIEW_5cCbzyLZekNTygEitQE"


def old_database(url: str) -> None:
    """Makes the first release's database with one result."""
    engine = open_engine(url)
    number = "id SERIAL PRIMARY KEY" if engine.dialect.name == "postgresql" else "id INTEGER NOT NULL PRIMARY KEY"
    with write_session(engine) as session:
        for statement in OLD:
            session.execute(text(statement.format(id=number)))
        session.execute(text("INSERT INTO submissions VALUES ('d1', 'old', :d)"), {"d": json.dumps(VALID_DECLARATION)})
        session.execute(
            text("INSERT INTO results VALUES (1, 'd1', 0, 'nvfair-seen', 'p', 's', '1', 'first scoring', :f)"),
            {"f": json.dumps(FIGURES)},
        )
    engine.dispose()


def result(**changes: object) -> ResultRow:
    values = {
        "submission": "d1",
        "entry": 0,
        "protocol": "nvfair-seen",
        "protocol_digest": "p",
        "dataset_digest": "s",
        "scorer": "1",
        "figures": json.dumps(FIGURES),
    }
    return ResultRow(**{**values, **changes})


def test_an_empty_database_gets_the_tables_that_the_program_has(fresh_url: Callable[[], str]) -> None:
    store = Store(fresh_url())
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    assert schema.database_revision(store.engine) == schema.newest_revision()
    store.close()


def test_an_older_database_is_refused_with_the_way_forward_and_keeps_its_results(
    fresh_url: Callable[[], str],
) -> None:
    url = fresh_url()
    old_database(url)
    with pytest.raises(NvfairError, match=r"(?s)revision 0001, older.*board admin upgrade"):
        Store(url)
    engine = open_engine(url)
    assert not inspect(engine).has_table("audit")  # opening has changed nothing
    assert schema.upgrade_tables(engine) == ("0001", schema.newest_revision())
    assert schema.upgrade_tables(engine) == (schema.newest_revision(), schema.newest_revision())
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()
    store = Store(url)
    (result_row,) = store.results()
    assert (result_row.submission.method, result_row.figures, result_row.created, result_row.private) == (
        VALID_DECLARATION["method"],
        FIGURES,
        None,
        False,
    )
    store.close()


def test_a_database_of_an_earlier_release_keeps_everything_in_the_upgrade(tmp_path: Path) -> None:
    path = tmp_path / "board.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(BOARD_0002.read_text(encoding="utf-8"))
    assert schema.upgrade_database(f"sqlite:///{path}") == ("0002", schema.newest_revision())
    store = Store(f"sqlite:///{path}")
    with store.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    (result,) = store.results()
    assert (result.digest, result.submission.method, result.phase, result.private) == (
        "0" * 64,
        "method 0",
        "main",
        False,
    )
    assert (result.feedback, result.dataset, result.figures) == ("coarse", "toy", FIGURES)
    account = authenticate(store.engine, BOARD_0002_TOKEN)
    assert account is not None
    with read_session(store.engine) as session:
        quota = get_quota(session, account.id, "main", PhaseSetting(dataset="toy"), result.created, stuck_hours=24)
    assert (quota.total, quota.per_day, quota.used) == (3, 1, 4)  # two submissions of two entries
    lease = lease_next_job(store.engine, "worker", 60, max_leases=100)
    assert lease is not None
    assert lease.submission == "1" * 64
    with pytest.raises(DatabaseError, match="never changed"), write_session(store.engine) as session:
        session.execute(text("DELETE FROM results"))
    store.close()


def test_a_newer_database_is_refused_in_words(fresh_url: Callable[[], str]) -> None:
    url = fresh_url()
    Store(url).close()
    engine = open_engine(url)
    with write_session(engine) as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for attempt in (lambda: Store(url), lambda: schema.upgrade_tables(engine)):
        with pytest.raises(NvfairError, match="9999, which this program does not know"):
            attempt()
    engine.dispose()


@pytest.mark.parametrize("verb", ["UPDATE {} SET {} = '0'", "DELETE FROM {}"])
def test_results_and_the_audit_log_cannot_be_changed_even_by_hand(fresh_url: Callable[[], str], verb: str) -> None:
    store = Store(fresh_url())
    with write_session(store.engine) as session:
        session.add(SubmissionRow(digest="d1", method="m", declaration=json.dumps(VALID_DECLARATION)))
        session.flush()
        session.add(result())
        session.add(AuditRow(at=utc_now(), actor="a", action="b", subject="c"))
        session.flush()
        session.add(AnswerRow(result=1, value=0.8, level=0.8))
    for table, column in (("results", "figures"), ("audit", "actor"), ("answers", "level")):
        with (
            pytest.raises(DatabaseError, match=f"rows of {table} are never changed"),
            write_session(store.engine) as session,
        ):
            session.execute(text(verb.format(table, column)))
    store.close()


def test_the_database_itself_refuses_the_same_result_twice(fresh_url: Callable[[], str]) -> None:
    store = Store(fresh_url())
    with write_session(store.engine) as session:
        session.add(SubmissionRow(digest="d1", method="m", declaration=json.dumps(VALID_DECLARATION)))
        session.flush()
        session.add(result())
    with pytest.raises(DatabaseError, match=r"(?i)unique"), write_session(store.engine) as session:
        session.add(result(figures="{}"))
    with write_session(store.engine) as session:
        session.add(result(reason="a better scorer"))
    assert [result.reason for result in store.results()] == ["first scoring", "a better scorer"]
    store.close()


def test_sqlite_is_set_up_to_be_shared(tmp_path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'board.sqlite'}")
    with store.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000
    store.close()


def test_a_database_without_our_tables_is_not_taken_for_an_old_one(tmp_path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'other.sqlite'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE photographs (id INTEGER)"))
    assert schema.database_revision(engine) is None
    engine.dispose()
