"""Which format versions of a data set this release reads, and what a reader is told of the others.

A version is "MAJOR.MINOR". A minor version adds entries and columns, which readers of an earlier one leave alone; a
major version changes what is there. The first data sets had the integer 1, whose frame rows lack the labels.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from nvfair_tools.dataset.schema import FORMAT_VERSION
from nvfair_tools.errors import NvfairError

FIRST_VERSION = 1  # an integer, in data sets before "1.0"
UPGRADING = ".upgrading-dataset.json"  # where dataset.json waits while the data set is taken to the present format


def is_first(version: Any) -> bool:
    """Whether the entry `format_version` is that of a data set before "1.0", which `nvfair dataset upgrade` takes."""
    return type(version) is int and version == FIRST_VERSION


def is_newer_minor(version: Any) -> bool:
    """Whether a version that this release reads may have entries and columns that it does not know."""
    numbers, own = _numbers(version), _numbers(FORMAT_VERSION)
    return numbers is not None and own is not None and numbers[0] == own[0] and numbers[1] > own[1]


def version_error(version: Any, folder: Path) -> NvfairError | None:
    """What keeps this release from reading a data set of that version; None where nothing does.

    version: the entry `format_version` of dataset.json, of any type; None where there is none. folder: the data set's.
    """
    numbers, own = _numbers(version), _numbers(FORMAT_VERSION)
    assert own is not None
    if numbers is not None and numbers[0] == own[0]:
        return None
    if is_first(version):
        remedy = f"nvfair dataset upgrade {folder}"
    elif (numbers is not None and numbers[0] > own[0]) or (type(version) is int and version > FIRST_VERSION):
        remedy = "install a newer nvfair-tools: pip install --upgrade nvfair-tools"
    else:
        remedy = "build or copy the data set again"
    return NvfairError(
        f"format version {version!r}",
        where=folder / "dataset.json",
        expected=f'version "{FORMAT_VERSION}", or another of "{own[0]}."',
        remedy=remedy,
    )


def _numbers(version: Any) -> tuple[int, int] | None:
    """(major, minor); None for what is no version of this form."""
    match = re.fullmatch(r"(0|[1-9][0-9]{0,5})\.(0|[1-9][0-9]{0,5})", version) if isinstance(version, str) else None
    return (int(match[1]), int(match[2])) if match else None
