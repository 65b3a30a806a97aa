"""A table of texts as an .xlsx file, of which equal tables give equal bytes."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from nvfair_tools.errors import MissingExtra

MAX_ROWS = 2**20  # of a sheet of an .xlsx file
BYTES_PER_ROW = 160  # about, once packed
_LONG_AGO = (1980, 1, 1, 0, 0, 0)  # the first date that a zip can state
_DAY = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def write_sheet(rows: Iterable[Sequence[str]], place: Path) -> None:
    """Writes rows of texts, the header first, as the only sheet of an .xlsx file. Raises MissingExtra without
    openpyxl."""
    try:
        from openpyxl import Workbook
        from openpyxl.cell import WriteOnlyCell
        from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
    except ImportError as error:
        raise MissingExtra("openpyxl", "releases", str(error)) from error
    book = Workbook(write_only=True)
    sheet = book.create_sheet("files")
    for row in rows:
        cells = []
        for text in row:
            cell = WriteOnlyCell(sheet, ILLEGAL_CHARACTERS_RE.sub("?", text))
            cell.data_type = "s"  # a text that begins with "=" is no formula
            cells.append(cell)
        sheet.append(cells)
    first = place.with_name(f"{place.name}.first")
    try:
        book.save(first)
        _write_without_times(first, place)
    finally:
        first.unlink(missing_ok=True)


def _write_without_times(packed: Path, place: Path) -> None:
    """Writes the parts of a zip again, without the moment at which they were made."""
    with zipfile.ZipFile(packed) as source, zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as out:
        for name in sorted(source.namelist()):
            content = source.read(name)
            if name == "docProps/core.xml":
                content = _DAY.sub(b"1980-01-01T00:00:00Z", content)
            part = zipfile.ZipInfo(name, _LONG_AGO)
            part.compress_type = zipfile.ZIP_DEFLATED
            out.writestr(part, content)
