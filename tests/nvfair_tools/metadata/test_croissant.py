"""croissant.json is what MLCommons' own library takes, and loads the rows that pyarrow reads."""

import hashlib
import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA, frames_schema
from nvfair_tools.metadata import columns
from nvfair_tools.metadata.description import Description
from nvfair_tools.metadata.writing import rewrite_metadata
from tests.nvfair_tools.dataset.landmark_videos import videos_table, write_dataset

# rdflib, which the library reads JSON-LD with, calls a class of its own that it has retired; the library
# calls pandas 3.1 with a word that pandas will retire.
pytestmark = [
    pytest.mark.filterwarnings("ignore:ConjunctiveGraph is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The inplace keyword in DataFrame.reset_index:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def croissant_library():
    """MLCommons' library; its log of warnings is not looked at here, but its issues are."""
    return pytest.importorskip("mlcroissant", reason="pip install 'nvfair-tools[dev]'")


def records(library, folder: Path, record_set: str) -> list[dict]:
    """The records of a set, opened anew: the library keeps what it has read of another set and cannot read it twice."""
    return list(library.Dataset(folder / "croissant.json").records(record_set))


def plain_value(value: object) -> object:
    """A value as both readers have it: bytes are text, arrays are lists, nothing is None."""
    if isinstance(value, bytes):
        return value.decode()
    if isinstance(value, list | np.ndarray):
        return [plain_value(part) for part in value]
    return None if isinstance(value, float) and math.isnan(value) else value


def frame_rows(folder: Path) -> pa.Table:
    """All rows of frames, by pyarrow alone, in the order of their parts' names."""
    parts = sorted((folder / "frames").rglob("part-*.parquet"))
    return pa.concat_tables(pq.read_table(part, partitioning=None) for part in parts)


def test_the_library_has_nothing_to_object_to(croissant_library, described):
    issues = croissant_library.Dataset(described / "croissant.json").metadata.ctx.issues
    assert issues.errors == set()
    assert issues.warnings == set()


def test_what_the_curator_does_not_state_is_absent_and_no_error(croissant_library, plain, tmp_path):
    folder = shutil.copytree(plain, tmp_path / "set")
    rewrite_metadata(Dataset.open(folder))
    issues = croissant_library.Dataset(folder / "croissant.json").metadata.ctx.issues
    assert issues.errors == set()
    assert sorted(warning.split('"')[1].rpartition("/")[2] for warning in issues.warnings) == [
        "citeAs",
        "datePublished",
        "version",
    ]
    content = json.loads((folder / "croissant.json").read_text())
    assert not {"creator", "publisher", "url", "datePublished", "version", "citeAs", "identifier"} & set(content)


@pytest.mark.parametrize("name", ["identities", "videos"])
def test_the_library_loads_the_rows_of_the_tables(croissant_library, described, name):
    loaded = [
        {key.removeprefix(f"{name}/"): plain_value(value) for key, value in record.items()}
        for record in records(croissant_library, described, name)
    ]
    expected = pq.read_table(described / f"{name}.parquet", partitioning=None).to_pylist()
    assert loaded == [{key: plain_value(value) for key, value in row.items()} for row in expected]
    # 10 clips drive their own person and, but for the only person of validation, another one, by 3 generators.
    assert len(loaded) == {"identities": 5, "videos": 10 + 3 * (10 + 8)}[name]


def test_the_library_loads_the_landmarks_of_every_frame(croissant_library, described):
    loaded, expected = records(croissant_library, described, "frames"), frame_rows(described)
    landmarks = np.array([record["frames/landmarks"] for record in loaded], np.float64)
    stored = np.array(expected.column("landmarks").to_pylist(), np.float64)
    assert landmarks.shape[1] == 252
    assert np.array_equal(landmarks, stored, equal_nan=True)
    for name in ("video", "index", "time", "valid"):
        assert [plain_value(record[f"frames/{name}"]) for record in loaded] == expected.column(name).to_pylist()


def test_the_library_loads_distances(croissant_library, tmp_path):
    folder = write_dataset(tmp_path / "set", videos_table().assign(fps_num=25, fps_den=1), distances=True)
    rewrite_metadata(Dataset.open(folder))
    field = next(field for field in fields_of(folder, "frames") if field["name"] == "distances")
    assert (field["arrayShape"], field["isArray"], field["dataType"]) == ("7875", True, "sc:Float")
    assert field["description"].endswith("Stored as halffloat.")
    loaded = [record["frames/distances"] for record in records(croissant_library, folder, "frames")]
    stored = np.array(frame_rows(folder).column("distances").to_pylist(), np.float64)
    assert np.array_equal(np.array(loaded, np.float64), stored, equal_nan=True)


def test_tables_have_their_hash_and_size(described):
    content = json.loads((described / "croissant.json").read_text())
    files = {entry["@id"]: entry for entry in content["distribution"] if entry["@type"] == "cr:FileObject"}
    assert sorted(files) == ["identities.parquet", "videos.parquet"]
    for name, entry in files.items():
        table = (described / name).read_bytes()
        assert entry["sha256"] == hashlib.sha256(table).hexdigest()
        assert entry["contentSize"] == f"{len(table)} B"


def test_a_changed_table_is_refused_by_the_library(croissant_library, described, tmp_path):
    folder = shutil.copytree(described, tmp_path / "set")
    table = bytearray((folder / "identities.parquet").read_bytes())
    table[len(table) // 2] ^= 1
    (folder / "identities.parquet").write_bytes(table)
    with pytest.raises(Exception, match="Download"):
        records(croissant_library, folder, "identities")


def fields_of(folder: Path, name: str) -> list[dict]:
    """The fields of a record set in croissant.json."""
    content = json.loads((folder / "croissant.json").read_text())
    return next(entry["field"] for entry in content["recordSet"] if entry["@id"] == name)


def test_people_and_videos_are_referred_to(described):
    references = {
        field["@id"]: field["references"]["field"]["@id"]
        for name in ("identities", "videos", "frames")
        for field in fields_of(described, name)
        if "references" in field
    }
    assert (
        references.items()
        >= {
            "identities/split": "splits/name",
            "videos/split": "splits/name",
            "videos/target": "identities/identity",
            "videos/driver": "identities/identity",
            "frames/video": "videos/video",
        }.items()
    )


def test_rows_are_counted(described):
    content = json.loads((described / "croissant.json").read_text())
    counts = {entry["@id"]: entry["annotation"][0]["value"] for entry in content["recordSet"] if "annotation" in entry}
    assert counts == {"identities": 5, "videos": 64, "frames": frame_rows(described).num_rows}


def test_every_column_has_its_meaning():
    assert set(columns.IDENTITIES) == set(IDENTITIES_SCHEMA.names)
    assert set(columns.VIDEOS) == set(VIDEOS_SCHEMA.names)
    assert set(columns.FRAMES) >= set(frames_schema(distances=True, mesh=True).names)


def test_nobody_exists_and_the_file_says_so(described):
    content = json.loads((described / "croissant.json").read_text())
    assert "none of whom exists" in content["description"]
    assert content["rai:personalSensitiveInformation"] == ["None: all people are simulated."]
    types = [entry["@id"].rpartition("/")[2] for entry in content["digitalSourceType"]]
    assert types == ["algorithmicMedia"]


def test_equal_tables_give_equal_bytes(described, tmp_path):
    folder = shutil.copytree(described, tmp_path / "set")
    dataset = Dataset.open(folder)
    before = {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
    rewrite_metadata(dataset)
    assert {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()} == before


def test_a_description_does_not_hide_that_nobody_exists(described):
    dataset = Dataset.open(described)
    dataset.meta["publication"]["description"] = "Faces."
    assert Description.of(dataset).abstract == "Faces. All of its people are simulated: none of them exists."
