"""Reading a list of pairs: a CSV that names, row by row, which clip of which person drives which face."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import resolve_alias
from nvfair_tools.recipe.csv_table import read_csv_table

# Ours, and those of AVAPrintDB's published generation plans.
_COLUMNS = (("driver", "clip", "target"), ("driver_id", "driver_video_path", "target_id"))


@dataclass(frozen=True)
class ListedPair:
    """One row of a list of pairs. line: in the file. driver, target: identities. clip: a listed name, or a file's name
    in another folder or format."""

    line: int
    driver: str
    clip: str
    target: str

    @property
    def stem(self) -> str:
        """The clip's file name without its ending."""
        return PurePosixPath(self.clip.replace("\\", "/")).stem


def read_pair_list(path: Path) -> list[ListedPair]:
    """Reads the pairs of a CSV with the columns driver, clip and target, or of one of AVAPrintDB's generation plans.

    People are `namespace:id`, or have the name of a known collection ("C1001", "Actor_01"). Raises NvfairError where
    columns are missing, Problems naming every wrong row.
    """
    table = read_csv_table(path, "list of pairs")
    names = next((names for names in _COLUMNS if set(names) <= set(table.header)), None)
    if names is None:
        raise NvfairError(
            f"the list of pairs has the columns {', '.join(table.header)}",
            where=path,
            expected="driver, clip and target; or AVAPrintDB's driver_id, driver_video_path and target_id",
        )
    problems = list(table.problems)
    pairs: list[ListedPair] = []
    first_lines: dict[tuple[str, str, str], int] = {}
    for line, row in table.rows:
        driver_name, clip, target_name = (row[name] for name in names)
        driver, target = _identity(driver_name), _identity(target_name)
        for name, identity, column in ((driver_name, driver, names[0]), (target_name, target, names[2])):
            if identity is None:
                problems.append(f"row {line}: {column} {name!r} is neither namespace:id nor a known collection's name")
        if not clip:
            problems.append(f"row {line}: {names[1]} is empty")
        if driver is None or target is None or not clip:
            continue
        first = first_lines.setdefault((driver, clip, target), line)
        if first != line:
            problems.append(f"row {line}: says the same as row {first}")
            continue
        pairs.append(ListedPair(line, driver, clip, target))
    if not pairs and not problems:
        problems.append("it lists no pair")
    if problems:
        raise Problems(path, problems)
    return pairs


def _identity(name: str) -> str | None:
    return name if ":" in name else resolve_alias(name)
