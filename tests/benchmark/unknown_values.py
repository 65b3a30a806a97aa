"""Values with None in every place that may have it, so that whatever shows them is tried on each unknown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass, replace
from typing import Any


def values_with_none(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, the same value with None there) for each place in nested dataclasses that may be None."""
    if is_dataclass(value):
        for field in fields(value):
            inner = getattr(value, field.name)
            if str(field.type).endswith("| None") and inner is not None:
                yield f"{path}.{field.name}", replace(value, **{field.name: None})
            for place, changed in values_with_none(inner, f"{path}.{field.name}"):
                yield place, replace(value, **{field.name: changed})
    elif isinstance(value, tuple):
        for position, inner in enumerate(value):
            for place, changed in values_with_none(inner, f"{path}[{position}]"):
                yield place, (*value[:position], changed, *value[position + 1 :])
    elif isinstance(value, dict):
        for key, inner in value.items():
            for place, changed in values_with_none(inner, f"{path}[{key}]"):
                yield place, {**value, key: changed}
