"""Tokens open what they should, for as long as they should, and are nowhere to be read."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from leaderboard.store.accounts import authenticate, create_token, list_tokens, revoke_token
from leaderboard.store.audit_log import read_audit_log
from leaderboard.store.results import Store
from leaderboard.store.tables import utc_now
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import dump_database


@pytest.fixture
def store(fresh_url: Callable[[], str]) -> Iterator[Store]:
    fresh_store = Store(fresh_url())
    yield fresh_store
    fresh_store.close()


def test_a_token_opens_its_account_and_its_secret_is_not_stored(store: Store) -> None:
    token = create_token(store.engine, "ann", name="laptop")
    account = authenticate(store.engine, token)
    assert account is not None
    assert account.name == "ann"
    assert token.split("_", 2)[2] not in dump_database(store)
    assert token not in dump_database(store)


def test_two_tokens_of_one_person_open_one_account(store: Store) -> None:
    first, second = (authenticate(store.engine, create_token(store.engine, "ann", name=n)) for n in "ab")
    assert first is not None
    assert second is not None
    assert (first.id, first.token_id != second.token_id) == (second.id, True)


@pytest.mark.parametrize("change", ["last", "id", "empty", "bearer", "sql", "null", "long", "unicode"])
def test_a_forged_token_opens_nothing(store: Store, change: str) -> None:
    token = create_token(store.engine, "ann")
    forged = {
        "last": token[:-1] + ("A" if token[-1] != "A" else "B"),
        "id": token.replace(token.split("_")[1], "0" * 12),
        "empty": "",
        "bearer": f"Bearer {token}",
        "sql": "nvf_' OR '1'='1_" + token.split("_", 2)[2],
        "null": token + "\0",
        "long": token * 10_000,
        "unicode": token[:-1] + "é",
    }[change]
    assert authenticate(store.engine, forged) is None


def test_an_expired_and_a_revoked_token_open_nothing(store: Store) -> None:
    short, other = create_token(store.engine, "ann", days=1), create_token(store.engine, "ann")
    assert authenticate(store.engine, short) is not None
    assert authenticate(store.engine, short, utc_now() + timedelta(hours=23, minutes=59)) is not None
    assert authenticate(store.engine, short, utc_now() + timedelta(days=1, seconds=1)) is None
    revoke_token(store.engine, other)
    assert authenticate(store.engine, other) is None
    assert [row.revoked is not None for row, _ in list_tokens(store.engine)] == [False, True]


def test_what_happens_to_tokens_is_in_the_audit_log_without_secrets(store: Store) -> None:
    token = create_token(store.engine, "ann")
    revoke_token(store.engine, token.split("_")[1])
    audit_rows = list(read_audit_log(store.engine))
    assert [row.action for row in audit_rows] == ["token revoked", "token created", "account created"]
    assert all(token.split("_", 2)[2] not in row.details + row.subject for row in audit_rows)


def test_an_unknown_token_cannot_be_revoked_and_a_bad_name_is_refused(store: Store) -> None:
    with pytest.raises(NvfairError, match="there is no token 'abc'"):
        revoke_token(store.engine, "abc")
    for name in ("", " ann", "a\nb", "x" * 81):
        with pytest.raises(NvfairError, match="is not a valid name of an account"):
            create_token(store.engine, name)
