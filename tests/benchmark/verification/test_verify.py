"""Real videos of an enrolled person: answers, every refusal, live sources, folders, and the three lines of Python."""

from __future__ import annotations

import json
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

import benchmark
from benchmark.trial_scores.scores import Scorer
from benchmark.verification.enrolment import Enrolment, revoke_enrolment
from benchmark.verification.likeness import STATISTICS, Likeness
from benchmark.verification.many_videos import verify_many
from benchmark.verification.results import OUTCOMES
from benchmark.verification.timeline import timeline_picture, write_timeline
from benchmark.verification.verify import Verifier, _length_notes
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.tracking import track_video
from nvfair_tools.media import MediaError, decode, encode
from nvfair_tools.media.encoding import ffmpeg_binary
from tests.benchmark.verification.clips import RATE, clip
from tests.benchmark.verification.made import calibration as made_calibration
from tests.waiting import free_port, read_when_sent


def calibrated(enrolment: Enrolment, scores: tuple[float, float] = (-0.2, -1.2), likeness: Likeness | None = None):
    """A calibration of twelve people: genuine scores around the first, impostors' around the second."""
    from dataclasses import replace

    spread = np.linspace(-0.1, 0.1, 24)
    made = made_calibration(list(scores[0] + spread), list(scores[1] + spread), people=12, likeness=likeness)
    return replace(
        made, method=enrolment.method, landmarker=enrolment.landmarker, protocol_digest=enrolment.protocol.digest
    )


@pytest.fixture(scope="module")
def ann(enrolled: Path) -> Enrolment:
    return Enrolment.load(enrolled / "ann.enrolment")


@pytest.fixture(scope="module")
def verifier(ann: Enrolment, landmarker) -> Verifier:
    return Verifier(ann, landmarker=landmarker)


@pytest.fixture(scope="module")
def result(verifier: Verifier, enrolled: Path):
    return verifier.verify(enrolled / "video.mp4")


def test_the_score_is_that_of_the_benchmark_from_whole_tracks(ann, result, enrolled: Path, landmarker) -> None:
    """The same video, tracked whole, resampled, cut and scored by the parts that evaluate data sets."""
    from benchmark.methods.checkpoint import load_checkpoint
    from benchmark.trials.trials import TargetTrials
    from benchmark.windows.cutting import cut_video
    from benchmark.windows.window_batch import WindowBatch
    from nvfair_tools.landmarks.scheme import landmarks_from_mesh

    method = load_checkpoint("pretrained:motion-signature")
    rows, counts = [], []
    for name in ("enrolled-0.mp4", "enrolled-1.mp4", "video.mp4"):
        track = track_video(enrolled / name, landmarker)
        cut = cut_video(
            name,
            (landmarks_from_mesh(track.mesh), track.valid, track.time),
            ann.protocol.time,
            ann.protocol.missing,
        )
        batch = np.stack([cut.landmarks[start : start + 71] for start in cut.starts])
        rows.append(method.embed(WindowBatch(batch, 30.0, np.full((len(batch), 2), 192.0))))
        counts.append(len(batch))
    from benchmark.trial_scores.scores import VideoEmbeddings

    embeddings = VideoEmbeddings(
        np.array(["a", "b", "c"], object), np.concatenate([[0], np.cumsum(counts)]), np.concatenate(rows)
    )
    trial = TargetTrials("t", "g", np.array([[3, 2]]), np.empty((0, 2), int), templates=np.array([[0, 1]]), offset=3)
    expected = Scorer(embeddings, ann.protocol.scoring).score(trial).genuine[0]
    assert result.score == pytest.approx(expected, abs=1e-3)
    assert (result.outcome, result.scored_windows) == ("scored", counts[2])
    assert len(result.windows) == counts[2] == 2
    assert result.scored_seconds == pytest.approx((71 + 35) / 30)


def test_three_lines_of_python_and_a_table_in_a_notebook(enrolled: Path, landmarker) -> None:
    consent = benchmark.stated_consent("form 12", date(2026, 1, 1), scope=["any"])
    person = benchmark.enrol("lab:bob", enrolled / "enrolled-0.mp4", consent=consent, landmarker=landmarker)
    answer = benchmark.verify(person, enrolled / "enrolled-0.mp4", landmarker=landmarker)
    assert answer.score == pytest.approx(0, abs=1e-5)
    assert "this very file was enrolled" in " ".join(answer.notes)
    html = answer._repr_html_()
    assert "<table" in html
    assert "cannot prove" in html
    assert "No calibration" in html
    json.dumps(answer.to_json(), allow_nan=False)


@pytest.mark.parametrize(("middle", "outcome"), [(-0.5, "match"), (1.0, "no_match")])
def test_with_a_calibration_there_is_a_decision_with_its_support(ann, result, enrolled, landmarker, middle, outcome):
    people = calibrated(ann, (result.score + middle + 0.6, result.score + middle - 0.4))
    answer = benchmark.verify(ann, enrolled / "video.mp4", calibration=people, landmarker=landmarker)
    assert answer.outcome == outcome
    assert answer.threshold is not None
    assert (answer.threshold.fmr, answer.threshold.impostors, answer.threshold.trials) == (0.25, 12, 24)
    assert answer.threshold.above == 6
    assert answer.likelihood_ratio is not None
    assert 0.25 <= answer.likelihood_ratio <= 4
    assert (answer.likelihood_ratio > 1) == (outcome == "match")
    assert "nobody of 'lab'" in answer.notes[-1]
    assert "counted on other" in answer.notes[-1]
    assert ("below all 48 scores" in answer.notes[0]) == (middle == 1.0)
    with pytest.raises(NvfairError, match=r"rate of 0\.1"):
        Verifier(ann, calibration=people, fmr=0.1, landmarker=landmarker)
    with pytest.raises(NvfairError, match="without a calibration"):
        Verifier(ann, fmr=0.1, landmarker=landmarker)


@pytest.mark.parametrize(
    ("scored", "text"), [(2.4, "less steadily"), (3.6, ""), (6.0, ""), (8.9, ""), (9.1, "higher than stated")]
)
def test_a_length_that_the_calibration_has_not_seen_is_noted(scored: float, text: str) -> None:
    assert text in " ".join(_length_notes(scored, 4.0, 6.0))
    assert bool(text) == bool(_length_notes(scored, 4.0, 6.0))


def test_a_video_that_is_too_short_has_an_outcome_of_its_own(verifier: Verifier, tmp_path: Path) -> None:
    assert verifier.verify(clip(tmp_path / "short.mp4", frames=40)).outcome == "too_short"


def test_a_video_without_the_face_has_one_too(verifier: Verifier, tmp_path: Path) -> None:
    encode(tmp_path / "grey.mp4", (np.full((96, 96, 3), 90, np.uint8) for _ in range(80)), RATE)
    answer = verifier.verify(tmp_path / "grey.mp4")
    assert (answer.outcome, answer.score) == ("face_lost", None)
    assert [window.reason for window in answer.windows] == ["no_face"]
    assert timeline_picture(answer).startswith(b"\x89PNG")


def test_two_faces_are_refused_unless_the_largest_is_asked_about(verifier, ann, tmp_path, landmarker) -> None:
    frames = [
        np.concatenate([left.image, right.image], axis=1)
        for left, right in zip(
            decode(clip(tmp_path / "a.mp4")), decode(clip(tmp_path / "b.mp4", person="hopper")), strict=True
        )
    ]
    encode(tmp_path / "two.mp4", frames, RATE)
    answer = verifier.verify(tmp_path / "two.mp4")
    assert answer.outcome == "several_faces"
    assert "another face is seen" in " ".join(answer.notes)
    largest = benchmark.verify(ann, tmp_path / "two.mp4", largest_face=True, landmarker=landmarker)
    assert largest.outcome == "scored"


def test_what_is_unlike_the_calibration_is_not_decided(ann, result, enrolled, landmarker) -> None:
    still_people = Likeness(np.full(len(STATISTICS), -9.0), np.full(len(STATISTICS), -8.0), 12, 0)
    people = calibrated(ann, (result.score, result.score - 1), still_people)
    answer = benchmark.verify(ann, enrolled / "video.mp4", calibration=people, landmarker=landmarker)
    assert answer.outcome == "unlike_training"
    assert answer.likelihood_ratio is None
    assert "lies above all videos" in answer.unlike


def test_an_expired_or_revoked_enrolment_is_refused_without_a_look_at_the_video(ann, tmp_path, landmarker) -> None:
    answer = benchmark.verify(ann, "no-such.mp4", on=date(2099, 1, 1), landmarker=landmarker)
    assert answer.outcome == "enrolment_expired"
    saved = ann.save(tmp_path / "ann.enrolment")
    copy = (tmp_path / "ann.enrolment").read_bytes()
    listed = revoke_enrolment(tmp_path / "ann.enrolment", on=date(2026, 2, 1))
    (tmp_path / "ann.enrolment").write_bytes(copy)
    assert benchmark.verify(saved.path, "no-such.mp4", landmarker=landmarker).outcome == "enrolment_revoked"
    with Verifier(ann, revoked=listed, landmarker=landmarker) as elsewhere:
        assert elsewhere.verify("no-such.mp4").outcome == "enrolment_revoked"


def test_a_truncated_or_absent_video_is_an_error(verifier: Verifier, enrolled: Path, tmp_path: Path) -> None:
    (tmp_path / "cut.mp4").write_bytes((enrolled / "video.mp4").read_bytes()[:-3000])
    for name in ("cut.mp4", "absent.mp4"):
        with pytest.raises(MediaError):
            verifier.verify(tmp_path / name)


def test_a_live_stream_is_scored_as_its_file(verifier: Verifier, result, enrolled: Path) -> None:
    address = f"tcp://127.0.0.1:{free_port()}"

    def read() -> tuple[list[Any], Any]:
        run = verifier.follow(address)
        return list(run), run.result()

    sender = subprocess.Popen(
        [ffmpeg_binary(), "-loglevel", "error", "-i", str(enrolled / "video.mp4"), "-c", "copy", "-f", "mpegts",
         f"{address}?listen=1"]
    )  # fmt: skip
    try:
        windows, live = read_when_sent(sender, read)
    finally:
        sender.kill()
        sender.wait()
    assert [window.score for window in windows] == pytest.approx([w.score for w in result.windows], abs=1e-4)
    assert live.score == pytest.approx(result.score, abs=1e-4)
    assert live.windows == ()


def test_an_interrupted_folder_goes_on_where_it_stopped(verifier, enrolled, tmp_path, monkeypatch) -> None:
    paths = [enrolled / f"enrolled-{n}.mp4" for n in range(2)]
    store = tmp_path / "answers.jsonl"
    first = next(verify_many(verifier, paths, store=store))
    assert not first.earlier
    with open(store, "a") as file:
        file.write('{"key": "cut in the mid')
    answers = list(verify_many(verifier, paths, store=store))
    assert [answer.earlier for answer in answers] == [True, False]
    assert len(store.read_text().splitlines()) == 2
    monkeypatch.setattr(verifier, "verify", None)  # nothing is verified again
    assert [answer.content for answer in verify_many(verifier, paths, store=store)] == [a.content for a in answers]
    store.write_text("no answer\n")
    with pytest.raises(NvfairError, match="line 1 is no answer"):
        list(verify_many(verifier, paths, store=store))


def test_the_command_says_what_it_can_prove_and_ends_with_the_stated_status(ann, enrolled, result, tmp_path) -> None:
    run = CliRunner()
    calibrated(ann, (result.score + 1, result.score + 0.5)).save(tmp_path / "people.calibration")
    arguments = ["verify", str(enrolled / "ann.enrolment"), str(enrolled / "video.mp4")]
    answered = run.invoke(cli, [*arguments, "--timeline", str(tmp_path / "t.svg")])
    assert answered.exit_code == 0, answered.output
    for text in ("score only for lab:ann", "No calibration", "A score is not proof", "never say who"):
        assert text in answered.output
    assert (tmp_path / "t.svg").read_bytes().startswith(b"<?xml")
    refused = run.invoke(cli, [*arguments, "--calibration", str(tmp_path / "people.calibration"), "--json"])
    assert refused.exit_code == 3
    content = json.loads(refused.output[refused.output.index("{") :])
    assert (content["outcome"], content["meaning"]) == ("no_match", OUTCOMES["no_match"])
    assert any("can be far higher" in text for text in content["limits"])
    assert "can be far higher" not in answered.output
    short = clip(tmp_path / "short.mp4", frames=40)
    assert run.invoke(cli, ["verify", str(enrolled / "ann.enrolment"), str(short)]).exit_code == 4


def test_several_people_and_enrolment_without_consent_are_refused(enrolled: Path, tmp_path: Path) -> None:
    run = CliRunner()
    several = run.invoke(cli, ["verify", str(enrolled), str(enrolled / "video.mp4")])
    assert several.exit_code == 2
    alone = run.invoke(cli, ["enrol", "lab:x", str(enrolled / "video.mp4"), "--out", str(tmp_path / "x.enrolment")])
    assert alone.exit_code == 2
    assert "without consent" in alone.output
    assert not (tmp_path / "x.enrolment").exists()


def test_a_picture_needs_a_known_ending(result, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="ends in"):
        write_timeline(tmp_path / "t.bmp", result)


def test_a_person_is_enrolled_shown_and_revoked_by_command(enrolled: Path, tmp_path: Path) -> None:
    run, out = CliRunner(), tmp_path / "ann.enrolment"
    (tmp_path / "consent.csv").write_text(
        "identity,target,driver,training,redistribution,display,voice,enrolment,scope,evidence,date,expires\n"
        "lab:ann,no,no,no,no,no,no,yes,research,form 12,2026-01-01,2099-03-01\n"
    )
    words = ["enrol", "lab:ann", str(enrolled / "enrolled-0.mp4"), "--out", str(out)]
    done = run.invoke(cli, [*words, "--consent", str(tmp_path / "consent.csv")])
    assert done.exit_code == 0, done.output
    for text in ("1 video, 2.4 s, 1 window", "consent table, form 12", "one occasion", f"next: nvfair verify {out}"):
        assert text in done.output
    refused = run.invoke(cli, [*words, "--consent", str(tmp_path / "consent.csv"), "--purpose", "commercial"])
    assert "covers research, not commercial" in str(refused.exception)
    assert "lab:ann" in run.invoke(cli, ["enrolment", "show", str(out)]).output
    assert "add --yes" in run.invoke(cli, ["enrolment", "revoke", str(out)]).output
    assert out.exists()
    assert run.invoke(cli, ["enrolment", "revoke", str(out), "--yes"]).exit_code == 0
    assert not out.exists()
