"""Files that lie about themselves or grow without end are refused quickly and in little memory."""

from __future__ import annotations

import os
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from leaderboard.submission.check import SubmissionChecker, find_problems
from leaderboard.submission.sandbox import BoundedChild, LimitReached
from nvfair_tools.dataset import Dataset
from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration


@pytest.fixture(scope="module")
def child(dataset: Dataset):
    made = BoundedChild(partial(SubmissionChecker, dataset.folder), 600)
    made.warm()
    yield made
    made.stop()


def check_text(child: BoundedChild, submission: Path, seconds: float = 15.0) -> str:
    """What the check says within 600 MB, and in few seconds."""
    begun = time.monotonic()
    text = "\n".join(child.call("check", submission, seconds=60.0).problems)
    assert time.monotonic() - begun < seconds
    return text


def varint(number: int) -> bytes:
    """A zigzag number of Thrift's compact protocol."""
    number, out = number * 2, b""
    while number >= 0x80:
        out += bytes([number & 0x7F | 0x80])
        number >>= 7
    return out + bytes([number])


def forged(path: Path, rows: int, claimed: int, times: int) -> None:
    """Rewrites the footer of a Parquet file so that it claims other numbers of rows, in its first `times` places."""
    content = path.read_bytes()
    length = int.from_bytes(content[-8:-4], "little")
    footer = content[-8 - length : -8]
    honest = b"\x16" + varint(rows)  # a field of 64 bits, one after the last
    assert footer.count(honest) >= 2
    footer = footer.replace(honest, b"\x16" + varint(claimed), times)
    path.write_bytes(content[: -8 - length] + footer + len(footer).to_bytes(4, "little") + b"PAR1")


@pytest.mark.parametrize(("times", "message"), [(-1, "4000000000 rows or more are too many"), (1, "its row groups")])
def test_billions_of_rows_are_refused_by_the_footer_alone(child, submission: Path, times: int, message: str) -> None:
    path = submission / "embeddings" / "test.parquet"
    forged(path, pq.read_metadata(path).num_rows, 4_000_000_000, times)
    assert message in check_text(child, submission)


def test_rows_that_are_really_there_are_not_read_either(child, submission: Path) -> None:
    path = submission / "embeddings" / "test.parquet"
    schema = pq.read_schema(path)
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        table = pa.table(
            {
                "video": pa.array(["alpha-06-clip-06-0"] * 20_000),
                "window": pa.array(np.zeros(20_000, np.int32)),
                "start_frame": pa.array(np.zeros(20_000, np.int32)),
                "embedding": pa.FixedSizeListArray.from_arrays(pa.array(np.zeros(20_000 * 252, np.float32)), 252),
            },
            schema=schema,
        )
        for _ in range(20):
            writer.write_table(table)
    assert "400000 rows or more are too many" in check_text(child, submission)


def test_a_name_of_fifty_megabytes_in_every_row_is_one_name(child, submission: Path) -> None:
    path = submission / "embeddings" / "test.parquet"
    table = pq.read_table(path)
    name = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(table), np.int32)), pa.array(["x" * 50_000_000]))
    pq.write_table(table.set_column(0, "video", name), path, compression="zstd")
    assert path.stat().st_size < 1_000_000
    assert "a name has 50000000 bytes; at most 1000" in check_text(child, submission)


@pytest.mark.parametrize("length", [0, 1, 2**31 - 1, 2**32 - 1])
def test_a_footer_that_lies_about_its_length_is_refused(child, submission: Path, length: int) -> None:
    path = submission / "embeddings" / "test.parquet"
    path.write_bytes(path.read_bytes()[:-8] + length.to_bytes(4, "little") + b"PAR1")
    assert "not a whole Parquet file" in check_text(child, submission)


def test_a_thousand_columns_are_too_many(child, submission: Path) -> None:
    path = submission / "embeddings" / "test.parquet"
    table = pq.read_table(path)
    for n in range(1000):
        table = table.append_column(f"c{n}", pa.nulls(len(table), pa.int8()))
    pq.write_table(table, path)
    assert "1004 columns in 1 row groups; at most 100" in check_text(child, submission)


def test_a_file_without_end_is_refused_by_its_size(child, submission: Path) -> None:
    for name in ("endless.csv", "endless.parquet"):
        with open(submission / name, "wb") as file:
            file.write(b"video,window,start_frame,embedding_0\n")
            file.truncate(10**13)
        write_declaration(
            submission, VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][0] | {"embeddings": name}]}
        )
        text = check_text(child, submission)
        assert "bytes are too many" in text or "does not begin as one" in text
        (submission / name).unlink()


@pytest.mark.parametrize("first", [b"", b"video,window,start_frame,embedding_0\n"])
def test_a_line_without_end_is_refused_in_little_memory(child, submission: Path, first: bytes) -> None:
    (submission / "long.csv").write_bytes(first + b"x" * 40_000_000)
    write_declaration(
        submission, VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][0] | {"embeddings": "long.csv"}]}
    )
    assert "long.csv: " in check_text(child, submission)


@pytest.mark.parametrize(
    "header",
    [
        b",".join(b"%d" % (n % 10) for n in range(130_000)),  # few names, each thousands of times
        b",".join(b"c%d" % n for n in range(38_000)),
        b"," * 260_000,
        b",".join(b"embedding_%d" % n for n in range(15_000)),
        b",".join([b'""'] * 87_000),
        b'"' * 261_000,
    ],
    ids=["repeated", "many", "empty", "values", "quoted", "quotes"],
)
def test_a_header_of_a_quarter_of_a_megabyte_is_refused_at_once(child, submission: Path, header: bytes) -> None:
    (submission / "wide.csv").write_bytes(header + b"\n1,2,3\n")
    write_declaration(
        submission, VALID_DECLARATION | {"entries": [VALID_DECLARATION["entries"][0] | {"embeddings": "wide.csv"}]}
    )
    text = check_text(child, submission)
    assert "columns; at most 4196" in text or "is missing" in text or "line 1: " in text
    assert len(text) < 3000


def test_pipes_and_folders_are_no_files(child, submission: Path) -> None:
    path = submission / "embeddings" / "test.parquet"
    path.unlink()
    os.mkfifo(path)
    assert "is not there" in check_text(child, submission)
    path.unlink()
    path.mkdir()
    assert "is not there" in check_text(child, submission)
    (submission / "submission.yaml").unlink()
    os.mkfifo(submission / "submission.yaml")
    assert "no submission.yaml here" in check_text(child, submission)


def test_a_crash_in_the_child_is_reported_and_the_next_check_works(dataset: Dataset, submission: Path) -> None:
    child = BoundedChild(partial(SubmissionChecker, dataset.folder), 600)
    try:
        assert child.call("check", submission, seconds=60).passed
        os.kill(child._process.pid, 11)  # a segmentation fault, as a library's
        with pytest.raises(LimitReached):
            child.call("check", submission, seconds=60)
        assert child.call("check", submission, seconds=60).passed
    finally:
        child.stop()


def test_text_that_looks_like_a_formula_is_only_ever_quoted(submission: Path, dataset: Dataset) -> None:
    write_declaration(
        submission,
        {
            **VALID_DECLARATION,
            "method": "=HYPERLINK(1)",
            "entries": [VALID_DECLARATION["entries"][0] | {"protocol": "=1\n+1"}],
        },
    )
    (text,) = find_problems(submission, dataset)
    assert "\n" not in text
    assert "U+000A" in text
