"""Cuts are seen while frames come; a person who takes another one's place is refused, the same person is not."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import numpy as np
import pytest

import benchmark
from benchmark.protocols.shipped import load
from benchmark.verification.enrolment import Enrolment
from benchmark.verification.shots import UNLIKE, CutFinder, Shots, face_shape, shape_difference
from benchmark.verification.stream_windows import SourceFrame, WindowStream
from benchmark.verification.verify import Verifier
from nvfair_tools.errors import Problems
from nvfair_tools.media import decode, encode
from nvfair_tools.media.motion import hard_cuts
from tests.benchmark.verification.clips import RATE, clip


def pictures(seed: int, count: int) -> list[np.ndarray]:
    """Frames of one camera: a picture that drifts."""
    random = np.random.default_rng(seed)
    picture = np.kron(random.integers(0, 255, (12, 12)), np.ones((8, 8))).astype(np.uint8)
    return [np.repeat(np.roll(picture, n, axis=1)[..., None], 3, axis=2) for n in range(count)]


def cuts(frames: list[np.ndarray]) -> list[int]:
    """Numbers of the frames that begin a shot."""
    finder = CutFinder()
    return [number - 1 for number, frame in enumerate(frames) if finder.add(frame)]


def test_cuts_of_a_stream_are_those_of_the_whole_clip() -> None:
    frames = pictures(0, 40) + pictures(1, 30) + pictures(2, 60)
    assert cuts(frames) == [40, 70]
    changes = [float(np.abs(b[..., 1].astype(float) - a[..., 1]).mean()) for a, b in itertools.pairwise(frames)]
    assert hard_cuts(changes) == [40, 70]
    assert cuts(pictures(3, 300)) == []
    assert cuts([]) == cuts(pictures(3, 1)) == []


def test_a_window_across_a_cut_is_not_scored_and_those_beside_it_are() -> None:
    windows = WindowStream(load("nvfair-seen"))
    row = np.zeros((126, 2), np.float32)
    frames = [SourceFrame(n / 30, row, cut=n in (71, 200)) for n in range(284)]
    made = [window for frame in frames for window in windows.push(frame)]
    by_start = {round(window.start * 30): window.reason for window in made}
    assert by_start == {0: "", 35: "cut", 70: "cut", 105: "", 140: "cut", 175: "cut", 210: ""}


def mesh(scale: float = 1.0, **moved: float) -> np.ndarray:
    """A face whose points lie at random; moved: points (by number, `p10=0.2`) that lie elsewhere."""
    points = np.random.default_rng(4).normal(size=(478, 3))
    for name, by in moved.items():
        points[int(name[1:])] += by
    return points * scale


def test_a_shape_knows_neither_size_nor_place() -> None:
    assert shape_difference(face_shape(mesh()), face_shape(mesh(3.0) + [10, 20, 0])) < 1e-5
    assert shape_difference(face_shape(mesh()), face_shape(mesh(p10=0.5))) > UNLIKE


def test_a_shot_is_compared_with_the_first_one_that_is_long_enough() -> None:
    shots = Shots()
    for time, length, face in ((0.0, 5, mesh(p10=0.5)), (1.0, 15, mesh()), (2.0, 14, mesh(p10=0.5)), (3.0, 30, mesh())):
        if time:
            shots.cut(time)
        for _ in range(length):
            shots.add(face)
    assert (shots.cuts, shots.first_cut, shots.other_face) == (3, 1.0, None)
    shots.cut(5.0)
    for _ in range(15):
        shots.add(mesh(p10=0.5))
    assert shots.other_face == 5.0
    shots.cut(6.0)
    assert shots.other_face == 5.0


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory, landmarker) -> dict[str, list[np.ndarray]]:
    """Frames of two people, whose faces begin at one place of the picture."""
    folder = tmp_path_factory.mktemp("parts")
    frames, places = {}, []
    for name in ("astronaut", "hopper"):
        frames[name] = [frame.image for frame in decode(clip(folder / f"{name}.mp4", person=name))]
        landmarker.start()
        places.append(landmarker.find(frames[name][0])[0][:, :2].mean(axis=0))
    right, down = (int(step) for step in np.round(places[0] - places[1]))
    frames["hopper"] = [np.roll(image, (down, right), axis=(0, 1)) for image in frames["hopper"]]
    return frames


def test_a_cut_to_another_person_at_the_same_place_is_an_outcome_of_its_own(
    parts, enrolled: Path, tmp_path: Path, landmarker
) -> None:
    encode(tmp_path / "two.mp4", parts["astronaut"] + parts["hopper"], RATE)
    with Verifier(Enrolment.load(enrolled / "ann.enrolment"), landmarker=landmarker) as verifier:
        answer = verifier.verify(tmp_path / "two.mp4")
    assert (answer.outcome, answer.answered) == ("face_changes", False)
    assert "from 2.4 s on, after a cut, the face is shaped otherwise" in answer.notes
    consent = benchmark.stated_consent("form 12", date(2026, 1, 1), scope=["any"])
    with pytest.raises(Problems, match=r"from 2\.4 s on the face is shaped otherwise"):
        benchmark.enrol("lab:bob", tmp_path / "two.mp4", consent=consent, landmarker=landmarker)


def test_a_cut_is_refused_unless_the_user_vouches_for_it(parts, enrolled: Path, tmp_path: Path, landmarker) -> None:
    wide = parts["astronaut"]
    nearer = [np.kron(image[16:112, 48:144], np.ones((2, 2, 1), np.uint8)) for image in wide]
    encode(tmp_path / "cut.mp4", [*wide, *nearer], RATE)
    ann = Enrolment.load(enrolled / "ann.enrolment")
    assert benchmark.verify(ann, tmp_path / "cut.mp4", landmarker=landmarker).outcome == "cut"
    answer = benchmark.verify(ann, tmp_path / "cut.mp4", across_cuts=True, landmarker=landmarker)
    assert answer.outcome == "scored", answer.notes
    assert "a cut at 2.4 s" in " ".join(answer.notes)
    assert [window.reason for window in answer.windows][1:3] == ["cut", "cut"]
