"""Creates a board: its folder with the settings, its database and a first account."""

from __future__ import annotations

import json
from pathlib import Path

from leaderboard.settings import SETTINGS_FILE, SETTINGS_TEMPLATE, read_settings
from leaderboard.store.accounts import create_token, valid_name
from leaderboard.store.private_files import create_private
from leaderboard.store.results import Store
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, check_writable, make_folder


def create_board(folder: Path, dataset: Path, account: str) -> tuple[Path, str]:
    """Creates a board in `folder` that scores on `dataset`; returns (path of its settings, first token of `account`).

    Raises NvfairError where `folder` holds a board already, or `dataset` is not the folder of a data set.
    """
    settings_file = check_new_board(folder, dataset, account)
    make_folder(folder)
    # A string in JSON is valid YAML too, whatever characters the path has.
    text = SETTINGS_TEMPLATE.format(folder=folder, dataset=json.dumps(str(dataset.resolve())))
    with atomic_output(settings_file) as unfinished:
        create_private(unfinished)
        unfinished.write_text(text, encoding="utf-8")
    store = Store(read_settings(folder).store)
    try:
        return settings_file, create_token(store.engine, account, name="first")
    finally:
        store.close()


def check_new_board(folder: Path, dataset: Path, account: str) -> Path:
    """Raises what `create_board` raises, before it writes; returns the path of the settings."""
    settings_file = folder / SETTINGS_FILE
    check_writable(folder)
    if settings_file.exists():
        raise NvfairError("there is a board already", where=settings_file, remedy="choose another folder")
    Dataset.open(dataset)
    valid_name(account, "account")
    return settings_file
