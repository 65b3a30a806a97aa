"""A bundle that somebody made up or damaged is refused in words, in bounded memory, and never passes for a good one."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchmark import protocols
from benchmark.evaluation.bundle_files import RECORD, VIDEOS
from benchmark.evaluation.reproduce import recompute_bundle, write_bundle
from benchmark.evaluation.results import write_results
from benchmark.evaluation.run import EvaluationOptions, evaluate
from benchmark.methods.candidates import as_candidate
from leaderboard.submission.sandbox import BoundedChild, Fault
from nvfair_tools.cli import cli
from nvfair_tools.cli.benchmark.reproduce import Recomputation
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

EMBEDDINGS = "embeddings.parquet"
Files = dict[str, bytes]


@pytest.fixture(scope="module")
def files(small: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Files:
    """The files of a good bundle."""
    folder = tmp_path_factory.mktemp("report")
    options = EvaluationOptions(evidence=folder / "evidence")
    results = evaluate(
        small, [as_candidate("tests.benchmark.toy_methods:MotionSize")], [protocols.load("nvfair-unseen")], options
    )
    write_results(folder / "results.json", results)
    write_bundle(folder, folder / "b.zip", generator="beta")
    with zipfile.ZipFile(folder / "b.zip") as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def bundle(path: Path, files: Files, record: dict | None = None) -> Path:
    """A bundle of `files` whose record names them as they are, unless another record is given."""
    if record is None:
        record = json.loads(files[RECORD])
        others = {name: content for name, content in files.items() if name != RECORD}
        record["files"] = {name: hashlib.sha256(content).hexdigest() for name, content in others.items()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, json.dumps(record) if name == RECORD else content)
    return path


def refusal(path: Path) -> str:
    with pytest.raises(NvfairError) as caught:
        recompute_bundle(path)
    text = str(caught.value)
    assert str(path) in text
    assert len(text) < 3000
    return text


def table(content: bytes, change: Callable[[pa.Table], pa.Table]) -> bytes:
    out = io.BytesIO()
    pq.write_table(change(pq.read_table(io.BytesIO(content))), out)
    return out.getvalue()


def column(name: str, values: Callable[[pa.Table], pa.Array]) -> Callable[[pa.Table], pa.Table]:
    return lambda old: old.set_column(old.column_names.index(name), name, values(old))


def test_the_command_repeats_a_good_bundle_and_says_what_is_wrong_with_another(files: Files, tmp_path: Path) -> None:
    good = CliRunner().invoke(cli, ["reproduce", "run", str(bundle(tmp_path / "good.zip", files))])
    assert good.exit_code == 0, good.exception
    assert "every figure is the same" in good.output
    (tmp_path / "bad.zip").write_bytes(b"no zip at all")
    bad = CliRunner().invoke(cli, ["reproduce", "run", str(tmp_path / "bad.zip")])
    assert isinstance(bad.exception, NvfairError)
    absent = CliRunner().invoke(cli, ["reproduce", "run", str(tmp_path / "absent.zip")])
    assert absent.exit_code == 2
    assert "absent.zip': there is no such file" in " ".join(absent.stderr.split())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda record: [], "bundle.json: file: "),
        (lambda record: {**record, "format_version": 2}, "format version '2'"),
        (lambda record: {**record, "format_version": [1]}, "format version '\\[1\\]'"),
        (lambda record: {name: value for name, value in record.items() if name != "cell"}, "cell: is needed"),
        (lambda record: {**record, "cell": {**record["cell"], "generator": 7}}, "cell.generator: "),
        (lambda record: {**record, "cell": "none"}, "cell: "),
        (lambda record: {**record, "protocol": {"name": "x", "scoring": 7}}, "scoring: "),
        (lambda record: {**record, "protocol": {"name": "x" * 10**6}}, "its protocol is "),
        (lambda record: {**record, "protocol": {**record["protocol"], "name": "easy"}}, "its protocol is 'easy'"),
        (lambda record: {**record, "protocol": [1]}, "protocol: "),
        (lambda record: {**record, "files": {}}, "embeddings.parquet is not named by the record"),
        (lambda record: {**record, "files": {VIDEOS: 1}}, "files.videos.parquet: "),
        (lambda record: {**record, "files": {**record["files"], "x": "0" * 64}}, "x is missing"),
    ],
)
def test_a_record_that_is_none_is_refused(
    files: Files, tmp_path: Path, change: Callable[[dict], object], message: str
) -> None:
    record = change(json.loads(files[RECORD]))
    assert message.replace("\\", "") in refusal(bundle(tmp_path / "b.zip", files, record))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "text",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format_version": ' + b"9" * 5000 + b"}", b'"text"', b"null"],
)
def test_a_record_that_is_no_json_is_refused(files: Files, tmp_path: Path, text: bytes) -> None:
    with zipfile.ZipFile(tmp_path / "b.zip", "w") as archive:
        for name, content in files.items():
            archive.writestr(name, text if name == RECORD else content)
    assert RECORD in refusal(tmp_path / "b.zip")


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (VIDEOS, lambda old: old.drop_columns(["driver"]), "there is no column 'driver'"),
        (VIDEOS, lambda old: old.drop_columns(["scored"]), "there is no column 'scored'"),
        (VIDEOS, column("scored", lambda old: pa.array(["yes"] * len(old))), "expected true or false"),
        (VIDEOS, column("scored", lambda old: pa.nulls(len(old), pa.bool_())), "expected true or false"),
        (VIDEOS, column("driver", lambda old: pa.array(range(len(old)))), "'driver' is int64; expected text"),
        (VIDEOS, column("target", lambda old: pa.array([["x"]] * len(old))), "expected text"),
        (VIDEOS, column("video", lambda old: pa.array(["v"] * len(old))), "is there twice"),
        (VIDEOS, column("video", lambda old: pa.nulls(len(old), pa.string())), "has no id"),
        (EMBEDDINGS, lambda old: old.drop_columns(["window"]), "no column 'window'"),
        (EMBEDDINGS, column("window", lambda old: pa.array(["x"] * len(old))), "window is string"),
        (EMBEDDINGS, column("video", lambda old: pa.array([b"x"] * len(old))), "video is binary"),
        (EMBEDDINGS, column("embedding", lambda old: pa.array([[1.0]] * len(old))), "a fixed-size list"),
        (
            EMBEDDINGS,
            column("embedding", lambda old: pa.nulls(len(old), pa.list_(pa.float32(), 2))),
            "embeddings.parquet",
        ),  # pyarrow 26 reads it
        (EMBEDDINGS, column("window", lambda old: pa.nulls(len(old), pa.int32())), "window has gaps"),
        (EMBEDDINGS, lambda old: old.slice(0, 0), "has no embedding"),
        (EMBEDDINGS, lambda old: pa.concat_tables([old, old]), "has a window twice"),
    ],
)
def test_a_table_with_other_content_is_refused(
    files: Files, tmp_path: Path, name: str, change: Callable[[pa.Table], pa.Table], message: str
) -> None:
    changed = {**files, name: table(files[name], change)}
    assert message in refusal(bundle(tmp_path / "b.zip", changed))


def test_names_and_sizes_that_no_bundle_has_are_refused(files: Files, tmp_path: Path) -> None:
    assert "it holds '../x'" in refusal(bundle(tmp_path / "a.zip", {**files, "../x": b"x"}))
    few = {name: content for name, content in files.items() if name != EMBEDDINGS}
    assert "neither embeddings nor scores" in refusal(bundle(tmp_path / "b.zip", few))
    assert "would unpack to" in refusal(bundle(tmp_path / "c.zip", {**files, "scores.csv": bytes(64 * 2**20)}))
    with zipfile.ZipFile(tmp_path / "d.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(RECORD, b" " * 17 * 2**20 + np.random.default_rng(0).bytes(2**20))
    assert f"{RECORD} has " in refusal(tmp_path / "d.zip")
    assert "it has no bundle.json" in refusal(bundle(tmp_path / "e.zip", {VIDEOS: b"x"}, {}))
    rows = table(files[VIDEOS], lambda old: pa.table({f"c{n}": [1] for n in range(200)}))
    assert "200 columns" in refusal(bundle(tmp_path / "f.zip", {**files, VIDEOS: rows}))


def test_a_table_of_many_equal_rows_is_refused_by_its_footer(files: Files, tmp_path: Path) -> None:
    sink = io.BytesIO()
    part = pa.table({"trial": pa.array(["x"] * 1_000_000).dictionary_encode()})
    with pq.ParquetWriter(sink, part.schema) as writer:
        for _ in range(25):
            writer.write_table(part)
    assert len(sink.getvalue()) < 1_000_000
    changed = {**files, "scores.parquet": sink.getvalue()}
    assert "has 25,000,000 rows and 1 column" in refusal(bundle(tmp_path / "b.zip", changed))


def test_damaged_bytes_are_refused_or_change_a_figure_or_nothing(files: Files, tmp_path: Path) -> None:
    """The record is written anew, as somebody would who damages on purpose."""
    child = BoundedChild(Recomputation, 1500)
    outcomes = {"refused": 0, "changed": 0, "same": 0}
    try:
        for number in range(60):
            rng = np.random.default_rng([7, number])
            name = (VIDEOS, EMBEDDINGS)[number % 2]
            content = bytearray(files[name])
            for _ in range(int(rng.integers(1, 4))):
                content[int(rng.integers(len(content)))] = int(rng.integers(256))
            path = bundle(tmp_path / "b.zip", {**files, name: bytes(content)})
            try:
                cell = child.call("run", path, seconds=120.0)
            except Fault as error:
                raise AssertionError(f"mutation {number} of {name}: {error}") from error
            except NvfairError:
                outcomes["refused"] += 1
            else:
                outcomes["changed" if cell.changed else "same"] += 1
    finally:
        child.stop()
    assert outcomes["refused"] > 20, outcomes
