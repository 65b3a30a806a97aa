"""A build in which each kind of refusal occurs: every refused thing has a row with its reason, and nothing else."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import read_consents
from nvfair_tools.files import sha256_of
from nvfair_tools.governance.decision import REASONS
from nvfair_tools.governance.uses import USES
from nvfair_tools.identity import identity_file_name
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.governance.refused_people import ANN, BOB, DAY, NO_DRIVER, NO_FACE, REFUSED, write_refusals

skip_without_landmarker()
pytest.importorskip("cv2")


@pytest.fixture(scope="module")
def recipe(tmp_path_factory) -> Path:
    recipe = write_refusals(tmp_path_factory.mktemp("refused"))
    build(recipe, day=DAY)
    return recipe


@pytest.fixture(scope="module")
def dataset(recipe) -> Dataset:
    return Dataset.open(recipe.parent / "dataset")


def files_below(folder: Path) -> list[Path]:
    return [path for path in sorted(folder.rglob("*")) if path.is_file()]


def test_each_kind_of_refusal_occurs_and_is_in_the_tables_with_its_reason(dataset):
    assert set(REFUSED.values()) == set(REASONS)
    real = dataset.videos[dataset.videos["kind"] == "real"]
    refused = real[real["target"].isin(REFUSED)].set_index("target")
    assert dict(refused["reason"]) == REFUSED
    assert set(refused["state"]) == {"rejected"}
    twin = real[real["target"] == "lab:twin"].iloc[0]
    assert (twin["state"], twin["reason"]) == ("rejected", "conflicting_identity")
    assert dict(real[real["state"] == "ok"]["target"].value_counts()) == {ANN: 2, BOB: 2, NO_DRIVER: 2, NO_FACE: 1}


def test_pairs_are_refused_by_role_and_by_the_generators_licence(dataset):
    made = dataset.videos[dataset.videos["generator"].notna()]
    # Ann and Bob have one clip each beside that of the portrait, the others whom the plan of everybody knows one too.
    warp, tool = made[made["generator"] == "warp-dense"], made[made["generator"] == "external"]
    assert len(warp) == len(tool) == 4 * 4
    ok = warp[warp["state"] == "ok"]
    assert set(zip(ok["driver"], ok["target"], strict=True)) == {
        (driver, target) for driver in (ANN, BOB, NO_FACE) for target in (ANN, BOB, NO_DRIVER)
    }
    refused = warp[warp["state"] == "rejected"]
    assert Counter(refused["reason"]) == {"consent_refused": 4, "consent_unknown": 3}
    assert set(refused[refused["reason"] == "consent_refused"]["target"]) == {NO_FACE}
    assert set(refused[refused["reason"] == "consent_unknown"]["driver"]) == {NO_DRIVER}
    assert set(tool["state"]) == {"rejected"}
    assert Counter(tool["reason"]) == {"licence_unknown": 9, "consent_refused": 4, "consent_unknown": 3}
    assert tool["detail"].str.contains("'nobody knows'").all()


def test_a_refused_row_has_who_why_and_no_fact_of_a_file(dataset):
    refused = dataset.videos[dataset.videos["reason"].isin(REASONS)]
    facts = ["fps_num", "fps_den", "frames", "width", "height", "path", "sha256", "part", "first_row"]
    assert refused[facts].isna().all(axis=None)
    assert all(len(lineage) == 0 for lineage in refused["lineage"])
    assert (refused["detail"] != "").all()


def test_nothing_of_the_refused_is_on_the_disk(recipe, dataset):
    names = [identity.partition(":")[2].encode() for identity in REFUSED]
    hashes = [sha256_of(recipe.parent / "clips" / f"{name.decode()}-0.mp4").encode() for name in names]
    paths = files_below(dataset.folder)
    assert {path.name for path in paths} >= {"journal.sqlite", "videos.parquet", "identities.parquet"}
    for path in paths:
        relative = path.relative_to(dataset.folder).as_posix()
        assert not any(name.decode() in relative for name in names)
        content = path.read_bytes()
        assert not any(digest in content for digest in hashes), relative
        if path.name not in ("videos.parquet", "identities.parquet"):
            assert not any(name in content for name in names), relative
    # Compressed pages hide bytes, so tables are read as well.
    tables = " ".join(table.to_csv() for table in (dataset.videos, dataset.identities))
    assert not any(digest.decode() in tables for digest in hashes)
    with closing(sqlite3.connect(dataset.folder / ".build" / "journal.sqlite")) as journal:
        dump = "\n".join(journal.iterdump())
    assert not any(text.decode() in dump for text in (*names, *hashes))


def test_portraits_videos_tracks_and_shards_are_those_of_the_permitted_alone(dataset):
    folder = dataset.folder
    portraits = {path.stem for path in files_below(folder / "portraits")}
    assert portraits == {identity_file_name(identity) for identity in (ANN, BOB, NO_DRIVER)}
    videos = {path.relative_to(folder).as_posix() for path in files_below(folder / "videos")}
    ok = dataset.videos[dataset.videos["state"] == "ok"]
    assert videos == set(ok["path"])
    assert len(ok) == 7 + 9
    assert not [path for path in videos if path.endswith(f"--{identity_file_name(NO_DRIVER)}.mp4")]
    assert not [path for path in videos if f"generated/{identity_file_name(NO_FACE)}/" in path]
    # Tracks: of clips, of portraits (one frame), of rendered videos.
    assert len(files_below(folder / ".build" / "tracks")) == 7 + 3 + 9
    rows = pd.concat([pq.read_table(path, columns=["video"]).to_pandas() for path in (folder / "frames").rglob("*.p*")])
    assert set(rows["video"]) == set(ok["video"])
    plan = pq.read_table(folder / ".build" / "plan.parquet").to_pandas()
    assert set(plan["driver"]) == {ANN, BOB, NO_FACE}
    assert set(plan["generator"]) == {"warp-dense"}


def test_the_set_says_what_its_people_agreed_to_and_who_is_not_in_it(dataset):
    consents = read_consents(dataset.folder)
    assert consents is not None
    assert set(consents) == {ANN, BOB, NO_FACE, NO_DRIVER}
    assert [consents[BOB].to(use).value for use in USES] == ["yes", "yes", "yes", "yes", "no", "yes"]
    assert consents[BOB].to("training").expires == date(2027, 1, 1)
    assert consents[ANN].to("training").evidence == ""  # which stays with the curator
    content = json.loads((dataset.folder / "dataset.json").read_text())
    assert content["files"]["consent.parquet"] == sha256_of(dataset.folder / "consent.parquet")
    assert content["governance"] == {
        "use": ["training", "redistribution"],
        "consent_sha256": sha256_of(dataset.folder.parent / "consent.csv"),
    }
    assert content["format_version"] == "1.0"


def test_old_readers_find_what_is_forbidden_in_the_words_that_they_know(dataset):
    real = dataset.videos[dataset.videos["kind"] == "real"].drop_duplicates("target").set_index("target")
    assert real.loc[ANN, "permitted_use"] == "research"
    assert real.loc[BOB, "permitted_use"] == "research; no display"
    assert "display no" in real.loc[BOB, "consent"]


def test_the_card_counts_the_refused(dataset):
    card = (dataset.folder / "README.md").read_text()
    for reason in ("consent_withdrawn", "licence_unknown"):
        assert f"| real | rejected | {reason} | 1 |" in card
    assert "| cross | rejected | consent_refused | 6 |" in card  # by two generators
    assert "| self | rejected | consent_refused | 2 |" in card


def test_the_preflight_says_beforehand_what_will_be_refused(recipe):
    report = check(recipe, day=DAY)
    messages = [finding.message for finding in report.at_level("warning") if finding.topic == "rights"]
    for reason in REFUSED.values():
        assert any(reason in message for message in messages), reason
    assert "1 person is no target: consent_refused" in messages
    assert "1 person is no driver: consent_unknown" in messages
    texts = [finding.message for finding in report.at_level("warning") if finding.topic.startswith("generator")]
    assert len(texts) == 1
    assert texts[0].startswith("renders nothing: licence_unknown")


def test_a_consent_that_has_ended_leaves_the_set_at_the_next_build(recipe, tmp_path):
    folder = tmp_path / "copy"
    shutil.copytree(recipe.parent, folder)
    build(folder / "recipe.yaml", day=date(2027, 1, 2), prune=True)
    videos = Dataset.open(folder / "dataset").videos
    of_bob = videos[(videos["target"] == BOB) | (videos["driver"] == BOB)]
    assert set(of_bob["reason"]) == {"consent_expired"}
    assert np.all(of_bob["kind"] == "real")
    name = identity_file_name(BOB)
    assert not [path for path in (folder / "dataset").rglob("*") if name in path.name]
