"""A small file that stands for a large or a damaged spreadsheet is refused in words, at once and in little memory."""

from __future__ import annotations

import time
import tracemalloc
import zipfile
from pathlib import Path

import pytest
from openpyxl import Workbook

from nvfair_tools.errors import NvfairError
from nvfair_tools.releases import worksheets
from nvfair_tools.releases.settings import Columns
from nvfair_tools.releases.spreadsheet import read_spreadsheet
from nvfair_tools.releases.worksheets import csv_rows, xlsx_worksheets

HEADER = ["file", "licence", "permitted research", "permitted commercial"]
START = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = "</sheetData></worksheet>"


def text_cell(place: str, text: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t>{text}</t></is></c>'


_HEADER_CELLS = "".join(text_cell(f"{column}1", name) for column, name in zip("ABCD", HEADER, strict=True))
HEADER_ROW = f'<row r="1">{_HEADER_CELLS}</row>'


def workbook(path: Path, sheet: str) -> Path:
    """An .xlsx file whose one sheet has the XML text `sheet`."""
    book = Workbook()
    book.active.append(HEADER)
    book.save(path.with_suffix(".plain.xlsx"))
    with zipfile.ZipFile(path.with_suffix(".plain.xlsx")) as plain, zipfile.ZipFile(path, "w", 8) as changed:
        for name in plain.namelist():
            changed.writestr(name, sheet if name.endswith("sheet1.xml") else plain.read(name))
    return path


def refusal(path: Path, seconds: float = 60.0) -> str:
    start = time.monotonic()
    with pytest.raises(NvfairError) as caught:
        read_spreadsheet(path, Columns())
    assert time.monotonic() - start < seconds
    return str(caught.value)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("<row><c><v>1</v></c></row>" * 600_000, "bytes would unpack to"),
        ("<row/>" * 2_000_000, "bytes would unpack to"),
        (f'<row r="999999999">{text_cell("A999999999", "x")}</row>', "more than 1048576 rows"),
        (f'<row r="2"><c r="A2"><v>{"9" * 5000}</v></c></row>', "in sheet 'Sheet' after row 1: "),
        ('<row r="2"><c r="A2"><v>12</c></row>', "cannot be read: mismatched tag"),
    ],
    ids=["rows", "empty rows", "far row", "number", "tags"],
)
def test_a_sheet_that_is_large_in_few_bytes_or_damaged_is_refused(tmp_path: Path, rows: str, message: str) -> None:
    path = workbook(tmp_path / "a.xlsx", START + HEADER_ROW + rows + END)
    assert path.stat().st_size < 100_000
    assert message in refusal(path)


def test_wide_rows_take_no_more_than_the_columns_of_a_header(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{n}">{text_cell(f"A{n}", f"a/b/{n}/{n}.mp4")}<c r="XFD{n}"><v>1</v></c></row>' for n in range(2, 3000)
    )
    path = workbook(tmp_path / "a.xlsx", START + HEADER_ROW + rows + END)
    tracemalloc.start()
    sheet = read_spreadsheet(path, Columns())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(sheet.rows) == 2998
    assert peak < 30_000_000


def test_a_header_wider_than_the_bound_is_refused_rather_than_cut(tmp_path: Path) -> None:
    header = HEADER_ROW.replace("</row>", f"{text_cell('CA1', 'permitted elsewhere')}</row>")
    assert "row 1 has more than 64 columns" in refusal(workbook(tmp_path / "a.xlsx", START + header + END))


def test_entities_are_not_expanded(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n} "' + f"&e{n - 1};" * 10 + '">' for n in range(1, 10))
    sheet = f'<!DOCTYPE x [<!ENTITY e0 "boom">{entities}]>{START}<row r="1">{text_cell("A1", "&e9;")}</row>{END}'
    tracemalloc.start()
    message = refusal(workbook(tmp_path / "a.xlsx", sheet))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert "the spreadsheet cannot be read" in message
    assert peak < 200_000_000  # written out it would be four gigabytes


def test_a_sheet_of_many_different_rows_is_no_bomb(tmp_path: Path) -> None:
    book = Workbook()
    book.active.append([*HEADER, "Real/Synthetic", "Self/Cross"])
    for n in range(8000):
        book.active.append([f"CREMA-D/x/{n % 91}/{n}.mp4", "CC BY", "yes", "no", "synthetic", "cross"])
    book.save(tmp_path / "a.xlsx")
    assert sum(member.file_size for member in zipfile.ZipFile(tmp_path / "a.xlsx").infolist()) > 2 * 2**20
    counts = {title: len(list(rows)) for title, rows in xlsx_worksheets(tmp_path / "a.xlsx", None)}
    assert counts == {"Sheet": 8001}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file\n" + b'"' + b"x" * 200_000 + b'"\n', "line 2 cannot be read: field larger"),
        (b"file" + b"," * 100 + b"x\n", "row 1 has more than 64 columns"),
        (b"file\n" + b"\xff\n", "cannot be read as UTF-8 text"),
        (b"a\n" * 3_001, "more than 3000 rows"),
    ],
)
def test_a_csv_file_has_the_same_bounds(tmp_path: Path, monkeypatch, content: bytes, message: str) -> None:
    assert worksheets.MAX_ROWS == 1_048_576
    monkeypatch.setattr(worksheets, "MAX_ROWS", 3_000)  # so many rows take seconds to read
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(NvfairError, match=message):
        list(csv_rows(tmp_path / "a.csv"))


def test_a_csv_file_without_end_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "a.csv", "wb") as file:
        file.truncate(10**12)
    assert "1000000000000 bytes" in refusal(tmp_path / "a.csv")
