"""Trained networks that ship with the package, each a checkpoint folder beside this module.

docs/model_card.md says what they are worth. They are named `pretrained:NAME` wherever a checkpoint is.
"""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.errors import NvfairError

PREFIX = "pretrained:"
_HOME = Path(__file__).parent


def names() -> list[str]:
    """Of the networks that ship."""
    return sorted(path.parent.name for path in _HOME.glob("*/checkpoint.json"))


def located(checkpoint: str | Path) -> Path:
    """The folder of a checkpoint: `pretrained:NAME`, or a path, which stays as it is; NvfairError for another NAME."""
    text = str(checkpoint)
    if not text.startswith(PREFIX):
        return Path(checkpoint)
    name = text.removeprefix(PREFIX)
    if name not in names():
        raise NvfairError(f"no pretrained network {name!r}", expected=f"one of {', '.join(names())}")
    return _HOME / name
