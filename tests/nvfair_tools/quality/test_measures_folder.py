"""Measures that a build vouches for are not written over by those that are made afterwards."""

import pandas as pd

from nvfair_tools.dataset import Dataset
from nvfair_tools.quality.measure_dataset import measures_folder


def a_set(folder, **files):
    return Dataset(folder, {"files": files}, pd.DataFrame(), pd.DataFrame())


def test_measures_go_into_the_folder_of_the_set_or_beside_those_of_its_build(tmp_path):
    assert measures_folder(a_set(tmp_path)) == tmp_path / "quality"
    table = tmp_path / "quality" / "quality.parquet"
    table.parent.mkdir()
    table.write_bytes(b"of the build")
    built = a_set(tmp_path, **{"quality/quality.parquet": "its hash"})
    again = measures_folder(built)
    assert again == tmp_path / "quality" / "again"
    assert (again / "quality.parquet").read_bytes() == b"of the build"  # what is there is not measured again
    (again / "quality.parquet").write_bytes(b"and more")
    assert (measures_folder(built) / "quality.parquet").read_bytes() == b"and more"
    assert table.read_bytes() == b"of the build"
