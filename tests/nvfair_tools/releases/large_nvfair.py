"""NVFAIR's tree at its published size: all 161 people, every generator, names as published, files empty."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from xml.sax.saxutils import escape

from nvfair_tools.recipe.splits import official_split
from tests.nvfair_tools.releases.small_releases import FOLDERS, HEADER, sheet_row

SOURCES = {"cremad": "CREMA-D", "ravdess": "RAVDESS", "nvidia-vc": "NVIDIA-VC-subset"}
SHEET = "per_file_information_NVFAIR_v2.xlsx"
_SENTENCES = ("DFA", "IEO", "IOM", "ITH", "ITS", "IWL", "IWW", "MTI", "TAI", "TIE", "TSI", "WSI")
_EMOTIONS = ("ANG", "DIS", "FEA", "HAP", "NEU", "SAD")
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
_RELATIONS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_PACKAGE = "http://schemas.openxmlformats.org/package/2006"


def published_names(number: int) -> list[str]:
    """The first `number` names: the first clip of every person as an original and on every face of source and split by
    every generator, then the second clip, and so on."""
    return list(islice(_names(), number))


def _names() -> Iterator[str]:
    people: dict[tuple[str, str], list[str]] = {}
    for identity, split in sorted(official_split().items()):
        people.setdefault((identity.partition(":")[0], split), []).append(identity.partition(":")[2])
    for number in count():
        for (namespace, _), ids in people.items():
            source = SOURCES[namespace]
            for driver in ids:
                clip = _clip(namespace, driver, number)
                yield f"{source}/originals/{_folder(namespace, driver)}/{clip}.mp4"
                for generated in FOLDERS:
                    for target in ids:
                        face, motion = _folder(namespace, target), _folder(namespace, driver)
                        yield f"{source}/{generated}/{face}/{face}--{clip}--{motion}.mp4"


def _folder(namespace: str, id: str) -> str:
    return f"Actor_{id}" if namespace == "ravdess" else id


def _clip(namespace: str, id: str, number: int) -> str:
    """The name of a person's clip; every number gives another one."""
    if namespace == "cremad":
        emotion, sentence = number % 6, number // 6
        return f"{id}_{_SENTENCES[sentence % 12]}_{_EMOTIONS[emotion]}_XX" + f"_{sentence // 12}" * (sentence >= 12)
    if namespace == "ravdess":
        return f"01-01-{number % 8 + 1:02}-01-{number // 8 % 2 + 1:02}-{number // 16 + 1:02}-{id}"
    return f"{'aqs'[number % 3]}{number // 3 + 1:02}-{id}"


def write_tree(root: Path, names: Iterable[str]) -> None:
    """Makes an empty file for each name."""
    made: set[str] = set()
    for name in names:
        folder, _, file = name.rpartition("/")
        if folder not in made:
            (root / folder).mkdir(parents=True, exist_ok=True)
            made.add(folder)
        os.close(os.open(f"{root}/{folder}/{file}", os.O_CREAT | os.O_WRONLY))


def write_workbook(path: Path, names: Sequence[str]) -> None:
    """A workbook with one row a file, in the form in which spreadsheet programs save: texts stand once, in a table, and
    cells hold their numbers there. Written as text, since a library takes minutes for so many rows."""
    places: dict[str, int] = {}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(
            "[Content_Types].xml",
            f'<Types xmlns="{_PACKAGE}/content-types">'
            '<Default Extension="xml" ContentType="application/xml"/><Default Extension="rels" '
            'ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            + "".join(
                f'<Override PartName="/xl/{part}.xml" '
                f'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.{kind}+xml"/>'
                for part, kind in (
                    ("workbook", "sheet.main"),
                    ("worksheets/sheet1", "worksheet"),
                    ("sharedStrings", "sharedStrings"),
                )
            )
            + "</Types>",
        )
        archive.writestr("_rels/.rels", _relations(("officeDocument", "xl/workbook.xml")))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{_MAIN}" xmlns:r="{_RELATIONS}"><sheets>'
            '<sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            _relations(("worksheet", "worksheets/sheet1.xml"), ("sharedStrings", "sharedStrings.xml")),
        )
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as sheet:
            size = f"A1:F{len(names) + 1}"
            sheet.write(f'<worksheet xmlns="{_MAIN}"><dimension ref="{size}"/><sheetData>'.encode())
            for number, row in enumerate(_rows(names), 1):
                cells = (
                    f'<c r="{column}{number}" t="s"><v>{places.setdefault(text, len(places))}</v></c>'
                    for column, text in zip("ABCDEF", row, strict=True)
                    if text
                )
                sheet.write(f'<row r="{number}">{"".join(cells)}</row>'.encode())
            sheet.write(b"</sheetData></worksheet>")
        texts = "".join(f"<si><t>{escape(text)}</t></si>" for text in places)
        archive.writestr("xl/sharedStrings.xml", f'<sst xmlns="{_MAIN}">{texts}</sst>')


def _rows(names: Iterable[str]) -> Iterator[list[str]]:
    yield list(HEADER)
    for name in names:
        yield list(sheet_row(name).values())


def _relations(*targets: tuple[str, str]) -> str:
    links = "".join(
        f'<Relationship Id="rId{number}" Type="{_RELATIONS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, 1)
    )
    return f'<Relationships xmlns="{_PACKAGE}/relationships">{links}</Relationships>'
