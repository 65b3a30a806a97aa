"""Published videos, judged by the C2PA library itself and by exiftool, and what stops and resumes a publication."""

import csv
import hashlib
import json
import shutil
import subprocess

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.media import decode
from nvfair_tools.media.xmp import read_xmp, top_level_boxes
from tests.nvfair_tools.marks.conftest import write_rendered

c2pa = pytest.importorskip("c2pa", reason="the extra `marks` is not installed")

from nvfair_tools.marks.publish import publish  # noqa: E402 - after the skip

URI = "http://cv.iptc.org/newscodes/digitalsourcetype/"


@pytest.fixture
def published(rendered, signer, tmp_path):
    done = publish(rendered, tmp_path / "out", signer)
    assert (done.signed, done.unchanged, done.problems) == (4, 0, ())
    return tmp_path / "out"


def library_reads(path, trusted=""):
    """(validation state, codes of failures, the active manifest) as the C2PA library gives them, without our code."""
    settings = {"verify": {"verify_trust": True}} | ({"trust": {"user_anchors": trusted}} if trusted else {})
    with c2pa.Context.from_dict(settings) as context, c2pa.Reader(str(path), context=context) as reader:
        stored = json.loads(reader.json())
        failures = stored["validation_results"]["activeManifest"]["failure"]
        manifest = stored["manifests"][stored["active_manifest"]]
        return reader.get_validation_state(), [entry["code"] for entry in failures], manifest


def rows_of(out):
    with open(out / "marks.csv", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def sha256(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_c2pa_library_finds_published_files_valid_and_their_signer_untrusted(published, own_credentials):
    for path in sorted(published.rglob("*.mp4")):
        state, failures, manifest = library_reads(path)
        assert state == "Valid"
        assert failures == ["signingCredential.untrusted"]
        assert "time" not in manifest["signature_info"]  # no time-stamp server was asked
        assert library_reads(path, trusted=own_credentials[0].read_text())[:2] == ("Trusted", [])


def test_the_manifest_says_generator_licence_ids_and_digital_source_type(published):
    assertions = {}
    for name in ("warp/1", "originals/0"):
        manifest = library_reads(published / f"{name}.mp4")[2]
        assertions[name] = {entry["label"]: entry["data"] for entry in manifest["assertions"]}
    (action,) = assertions["warp/1"]["c2pa.actions.v2"]["actions"]
    assert action["action"] == "c2pa.created"
    assert action["digitalSourceType"] == URI + "algorithmicMedia"
    assert action["softwareAgent"]["name"] == "warp-dense"
    expected = {
        "driver": "x:driver1",
        "target": "x:astronaut",
        "licence": "CC0-1.0",
        "video": "v1",
        "synthetic": "true",
    }
    assert assertions["warp/1"]["nvfair.video"].items() >= expected.items()
    (action,) = assertions["originals/0"]["c2pa.actions.v2"]["actions"]
    assert action["digitalSourceType"] == "http://c2pa.org/digitalsourcetype/empty"  # nothing is claimed


@pytest.mark.parametrize("kind", [b"moov", b"mdat", b"XMP"])
@pytest.mark.parametrize("place", [0.1, 0.5, 0.9])
def test_a_flipped_byte_breaks_the_librarys_validation(published, kind, place):
    path = published / "warp" / "0.mp4"
    with open(path, "rb") as file:
        boxes = list(top_level_boxes(file))
    start, length = (boxes[-1] if kind == b"XMP" else next(box for box in boxes if box[0] == kind))[1:]
    content = bytearray(path.read_bytes())
    content[start + int(place * length)] ^= 1
    path.write_bytes(content)
    state, failures, _ = library_reads(path)
    assert state == "Invalid"
    assert "assertion.bmffHash.mismatch" in failures


def test_signing_changes_no_picture_no_mark_and_not_the_place_of_the_index(rendered, published):
    for path in sorted(published.rglob("*.mp4")):
        before = rendered / path.relative_to(published)
        pictures = [np.array([frame.image for frame in decode(file)]) for file in (before, path)]
        np.testing.assert_array_equal(*pictures)
        assert read_xmp(path) == read_xmp(before)
        with open(path, "rb") as file:
            kinds = [kind for kind, _, _ in top_level_boxes(file)]
        assert kinds.index(b"moov") < kinds.index(b"mdat")


def test_the_table_has_the_hashes_of_both_files(rendered, published):
    rows = rows_of(published)
    assert sorted(rows) == ["originals/0.mp4", "warp/0.mp4", "warp/1.mp4", "warp/2.mp4"]
    for path, row in rows.items():
        assert row["rendered_sha256"] == sha256(rendered / path)
        assert row["published_sha256"] == sha256(published / path) != row["rendered_sha256"]
    assert rows["warp/2.mp4"]["video"] == "v2"
    assert rows["warp/2.mp4"]["source_type"] == "algorithmicMedia"
    assert rows["originals/0.mp4"]["video"] == rows["originals/0.mp4"]["source_type"] == ""


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool (Debian: libimage-exiftool-perl) is absent")
def test_exiftool_reads_the_source_type_of_a_published_file(published):
    command = ["exiftool", "-json", "-G1", "-a", str(published / "warp" / "0.mp4")]
    (read,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    assert read["XMP-iptcExt:DigitalSourceType"] == URI + "algorithmicMedia"


def test_publishing_again_signs_only_what_has_changed(rendered, published, signer):
    before = {path: sha256(path) for path in published.rglob("*.mp4")}
    write_rendered(rendered / "warp" / "1.mp4", 7)
    (published / "warp" / "2.mp4").unlink()
    done = publish(rendered, published, signer)
    assert (done.signed, done.unchanged, done.problems) == (2, 2, ())
    changed = {path.relative_to(published).as_posix() for path, digest in before.items() if sha256(path) != digest}
    assert changed == {"warp/1.mp4", "warp/2.mp4"}
    assert rows_of(published)["warp/1.mp4"]["video"] == "v7"


def test_an_interrupted_publication_goes_on_where_it_stopped(rendered, signer, tmp_path):
    class Interrupting:
        ended = 0

        def begin_stage(self, stage, total, finished):
            pass

        def end_item(self, result):
            self.ended += 1
            if self.ended == 2:
                raise KeyboardInterrupt

    out = tmp_path / "out"
    with pytest.raises(KeyboardInterrupt):
        publish(rendered, out, signer, Interrupting())
    assert not (out / "marks.csv").exists()
    with open(out / ".marks-unfinished.csv", "a") as file:
        file.write("warp/1.mp4,v1,algorithmicM")  # a line that the interruption has cut
    signed_before = {path: sha256(path) for path in out.rglob("*.mp4")}
    done = publish(rendered, out, signer)
    assert (done.signed, done.unchanged, done.problems) == (2, 2, ())
    assert {path: sha256(path) for path in signed_before} == signed_before
    assert sorted(path.name for path in out.iterdir()) == ["marks.csv", "originals", "warp"]


def test_files_without_our_marks_are_named_and_not_signed(rendered, published, signer, tmp_path):
    content = (rendered / "warp" / "0.mp4").read_bytes()
    (rendered / "warp" / "0.mp4").write_bytes(content[: -(8 + 16 + 1024)])  # without its XMP
    (rendered / "warp" / "1.mp4").write_bytes(b"no video")
    shutil.copy(published / "warp" / "2.mp4", rendered / "warp" / "2.mp4")
    done = publish(rendered, tmp_path / "second", signer)
    assert done.signed == 1
    text = "\n".join(done.problems)
    assert "warp/0.mp4: it has no XMP packet" in text
    assert "warp/0.mp4: the tag `digital_source_type` says algorithmicMedia, and the XMP nothing" in text
    assert "warp/1.mp4: Invalid data" in text
    assert "warp/2.mp4: it has a C2PA manifest already" in text
    assert [path.name for path in (tmp_path / "second").rglob("*.mp4")] == ["0.mp4"]


def test_files_that_may_not_be_passed_on_are_named_and_not_signed(rendered, signer, tmp_path):
    for number, changed in enumerate(({"permitted_use": "research"}, {"permitted_use": "any; no publication"})):
        write_rendered(rendered / "warp" / f"{number}.mp4", number, **changed)
    write_rendered(rendered / "warp" / "2.mp4", 2, licence="CC-BY-NC-ND-4.0")
    done = publish(rendered, tmp_path / "out", signer)
    assert done.signed == 1
    assert [path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.mp4")] == [
        "originals/0.mp4"
    ]
    reasons = dict(problem.split(": it may not be passed on: ") for problem in done.problems)
    assert sorted(reasons) == ["warp/0.mp4", "warp/1.mp4", "warp/2.mp4"]
    assert "says nothing about redistribution" in reasons["warp/0.mp4"]
    assert "no publication" in reasons["warp/1.mp4"]
    assert "licence 'CC-BY-NC-ND-4.0' does not permit redistribution" in reasons["warp/2.mp4"]


def test_a_video_that_is_gone_is_named_until_its_published_copy_is_deleted(rendered, published, signer):
    (rendered / "warp" / "1.mp4").unlink()
    done = publish(rendered, published, signer)
    (problem,) = done.problems
    assert problem.startswith("warp/1.mp4: it was published earlier")
    assert "warp/1.mp4" not in rows_of(published)


def test_folders_that_cannot_be_meant_are_refused(rendered, published, signer, tmp_path):
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine")
    for folder, out, message in [
        (rendered, rendered, "would be in"),
        (rendered, rendered / "warp", "would be in"),
        (rendered, foreign, "holds files"),
        (published, tmp_path / "again", "published already"),
        (foreign, tmp_path / "new", "no .mp4"),
        (tmp_path / "nowhere", tmp_path / "new", "no such folder"),
    ]:
        with pytest.raises(NvfairError, match=message):
            publish(folder, out, signer)
    (published / "marks.csv").write_text("path,who\n")
    with pytest.raises(Problems, match="its columns are not path, video"):
        publish(rendered, published, signer)
