"""An export in NVFAIR's layout is what our importer of NVFAIR reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pandas as pd
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.exports import export_dataset
from nvfair_tools.dataset.exports.sheet import write_sheet
from nvfair_tools.errors import Problems
from nvfair_tools.releases.importer import import_release
from nvfair_tools.releases.nvfair import list_nvfair
from nvfair_tools.releases.settings import ReleaseSettings
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.dataset.exportable_set import PEOPLE, contents

openpyxl = pytest.importorskip("openpyxl")


def test_our_importer_reads_the_layout_back(free: Dataset, tmp_path: Path) -> None:
    report = export_dataset(free, tmp_path / "out", "nvfair")
    assert report.left_out == {"no .mp4 in the data set": 1}
    assert report.remarks == ()
    release = list_nvfair(tmp_path / "out", ReleaseSettings())
    files = [file for file in release.files if file.has_row]
    assert {file.name for file in release.files if not file.has_row} == {"README.md", "manifest.json"}
    assert release.absent == ()
    assert {file.result.state for file in files} == {"ok"}
    exported = free.usable()[free.usable()["path"].notna()]
    columns = ["kind", "target", "driver", "clip_name", "generator", "split", "licence", "sha256"]
    expected = sorted(tuple(row) for row in exported[columns].fillna("").itertuples(index=False))
    out = tmp_path / "out"
    hashes = {file.name: hashlib.sha256((out / file.name).read_bytes()).hexdigest() for file in files}
    assert expected == sorted(
        (file.kind, file.target, file.driver, file.clip, file.generator, file.split, file.licence, hashes[file.name])
        for file in files
    )
    assert "CREMA-D/facevid2vid-generated/1001/1001--1003_IEO_NEU_XX--1003.mp4" in hashes
    assert "CREMA-D/originals/1003/1003_IEO_NEU_XX.mp4" in hashes
    assert {file.permitted_use for file in files} == {
        "Permitted use: training: yes; Permitted use: redistribution: yes"
    }


def test_the_table_of_equal_sets_has_equal_bytes(free: Dataset, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_dataset(free, tmp_path / name, "nvfair")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_people_and_generators_that_nvfair_has_not_are_named(free: Dataset, tmp_path: Path) -> None:
    videos = free.videos.replace({"target": {PEOPLE[0]: "lab:ann"}, "driver": {PEOPLE[0]: "lab:ann"}})
    videos["generator"] = videos["generator"].replace({"lia": "warp-dense"})
    report = export_dataset(Dataset(free.folder, free.meta, free.identities, videos), tmp_path / "out", "nvfair")
    assert [remark.split(":")[0] for remark in report.remarks] == [
        "1 person is of none of NVFAIR's collections",
        "videos of warp-dense stand in folders that NVFAIR does not have",
    ]
    assert (tmp_path / "out/cremad/originals/lab_ann/1001_IEO_NEU_XX.mp4").is_file()
    assert (tmp_path / "out/CREMA-D/warp-dense-generated/1003/1003--1001_IEO_NEU_XX--lab_ann.mp4").is_file()


def test_two_videos_that_would_be_one_file_are_refused(free: Dataset, tmp_path: Path) -> None:
    videos = free.videos.copy()
    videos.loc[videos["generator"] == "lia", "generator"] = "face-vid2vid"
    with pytest.raises(Problems, match="would all be CREMA-D/facevid2vid-generated/1001/"):
        export_dataset(Dataset(free.folder, free.meta, free.identities, videos), tmp_path / "out", "nvfair")
    assert not (tmp_path / "out").exists()


def test_an_import_of_an_export_has_the_same_people_pairs_and_videos(free: Dataset, tmp_path: Path) -> None:
    skip_without_landmarker()
    export_dataset(free, tmp_path / "out", "nvfair")
    settings = ReleaseSettings(workers=0)
    import_release(list_nvfair(tmp_path / "out", settings), settings, tmp_path / "back")
    back = Dataset.open(tmp_path / "back")
    columns = ["kind", "split", "target", "driver", "clip_name", "generator", "frames", "width", "height", "sha256"]
    exported = free.usable()[free.usable()["path"].notna()]
    rows = [table[columns].fillna("").sort_values("sha256").to_numpy().tolist() for table in (exported, back.usable())]
    assert rows[0] == rows[1]
    assert back.identities["identity"].tolist() == list(PEOPLE)


def test_a_table_keeps_texts_that_look_like_formulas(tmp_path: Path) -> None:
    write_sheet([("File", "Terms"), ("a.mp4", "=1+1"), ("b.mp4", "bell \x07")], tmp_path / "t.xlsx")
    sheet = openpyxl.load_workbook(tmp_path / "t.xlsx").active
    assert [tuple(row) for row in sheet.iter_rows(values_only=True)][1:] == [("a.mp4", "=1+1"), ("b.mp4", "bell ?")]
    assert sheet["B2"].data_type == "s"
    assert list(pd.read_excel(tmp_path / "t.xlsx")["File"]) == ["a.mp4", "b.mp4"]
