"""A tombstone recognises a person under the key, and says nothing without it."""

import hashlib
import hmac
import json
import os

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.curator_key import CuratorKey, create_key, read_key
from nvfair_tools.governance.tombstones import Tombstones, read_tombstones, revoked_people

KEY, OTHER_KEY = CuratorKey(b"k" * 32), CuratorKey(b"o" * 32)
CONTENT = "ab" * 32


def test_digests_are_those_of_hmac():
    expected = hmac.new(b"k" * 32, b"person\ncremad:1001", hashlib.sha256).hexdigest()[:32]
    assert KEY.digest("person", "cremad:1001") == expected


def test_a_person_is_recognised_by_identity_alias_and_content(tmp_path):
    Tombstones("", ()).with_person(KEY, "a:x", ["Xenia"], [CONTENT], "2026-01-31").with_person(
        KEY, "a:y", [], [], "2026-02-01"
    ).write(tmp_path / "revoked.json")
    tombstones = read_tombstones(tmp_path)
    assert [tombstones.number_of(KEY, name) for name in ("a:x", "Xenia", "a:y", "a:z")] == [1, 1, 2, None]
    assert tombstones.number_of(KEY, "a:z", ["Xenia"]) == 1
    assert tombstones.holds(KEY, CONTENT)
    assert not tombstones.holds(KEY, "ac" * 32)


def test_the_file_holds_no_name_and_no_plain_hash(tmp_path):
    Tombstones("", ()).with_person(KEY, "cremad:1001", ["C1001"], [CONTENT], "2026-01-31").write(
        tmp_path / "revoked.json"
    )
    text = (tmp_path / "revoked.json").read_text()
    plain = [hashlib.sha256(name.encode()).hexdigest()[:32] for name in ("cremad:1001", "1001", "C1001")]
    for word in ("1001", "cremad", CONTENT, *plain):
        assert word not in text
    assert json.loads(text)["people"][0]["date"] == "2026-01-31"


def test_a_second_tombstone_of_a_person_adds_hashes_and_keeps_the_date(tmp_path):
    first = Tombstones("", ()).with_person(KEY, "a:x", [], [CONTENT], "2026-01-31")
    second = first.with_person(KEY, "a:x", ["X"], ["cd" * 32], "2026-05-05")
    assert len(second.people) == 1
    assert second.people[0].date == "2026-01-31"
    assert len(second.people[0].traces) == 2


def test_another_key_is_refused(tmp_path):
    tombstones = Tombstones("", ()).with_person(KEY, "a:x", [], [], "2026-01-31")
    with pytest.raises(NvfairError, match="recorded under the key"):
        tombstones.check_key(OTHER_KEY, where=tmp_path)


def test_a_damaged_record_is_no_record_of_nobody(tmp_path):
    (tmp_path / "revoked.json").write_text("{")
    with pytest.raises(NvfairError, match="cannot be read"):
        revoked_people(tmp_path)


def test_a_key_is_made_for_its_owner_alone(tmp_path):
    path = tmp_path / "settings" / "revocation.key"
    key = create_key(path)
    assert os.stat(path).st_mode & 0o777 == 0o600
    assert create_key(path) == key == read_key(path)
    assert key.secret.hex() not in repr(key)
    path.chmod(0o640)
    with pytest.raises(NvfairError, match="others may read this key"):
        read_key(path)


def test_a_key_of_another_length_is_refused(tmp_path):
    (tmp_path / "short").write_text("abcd")
    (tmp_path / "short").chmod(0o600)
    with pytest.raises(NvfairError, match="this is no key"):
        read_key(tmp_path / "short")
