"""The check of marks: what is there, what is broken, and which file a copy without marks is a copy of."""

import shutil

import pytest
from click.testing import CliRunner

from nvfair_tools.cli import cli
from nvfair_tools.errors import Problems
from tests.nvfair_tools.clips import run_ffmpeg
from tests.nvfair_tools.marks.conftest import write_rendered

pytest.importorskip("c2pa", reason="the extra `marks` is not installed")

from nvfair_tools.marks.check import check_marks
from nvfair_tools.marks.publish import publish


@pytest.fixture
def published(rendered, signer, tmp_path):
    publish(rendered, tmp_path / "out", signer)
    return tmp_path / "out"


def states(check):
    return {file.path: (file.xmp, file.tags, file.c2pa) for file in check.files}


def test_published_files_have_all_marks(published, own_credentials):
    check = check_marks(published)
    assert set(states(check).values()) == {("valid", "valid", "valid, untrusted")}
    assert check.problems == []
    trusted = check_marks(published, anchors=own_credentials[0].read_text())
    assert {file.c2pa for file in trusted.files} == {"valid, trusted"}


def test_rendered_files_need_no_signature(rendered):
    check = check_marks(rendered)
    assert set(states(check).values()) == {("valid", "valid", "absent")}
    assert check.problems == []


def test_everything_that_is_wrong_is_said_at_once(rendered, published, signer, tmp_path):
    first = published / "warp" / "0.mp4"
    content = bytearray(first.read_bytes())
    content[len(content) // 2] ^= 1
    first.write_bytes(content)
    (published / "warp" / "1.mp4").unlink()
    shutil.copy(rendered / "warp" / "2.mp4", published / "warp" / "2.mp4")
    write_rendered(tmp_path / "more" / "new.mp4", 8)
    publish(tmp_path / "more", tmp_path / "more-out", signer)
    shutil.copy(tmp_path / "more-out" / "new.mp4", published / "new.mp4")
    (published / "broken.mov").write_bytes(b"not a video")
    check = check_marks(published)
    problems = check.problems
    assert "warp/0.mp4: its C2PA manifest is not valid: assertion.bmffHash.mismatch" in problems
    assert "warp/1.mp4: the table lists it, and it is not there" in problems
    assert any(text.startswith("warp/2.mp4: it has lost its marks (C2PA manifest)") for text in problems)
    assert "new.mp4: the table of published files does not list it" in problems
    assert any(text.startswith("broken.mov: it cannot be read as a video") for text in problems)
    assert len(problems) == 5
    assert states(check)["originals/0.mp4"] == ("valid", "valid", "valid, untrusted")


def test_a_file_that_was_signed_anew_has_another_hash_than_the_published_one(rendered, published, signer, tmp_path):
    publish(rendered, tmp_path / "second", signer)
    shutil.copy(tmp_path / "second" / "warp" / "0.mp4", published / "warp" / "0.mp4")
    assert check_marks(published).problems == ["warp/0.mp4: its hash is not the published one"]


def test_copies_that_have_lost_their_marks_are_found_again(published, tmp_path):
    """They were encoded anew, made smaller and slower to encode well, moved to another container, or stripped."""
    copies = tmp_path / "copies"
    copies.mkdir()
    run_ffmpeg("-i", published / "warp" / "0.mp4", "-crf", "33", copies / "a.mp4")
    run_ffmpeg("-i", published / "warp" / "1.mp4", "-vf", "scale=64:64", "-r", "30", "-crf", "26", copies / "b.mkv")
    run_ffmpeg("-i", published / "warp" / "2.mp4", "-c", "copy", "-map_metadata", "-1", copies / "c.mov")
    write_rendered(tmp_path / "other.mp4", 11)
    run_ffmpeg("-i", tmp_path / "other.mp4", "-map_metadata", "-1", copies / "d.mp4")
    check = check_marks(copies, published / "marks.csv")
    assert set(states(check).values()) == {("absent", "absent", "absent")}
    assert {file.path: file.copy_of for file in check.files} == {
        "a.mp4": "warp/0.mp4",
        "b.mkv": "warp/1.mp4",
        "c.mov": "warp/2.mp4",
        "d.mp4": "",
    }
    assert any("lost its marks (XMP, tags, C2PA manifest); it looks like warp/0.mp4" in text for text in check.problems)
    assert "d.mp4: it has lost its marks (XMP, tags, C2PA manifest); no published file looks like it" in check.problems
    without = check_marks(copies)
    assert all("no table of published files was given" in text for text in without.problems)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("path,", "file,"), "its columns are not path, video"),
        (lambda text: text + text.splitlines()[1] + "\n", "line 6: originals/0.mp4 stands twice"),
        (lambda text: text.replace("\nwarp/0.mp4,", "\nwarp/0.mp4,,"), "line 3 has not 6 values"),
        (lambda text: text[:-3] + "zz\n", "line 5: '[0-9a-fz]{80}' is no perceptual hash|no perceptual hash"),
    ],
)
def test_a_damaged_table_is_refused_with_its_lines(published, change, message):
    table = published / "marks.csv"
    table.write_text(change(table.read_text()))
    with pytest.raises(Problems, match=message):
        check_marks(published)


def test_the_commands_publish_and_check(rendered, own_credentials, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    certificate, key = map(str, own_credentials)

    def run(*arguments):
        return CliRunner().invoke(cli, ["mark", *map(str, arguments)], standalone_mode=False)

    done = run(rendered, "--certificate", certificate, "--key", key, "-q")
    assert (done.exit_code, done.stdout) == (0, f"{rendered}-published/marks.csv: 4 videos signed; 0 problems\n")
    checked = run("--check", f"{rendered}-published", "-q")
    assert checked.exit_code == 0
    assert "4 videos, 0 problems\nXMP: 4 valid\ntags: 4 valid\nC2PA: 4 valid, untrusted" in checked.stdout
    run_ffmpeg("-i", rendered / "warp" / "0.mp4", tmp_path / "copies.mp4")
    (tmp_path / "copies").mkdir()
    (tmp_path / "copies.mp4").rename(tmp_path / "copies" / "x.mp4")
    checked = run("--check", "copies", "--table", f"{rendered}-published/marks.csv")
    assert checked.exit_code == 1
    assert "x.mp4: XMP absent; tags absent; C2PA absent" in checked.stdout
    assert "copies that have lost marks and were found again: 1" in checked.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "signing needs --certificate and --key"),
        (["--certificate", "a"], "signing needs --key"),
        (["--certificate", "a", "--key", "b", "--table", "c"], "--table has no meaning with signing"),
        (["--check", "--key", "b", "--out", "c"], "--key, --out has no meaning with --check"),
        (["--check", "--new-certificate", "Me"], "two purposes"),
        (["--new-certificate", "Me", "--trust", "x"], "--trust has no meaning with --new-certificate"),
    ],
)
def test_options_that_do_not_go_together_are_refused(options, message, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("a", "b", "c", "x"):
        (tmp_path / name).touch()
    options = [
        f"{word}.out" if before == "--out" else word for before, word in zip(["", *options], options, strict=False)
    ]
    done = CliRunner().invoke(cli, ["mark", "folder", *options])
    assert done.exit_code == 2
    assert message in done.output
