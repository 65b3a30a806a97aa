"""Trained networks that ship with the package, each a checkpoint folder beside this module.

docs/model_card.md says how well they do. Wherever a checkpoint is named, `pretrained:NAME` names one of them.
"""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.errors import NvfairError

PRETRAINED_PREFIX = "pretrained:"
_FOLDER = Path(__file__).parent


def pretrained_names() -> list[str]:
    """Names of the networks that ship with the package, sorted."""
    return sorted(path.parent.name for path in _FOLDER.glob("*/checkpoint.json"))


def checkpoint_folder(checkpoint: str | Path) -> Path:
    """The folder that `pretrained:NAME` stands for; a path stays as it is. Raises NvfairError for an unknown NAME."""
    text = str(checkpoint)
    if not text.startswith(PRETRAINED_PREFIX):
        return Path(checkpoint)
    name = text.removeprefix(PRETRAINED_PREFIX)
    if name not in pretrained_names():
        raise NvfairError(f"no pretrained network {name!r}", expected=f"one of {', '.join(pretrained_names())}")
    return _FOLDER / name
