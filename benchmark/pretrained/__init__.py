"""Trained networks that ship with the package, each a checkpoint folder beside this module.

docs/model_card.md says what they are worth. They are named `pretrained:NAME` wherever a checkpoint is.
"""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.errors import NvfairError

PRETRAINED_PREFIX = "pretrained:"
_HOME = Path(__file__).parent


def pretrained_names() -> list[str]:
    """Of the networks that ship."""
    return sorted(path.parent.name for path in _HOME.glob("*/checkpoint.json"))


def checkpoint_folder(checkpoint: str | Path) -> Path:
    """The folder of a checkpoint: `pretrained:NAME`, or a path, which stays as it is; NvfairError for another NAME."""
    text = str(checkpoint)
    if not text.startswith(PRETRAINED_PREFIX):
        return Path(checkpoint)
    name = text.removeprefix(PRETRAINED_PREFIX)
    if name not in pretrained_names():
        raise NvfairError(f"no pretrained network {name!r}", expected=f"one of {', '.join(pretrained_names())}")
    return _HOME / name
