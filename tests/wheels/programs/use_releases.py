"""[releases] reads NVFAIR's spreadsheet."""

from pathlib import Path

from openpyxl import Workbook

from nvfair_tools.releases.worksheets import xlsx_worksheets

book = Workbook()
book.active.append(["File Path", "Licence"])
book.active.append(["CREMA-D/originals/1001/a.mp4", "research licence"])
book.save("sheet.xlsx")
for _, rows in xlsx_worksheets(Path("sheet.xlsx"), None):
    assert len(list(rows)) == 2
