"""A finished data set is sealed by dataset.json, written last, with the hash of every file."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA as IDENTITY_COLUMNS
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA
from nvfair_tools.dataset.writer import (
    finish_dataset,
    write_table,
)
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from tests.nvfair_tools.dataset.landmark_videos import IDENTITIES, videos_table, write_dataset

ROOT = Path(__file__).resolve().parents[3]


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_dataset_json_names_every_file_with_its_hash(tmp_path):
    write_dataset(tmp_path)
    files = json.loads((tmp_path / "dataset.json").read_text())["files"]
    others = {name: hashlib.sha256(data).hexdigest() for name, data in contents(tmp_path).items()}
    others.pop("dataset.json")
    assert files == others


def test_equal_data_gives_equal_bytes_whatever_the_order_of_the_rows(tmp_path):
    write_dataset(tmp_path / "a", videos_table(), distances=True)
    write_dataset(tmp_path / "b", videos_table().sample(frac=1, random_state=3), distances=True)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_tables_have_exactly_the_schemas_columns_and_nothing_becomes_null(tmp_path):
    write_dataset(tmp_path, videos_table().assign(of_our_own=1, fps_num=float("nan")))
    for name, schema in (("videos.parquet", VIDEOS_SCHEMA), ("identities.parquet", IDENTITY_COLUMNS)):
        assert pq.read_schema(tmp_path / name).equals(schema)
    videos = pq.read_table(tmp_path / "videos.parquet")
    assert videos.column("fps_num").null_count == videos.num_rows
    assert videos.column("path").null_count == videos.num_rows
    assert videos.column("video").to_pylist() == sorted(videos.column("video").to_pylist())


def test_a_missing_value_in_a_column_that_needs_one_is_refused(tmp_path):
    videos = videos_table()
    videos.loc[1, "licence"] = None
    with pytest.raises((pa.ArrowInvalid, ValueError)):
        write_table(tmp_path / "videos.parquet", videos, VIDEOS_SCHEMA)
    assert list(tmp_path.iterdir()) == []


def test_lists_and_missing_lists_survive_a_table(tmp_path):
    people = pd.concat([IDENTITIES] * 2, ignore_index=True).assign(identity=["toy:a", "toy:b"])
    people["aliases"] = [["a1", "a2"], None]
    write_table(tmp_path / "t.parquet", people, IDENTITY_COLUMNS)
    assert pq.read_table(tmp_path / "t.parquet").column("aliases").to_pylist() == [["a1", "a2"], None]


def test_a_data_set_that_is_being_rewritten_does_not_look_finished(tmp_path):
    write_dataset(tmp_path)
    code = f"""
import os, signal
from pathlib import Path
import nvfair_tools.dataset.writer as writer
from tests.nvfair_tools.dataset.landmark_videos import IDENTITIES, videos_table

def dying(path):
    os.kill(os.getpid(), signal.SIGKILL)

writer.sha256_of = dying
videos = videos_table().assign(part=None, first_row=None)
writer.finish_dataset(Path({str(tmp_path)!r}), IDENTITIES, videos, {{}})
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    with pytest.raises(NvfairError, match="not a finished data set"):
        Dataset.open(tmp_path)


def test_finish_returns_what_dataset_json_holds(tmp_path):
    videos = videos_table().assign(part=None, first_row=None)
    extra = tmp_path / "README.md"
    extra.write_text("card")
    content = finish_dataset(tmp_path, IDENTITIES, videos, {"name": "n"}, extra_files=[extra])
    assert content == json.loads((tmp_path / "dataset.json").read_text())
    assert content["counts"] == {"identities": 1, "videos": 5}
    assert content["files"]["README.md"] == hashlib.sha256(b"card").hexdigest()


def test_the_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "abc").write_bytes(b"abc")
    # The example of FIPS 180-2, appendix B.1.
    assert sha256_of(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
