"""YAML in which a key may stand only once: plain YAML keeps the last of two values, such as two permitted uses."""

from __future__ import annotations

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
