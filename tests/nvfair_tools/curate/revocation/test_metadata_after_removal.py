"""After a person has withdrawn, the files that describe the set are the others', and a trace in them is found."""

import json
import shutil

import pandas as pd
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.revoke import revoke
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.files import sha256_of
from nvfair_tools.metadata.writing import METADATA_FILES, rewrite_metadata
from tests.nvfair_tools.curate.revocation.museum import PERSON

pytestmark = pytest.mark.slow


def removed(museum) -> None:
    """Removes the person; the command must end well."""
    result = CliRunner().invoke(revoke, [PERSON, str(museum / "dataset"), "--yes"], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "left: 0 places; possible: 0; not searched wholly: 0 files" in result.output


def test_a_build_describes_its_set_and_its_films(built_museum):
    dataset = built_museum / "dataset"
    assert check_dataset(dataset).faults == ()
    content = json.loads((dataset / "croissant.json").read_text())
    patterns = {entry["@id"]: entry["includes"] for entry in content["distribution"] if "includes" in entry}
    videos = pd.read_parquet(dataset / "videos.parquet")
    for name, paths in (("video-files", videos["path"].dropna()), ("frame-parts", videos["part"].dropna())):
        assert {path.relative_to(dataset).as_posix() for path in dataset.glob(patterns[name])} == set(paths)
    assert "identities.parquet" in (dataset / "README.md").read_text()
    assert "`datasheet.md`" in (dataset / "README.md").read_text()


def test_the_finished_set_is_described_as_its_build_described_it(built_museum, tmp_path):
    folder = shutil.copytree(built_museum / "dataset", tmp_path / "set")
    before = {name: (folder / name).read_bytes() for name in (*METADATA_FILES, "dataset.json")}
    rewrite_metadata(Dataset.open(folder))
    assert {name: (folder / name).read_bytes() for name in before} == before


def test_the_description_of_the_others_is_written_anew(museum):
    dataset = museum / "dataset"
    assert "3 people" in (dataset / "datasheet.md").read_text()
    removed(museum)
    assert check_dataset(dataset, full=True).faults == ()
    assert "2 people" in (dataset / "datasheet.md").read_text()
    assert "3 people" not in "".join((dataset / name).read_text() for name in METADATA_FILES)
    # Two answers less about each of six uses.
    assert "answers of 2 people, use by use: 12 yes" in (dataset / "datasheet.md").read_text()
    content = json.loads((dataset / "croissant.json").read_text())
    files = {entry["@id"]: entry["sha256"] for entry in content["distribution"] if "sha256" in entry}
    assert files == {name: sha256_of(dataset / name) for name in files}
    assert set(files) == {"identities.parquet", "videos.parquet", "consent.parquet"}


def test_a_set_without_a_card_is_described_anew_too(museum):
    dataset = museum / "dataset"
    (dataset / "README.md").unlink()
    removed(museum)
    assert "2 people" in (dataset / "datasheet.md").read_text()
    assert not (dataset / "README.md").exists()


def test_a_trace_in_a_description_is_found(museum):
    removed(museum)
    for name in METADATA_FILES:
        path = museum / "dataset" / name
        path.write_text(path.read_text() + PERSON)
    result = CliRunner().invoke(revoke, [PERSON, str(museum / "dataset"), "--prove"])
    assert result.exit_code != 0
    assert [name for name in METADATA_FILES if name not in result.output] == []
