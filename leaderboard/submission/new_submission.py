"""Creates the declaration of a new submission, for its author to fill in."""

from __future__ import annotations

from pathlib import Path

from leaderboard.submission.submission import DECLARATION_FILE, DECLARATION_TEMPLATE
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text


def create_declaration(folder: Path) -> Path:
    """Writes a submission.yaml to fill in to `folder`; returns its path. Raises NvfairError where there is one."""
    path = folder / DECLARATION_FILE
    if path.exists():
        raise NvfairError("there is one already", where=path, remedy="fill it in, or choose another folder")
    write_text(path, DECLARATION_TEMPLATE)
    return path
