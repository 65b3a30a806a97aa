"""Who may read the files of a board: its own account on the machine, and nobody else.

The database has contacts, unpublished submissions and hidden results; the settings may have the database's password.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from leaderboard.hidden.blind_key import KEY_FILE
from leaderboard.settings import SETTINGS_FILE, Settings

PRIVATE_UMASK = 0o077
_OF_OTHERS = stat.S_IRWXG | stat.S_IRWXO
_SQLITE = "sqlite:///"


def make_private(settings: Settings, board: Path | None = None) -> None:
    """Takes the rights of others away from the board's files, and from those that this process will write.

    board: the folder or file of the settings. Files of another owner are left alone: `readable_by_others` names them.
    """
    os.umask(PRIVATE_UMASK)
    for path in _private_paths(settings, board):
        try:
            os.chmod(path, stat.S_IMODE(path.stat().st_mode) & ~_OF_OTHERS)
        except OSError:
            continue


def readable_by_others(settings: Settings, board: Path | None = None) -> list[str]:
    """A problem in words for each file or folder of the board that other accounts of the machine may use."""
    problems = []
    for path in _private_paths(settings, board):
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & _OF_OTHERS:
            problems.append(f"{path.name} may be used by other accounts of the machine (mode {mode:o}): chmod go= it")
    return problems


def create_private(path: Path) -> None:
    """Creates an empty file that only its owner may use, unless the file exists or its folder does not."""
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except OSError:
        return


def _private_paths(settings: Settings, board: Path | None) -> Iterator[Path]:
    paths = [settings.files]
    if settings.store.startswith(_SQLITE):
        database = settings.store.removeprefix(_SQLITE)
        paths += [Path(f"{database}{suffix}") for suffix in ("", "-wal", "-shm")]
    if board is not None:
        paths.append(board / SETTINGS_FILE if board.is_dir() else board)
    paths += [dataset.folder / KEY_FILE for dataset in settings.datasets.values()]
    yield from (path for path in paths if path.exists())
