"""A person leaves a built data set: no byte of it names the person, and no later build makes the person again."""

import json
import re
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.revoke import revoke
from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.tombstones import read_tombstones
from nvfair_tools.pipeline.progress import Silent
from tests.folder_texts import all_texts
from tests.nvfair_tools.curate.revocation.museum import NAMESAKE, OTHER, PERSON
from tests.nvfair_tools.small_build import file_hashes

pytestmark = pytest.mark.slow


def run(*words: object) -> str:
    """What the command prints; it must end well."""
    result = CliRunner().invoke(revoke, [str(word) for word in words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def hashes_of_person(dataset: Path) -> set[str]:
    """Ids and hashes of the person's clips, videos, portrait and items, by SQL and pandas alone."""
    videos = pd.read_parquet(dataset / "videos.parquet")
    named = videos[(videos["target"] == PERSON) | (videos["driver"] == PERSON)]
    hashes = {*named["video"], *named["sha256"].dropna()}
    for ids in named.loc[named["kind"] == "real", "lineage"]:
        hashes |= set(ids)
    with closing(sqlite3.connect(dataset / ".build" / "journal.sqlite")) as journal:
        for id, facts in journal.execute("SELECT id, facts FROM items"):
            path = json.loads(facts).get("path", "")
            if re.search(r"museum_astronaut(--|/|\.png|\.mp4)", path):
                hashes |= {id} | {json.loads(facts)["sha256"]}
    return hashes


def media_hashes(dataset: Path) -> dict[str, str]:
    """{path: sha256} of videos and portraits."""
    return {path: digest for path, digest in file_hashes(dataset).items() if path.startswith(("videos/", "portraits/"))}


def items_of(dataset: Path, stage: str) -> set[str]:
    """The ids of a stage's items in the journal."""
    with closing(sqlite3.connect(dataset / ".build" / "journal.sqlite")) as journal:
        return {id for (id,) in journal.execute("SELECT id FROM items WHERE stage = ?", (stage,))}


def test_nothing_is_changed_without_yes(museum):
    before = file_hashes(museum / "dataset")
    output = run(PERSON, museum / "dataset")
    assert file_hashes(museum / "dataset") == before
    # Of 3 drivers and 3 targets, each drives and meets each: 3 as target, 3 as driver, the self-reenactment in both.
    row = next(line for line in output.splitlines() if "reenactments" in line)
    assert re.findall(r"\d+", row) == ["5", "3", "3"]
    assert "nothing was changed" in output


def test_no_byte_names_the_person_afterwards(museum, tmp_path):
    dataset = museum / "dataset"
    hashes = hashes_of_person(dataset)
    assert len(hashes) >= 20
    tracks = {path.stem for path in (dataset / ".build" / "tracks").rglob("*.npz")}
    rows = pd.read_parquet(dataset / "videos.parquet")
    landmarks = Dataset.open(dataset).tracks(rows.loc[rows["target"].eq(OTHER) & rows["driver"].eq(NAMESAKE), "video"])

    output = run(PERSON, dataset, "--yes")
    assert "left: 0 places; possible: 0; not searched wholly: 0 files" in output

    texts = all_texts(dataset)
    assert not re.search(r"museum[:_]astronaut(?!2)", texts)
    assert "Sally" not in texts
    assert not [digest for digest in hashes if digest in texts or bytes.fromhex(digest).decode("latin-1") in texts]
    # 3 clips were tracked (one of them twice listed, so not), 5 videos, 1 portrait.
    assert len(tracks) - len(list((dataset / ".build" / "tracks").rglob("*.npz"))) == 2 + 5 + 1
    assert not list(dataset.rglob("*-wal"))
    assert not (tmp_path / "settings" / "revocations").exists() or not list(
        (tmp_path / "settings" / "revocations").iterdir()
    )
    assert stat.S_IMODE((tmp_path / "settings" / "revocation.key").stat().st_mode) == 0o600

    data = Dataset.open(dataset)
    assert sorted(data.identities["identity"]) == [NAMESAKE, OTHER]
    assert set(data.videos["target"]) == {NAMESAKE, OTHER}
    # What stays is what was there: 2 real clips and 4 reenactments, with their landmarks, in the new places.
    assert len(data.usable()) == 4 + 4
    again = data.tracks(data.videos.loc[data.videos["target"].eq(OTHER) & data.videos["driver"].eq(NAMESAKE), "video"])
    assert (again.landmarks == landmarks.landmarks).all()
    for path, digest in data.meta["files"].items():
        assert digest == file_hashes(dataset)[path]


def test_the_copy_of_the_person_under_another_name_goes_too(museum):
    run(PERSON, museum / "dataset", "--yes")
    videos = Dataset.open(museum / "dataset").videos
    assert "conflicting_identity" not in set(videos["reason"])


def test_the_next_build_makes_the_others_only_and_says_why_without_the_name(museum):
    dataset = museum / "dataset"
    run(PERSON, dataset, "--yes")
    before = media_hashes(dataset)
    warned = [finding for finding in check(museum / "recipe.yaml").findings if finding.topic == "consent"]
    assert [finding.level for finding in warned] == ["warning"]
    assert "3 clips of 1 person who has withdrawn" in warned[0].message
    # The file itself returns under another name; the person's own rows are still in the list.
    outcome = build(museum / "recipe.yaml", reporter=Silent())
    assert media_hashes(dataset) == before
    videos = Dataset.open(dataset).videos
    revoked = videos[videos["reason"] == "revoked"]
    # Three listed clips of the person, and the copy of one of them that is listed for another.
    assert len(revoked) == 4
    assert set(revoked["target"]) == {"revoked:person-1"}
    assert not outcome.leaks()
    assert not re.search(r"museum[:_]astronaut(?!2)|Sally|recital|encore", all_texts(dataset))
    assert "left: 0 places; possible: 0" in run(PERSON, dataset, "--prove")


def test_a_build_without_the_key_is_refused(museum, monkeypatch):
    run(PERSON, museum / "dataset", "--yes")
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(museum / "no.key"))
    with pytest.raises(NvfairError, match="key of revocations is not there"):
        build(museum / "recipe.yaml", reporter=Silent())
    errors = [finding.topic for finding in check(museum / "recipe.yaml").findings if finding.level == "error"]
    assert errors == ["consent"]


def test_a_second_revocation_changes_nothing(museum):
    run(PERSON, museum / "dataset", "--yes")
    before = file_hashes(museum / "dataset")
    run(PERSON, museum / "dataset", "--yes")
    assert file_hashes(museum / "dataset") == before
    assert len(read_tombstones(museum / "dataset").people) == 1


def test_what_comes_back_is_found_by_its_keyed_hash(museum):
    """Afterwards no hash of the person is known any more; the tombstone recognises it."""
    dataset = museum / "dataset"
    digest = (
        pd.read_parquet(dataset / "videos.parquet").query("kind == 'real' and target == @PERSON")["lineage"].iloc[0][0]
    )
    run(PERSON, dataset, "--yes")
    (dataset / "notes.json").write_text(json.dumps({"clip": digest}))
    result = CliRunner().invoke(revoke, [PERSON, str(dataset), "--prove"])
    assert result.exit_code == 1
    assert f"notes.json: bytes, at 10: hash {digest}" in result.output


def test_a_data_set_whose_build_folder_is_deleted(museum):
    shutil.rmtree(museum / "dataset" / ".build")
    run(PERSON, museum / "dataset", "--yes")
    assert not (museum / "dataset" / ".build").exists()
    assert not re.search(r"museum[:_]astronaut(?!2)", all_texts(museum / "dataset"))


def test_an_unfinished_data_set(museum):
    """Of a build that was stopped, the journal alone knows what is whose."""
    dataset = museum / "dataset"
    for name in ("dataset.json", "videos.parquet", "identities.parquet", "README.md"):
        (dataset / name).unlink()
    run(PERSON, dataset, "--yes")
    assert not re.search(r"museum[:_]astronaut(?!2)", all_texts(dataset))
    assert len(list((dataset / ".build" / "tracks").rglob("*.npz"))) == 4 + 4 + 2
    build(museum / "recipe.yaml", reporter=Silent())
    assert len(Dataset.open(dataset).usable()) == 8


def test_a_journal_that_does_not_say_whose_a_track_is(museum):
    """Journals of earlier releases have no links: what may be the person's goes, and is made again."""
    with closing(sqlite3.connect(museum / "dataset" / ".build" / "journal.sqlite")) as journal:
        journal.execute("DROP TABLE people")
        journal.execute("UPDATE items SET facts = json_remove(facts, '$.video')")
        journal.commit()
    run(PERSON, museum / "dataset", "--yes")
    tracks = {path.stem for path in (museum / "dataset" / ".build" / "tracks").rglob("*.npz")}
    assert tracks == items_of(museum / "dataset", "portrait")
    build(museum / "recipe.yaml", reporter=Silent())
    assert len(Dataset.open(museum / "dataset").usable()) == 8


def test_the_key_may_not_lie_in_what_is_searched(museum, monkeypatch):
    with pytest.raises(NvfairError, match="which is searched"):
        run(PERSON, museum / "dataset", "--key", museum / "dataset" / "revocation.key")


def test_readers_are_not_served_the_person_from_a_cache(museum, tmp_path, monkeypatch):
    datasets = pytest.importorskip("datasets")
    dataset, cache = museum / "dataset", str(tmp_path / "cache")

    def people() -> set[str]:
        rows = datasets.load_dataset(str(dataset), "videos", cache_dir=cache)["table"]
        return {*rows["target"], *rows["driver"]}

    def frames() -> int:
        return len(datasets.load_dataset(str(dataset), cache_dir=cache)["train"])

    assert people() == {PERSON, NAMESAKE, OTHER}
    assert frames() == 150  # 6 clips and 9 reenactments of 10 frames
    run(PERSON, dataset, "--yes")
    assert people() == {NAMESAKE, OTHER}
    assert frames() == 80


def test_a_recipient_does_the_same_by_the_manifest(museum, tmp_path):
    """The recipient has the key of the manifest, no name, and not the curator's key."""
    shutil.copytree(museum / "dataset", tmp_path / "copy")
    shutil.rmtree(tmp_path / "copy" / ".build")
    key, manifest = tmp_path / "recipient" / "lab.key", tmp_path / "recipient" / "revocations.json"
    run(PERSON, museum / "dataset", "--yes", "--recipient", key, manifest)
    assert not re.search(r"astronaut|Sally", manifest.read_text())
    assert "nothing was changed" in run("--manifest", manifest, "--key", key, tmp_path / "copy")
    output = run("--manifest", manifest, "--key", key, tmp_path / "copy", "--yes")
    assert "left: 0 places; possible: 0" in output
    assert not re.search(r"museum[:_]astronaut(?!2)|Sally", all_texts(tmp_path / "copy"))
    assert sorted(Dataset.open(tmp_path / "copy").identities["identity"]) == [NAMESAKE, OTHER]
    assert "nobody of this manifest" in run("--manifest", manifest, "--key", key, tmp_path / "copy", "--yes")
    with pytest.raises(NvfairError, match="recorded under the key"):
        run("--manifest", manifest, "--key", tmp_path / "settings" / "revocation.key", tmp_path / "copy")


def test_sheets_and_previews_go_because_they_do_not_say_whom_they_show(museum):
    dataset = museum / "dataset"
    names = ("contact_sheet.png", "preview-warp-dense.mp4", "again/contact_sheet.png", "notes.txt")
    for name in names:
        (dataset / "quality" / name).parent.mkdir(parents=True, exist_ok=True)
        (dataset / "quality" / name).write_text("who knows")
    assert re.search(r"pictures of quality\s+│\s+3 ", run(PERSON, dataset))
    run(PERSON, dataset, "--yes")
    assert [name for name in names if (dataset / "quality" / name).exists()] == ["notes.txt"]
