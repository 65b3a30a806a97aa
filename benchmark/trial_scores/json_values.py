"""Dataclasses that are written to JSON with their fields as keys.

Keys of results.json, of bundles and of the leaderboard's rows are data: a field that is renamed here would change them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

Value = TypeVar("Value", bound="FlatValue")


@dataclass(frozen=True)
class FlatValue:
    """Base of dataclasses whose fields are numbers, texts or None, each under the key of its name."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file, in the order of the fields."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_json(cls: type[Value], content: Mapping[str, Any]) -> Value:
        """The value that `to_json` wrote; raises KeyError where a key is missing."""
        return cls(**{field.name: content[field.name] for field in fields(cls)})
