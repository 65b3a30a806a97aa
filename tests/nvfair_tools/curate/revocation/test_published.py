"""A person leaves published videos too: signed copies, the table beside them, an unfinished one."""

import csv
import re
from pathlib import Path

import pytest

from nvfair_tools.governance.uses import Answer, Consent
from nvfair_tools.media import probe
from nvfair_tools.pipeline.progress import Silent
from tests.folder_texts import all_texts
from tests.nvfair_tools.curate.revocation.museum import OTHER, PERSON
from tests.nvfair_tools.curate.revocation.test_removal import hashes_of_person, run

pytest.importorskip("c2pa", reason="the extra `marks` is not installed")
pytest.importorskip("cryptography", reason="the extra `marks` is not installed")
pytestmark = pytest.mark.slow


@pytest.fixture
def signer(tmp_path):
    from nvfair_tools.marks.credentials import read_credentials, write_own_certificate
    from nvfair_tools.marks.manifest import VideoSigner

    return VideoSigner(read_credentials(*write_own_certificate(tmp_path / "keys", "A Lab")))


@pytest.fixture
def published(museum, signer) -> Path:
    """All videos of the museum, signed; the table of an interrupted run lies beside the whole one."""
    from nvfair_tools.marks.publish import publish

    out = museum / "published"
    assert publish(museum / "dataset" / "videos", out, signer, Silent()).problems == ()
    (out / ".marks-unfinished.csv").write_bytes((out / "marks.csv").read_bytes())
    return out


def rows(published: Path) -> list[dict]:
    with open(published / "marks.csv", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def people(path: Path) -> set[str]:
    tags = probe(path).metadata
    return {tags[role] for role in ("identity", "target", "driver") if role in tags}


def test_signed_copies_and_rows_of_the_person_go_and_the_others_stay_as_they_are(museum, published):
    files = {path.relative_to(published).as_posix(): path.read_bytes() for path in published.rglob("*.mp4")}
    persons = {path for path in files if PERSON in people(published / path)}
    assert 0 < len(persons) < len(files)
    hashes = hashes_of_person(museum / "dataset") | {
        row["published_sha256"] for row in rows(published) if row["path"] in persons
    }
    assert "published files" in run(PERSON, museum / "dataset", published)
    assert len(rows(published)) == len(files), "without --yes nothing changes"

    run(PERSON, museum / "dataset", published, "--yes")

    left = {path.relative_to(published).as_posix(): path.read_bytes() for path in published.rglob("*.mp4")}
    assert left == {path: content for path, content in files.items() if path not in persons}
    assert {row["path"] for row in rows(published)} == set(left)
    assert sorted(path.name for path in published.iterdir() if path.is_file()) == ["marks.csv"]
    texts = all_texts(published)
    assert not re.search(r"museum[:_]astronaut(?!2)", texts)
    assert not [mark for mark in hashes if mark in texts]
    assert any(OTHER in people(published / path) for path in left)


def test_a_published_folder_alone_is_enough(museum, published):
    persons = [path for path in published.rglob("*.mp4") if PERSON in people(path)]
    assert persons
    run(PERSON, published, "--yes")
    assert not [path for path in published.rglob("*.mp4") if PERSON in people(path)]
    assert not re.search(r"museum[:_]astronaut(?!2)", all_texts(published))


def test_videos_of_a_person_who_does_not_agree_to_redistribution_are_not_published(museum, signer):
    from nvfair_tools.dataset.consents import read_consents, write_consents
    from nvfair_tools.marks.publish import publish

    consents = read_consents(museum / "dataset")
    assert consents is not None
    no = Consent.of({"redistribution": Answer("no", "consent table")}, Answer("yes", "consent table"))
    write_consents(museum / "dataset", {**consents, OTHER: consents[OTHER].strictest(no)})
    done = publish(museum / "dataset" / "videos", museum / "out", signer, Silent())
    signed = list((museum / "out").rglob("*.mp4"))
    assert signed
    assert len(signed) == done.signed
    assert not [path for path in signed if OTHER in people(path)]
    refused = {problem.split(": it may not be passed on: ")[0] for problem in done.problems}
    videos = museum / "dataset" / "videos"
    assert refused == {path.relative_to(videos).as_posix() for path in videos.rglob("*.mp4") if OTHER in people(path)}
