"""A person's name leaves a board in PostgreSQL: every value, the server's samples, and the files of its tables."""

from pathlib import Path

import psycopg
import pytest
import yaml
from click.testing import CliRunner

from leaderboard.settings import read_settings
from leaderboard.store.database import write_session
from leaderboard.store.results import Store
from leaderboard.store.revocation_holder import BoardHolder
from leaderboard.store.tables import AccountRow, utc_now
from leaderboard.submission.scoring import EntryScore
from nvfair_tools.cli.revoke import revoke
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.curator_key import create_key
from nvfair_tools.governance.revocation import Trace
from nvfair_tools.governance.search.folders import SearchReport
from nvfair_tools.governance.search.patterns import Patterns
from tests.leaderboard.example_results import example_result
from tests.leaderboard.postgres import Cluster

PERSON, OTHER = "lab:qxpostgres", "lab:zzother"


@pytest.fixture
def url(postgres: Cluster) -> str:
    return postgres.fresh()


@pytest.fixture
def board(url: str, tmp_path: Path) -> Path:
    """A board whose database names both people, in frozen rows and in others."""
    folder = tmp_path / "board"
    folder.mkdir()
    settings = {
        "store": url,
        "datasets": {"main": {"folder": "data"}},
        "phases": {"development": {"dataset": "main"}},
    }
    (folder / "board.yaml").write_text(yaml.safe_dump(settings))
    declared = {
        "training": {"datasets": [], "people": [PERSON, OTHER], "generators": ["alpha"], "data": "unknown"},
    }
    result = example_result("a", {"alpha": 0.8}, declared=declared)
    figures = {"generators": {"alpha": {"per_target": {PERSON: 0.81, OTHER: 0.79}}}}
    store = Store(url)
    score = EntryScore(result.digest, 0, "p", "1" * 64, "2" * 64, "2", figures)
    store.add(result.digest, result.submission, [score])
    with write_session(store.engine) as session:
        session.add(AccountRow(name=f"of {PERSON}", created=utc_now()))
    store.close()
    return folder


def values(url: str, query: str) -> list[object]:
    with psycopg.connect(url.replace("postgresql+psycopg", "postgresql")) as connection:
        return [row[0] for row in connection.execute(query)]  # type: ignore[arg-type]


def files_with(cluster: Cluster, url: str, words: str) -> list[str]:
    """The files of a database's tables that hold some words, once everything is written."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        oid = connection.execute("SELECT oid FROM pg_database WHERE datname = current_database()").fetchone()
    assert oid is not None
    folder = cluster.folder / "data" / "base" / str(oid[0])
    return [path.name for path in sorted(folder.iterdir()) if words.encode() in path.read_bytes()]


def searched(board: Path) -> SearchReport:
    report = SearchReport()
    BoardHolder(board).search_database(Patterns.of(Trace(PERSON)), report)
    return report


def test_the_search_finds_values_and_the_servers_samples_of_them(board: Path, url: str) -> None:
    assert {place.place for place in searched(board).left} == {
        "public.accounts.name",
        "public.results.figures",
        "public.submissions.declaration",
    }
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE planted (words text[])")
        connection.execute("INSERT INTO planted SELECT ARRAY[%s] FROM generate_series(1, 9)", [PERSON])
        connection.execute("ANALYZE planted")
    places = {place.place for place in searched(board).left}
    assert "public.planted.words" in places
    assert any(place.startswith("samples of public.planted.words") for place in places)
    assert any("write-ahead log" in text for text in searched(board).not_covered)


def test_a_person_leaves_the_board_and_the_files_of_its_tables(
    board: Path, url: str, postgres: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "key"))
    monkeypatch.setenv("COLUMNS", "200")
    assert files_with(postgres, url, PERSON)
    arguments = [PERSON, str(board), "--yes"]
    with psycopg.connect(url), pytest.raises(NvfairError, match=r"other open connections .*: 1"):
        CliRunner().invoke(revoke, arguments, catch_exceptions=False)
    assert PERSON in str(values(url, "SELECT figures FROM results"))  # nothing was changed
    result = CliRunner().invoke(revoke, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "completing a removal that was interrupted" in result.output
    assert "left: 0 places" in result.output
    assert "what a PostgreSQL server keeps beside its tables" in result.output
    assert values(url, "SELECT count(*) FROM audit WHERE action = 'revoked'") == [1]
    (figures,) = values(url, "SELECT figures FROM results")
    assert OTHER in str(figures)
    assert PERSON not in str(figures)
    assert "revoked:" in str(figures)
    assert searched(board).is_clean
    assert files_with(postgres, url, PERSON) == []
    with psycopg.connect(url) as connection, pytest.raises(psycopg.errors.RaiseException):
        connection.execute("DELETE FROM results")  # rows are frozen again
    Store(read_settings(board).store).close()


def test_a_table_that_belongs_to_somebody_else_is_refused_in_words(board: Path, url: str, postgres: Cluster) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE ROLE reader LOGIN")
        connection.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader")
    content = (board / "board.yaml").read_text()
    (board / "board.yaml").write_text(content.replace(f"{postgres.user}@", "reader@"))
    with pytest.raises(NvfairError, match="must be owner of"):
        BoardHolder(board).remove(Trace(PERSON), create_key(board.parent / "key"), "2026-01-31")
    assert PERSON in str(values(url, "SELECT figures FROM results"))
