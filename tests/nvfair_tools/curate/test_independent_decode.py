"""Imported clips have the rate, the frames and the times that another decoder gives: the ffmpeg program, which the
product does not use to read videos."""

from __future__ import annotations

import csv
import re
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from nvfair_tools.curate.ingest import TrackTask, TrackWorker
from nvfair_tools.landmarks.landmarker import chosen_landmarker
from nvfair_tools.landmarks.track import load_track
from nvfair_tools.media import MediaInfo, probe
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.media.encoding import ffmpeg_binary
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.clips import face_clip, run_ffmpeg


class Decoded(NamedTuple):
    """What the ffmpeg program says of a file. times: seconds of each frame since the first. base: seconds of a tick."""

    times: np.ndarray
    base: float

    @property
    def frames(self) -> int:
        return len(self.times)

    def assert_rate(self, rate: Fraction) -> None:
        """That `rate` is the mean rate of these frames; only a constant rate says how long the last one lasts."""
        steps = np.diff(self.times)
        is_constant = np.ptp(steps) < 1.5 * self.base
        tolerance = self.base / self.times[-1] + 1e-6 if is_constant else steps.max() / self.times[-1]
        assert float(rate) == pytest.approx(len(steps) / self.times[-1], rel=tolerance)


def ffmpegs_decode(path: Path) -> Decoded:
    """Every frame that ffmpeg decodes of the first video stream, with its own presentation times."""
    command = [ffmpeg_binary(), "-nostdin", "-hide_banner", "-i", str(path), "-map", "0:v:0", "-vf", "showinfo"]
    log = subprocess.run([*command, "-fps_mode", "passthrough", "-f", "null", "-"], capture_output=True, text=True)
    base = re.search(r"config in time_base: (\d+)/(\d+)", log.stderr)
    ticks = [int(pts) for pts in re.findall(r"showinfo.*\] n: *\d+ pts: *(-?\d+)", log.stderr)]
    assert base is not None
    assert ticks, log.stderr
    seconds = int(base[1]) / int(base[2])
    return Decoded((np.array(ticks) - ticks[0]) * seconds, seconds)


def assert_equal_to_ffmpegs(path: Path) -> MediaInfo:
    """Compares the rate, the frames and the times; returns the first two and more."""
    expected = ffmpegs_decode(path)
    info = probe(path)
    assert info.fps is not None
    assert info.frames == expected.frames, path
    expected.assert_rate(info.fps)
    times = [frame.time for frame in whole_frames(path, keep_truncated=True)]
    assert len(times) == expected.frames, path
    np.testing.assert_allclose(times, expected.times, rtol=0, atol=1e-6, err_msg=str(path))
    return info


def test_every_shared_clip_has_the_rate_the_frames_and_the_times_of_ffmpegs_decode(shared):
    with open(shared / "clips" / "clips.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 51
    for row in rows:
        path = shared / "clips" / row["path"]
        info = assert_equal_to_ffmpegs(path)
        stated = (Fraction(row["fps"]), int(row["frames"]), int(row["width"]), int(row["height"]))
        assert (info.fps, info.frames, info.width, info.height) == stated, path


@pytest.fixture(scope="module")
def clips(tmp_path_factory) -> dict[str, Path]:
    """A constant rate of whole frames, one that is a fraction, and frames that come as they like."""
    folder = tmp_path_factory.mktemp("clips")
    steady = face_clip(folder / "steady.mp4", frames=20, size=128)
    fraction = face_clip(folder / "fraction.mp4", frames=20, size=128, fps=Fraction(30_000, 1_001))
    variable = folder / "variable.mkv"
    run_ffmpeg("-i", steady, "-vf", r"setpts=PTS+not(mod(N\,3))*0.013/TB", "-fps_mode", "passthrough", variable)
    program = folder / "program.mpg"
    run_ffmpeg("-i", steady, "-c:v", "mpeg1video", program)
    return {path.stem: path for path in (steady, fraction, variable, program)}


@pytest.mark.parametrize("name", ["steady", "fraction", "variable", "program"])
def test_our_own_clips_agree_as_well(clips, name):
    assert_equal_to_ffmpegs(clips[name])


@pytest.mark.parametrize("name", ["fraction", "variable"])
def test_an_imported_clip_keeps_these_times_and_counts_in_its_track(clips, name, tmp_path):
    skip_without_landmarker()
    expected = ffmpegs_decode(clips[name])
    task = TrackTask(clips[name], tmp_path / ".build" / "tracks" / "clip.npz", truncated="fail")
    result = TrackWorker(LandmarkerSpec(*chosen_landmarker(), None, None)).run(task)
    assert result.state == "ok", result
    assert result.facts["frames"] == expected.frames
    expected.assert_rate(Fraction(result.facts["fps_num"], result.facts["fps_den"]))
    np.testing.assert_allclose(load_track(task.output).time, expected.times, rtol=0, atol=1e-6)
