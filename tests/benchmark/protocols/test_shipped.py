"""Shipped protocols are found by name, and the package imports nothing until they are."""

from __future__ import annotations

import subprocess
import sys

import pytest

from benchmark import protocols
from benchmark.protocols.schema import Protocol
from nvfair_tools.errors import NvfairError


def test_a_protocol_stands_for_itself() -> None:
    own_protocol = Protocol(name="own")
    assert protocols.load(own_protocol) is own_protocol
    assert protocols.load_all(own_protocol) == [own_protocol]


def test_a_sweep_gives_its_members_and_a_plain_protocol_itself() -> None:
    assert [protocol.name for protocol in protocols.load_all("nvfair-seen")] == ["nvfair-seen"]
    members = protocols.load_all("nvfair-duration")
    assert members == [protocols.load(member.name) for member in members]


def test_an_unknown_name_is_refused_with_the_names_there_are() -> None:
    with pytest.raises(NvfairError, match=r"'nvfair-seem' is unknown(.|\n)*nvfair-seen"):
        protocols.load("nvfair-seem")


def test_importing_the_package_imports_neither_pydantic_nor_the_schema() -> None:
    modules = ("pydantic", "benchmark.protocols.schema")
    code = f"import sys, benchmark.protocols; print([name for name in {modules!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
