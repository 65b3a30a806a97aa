"""One person has one name, however a collection or a release spells it."""

from __future__ import annotations

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.identity import (
    collection_namespace,
    identity_aliases,
    identity_file_name,
    parse_identity,
    resolve_alias,
)


@pytest.mark.parametrize(
    ("spelling", "identity"),
    [("C1001", "cremad:1001"), ("1001", "cremad:1001"), ("Actor_01", "ravdess:01"), ("id046", "nvidia-vc:id046")],
)
def test_spellings_in_use_are_known_without_their_collection(spelling: str, identity: str) -> None:
    assert resolve_alias(spelling) == identity
    assert resolve_alias(spelling, identity.partition(":")[0]) == identity
    assert spelling in identity_aliases(identity)
    assert parse_identity(identity) == identity


@pytest.mark.parametrize(
    "spelling", ["01", "C101", "actor_01", "1001x", "X1001", "", "id1", "Actor_1", "Actor_٠١", "1001\n"]
)
def test_what_is_no_spelling_in_use_is_nobody(spelling: str) -> None:
    assert resolve_alias(spelling) is None


def test_a_collection_narrows_what_a_name_may_mean() -> None:
    assert resolve_alias("01", "ravdess") == "ravdess:01"
    assert resolve_alias("1001", "ravdess") is None
    assert resolve_alias("Actor_01", "cremad") is None
    assert resolve_alias("anna", "museum") is None


def test_sources_have_namespaces_and_strangers_have_no_aliases() -> None:
    assert [collection_namespace(name) for name in ("CREMA-D", "RAVDESS", "NVIDIA-VC-subset", "MEAD")] == [
        "cremad",
        "ravdess",
        "nvidia-vc",
        None,
    ]
    assert identity_aliases("museum:anna") == ()
    assert identity_file_name("cremad:1001") == "cremad_1001"


@pytest.mark.parametrize("text", ["1001", "CREMAD:1001", "cremad:", ":1001", "cremad:10 01"])
def test_what_is_not_namespace_and_id_is_refused(text: str) -> None:
    with pytest.raises(NvfairError, match="namespace:id"):
        parse_identity(text)
