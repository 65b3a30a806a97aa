"""Users' mistakes end as one message that says what, where and what to do: never as a traceback, never silently."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import click
import pytest

from nvfair_tools.cli import cli
from tests.nvfair_tools.dataset.landmark_videos import write_dataset
from tests.nvfair_tools.small_build import write_recipe

ROOT = Path(__file__).resolve().parents[3]


def nvfair(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "nvfair_tools", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1500, stdin=subprocess.DEVNULL)


def described(status: int, *words: object) -> str:
    """What `nvfair` writes to stderr when it ends with `status`; it must be no traceback."""
    done = nvfair(*words)
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize(("word", "near"), [("buld", "Did you mean 'build'?"), ("evalute", "Did you mean 'evaluate'?")])
def test_an_unknown_command_is_answered_with_the_nearest(word, near):
    assert near in described(2, word, "x")


def test_a_command_that_is_near_to_nothing_is_only_refused():
    message = described(2, "zzz")
    assert "No such command 'zzz'." in message
    assert "Did you mean" not in message


@pytest.mark.parametrize(
    ("words", "source"),
    [
        (["build"], "nvfair new recipe NAME"),
        (["view"], "nvfair simulate cohort"),
        (["embed", ".", "out"], "nvfair train"),
    ],
    ids=lambda words: words[0],
)
def test_where_an_argument_is_missing_the_command_that_makes_one_is_named(words, source):
    with pytest.raises(click.UsageError) as raised:
        cli.main([*words], standalone_mode=False)
    assert source in raised.value.format_message()


def test_a_folder_in_place_of_a_recipe_is_answered_with_a_recipe_that_lies_in_it(tmp_path):
    for name in (".hidden.yaml", "a.csv", "mine.yml"):
        (tmp_path / name).write_text("")
    with pytest.raises(click.UsageError, match=r"name a file, such as '.*mine\.yml'"):
        cli.main(["build", str(tmp_path)], standalone_mode=False)
    (tmp_path / "mine.yml").unlink()
    with pytest.raises(click.UsageError, match="nvfair new recipe NAME"):
        cli.main(["build", str(tmp_path)], standalone_mode=False)


def test_the_version_is_told_without_an_installation():
    from nvfair_tools import __version__

    done = nvfair("--version")
    assert (done.returncode, done.stdout) == (0, f"nvfair, version {__version__}\n")


@pytest.mark.parametrize(
    "words",
    [
        ["simulate", "cohort", "OUT", "--workers", "1"],
        ["simulate", "people", "OUT", "--workers", "1"],
        ["submit", "init", "OUT"],
        ["build", "RECIPE", "--quiet"],
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_an_output_that_cannot_be_written_is_named(tmp_path, words):
    (tmp_path / "file").write_text("")
    out = tmp_path / "file" / "out"
    (tmp_path / "clips.csv").write_text("path,identity,licence,consent,permitted_use\na.mp4,x:1,l,c,research\n")
    recipe = write_recipe(tmp_path / "recipe.yaml", tmp_path / "clips.csv", output=str(out), splits={"by": "shares"})
    message = described(1, *[{"OUT": out, "RECIPE": recipe}.get(word, word) for word in words])
    assert str(out) in message
    assert "Not a directory" in message


def test_a_build_does_not_touch_a_folder_that_no_build_has_made(tmp_path):
    # Its parts would be removed, as those of an earlier recipe.
    other = write_dataset(tmp_path / "other")
    before = contents(other)
    (tmp_path / "clips.csv").write_text("path,identity,licence,consent,permitted_use\na.mp4,x:1,l,c,research\n")
    recipe = write_recipe(tmp_path / "r.yaml", tmp_path / "clips.csv", output=str(other), splits={"by": "shares"})
    message = described(1, "build", recipe, "--quiet")
    assert f"{other}: this folder holds something else than a build" in message
    assert "`output`" in message
    assert contents(other) == before
    assert f"{other}: this folder holds" in nvfair("check", recipe).stdout


def test_a_training_does_not_mix_with_what_is_in_its_folder(tmp_path):
    pytest.importorskip("torch")
    from tests.benchmark.small_world import World, make

    data = make(tmp_path / "data", World(people=(3, 2, 2), clips=2)).folder
    before = contents(data)
    message = described(1, "train", data, data, "-g", "alpha", "--windows", "8", "--batch", "4", "--drivers", "2")
    assert "this folder holds something else than a training" in message
    assert contents(data) == before


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "it is empty"),
        ("path;identity;licence\na.mp4;x:1;l\n", "separated by ';'"),
        ("path\tidentity\tlicence\na.mp4\tx:1\tl\n", r"separated by '\t'"),
        ("path,licence,permitted_use\n" + "a.mp4,l,any\n" * 50, "has no column 'identity'"),
    ],
)
def test_a_list_of_clips_that_is_none_is_one_problem(tmp_path, text, expected):
    (tmp_path / "clips.csv").write_text(text)
    recipe = write_recipe(tmp_path / "r.yaml", tmp_path / "clips.csv")
    message = described(1, "build", recipe)
    assert expected in message
    assert "1 problem\n" in message


def test_a_list_that_is_not_utf_8_says_how_to_save_it(tmp_path):
    (tmp_path / "clips.csv").write_bytes("path,identity\né.mp4,x:1\n".encode("latin-1"))
    recipe = write_recipe(tmp_path / "r.yaml", tmp_path / "clips.csv")
    assert "save it as CSV in UTF-8" in described(1, "ingest", recipe)


def test_names_with_brackets_are_shown_as_they_are(tmp_path):
    (tmp_path / "take[red]2[curate].mp4").write_text("no video")
    words = [sys.executable, "-m", "nvfair_tools", "probe", "take[red]2[curate].mp4"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "take[red]2[curate].mp4" in done.stdout


def test_ctrl_c_ends_with_one_line_and_the_next_run_goes_on(tmp_path):
    out = tmp_path / "cohort"
    settings = tmp_path / "s.yaml"
    settings.write_text(
        "{sources: [{name: sim, train: 4, validation: 2, test: 4}], clips: 12, frames: 100, cross: all}"
    )
    words = [sys.executable, "-m", "nvfair_tools", "simulate", "cohort", str(out)]
    words += ["--settings", str(settings), "--workers", "1"]
    process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not any(out.rglob("part-*.parquet")):  # until the first part is whole
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=1500)
    assert process.returncode == 130, errors
    lines = errors.strip().split("\n")
    assert f"{out}: 10 people, 1,416 videos, 144,145 frames, about 59 MB" in lines, "it is announced beforehand"
    assert lines[-1] == "interrupted: run the same command again; what was finished is kept and not done again"
    stored = {path: os.stat(path).st_mtime_ns for path in out.rglob("part-*.parquet")}
    assert stored
    assert not (out / "dataset.json").exists()
    assert subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert {path: os.stat(path).st_mtime_ns for path in stored} == stored
    assert (out / "dataset.json").exists()


def test_output_that_nobody_reads_any_more_is_no_error(tmp_path):
    file = tmp_path / "empty.mp4"
    file.touch()
    process = subprocess.Popen(
        [sys.executable, "-m", "nvfair_tools", "probe", "--json", *[str(file)] * 2000],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    process.stdout.close()
    errors = process.stderr.read().decode()
    process.stderr.close()
    assert process.wait(600) == 1
    assert errors == ""
