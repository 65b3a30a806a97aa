"""The files that describe a data set are files of it: their hashes are known, and a change of them is seen."""

import shutil

import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.metadata.writing import METADATA_FILES


def test_a_described_set_is_whole(described):
    report = check_dataset(described, full=True)
    assert report.faults == ()
    assert set(METADATA_FILES) <= set(Dataset.open(described).meta["files"])
    assert not [remark for remark in report.remarks if "nor a row names" in remark]


@pytest.mark.parametrize("name", METADATA_FILES)
def test_a_changed_byte_of_a_description_is_a_fault_of_its_file(described, tmp_path, name):
    folder = shutil.copytree(described, tmp_path / "set")
    text = (folder / name).read_bytes()
    (folder / name).write_bytes(text[:-2] + bytes([text[-2] ^ 1]) + text[-1:])
    assert {fault.file for fault in check_dataset(folder, full=True).faults} == {name}


def test_rows_and_parts_stay_as_they_are(plain, described):
    before, after = Dataset.open(plain).meta, Dataset.open(described).meta
    assert before["files"].items() <= after["files"].items()
    assert set(after) - set(before) == {"publication"}
