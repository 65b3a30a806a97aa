"""The whole way of examples/open_nvfair.yaml, at a small size: download, rights, build, official protocol, report."""

import subprocess
from fractions import Fraction
from pathlib import Path

import pytest
import yaml

pytest.importorskip("httpx")
pytest.importorskip("mediapipe")
pytest.importorskip("torch")
import benchmark
from nvfair_tools.curate.build import build
from nvfair_tools.curate.preflight import check
from nvfair_tools.dataset import Dataset
from nvfair_tools.downloads.catalogue import COLLECTIONS
from nvfair_tools.media.encoding import ffmpeg_binary
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.downloads.publisher import zip_of
from tests.nvfair_tools.moving_portraits import write_clip

skip_without_landmarker()

ROOT = Path(__file__).resolve().parents[3]
APPROVAL = "Board of Somewhere, no. 2026-17, 3 May 2026"
FRAMES = 73  # at 30 a second: one window of the official protocols
# Test people; the neutral clip of each gives the portrait.
RAVDESS_PEOPLE, CREMAD_PEOPLE = {"19": "hopper", "20": "astronaut"}, {"1003": "astronaut"}
RAVDESS_CLIPS = ("01-01-01-01-01-01", "01-01-03-01-01-01", "01-02-04-02-02-01")
CREMAD_CLIPS = ("DFA_NEU_XX", "IEO_HAP_HI")


@pytest.fixture
def collections(publisher, nvfair, tmp_path):
    """Both collections, downloaded from the publisher by the command."""
    zips: dict[str, bytes] = {}
    for number, (actor, face) in enumerate(RAVDESS_PEOPLE.items()):
        members = {}
        for phase, name in enumerate(RAVDESS_CLIPS):
            content = _clip(tmp_path / "made.mp4", face, 10 * number + phase)
            members[f"Actor_{actor}/{name}-{actor}.mp4"] = content
            members[f"Actor_{actor}/02{name[2:]}-{actor}.mp4"] = content  # the silent copy of the same pictures
        zips[f"Video_Speech_Actor_{actor}.zip"] = zip_of(members)
    publisher.add_record(COLLECTIONS["ravdess"].record, zips)
    for number, (actor, face) in enumerate(CREMAD_PEOPLE.items()):
        for phase, name in enumerate(CREMAD_CLIPS):
            content = _clip(tmp_path / "made.flv", face, 100 + 10 * number + phase)
            publisher.add_lfs_file(f"VideoFlash/{actor}_{name}.flv", content)
    table = "ActorID,Age,Sex,Race,Ethnicity\n1003,21,Female,Asian,Not Hispanic\n"
    publisher.repository["VideoDemographics.csv"] = table.encode()
    for name in ("ravdess", "crema-d"):
        code, text = nvfair("get", name, tmp_path / "runs" / name, "--accept-terms", "--quiet")
        assert code == 0, text
    return tmp_path / "runs"


def _clip(path: Path, face: str, phase: int) -> bytes:
    write_clip(path.with_suffix(".mp4"), face, phase, frames=FRAMES, fps=Fraction(30))
    if path.suffix == ".flv":
        command = [ffmpeg_binary(), "-y", "-loglevel", "error", "-i", path.with_suffix(".mp4"), "-c", "copy", path]
        subprocess.run(command, check=True)
    return path.read_bytes()


def _recipe(tmp_path: Path, **rights: str) -> Path:
    recipe = yaml.safe_load((ROOT / "examples" / "open_nvfair.yaml").read_text())
    recipe["rights"] |= rights
    recipe["generators"] = recipe["generators"][:1]
    recipe["workers"] = 0
    path = tmp_path / "examples" / "open_nvfair.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(yaml.safe_dump(recipe))
    return path


@pytest.mark.slow
def test_the_recipe_goes_from_download_to_report(collections, tmp_path):
    # Without an approval nothing is read, and the preflight says why.
    refused = build(_recipe(tmp_path), until="ingest")
    assert {clip.result.reason for clip in refused.clips} == {"consent_unknown"}
    errors = [str(finding) for finding in check(_recipe(tmp_path)).at_level("error")]
    assert len(errors) == 2
    assert "no method can be trained or tested" in errors[1]
    assert "8 clips is unknown: a licence is no consent" in errors[0]

    outcome = build(_recipe(tmp_path, ethics_approval=APPROVAL))
    data = Dataset.open(collections / "open_nvfair")
    videos = data.videos
    assert (videos["state"] == "ok").all(), outcome.counts()
    counts = videos.groupby(["source", "kind"]).size().to_dict()
    assert counts == {
        ("cremad", "real"): 2,
        ("cremad", "self"): 1,
        ("ravdess", "real"): 6,
        ("ravdess", "self"): 4,
        ("ravdess", "cross"): 4,
    }
    assert set(videos["split"]) == {"test"}
    people = data.identities.set_index("identity")
    assert people.loc["cremad:1003", ["gender", "age", "ethnicity"]].tolist() == ["female", "21", "Asian, Not Hispanic"]

    # A portrait never comes from a driving clip, a person's own included.
    reenactments = videos[videos["generator"].notna()]
    assert not set(people["portrait_clip"]) & set(reenactments["clip"])
    assert not people["flags"].map(lambda flags: "single_clip" in flags).any()

    # Rights: everything is recorded, nothing is lost on the way.
    assert set(videos["consent"]) == {f"unknown; ethics approval: {APPROVAL}"}
    assert set(videos["permitted_use"]) == {"research only; no display; no publication"}
    licences = reenactments.groupby("source")["licence"].unique().map(lambda values: " | ".join(sorted(values)))
    assert "CC BY-NC-SA 4.0" in licences["ravdess"]
    assert "ODbL" in licences["cremad"]
    card = (collections / "open_nvfair" / "README.md").read_text()
    assert "recorded in one session" in card
    assert "not for commercial use; what is made from it keeps the licence CC BY-NC-SA" in card
    assert "no picture of it is shown; it is not passed on" in card

    results = benchmark.evaluate(
        data, "pretrained:motion-signature", protocols=["nvfair-unseen"], out=tmp_path / "report", device="cpu"
    )
    assert set(results.data.test_people) == {"ravdess:19", "ravdess:20", "cremad:1003"}
    assert len(results.cells) == 1
    assert "not shown: " in (tmp_path / "report" / "index.html").read_text()
    assert "data:image/jpeg" not in (tmp_path / "report" / "index.html").read_text()
