"""What the commands of a board's maintainer need. Each function takes a command's parameters by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nvfair_tools.doctor.dataset_needs import check_dataset
from nvfair_tools.doctor.machine import check_output, check_port, check_room
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Check, Needs

if TYPE_CHECKING:
    from leaderboard.settings import Settings

Parameters = Mapping[str, Any]
_PACKAGES = ("sqlalchemy", "alembic", "jinja2", "scipy")
_SERVER_PACKAGES = ("fastapi", "uvicorn", "h11", "structlog", "cachetools", "prometheus-client", "python-multipart")
_SITE_BYTES, _DEMO_BYTES = 50e6, 300e6


def serve(parameters: Parameters) -> Needs:
    """The board's folders and data sets, and an address. Raises the errors of a board.yaml that cannot be read."""
    from leaderboard.settings import read_settings

    settings = read_settings(parameters["board"])
    address = partial(check_port, parameters["host"], parameters["port"])
    return Needs((partial(check_packages, "board", (*_PACKAGES, *_SERVER_PACKAGES)), address, *_board_checks(settings)))


def worker(parameters: Parameters) -> Needs:
    """The board's folders and data sets."""
    from leaderboard.settings import read_settings

    packages = partial(check_packages, "board", (*_PACKAGES, "structlog"))
    return Needs((packages, *_board_checks(read_settings(parameters["board"]))))


def add(parameters: Parameters) -> Needs:
    """The data set that is scored on, where the board's settings, which the command reads, do not name it."""
    packages = partial(check_packages, "board", _PACKAGES)
    folder = parameters["dataset"] and Path(parameters["dataset"])
    return Needs((packages, partial(check_dataset, folder)) if folder and folder.is_dir() else (packages,))


def export(parameters: Parameters) -> Needs:
    """A folder for the pages."""
    folder = parameters["out"] or parameters["out_option"] or parameters["board"]
    folder = folder.parent if folder.is_file() else folder
    room = partial(check_room, folder, _SITE_BYTES, "the pages")
    return Needs((partial(check_packages, "board", _PACKAGES), partial(check_output, folder), room))


def demo(parameters: Parameters) -> Needs:
    """A folder with room for a small data set and a board."""
    folder = parameters["folder"]
    room = partial(check_room, folder, _DEMO_BYTES, "the board with its data set")
    return Needs((partial(check_packages, "board", _PACKAGES), partial(check_output, folder), room))


def _board_checks(settings: Settings) -> list[Check]:
    files, limits = settings.files, settings.limits
    checks: list[Check] = [partial(check_dataset, setting.folder) for setting in settings.datasets.values()]
    checks.append(partial(check_output, files))
    remedy = "free some, or name another folder as `files` in board.yaml"
    needed = limits.free_disk_bytes + limits.upload_bytes
    checks.append(partial(check_room, files, needed, "one submission beside what stays free", remedy))
    if settings.store.startswith("postgresql"):
        checks.append(partial(check_packages, "board-postgres", ("psycopg",)))
    return checks
