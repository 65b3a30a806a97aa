"""face-vid2vid by name: what is missing or unknown is said before any work."""

from __future__ import annotations

from typing import Any

import pytest

from generators import create
from generators.errors import GeneratorError


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, r"needs weights: .*nvfair weights add FILE.*Vox-256-New checkpoint"),
        ({"weights": "nowhere.pth"}, "no such file and no such registered name"),
        ({"weights": "nowhere.pth", "colour": 1}, "colour"),
    ],
)
def test_create_says_what_it_needs(options: dict[str, Any], message: str) -> None:
    with pytest.raises(GeneratorError, match=message):
        create("face-vid2vid", **options)
