"""`nvfair get` of a repository whose videos are kept by Git LFS, as CREMA-D's are."""

import hashlib
import json

import pytest

pytest.importorskip("httpx")
from nvfair_tools.downloads.catalogue import COLLECTIONS
from tests.nvfair_tools.downloads.publisher import COMMIT, status
from tests.nvfair_tools.downloads.recordings import files_in, video

CREMAD = COLLECTIONS["crema-d"].repository
DEMOGRAPHICS = b'"ActorID","Age","Sex","Race","Ethnicity"\n1001,51,Male,Caucasian,Not Hispanic\n'


@pytest.fixture
def cremad(publisher):
    """A repository as CREMA-D's: videos in Git LFS, the table of people in Git, other files that are not asked for."""
    files = {
        f"VideoFlash/{name}.flv": video(name) for name in ("1001_DFA_ANG_XX", "1001_DFA_HAP_XX", "1002_IEO_SAD_HI")
    }
    for path, content in files.items():
        publisher.add_lfs_file(path, content)
    publisher.add_lfs_file("AudioWAV/1001_DFA_ANG_XX.wav", b"sound")
    publisher.repository["VideoDemographics.csv"] = DEMOGRAPHICS
    publisher.repository["VideoFlash/ReadMe.md"] = b"about"
    return files | {"VideoDemographics.csv": DEMOGRAPHICS}


def test_cremad_comes_from_git_lfs(nvfair, publisher, cremad, tmp_path):
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms")
    assert code == 0, text
    assert files_in(tmp_path / "c") == cremad
    assert f"commit {COMMIT}: 4 files" in text
    assert "3 of the published 7,442 clips" in text
    assert "Open Database License" in text
    publisher.requests.clear()
    code, text = nvfair("get", "crema-d", tmp_path / "c")
    assert code == 0, text
    assert "files: 4 there already" in text
    assert not [path for path in publisher.paths() if path.startswith(("/raw", "/lfs"))], "pointers are read once"


def test_an_object_that_git_lfs_lacks_fails_alone(nvfair, publisher, cremad, tmp_path):
    publisher.objects.pop(hashlib.sha256(cremad["VideoFlash/1001_DFA_HAP_XX.flv"]).hexdigest())
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms")
    assert code == 1
    assert "Object does not exist on the server (code 404)" in text
    assert "3 downloaded, 1 failed" in text


def test_an_address_that_has_expired_is_asked_for_again(nvfair, publisher, cremad, tmp_path):
    oid = hashlib.sha256(cremad["VideoFlash/1001_DFA_HAP_XX.flv"]).hexdigest()
    publisher.faults[f"/lfs/{oid}"] = [status(403, b"<Code>AccessDenied</Code><Message>Request has expired</Message>")]
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms")
    assert code == 0, text
    assert files_in(tmp_path / "c") == cremad
    assert len(publisher.paths("POST")) == 2


def test_a_used_up_quota_stops_all_and_says_so(nvfair, publisher, cremad, tmp_path):
    batch = f"/{CREMAD}.git/info/lfs/objects/batch"
    message = {"message": "This repository is over its data quota. Account responsible for LFS bandwidth should ..."}
    publisher.faults[batch] = [status(403, json.dumps(message).encode(), "application/json")]
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms")
    assert code == 1
    assert "quota is used up" in text
    assert "in a few days" in text
    assert f"{tmp_path / 'c' / 'VideoFlash' / '1001_DFA_ANG_XX.flv'}" in text, "where to put what came another way"


def test_a_pointer_of_another_commit_is_refused(nvfair, publisher, cremad, tmp_path):
    path = f"/raw/{CREMAD}/{COMMIT}/VideoFlash/1001_DFA_ANG_XX.flv"
    publisher.faults[path] = [status(200, b"another")]
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms")
    assert code == 1
    assert "not that of the commit" in text


def test_a_flv_of_other_content_is_not_kept(nvfair, publisher, cremad, tmp_path):
    content = cremad["VideoFlash/1001_DFA_ANG_XX.flv"]
    publisher.objects[hashlib.sha256(content).hexdigest()] = bytes(len(content))
    code, text = nvfair("get", "crema-d", tmp_path / "c", "--accept-terms", "--attempts", 1)
    assert code == 1
    assert "another checksum" in text
    assert sorted(files_in(tmp_path / "c")) == sorted(set(cremad) - {"VideoFlash/1001_DFA_ANG_XX.flv"})
