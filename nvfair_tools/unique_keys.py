"""YAML and JSON in which a key may stand only once: both keep the last of two values, such as two permitted uses."""

from __future__ import annotations

import json
from typing import Any

import yaml


class UniqueKeyLoader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice, where plain YAML keeps the last."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Builds a mapping; raises MarkedYAMLError at the second of two equal keys."""
        keys: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in keys:
                    raise yaml.MarkedYAMLError(
                        problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                    )
                keys.add(key.value)
        return super().construct_mapping(node, deep)


def load_unique_yaml(text: str) -> Any:
    """The value of a YAML text, as plain Python values; raises yaml.YAMLError, also for a key that is given twice."""
    return yaml.load(text, Loader=UniqueKeyLoader)


def load_unique_json(text: str | bytes) -> Any:
    """The value of a JSON text (UTF-8), as plain Python values.

    Raises ValueError for a text that is no JSON, bytes that are no UTF-8, and a key that is given twice in an object.
    """
    return json.loads(text, object_pairs_hook=_unique_mapping)


def _unique_mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for number, key in enumerate(keys) if key in keys[:number])
        raise ValueError(f"the key {twice!r} is given twice")
    return content
