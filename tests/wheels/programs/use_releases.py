"""[releases] reads NVFAIR's spreadsheet."""

from pathlib import Path

from openpyxl import Workbook

from nvfair_tools.releases.worksheets import read_worksheet

book = Workbook()
book.active.append(["File Path", "Licence"])
book.active.append(["CREMA-D/originals/1001/a.mp4", "research licence"])
book.save("sheet.xlsx")
assert read_worksheet(Path("sheet.xlsx"))
