"""A push shows first and sends on request: the set's own files, all of them permitted, to a repository that is private
unless it is to be public."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from click.testing import CliRunner, Result

from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.curate.card import write_card
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.hub import plan_push
from nvfair_tools.dataset.schema import VIDEOS_SCHEMA
from nvfair_tools.dataset.writer import content_digest, finish_dataset, write_table
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from tests.nvfair_tools.dataset.exportable_set import PEOPLE, contents, write_exportable
from tests.nvfair_tools.dataset.hub_stand_in import TOKEN, StandIn, hub_stand_in

constants = pytest.importorskip("huggingface_hub.constants")
REPO = "lab/clips"
LOOKS = "8" * 126  # a perceptual hash


def with_card(dataset: Dataset) -> Path:
    folder, meta, files = dataset.folder, dataset.meta, dataset.meta["files"]
    card = write_card(folder, meta, dataset.identities, dataset.videos, content=content_digest(files))
    finish_dataset(folder, dataset.identities, dataset.videos, meta, extra_files=card, files=files)
    return folder


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set that may be passed on, with its card, and with files beside it that are nobody's business."""
    folder = with_card(write_exportable(tmp_path_factory.mktemp("push") / "set"))
    (folder / ".build" / "tracks").mkdir(parents=True)
    (folder / ".build" / "journal.sqlite").write_bytes(b"secret")
    (folder / "blind-key.json").write_text('{"secret": 1}')
    (folder / "frames" / "notes.txt").write_text("secret")
    return folder


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    with hub_stand_in(REPO) as state:
        monkeypatch.setattr(constants, "ENDPOINT", state.url)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield state


def push(*words: Any) -> Result:
    return CliRunner().invoke(command, ["push", *map(str, words)])


def sent_names(folder: Path) -> set[str]:
    """What has to be sent of the fixture's set, from its tables alone."""
    meta = json.loads((folder / "dataset.json").read_text())
    paths = Dataset.open(folder).videos["path"].dropna()
    return {"dataset.json", "README.md", *meta["files"], *paths}


def test_a_dry_run_asks_nobody_and_says_what_would_be_sent(whole: Path, hub: StandIn) -> None:
    done = push(whole, REPO)
    assert done.exit_code == 0, done.output
    assert hub.requests == []
    lines = {words[0]: words[1:] for line in done.output.splitlines() if (words := line.split())}
    names = sent_names(whole)
    assert lines["videos/"][0] == "10"
    assert lines["frames/"][0] == str(sum(name.startswith("frames/") for name in names))
    size = sum((whole / name).stat().st_size for name in names)
    assert lines["in"][:2] == ["all", str(len(names))]
    amount = {"kB": 1e3, "MB": 1e6}[lines["in"][4].rstrip(",;")]
    assert float(lines["in"][3]) * amount == pytest.approx(size, abs=0.5 * amount)
    assert lines["to"] == [f"{REPO},", "private"]
    assert "not sent, as no part of the set: .build/, blind-key.json" in done.output
    assert "10 videos carry no signature" in done.output
    assert done.output.splitlines()[-1] == "nothing was sent: --yes sends it"


def test_the_files_of_the_set_arrive_and_no_others(whole: Path, hub: StandIn) -> None:
    before = contents(whole)
    done = push(whole, REPO, "--yes")
    assert done.exit_code == 0, (done.output, done.exception)
    assert hub.private is True
    assert hub.files.keys() - {".gitattributes"} == sent_names(whole)
    for name, content in hub.files.items():
        if name != ".gitattributes":
            assert content == (whole / name).read_bytes()
    assert not any(b"secret" in content for content in hub.files.values())
    # A set without dataset.json is unfinished: it comes last.
    assert sorted(hub.commits[-1][0]) == ["README.md", "dataset.json"]
    assert contents(whole) == before
    assert f"{hub.url}/datasets/{REPO}: {len(sent_names(whole))} files" in done.output


def test_what_the_hub_has_is_not_sent_again(whole: Path, hub: StandIn) -> None:
    hub.fails_at = 1
    failed = push(whole, REPO, "--yes")
    assert isinstance(failed.exception, NvfairError)
    assert "the server is tired" in str(failed.exception)
    assert "dataset.json" not in hub.files
    hub.fails_at = -1
    assert push(whole, REPO, "--yes").exit_code == 0
    assert [sorted(added) for added, _ in hub.commits[1:]] == [["README.md", "dataset.json"]]
    number = len(hub.commits)
    assert push(whole, REPO, "--yes").exit_code == 0
    assert len(hub.commits) == number


def test_files_that_left_the_set_are_deleted_and_those_of_others_stay(whole: Path, hub: StandIn) -> None:
    assert push(whole, REPO, "--yes").exit_code == 0
    hub.files |= {"videos/cremad/originals/gone/gone.mp4": b"x", "consent.parquet": b"x", "LICENSE.md": b"x"}
    done = push(whole, REPO, "--yes")
    assert "deleted: 2 files that left the set; the repository's history still has them" in done.output
    assert hub.files.keys() - {".gitattributes", "LICENSE.md"} == sent_names(whole)
    assert "LICENSE.md" in hub.files


def test_a_public_repository_gets_nothing_without_public(whole: Path, hub: StandIn) -> None:
    hub.private = False
    with pytest.raises(NvfairError, match="this repository is public"):
        raise push(whole, REPO, "--yes").exception  # type: ignore[misc]
    assert hub.commits == []
    assert push(whole, REPO, "--yes", "--public").exit_code == 0
    assert hub.private is False


def test_public_makes_a_public_repository(whole: Path, hub: StandIn) -> None:
    done = push(whole, REPO, "--yes", "--public")
    assert "public: anybody may read it" in done.output
    assert hub.private is False


@pytest.mark.parametrize(
    ("token", "card", "message"),
    [("wrong", "", "the Hub does not know who is sending"), (TOKEN, "configs: wrong", "the Hub refuses the card: ")],
)
def test_what_the_hub_refuses_is_said_in_words(
    whole: Path, hub: StandIn, monkeypatch: pytest.MonkeyPatch, token: str, card: str, message: str
) -> None:
    monkeypatch.setenv("HF_TOKEN", token)
    hub.refused_card = card
    error = push(whole, REPO, "--yes").exception
    assert isinstance(error, NvfairError)
    assert message in str(error)
    assert hub.commits == []


def test_without_a_network_it_says_so(whole: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:1")
    error = push(whole, REPO, "--yes").exception
    assert isinstance(error, NvfairError)
    assert "the Hub cannot be reached" in str(error)
    assert "what was sent is not sent twice" in str(error)


def test_nothing_of_a_set_is_sent_where_a_part_may_not_be_passed_on(tmp_path: Path, hub: StandIn) -> None:
    folder = with_card(write_exportable(tmp_path / "set", permitted_use={PEOPLE[1]: "research"}))
    error = push(folder, REPO, "--yes").exception
    assert isinstance(error, NvfairError)
    assert "5 of 11 videos may not be passed on" in str(error)
    assert "5 consent_unknown" in str(error)
    assert hub.requests == []


@pytest.mark.parametrize("reason", ["revoked", "consent_withdrawn"])
def test_rows_of_people_who_have_withdrawn_are_never_sent(
    whole: Path, tmp_path: Path, hub: StandIn, reason: str
) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "set"))
    videos = Dataset.open(folder).videos
    row = videos.iloc[[0]].assign(video="gone", state="rejected", reason=reason, path=None, part=None, first_row=None)
    write_table(folder / "videos.parquet", pd.concat([videos, row]), VIDEOS_SCHEMA)
    error = push(folder, REPO, "--yes").exception
    assert isinstance(error, NvfairError)
    assert f"rows of people who have withdrawn: 1 {reason}" in str(error)
    assert hub.requests == []


def test_a_damaged_set_and_a_card_that_cannot_be_read_are_not_sent(whole: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(whole, tmp_path / "set"))
    card = (folder / "README.md").read_text()
    (folder / "README.md").write_text(card.replace("configs:", "configs: ["))
    with pytest.raises(NvfairError, match="the YAML cannot be parsed"):
        plan_push(folder, REPO)
    (folder / "README.md").write_text("# A set\n")
    with pytest.raises(NvfairError, match="there is no YAML between two lines"):
        plan_push(folder, REPO)
    (folder / "README.md").write_text(card)
    (folder / "README.md").write_text(card.replace("license: other", "license: my own"))
    with pytest.raises(Problems, match="license 'my own' is none of the Hub's"):
        plan_push(folder, REPO)
    (folder / "README.md").write_text(card)
    part = next((folder / "frames").rglob("*.parquet"))
    part.unlink()
    with pytest.raises(Problems, match="is missing"):
        plan_push(folder, REPO)


def test_a_file_that_changed_after_the_check_is_not_sent(whole: Path, tmp_path: Path, hub: StandIn) -> None:
    from nvfair_tools.dataset.hub import send

    folder = Path(shutil.copytree(whole, tmp_path / "set"))
    plan = plan_push(folder, REPO)
    video = next((folder / "videos").rglob("*.mp4"))
    video.write_bytes(video.read_bytes() + b"x")
    with pytest.raises(Problems, match=video.name):
        send(plan)
    assert hub.requests == []


@pytest.mark.parametrize("name", ["clips", "a/b/c", "lab/", "lab/..", "https://x/y"])
def test_names_that_are_no_repository_are_refused(whole: Path, name: str) -> None:
    with pytest.raises(NvfairError, match="is not the name of a repository"):
        plan_push(whole, name)


def test_signed_copies_take_the_place_of_the_videos(whole: Path, tmp_path: Path, hub: StandIn) -> None:
    pytest.importorskip("c2pa")
    from nvfair_tools.marks.table import MarkedFile
    from nvfair_tools.marks.table import write_table as write_marks

    published = tmp_path / "published"
    rows = []
    for video in sorted((whole / "videos").rglob("*.mp4")):
        name = video.relative_to(whole / "videos").as_posix()
        copy = published / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(video.read_bytes() + b"signed")
        rows.append(MarkedFile(name, "", "", sha256_of(video), sha256_of(copy), LOOKS))
    write_marks(published / "marks.csv", rows)
    done = push(whole, REPO, "--yes", "--signed", published)
    assert done.exit_code == 0, (done.output, done.exception)
    assert "carry no signature" not in done.output
    assert hub.files.keys() - {".gitattributes", "videos/marks.csv"} == sent_names(whole)
    for row in rows:
        assert hub.files[f"videos/{row.path}"] == (published / row.path).read_bytes()
    (published / rows[0].path).unlink()
    write_marks(published / "marks.csv", [*rows[:-1], MarkedFile(rows[-1].path, "", "", "0" * 64, "1" * 64, LOOKS)])
    error = push(whole, REPO, "--yes", "--signed", published).exception
    assert isinstance(error, Problems)
    assert [problem.split(": ")[1] for problem in error.problems] == [
        "there is no signed copy of it", "the signed copy is one of another file"]  # fmt: skip
    missing = push(whole, REPO, "--signed", tmp_path).exception
    assert "there is no marks.csv here" in str(missing)
