"""Files appear whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, check_writable, make_folder, remove_partial_outputs, write_text

ROOT = Path(__file__).resolve().parents[2]


def test_the_file_appears_when_the_block_ends(tmp_path):
    path = tmp_path / "new" / "clip.mp4"
    with atomic_output(path) as aside:
        assert aside.suffix == ".mp4"  # encoders choose the container by it
        assert aside.parent == path.parent
        aside.write_bytes(b"frames")
        assert not path.exists()
    assert path.read_bytes() == b"frames"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("stem", ["x" * 251, "\u00fc" * 125])
def test_a_name_of_255_bytes_can_be_written(tmp_path, stem):
    path = tmp_path / f"{stem}.mp4"
    with atomic_output(path) as aside:
        assert aside.suffix == ".mp4"
        aside.write_bytes(b"frames")
    assert path.read_bytes() == b"frames"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_an_error_keeps_what_was_there_and_leaves_nothing_beside_it(tmp_path, error):
    path = tmp_path / "table.json"
    write_text(path, "old")

    def fail():
        with atomic_output(path) as aside:
            aside.write_text("half")
            raise error

    with pytest.raises(error):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_block_that_writes_nothing_is_an_error_and_not_an_empty_file(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_output(tmp_path / "x.txt"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_a_killed_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "state.json"
    write_text(path, "old")
    code = f"""
import os, signal
from pathlib import Path
from nvfair_tools.files import atomic_output
with atomic_output(Path({str(path)!r})) as aside:
    aside.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert path.read_text() == "old"
    assert all(p == path or p.name.startswith(".state.") for p in tmp_path.iterdir())


def test_text_is_utf_8_with_the_line_ends_it_has(tmp_path):
    write_text(tmp_path / "t", "é\n")
    assert (tmp_path / "t").read_bytes() == b"\xc3\xa9\n"


def test_a_folder_is_made_with_its_parents_and_left_empty(tmp_path):
    assert make_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b"
    assert list((tmp_path / "a" / "b").iterdir()) == []


def test_looking_whether_a_folder_can_be_written_makes_nothing(tmp_path):
    check_writable(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("check", [make_folder, check_writable])
def test_a_folder_below_a_file_cannot_be_written(tmp_path, check):
    (tmp_path / "file").write_text("")
    with pytest.raises(NvfairError, match=r"(?s)file/out: nothing can be written here.*name another folder"):
        check(tmp_path / "file" / "out")


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write where nobody else may")
def test_a_folder_without_permission_cannot_be_written(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(NvfairError, match="Permission denied"):
        make_folder(tmp_path / "out")


def test_partial_outputs_of_ended_processes_are_removed_and_those_of_living_ones_stay(tmp_path):
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    below = tmp_path / "frames"
    below.mkdir()
    left = [below / f".part-00000.{ended.pid}.part.parquet", tmp_path / f".state.{ended.pid}.part.json"]
    living = below / f".part-00001.{os.getpid()}.part.parquet"
    whole = below / "part-00002.parquet"
    for path in (*left, living, whole):
        path.write_bytes(b"half")
    remove_partial_outputs(tmp_path, recursive=False)
    assert [path.exists() for path in left] == [True, False]
    remove_partial_outputs(tmp_path)
    assert [path.exists() for path in left] == [False, False]
    assert living.exists()
    assert whole.exists()
    remove_partial_outputs(tmp_path / "nowhere")


def test_two_machines_with_one_process_number_write_two_temporary_files(tmp_path, monkeypatch):
    path = tmp_path / "part-00000.parquet"
    with atomic_output(path) as here:
        here.write_bytes(b"here")
        monkeypatch.setattr("platform.node", lambda: "another-machine")
        with atomic_output(path) as there:
            there.write_bytes(b"there")
        assert path.read_bytes() == b"there"
        monkeypatch.undo()
        remove_partial_outputs(tmp_path)
        assert here.exists()
    assert path.read_bytes() == b"here"
    with atomic_output(path) as here:
        here.write_bytes(b"here")
        monkeypatch.setattr("platform.node", lambda: "another-machine")
        remove_partial_outputs(tmp_path)
        assert not here.exists()
        here.write_bytes(b"again")
