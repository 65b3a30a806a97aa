"""Times of frames always rise, and the frame rate is what the times say, written exactly and read back."""

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nvfair_tools.media import decode, encode, probe
from nvfair_tools.media.timing import MAX_RATE_TERM, FrameClock, clip_length, frame_rate, writable_rate
from tests.nvfair_tools.clips import face_clip, run_ffmpeg


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return face_clip(tmp_path_factory.mktemp("clip") / "face.mp4", frames=40, size=128)


def times_of(path: Path) -> list[float]:
    return [frame.time for frame in decode(path)]


def clock_times(stamps: list[int | None], *, format: str = "mp4", base: Fraction = Fraction(1, 1000)) -> list[float]:
    """The times in seconds that frames with these presentation times get in a 25 fps stream."""
    stream = SimpleNamespace(time_base=base, guessed_rate=Fraction(25), average_rate=Fraction(25))
    clock = FrameClock(SimpleNamespace(format=SimpleNamespace(name=format)), stream)
    return [clock.seconds(SimpleNamespace(pts=stamp, dts=stamp)) for stamp in stamps]


@pytest.mark.parametrize(
    ("stamps", "milliseconds"),
    [
        ([0, 40, 80, 120], [0, 40, 80, 120]),
        ([5000, 5040, 5080], [0, 40, 80]),
        ([-80, -40, 0], [0, 40, 80]),
        ([0, 40, 80, 0, 40, 80], [0, 40, 80, 120, 160, 200]),
        ([0, 40, 40, 120, 160], [0, 40, 80, 120, 160]),
        ([0, 40, 80, None, 160], [0, 40, 80, 120, 160]),
        ([None, None, None], [0, 40, 80]),
        ([0, 40, 5040, 5080], [0, 40, 5040, 5080]),
    ],
    ids=["regular", "starts late", "starts before zero", "starts anew", "one twice", "one missing", "none", "a pause"],
)
def test_times_rise_and_true_pauses_stay(stamps, milliseconds):
    np.testing.assert_allclose(clock_times(stamps), np.array(milliseconds) / 1000, atol=1e-9)


def test_a_jump_in_a_stream_that_may_be_spliced_is_a_splice():
    stamps = [0, 40, 80, 50_000, 50_040]
    np.testing.assert_allclose(clock_times(stamps, format="mpegts"), np.arange(5) * 0.04, atol=1e-9)
    assert clock_times(stamps)[-1] == pytest.approx(50.04)


@given(st.lists(st.none() | st.integers(-100_000, 100_000), min_size=2, max_size=60))
def test_whatever_the_file_says_times_rise(stamps):
    assert (np.diff(clock_times(stamps)) > 0).all()


@given(st.integers(1, 10**6), st.integers(1, 10**9), st.integers(1, 1_200_000))
def test_every_measured_rate_can_be_written_and_is_near_the_truth(frames, length, base):
    rate = writable_rate(Fraction(frames * base, length))
    if Fraction(frames * base, length) > 1000 or Fraction(frames * base, length) < Fraction(1, 1000):
        return  # no camera
    assert max(rate.numerator, rate.denominator) <= MAX_RATE_TERM
    assert abs(rate / Fraction(frames * base, length) - 1) < 1e-3


def test_a_stated_rate_is_believed_within_a_tick_and_not_beyond():
    base = Fraction(1, 90_000)
    assert frame_rate(50, 179_993, base, [Fraction(4_500_000, 179_993), Fraction(25)]) == 25
    assert frame_rate(300, 900_900, base, [Fraction(30_000, 1001)]) == Fraction(30_000, 1001)
    assert frame_rate(50, 2000, Fraction(1, 1000), [Fraction(1000)]) == 25
    assert frame_rate(1, None, base, [None, Fraction(25)]) == 25
    assert frame_rate(1, None, base, [None]) is None
    assert clip_length([0, 40, 80], 1) == 120
    assert clip_length([0, 40, 80], 50) == 130


def test_an_avi_that_states_a_thousand_frames_a_second_has_the_rate_of_its_frames(clip, tmp_path):
    # A recorder that ticks in milliseconds and leaves empty chunks between two pictures.
    path = tmp_path / "a.avi"
    run_ffmpeg("-i", clip, "-c:v", "mjpeg", "-q:v", "3", tmp_path / "a.mkv")
    run_ffmpeg("-i", tmp_path / "a.mkv", "-c", "copy", path)
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate == 1000
    info = probe(path)
    assert (info.fps, info.frames) == (Fraction(25), 40)
    assert info.duration == pytest.approx(1.6)
    np.testing.assert_allclose(times_of(path), np.arange(40) / 25, atol=1e-3)


@pytest.mark.parametrize("codec", ["mpeg4", "libx264"])
def test_frames_of_an_avi_that_are_stored_out_of_order_have_rising_times(clip, tmp_path, codec):
    run_ffmpeg("-i", clip, "-c:v", codec, "-bf", "2", tmp_path / "a.avi")
    np.testing.assert_allclose(times_of(tmp_path / "a.avi"), np.arange(40) / 25, atol=1e-9)
    info = probe(tmp_path / "a.avi")
    assert (info.fps, info.frames, dict(info.notes)) == (Fraction(25), 40, {})


def test_a_rate_that_no_encoder_writes_becomes_one_that_it_writes_and_is_read_back(clip, tmp_path):
    path = tmp_path / "a.mp4"
    # One frame comes 7 ticks of 1/90,000 s early: the header's mean rate is 3,600,000/143,993.
    chain = "settb=1/90000,setpts='N*3600-7*eq(N\\,39)'"
    run_ffmpeg("-i", clip, "-vf", chain, "-enc_time_base", "1/90000", "-fps_mode", "passthrough",
               "-video_track_timescale", "90000", "-bf", "0", path)  # fmt: skip
    with av.open(str(path)) as container:
        assert container.streams.video[0].average_rate.denominator > 1000
    rate = probe(path).fps
    assert rate == 25
    encode(tmp_path / "again.mp4", (frame.image for frame in decode(path)), rate)
    assert probe(tmp_path / "again.mp4").fps == rate


@pytest.mark.parametrize("rate", [Fraction(30, 31) * 25, Fraction(101_003, 4_001)], ids=str)
def test_a_mean_rate_lasts_as_long_as_the_clip(clip, tmp_path, rate):
    run_ffmpeg("-i", clip, "-vf", f"settb=1/90000,setpts=N*90000*{rate.denominator}/{rate.numerator}",
               "-enc_time_base", "1/90000",
               "-fps_mode", "passthrough", tmp_path / "a.mkv")  # fmt: skip
    info = probe(tmp_path / "a.mkv")
    assert info.duration == pytest.approx(float(40 / rate), abs=0.004)
    assert float(40 / info.fps) == pytest.approx(float(40 / rate), abs=0.004)
    encode(tmp_path / "b.mp4", (frame.image for frame in decode(tmp_path / "a.mkv")), info.fps)
    assert probe(tmp_path / "b.mp4").fps == info.fps


def test_a_spliced_transport_stream_is_read_whole_and_its_times_are_repaired(clip, tmp_path):
    run_ffmpeg("-i", clip, "-c", "copy", tmp_path / "part.ts")
    part = (tmp_path / "part.ts").read_bytes()
    (tmp_path / "a.ts").write_bytes(part + part)
    np.testing.assert_allclose(times_of(tmp_path / "a.ts"), np.arange(80) / 25, atol=1e-6)
    info = probe(tmp_path / "a.ts")
    assert (info.frames, info.fps, info.problem) == (80, Fraction(25), "")
    assert "times_repaired" in info.notes


def test_a_transport_stream_that_lost_bytes_is_still_damaged(clip, tmp_path):
    run_ffmpeg("-i", clip, "-c", "copy", tmp_path / "whole.ts")
    whole = (tmp_path / "whole.ts").read_bytes()
    middle = len(whole) // 188 // 2 * 188
    (tmp_path / "a.ts").write_bytes(whole[:middle] + whole[middle + 5 * 188 :])
    assert probe(tmp_path / "a.ts").problem == "corrupt"


def test_a_stream_without_times_is_flagged(clip, tmp_path):
    run_ffmpeg("-i", clip, "-c", "copy", "-f", "h264", tmp_path / "a.h264")
    info = probe(tmp_path / "a.h264")
    assert (info.frames, info.notes.keys()) == (40, {"times_assumed"})
    assert (np.diff(times_of(tmp_path / "a.h264")) > 0).all()


@pytest.mark.parametrize(("rate", "flagged"), [("2", True), ("400", True), ("240", False), ("12", False)])
def test_a_rate_that_no_camera_has_is_flagged(clip, tmp_path, rate, flagged):
    run_ffmpeg("-r", rate, "-i", clip, "-c:v", "libx264", "-preset", "ultrafast", tmp_path / "a.mp4")
    assert ("unusual_frame_rate" in probe(tmp_path / "a.mp4").notes) == flagged


WHOLE = {
    "fragmented mp4": ("a.mp4", ["-c", "copy", "-movflags", "frag_keyframe+empty_moov"]),
    "recorder's webm without a duration": ("a.webm", ["-c:v", "libvpx", "-live", "1"]),
    "phone's 3gp": ("a.3gp", ["-c:v", "h263", "-s", "176x144"]),
    "Flash": ("a.flv", ["-c:v", "flv1"]),
    "Windows Media": ("a.wmv", ["-c:v", "wmv2"]),
    "Ogg": ("a.ogv", ["-c:v", "libtheora"]),
    "timecode track": ("a.mov", ["-c:v", "libx264", "-timecode", "01:00:00:00"]),
    "ProRes": ("a.mov", ["-c:v", "prores_ks"]),
    "10-bit HEVC": ("a.mp4", ["-c:v", "libx265", "-pix_fmt", "yuv420p10le", "-x265-params", "log-level=error"]),
    "animated GIF": ("a.gif", []),
    "animated PNG": ("a.apng", ["-f", "apng"]),
    "a wrong name": ("a.avi", ["-c", "copy", "-f", "mp4"]),
    "camera's MTS": ("a.m2ts", ["-c", "copy", "-mpegts_m2ts_mode", "1"]),
    "first time is 5 s": ("a.mp4", ["-c", "copy", "-output_ts_offset", "5"]),
}


@pytest.mark.parametrize(("name", "options"), WHOLE.values(), ids=WHOLE)
def test_files_of_phones_cameras_and_recorders_are_read_whole(clip, tmp_path, name, options):
    run_ffmpeg("-i", clip, *options, tmp_path / name)
    info = probe(tmp_path / name)
    assert (info.frames, info.fps, info.problem, dict(info.notes)) == (40, Fraction(25), "", {})
    np.testing.assert_allclose(times_of(tmp_path / name), np.arange(40) / 25, atol=1.1e-3)


def test_a_header_that_gives_another_length_is_not_believed(clip, tmp_path):
    """The track's last sample is said to last for ten frames."""
    run_ffmpeg("-i", clip, "-c:v", "libx264", "-bf", "0", tmp_path / "b.mp4")
    duration = "setts=duration='if(eq(N,39),10*DURATION,DURATION)'"
    run_ffmpeg("-i", tmp_path / "b.mp4", "-c", "copy", "-bsf:v", duration, tmp_path / "a.mp4")
    with av.open(str(tmp_path / "a.mp4")) as container:
        assert container.streams.video[0].average_rate < 24
    assert probe(tmp_path / "a.mp4").fps == 25
