"""Makes a command import the packages that belong to it, whatever folder it is started in.

`benchmark`, `generators` and `leaderboard` are names that a user's own folders may have too. Python looks into the
folder that it is started in first (`python -m nvfair_tools`, PYTHONPATH=.), so such a folder would take the place of
ours, or of a part of it.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path
from types import ModuleType

OWN_PACKAGES = ("benchmark", "generators", "leaderboard")


class OwnPackageFinder(MetaPathFinder):
    """An import finder that finds our packages beside `nvfair_tools`, and nothing else."""

    folder = str(Path(__file__).resolve().parents[2])

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is not None or fullname not in OWN_PACKAGES:
            return None
        spec = PathFinder.find_spec(fullname, [self.folder])
        return spec if spec is not None and spec.loader is not None else None


def prefer_own_packages() -> None:
    """Puts the finder before Python's own; a second call changes nothing."""
    if not any(isinstance(finder, OwnPackageFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, OwnPackageFinder())
