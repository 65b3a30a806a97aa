"""`nvfair new` writes what works at once: each skeleton's own test is run, and each recipe is read."""

import subprocess
import sys
from pathlib import Path

import pytest

from nvfair_tools.cli import run
from nvfair_tools.recipe.clip_list import list_clips
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.recipe.splits import assign_splits

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def skeletons(tmp_path_factory) -> Path:
    pytest.importorskip("torch")
    folder = tmp_path_factory.mktemp("new")
    for kind in ("method", "generator", "importer"):
        assert run(["new", kind, f"blink {kind}", "--out", str(folder / kind)]) == 0
    return folder


def test_each_skeleton_passes_its_own_test(skeletons):
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", "."],
        cwd=skeletons,
        env={"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert "10 passed" in done.stdout


def test_a_new_method_is_found_by_the_name_that_is_printed(skeletons, monkeypatch):
    from benchmark.methods.candidates import as_candidate

    monkeypatch.syspath_prepend(skeletons / "method")
    assert as_candidate("blink_method:BlinkMethod").name == "blink-method"


def test_what_is_there_is_not_overwritten(skeletons, capsys):
    before = (skeletons / "method" / "blink_method.py").read_bytes()
    assert run(["new", "method", "blink method", "--out", str(skeletons / "method")]) == 1
    assert "it is there already" in capsys.readouterr().err
    assert (skeletons / "method" / "blink_method.py").read_bytes() == before


def test_a_dry_run_writes_nothing(tmp_path, capsys):
    assert run(["new", "generator", "x", "--out", str(tmp_path / "x"), "--dry-run"]) == 0
    assert "would write" in capsys.readouterr().out
    assert not (tmp_path / "x").exists()


def people_folder(folder: Path, people: int) -> Path:
    """Empty files with the names of videos, two in each person's folder."""
    for number in range(people):
        (folder / f"p{number}").mkdir(parents=True)
        for clip in ("a.mp4", "b.mp4"):
            (folder / f"p{number}" / clip).touch()
    return folder


@pytest.mark.parametrize(
    ("people", "least"), [(2, {"test": 2}), (4, {"train": 2, "test": 2}), (6, {"train": 2, "validation": 2, "test": 2})]
)
def test_a_recipe_for_a_folder_leaves_pairs_of_two_people_in_each_split(people, least, tmp_path, capsys):
    videos = people_folder(tmp_path / "people", people)
    recipe = tmp_path / "recipes" / "mine.yaml"
    assert run(["new", "recipe", "mine", "--from", str(videos), "--out", str(recipe)]) == 0
    assert f"holds {2 * people} clips of {people} people" in capsys.readouterr().out
    loaded = load_recipe(recipe)
    rows = list(list_clips(loaded).rows)
    splits = list(assign_splits(loaded, rows).values())
    assert len(rows) == 2 * people
    assert {split: splits.count(split) for split in set(splits)} == least


def test_a_recipe_for_a_list_takes_the_list_and_says_what_it_leaves_open(tmp_path):
    (tmp_path / "clips.csv").write_text("path,identity,licence\na.mp4,x:ann,CC-BY-4.0\nb.mp4,x:bea,CC-BY-4.0\n")
    recipe = tmp_path / "mine.yaml"
    assert run(["new", "recipe", "mine", "--from", str(tmp_path), "--out", str(recipe)]) == 0
    rows = list(list_clips(load_recipe(recipe)).rows)
    assert [(row.licence, row.consent, row.permitted_use) for row in rows] == [("CC-BY-4.0", "unknown", "research")] * 2


def test_a_folder_without_recordings_says_what_is_expected(tmp_path, capsys):
    (tmp_path / "a.mp4").touch()
    assert run(["new", "recipe", "mine", "--from", str(tmp_path), "--out", str(tmp_path / "mine.yaml")]) == 1
    assert "one folder a person" in capsys.readouterr().err
