"""People leave what was made from a data set: checkpoint, embeddings, report, bundle, submission and board."""

import json
import re
import shutil
import signal
import sqlite3
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
import yaml
from click.testing import CliRunner

import benchmark
from benchmark.evaluation.reproduce import write_bundle
from benchmark.methods.checkpoint import load_checkpoint
from benchmark.methods.quarantine import pseudonym as pseudonym_of
from benchmark.training.loop import train
from leaderboard.pages.static_site import export_site
from leaderboard.settings import read_settings
from leaderboard.store.add_folder import add_submission_folder
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.new_board import create_board
from leaderboard.store.results import Store
from leaderboard.submission.test_set import TestSet
from nvfair_tools.cli.revoke import revoke
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.curator_key import read_key
from tests.benchmark.small_world import OPEN, make
from tests.benchmark.training.test_loop import OPTIONS, PROTOCOL
from tests.folder_texts import all_texts
from tests.leaderboard.conftest import VALID_DECLARATION
from tests.nvfair_tools.curate.revocation.killed import kill_at, revoke_until

pytestmark = pytest.mark.slow

TRAINED, TESTED = "toy:01", "toy:07"  # of the train and of the test split


def run(*words: object) -> str:
    result = CliRunner().invoke(revoke, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def lab(built_lab) -> Path:
    """The lab as it was built. The board names its place, so that it is always the same."""
    folder, untouched = built_lab
    restore(folder, untouched)
    return folder


def restore(folder: Path, untouched: Path) -> None:
    shutil.rmtree(folder)
    shutil.copytree(untouched, folder)


@pytest.fixture(scope="module")
def built_lab(tmp_path_factory, valid_submission) -> tuple[Path, Path]:
    """A folder with a data set and everything that is made from it, and a copy of it."""
    folder = tmp_path_factory.mktemp("lab")
    data = make(folder / "data", OPEN)
    train(data, folder / "runs" / "cnn", replace(OPTIONS, windows=16), PROTOCOL)
    benchmark.embed(data, folder / "runs" / "cnn", folder / "runs" / "train.parquet", split="train", protocol=PROTOCOL)
    benchmark.embed(data, folder / "runs" / "cnn", folder / "runs" / "test.parquet", split="test", protocol=PROTOCOL)
    report = folder / "runs" / "report"
    benchmark.evaluate(data, "tests.benchmark.toy_methods:MotionSize", out=report, protocols=["nvfair-unseen"])
    write_bundle(report, folder / "runs" / "bundle.zip", generator="beta")
    submission = folder / "entry"
    (submission / "embeddings").mkdir(parents=True)
    (submission / "embeddings" / "test.parquet").write_bytes(
        (valid_submission / "embeddings" / "test.parquet").read_bytes()
    )
    declaration = json.loads(json.dumps(VALID_DECLARATION))
    declaration["training"]["people"] = [TRAINED, "toy:02"]
    (submission / "submission.yaml").write_text(yaml.safe_dump(declaration))
    create_board(folder / "board", data.folder, "ann")
    settings = read_settings(folder / "board")
    store = Store(settings.store)
    add_submission_folder(submission, TestSet(data), store, SubmissionFiles(settings.files))
    for place in (folder / "board" / "site", folder / "copies" / "site"):
        place.mkdir(parents=True)
        export_site(store.public_results(), place, title="toys")
    store.close()
    untouched = tmp_path_factory.mktemp("untouched") / "lab"
    shutil.copytree(folder, untouched)
    return folder, untouched


def videos_of(folder: Path, person: str) -> set[str]:
    videos = pd.read_parquet(folder / "data" / "videos.parquet")
    return set(videos.loc[(videos["target"] == person) | (videos["driver"] == person), "video"])


def rows_of(path: Path, videos: set[str]) -> int:
    return int(pd.read_parquet(path)["video"].isin(videos).sum())


def test_two_people_leave_a_lab(lab, tmp_path, monkeypatch):
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "key"))
    monkeypatch.setenv("COLUMNS", "200")
    trained, tested = videos_of(lab, TRAINED), videos_of(lab, TESTED)
    assert rows_of(lab / "runs" / "train.parquet", trained)
    assert rows_of(lab / "runs" / "test.parquet", tested)
    others = len(pd.read_parquet(lab / "runs" / "test.parquet")) - rows_of(lab / "runs" / "test.parquet", tested)
    figures = board_rows(lab, "results", "figures")

    output = run(TRAINED, lab)
    assert re.search(r"checkpoints that have seen the person +│ +1 ", output)
    assert re.search(r"rows of the board that name the person +│ +1 ", output)
    run(TRAINED, lab, "--yes", "--checkpoints", "delete")
    assert not re.search(TRAINED, all_texts(lab))
    assert not [video for video in trained if video in all_texts(lab)]
    quarantined = json.loads((lab / "runs" / "cnn" / "quarantine.json").read_text())
    assert quarantined["choice"] == "delete"
    (pseudonym,) = {name for name in quarantined["record"]["people"]["train"]["drivers"] if name.startswith("revoked:")}
    assert not (lab / "runs" / "cnn" / "weights.safetensors").exists()
    with pytest.raises(NvfairError, match="has seen a person who has withdrawn"):
        load_checkpoint(lab / "runs" / "cnn")
    (declaration,) = board_rows(lab, "submissions", "declaration")
    assert json.loads(declaration)["training"]["people"] == [pseudonym, "toy:02"]
    entry = yaml.safe_load((lab / "entry" / "submission.yaml").read_text())
    assert entry["training"]["people"] == [pseudonym, "toy:02"]
    assert (lab / "runs" / "bundle.zip").exists()  # it holds test people alone

    run(TESTED, lab, "--yes")
    texts = all_texts(lab)
    assert TESTED not in texts
    assert not [video for video in tested if video in texts]
    assert len(pd.read_parquet(lab / "runs" / "test.parquet")) == others
    assert not (lab / "runs" / "bundle.zip").exists()
    assert not list((lab / "runs" / "report").rglob("*.html"))
    for site in (lab / "board" / "site", lab / "copies" / "site"):
        assert not list(site.rglob("*.html")), "pages that are exported again"
    assert not rows_of(next((lab / "board" / "submissions").rglob("test.parquet")), tested)
    # Figures stay; those of single people are no longer anybody's.
    name = pseudonym_of(read_key(tmp_path / "settings" / "key"), TESTED)
    assert board_rows(lab, "results", "figures") == [text.replace(TESTED, name) for text in figures]
    assert len(Dataset.open(lab / "data").identities) == 7
    assert [row for row in board_rows(lab, "audit", "action") if row == "revoked"] == ["revoked", "revoked"]
    with closing(sqlite3.connect(lab / "board" / "board.sqlite")) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute("DELETE FROM results")  # rows are frozen again


def state_of(lab: Path) -> dict[str, object]:
    """All that a removal leaves: every file with its hash, and the board's rows without their times."""
    state: dict[str, object] = {
        path.relative_to(lab).as_posix(): sha256_of(path)
        for path in lab.rglob("*")
        if path.is_file() and path.parent != lab / "board"
    }
    state["board"] = sorted(path.name for path in (lab / "board").iterdir())
    with closing(sqlite3.connect(f"file:{lab / 'board' / 'board.sqlite'}?mode=ro", uri=True)) as database:
        state["rows"] = sorted(line for line in database.iterdump() if not line.startswith('INSERT INTO "audit"'))
    state["audit"] = board_rows(lab, "audit", "action")
    return state


def check_kills(built_lab: tuple[Path, Path], key: Path, kills: int) -> list[int]:
    """Kills the removal of a person from the lab at so many moments; how many files of it each left unchanged."""
    lab, untouched = built_lab
    restore(lab, untouched)
    before = state_of(lab)
    lines = revoke_until(0, TESTED, [lab], key, kill=False)
    expected = state_of(lab)
    assert expected["audit"].count("revoked") == 1
    unchanged = []
    for number in range(kills):
        restore(lab, untouched)
        kill_at(1 + (lines - 1) * number // kills, TESTED, lab, key)
        left = state_of(lab)
        unchanged.append(sum(left.get(name) == value for name, value in before.items()))
        run(TESTED, lab, "--yes")
        state = state_of(lab)
        assert {name for name in expected if state.get(name) != expected[name]} <= {"data/revoked.json"}, number
        assert state.keys() == expected.keys()
        assert not list((key.parent / "revocations").iterdir())
    return unchanged


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")
@pytest.mark.parametrize("kills", [2, pytest.param(20, marks=pytest.mark.soak)])
def test_a_removal_from_a_lab_killed_at_any_moment_ends_alike(built_lab, tmp_path, monkeypatch, kills):
    key = tmp_path / "settings" / "revocation.key"
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(key))
    unchanged = check_kills(built_lab, key, kills)
    assert unchanged[0] > unchanged[-1]
    if kills == 20:
        assert len(set(unchanged)) >= 5


def test_the_curator_may_keep_a_checkpoint_until_it_is_trained_again(tmp_path, monkeypatch):
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "key"))
    record = {"declaration": {"training": {"people": ["a:x", "a:y"], "generators": []}}, "weights_sha256": ""}
    for name in ("seen", "unseen"):
        (tmp_path / "runs" / name).mkdir(parents=True)
        (tmp_path / "runs" / name / "weights.safetensors").write_bytes(b"weights")
    (tmp_path / "runs" / "seen" / "checkpoint.json").write_text(json.dumps(record))
    held_out = record | {"declaration": {"training": {"people": ["a:y"]}, "held_out": ["a:x"]}}
    (tmp_path / "runs" / "unseen" / "checkpoint.json").write_text(json.dumps(held_out))
    run("a:x", tmp_path / "runs", "--yes")
    left = sorted(path.name for path in (tmp_path / "runs" / "seen").iterdir())
    assert left == ["quarantine.json", "weights.safetensors.quarantined"]
    # A checkpoint that was tested on the person has learned nothing of the person: only the name goes.
    tested = json.loads((tmp_path / "runs" / "unseen" / "checkpoint.json").read_text())
    assert tested["declaration"]["held_out"][0].startswith("revoked:")
    assert (tmp_path / "runs" / "unseen" / "weights.safetensors").exists()


def test_an_archive_that_is_no_bundle_is_deleted_only_where_it_holds_the_person(tmp_path, monkeypatch):
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "key"))
    (tmp_path / "runs").mkdir()
    for name, text in (("hers.zip", "people: [a:x]"), ("others.zip", "people: [a:x2, a:y]")):
        with zipfile.ZipFile(tmp_path / "runs" / name, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("submission.yaml", text * 9)
    result = CliRunner().invoke(revoke, ["a:y", str(tmp_path / "runs"), "--yes"], catch_exceptions=False)
    assert result.exit_code == 0
    assert [path.name for path in (tmp_path / "runs").iterdir()] == ["hers.zip"]


def board_rows(lab: Path, table: str, column: str) -> list[str]:
    with closing(sqlite3.connect(f"file:{lab / 'board' / 'board.sqlite'}?mode=ro", uri=True)) as database:
        return [value for (value,) in database.execute(f"SELECT {column} FROM {table} ORDER BY rowid")]
