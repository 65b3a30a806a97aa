"""A part whose writing is stopped: what stopped it is what its caller sees, whatever became of the file."""

import errno

import numpy as np
import pyarrow as pa
import pytest

from nvfair_tools.dataset.part_writer import PartWriter

SCHEMA = pa.schema([("landmarks", pa.list_(pa.float32(), 252)), ("mesh", pa.list_(pa.float32(), 1434))])
ROWS = 2_000


@pytest.fixture(scope="module")
def noise():
    """Rows that take a while to compress."""
    random = np.random.default_rng(0)
    columns = [
        pa.FixedSizeListArray.from_arrays(
            random.normal(size=ROWS * field.type.list_size).astype(np.float32), field.type.list_size
        )
        for field in SCHEMA
    ]
    return pa.RecordBatch.from_arrays(columns, schema=SCHEMA)


def write(path, rows, change):
    """Writes a part whose writer `change` has altered."""
    with PartWriter(path, SCHEMA) as writer:
        change(writer)
        writer.write(rows)


def full_disk(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_ctrl_c_while_the_writing_thread_is_started_ends_as_ctrl_c(noise, tmp_path):
    def interrupt(writer):
        submit = writer._thread.submit

        def interrupted(*task):
            submit(*task)
            writer._thread._threads.clear()  # as where the signal comes before the new thread is noted
            raise KeyboardInterrupt

        writer._thread.submit = interrupted

    for number in range(5):
        with pytest.raises(KeyboardInterrupt):
            write(tmp_path / f"{number}.parquet", noise, interrupt)


def test_the_error_of_a_group_is_not_hidden_by_the_error_of_closing(noise, tmp_path):
    def break_all(writer):
        writer._file.close()
        writer._file.write_table = full_disk

        def in_pieces():
            raise OSError("Column 10 had 520 while previous column had 0")

        writer._file.close = in_pieces

    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a.parquet", noise, break_all)


def test_an_error_of_closing_a_whole_part_is_seen(noise, tmp_path):
    def break_close(writer):
        whole = writer._file.close

        def close():
            whole()
            full_disk()

        writer._file.close = close

    with pytest.raises(OSError, match="No space left"):
        write(tmp_path / "a.parquet", noise, break_close)
