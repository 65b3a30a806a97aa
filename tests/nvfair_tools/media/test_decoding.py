import gc
import tracemalloc
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.errors import NvfairError
from nvfair_tools.media import MediaError, decode, encode, probe
from tests.nvfair_tools.clips import astronaut, face_clip, run_ffmpeg
from tests.nvfair_tools.context_switches import needs_counts, voluntary_switches


def read(path: Path) -> tuple[int, MediaError | None]:
    count = 0
    try:
        for _ in decode(path):
            count += 1
    except MediaError as error:
        return count, error
    return count, None


@pytest.fixture(scope="module")
def clip(tmp_path_factory) -> Path:
    return face_clip(tmp_path_factory.mktemp("clip") / "face.mp4", frames=40)


def test_every_frame_is_given_in_order_with_its_time(clip):
    frames = list(decode(clip))
    assert [frame.index for frame in frames] == list(range(40))
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(40) / 25, atol=1e-9)
    assert frames[0].image.shape == (256, 256, 3)
    assert frames[0].image.dtype == np.uint8


def test_pictures_equal_those_ffmpeg_itself_decodes(clip, tmp_path):
    run_ffmpeg("-i", clip, "-pix_fmt", "rgb24", tmp_path / "%02d.png")
    for frame in decode(clip):
        reference = np.array(Image.open(tmp_path / f"{frame.index + 1:02d}.png"))
        # Two builds of swscale round differently in the last place.
        assert np.abs(reference.astype(int) - frame.image).max() <= 2


@pytest.mark.parametrize("colours", ["bt709", "smpte170m"])
def test_colours_of_both_matrices_come_back(tmp_path, colours):
    picture = np.zeros((64, 96, 3), np.uint8)
    picture[:, :32], picture[:, 32:64], picture[:, 64:] = (200, 30, 30), (30, 180, 40), (40, 60, 220)
    Image.fromarray(picture).save(tmp_path / "a.png")
    matrix = f"scale=out_color_matrix={'bt709' if colours == 'bt709' else 'bt601'},format=yuv444p"
    run_ffmpeg("-i", tmp_path / "a.png", "-vf", matrix, "-colorspace", colours, "-qp", "0", tmp_path / "a.mp4")
    assert np.abs(next(decode(tmp_path / "a.mp4")).image.astype(int) - picture).max() <= 3


@pytest.mark.parametrize("angle", [90, 180, 270])
def test_a_rotation_flag_is_applied_as_ffmpeg_applies_it(clip, tmp_path, angle):
    wide = tmp_path / "wide.mp4"
    encode(wide, [astronaut()[:300, :200]] * 3, Fraction(25))
    turned, picture = tmp_path / "turned.mp4", tmp_path / "turned.png"
    run_ffmpeg("-display_rotation", str(angle), "-i", wide, "-c", "copy", turned)
    run_ffmpeg("-i", turned, "-frames:v", "1", picture)
    reference = np.array(Image.open(picture).convert("RGB"))
    image = next(decode(turned)).image
    assert image.shape == reference.shape
    assert np.abs(reference.astype(int) - image).max() <= 2
    info = probe(turned)
    assert (info.width, info.height) == (reference.shape[1], reference.shape[0])
    assert info.rotation == (360 - angle) % 360


def test_odd_sizes_are_read(tmp_path):
    Image.fromarray(astronaut()[:101, :77]).save(tmp_path / "odd.png")
    run_ffmpeg("-loop", "1", "-i", tmp_path / "odd.png", "-frames:v", "5", "-pix_fmt", "yuv444p", tmp_path / "odd.mp4")
    frames = list(decode(tmp_path / "odd.mp4"))
    assert len(frames) == 5
    assert frames[0].image.shape == (101, 77, 3)
    assert np.abs(frames[0].image.astype(int) - astronaut()[:101, :77]).mean() < 4


def test_a_variable_rate_keeps_each_frames_own_time(clip, tmp_path):
    path = tmp_path / "vfr.mp4"
    run_ffmpeg("-i", clip, "-vf", "select='not(between(n,10,19))'", "-fps_mode", "vfr", path)
    times = [frame.time for frame in decode(path)]
    assert len(times) == 30
    np.testing.assert_allclose(times, np.r_[np.arange(10), np.arange(20, 40)] / 25, atol=2e-3)
    assert probe(path).variable_frame_rate
    assert not probe(clip).variable_frame_rate


def test_a_first_frame_later_than_zero_has_time_zero(clip, tmp_path):
    run_ffmpeg("-itsoffset", "3", "-i", clip, "-c", "copy", "-copyts", tmp_path / "late.mkv")
    frames = list(decode(tmp_path / "late.mkv"))
    assert frames[0].time == 0
    assert len(frames) == 40


@pytest.mark.parametrize("container", ["mkv", "avi", "mov", "webm", "mpg"])
def test_other_containers_are_read_whole(clip, tmp_path, container):
    codec = {"webm": "libvpx", "mpg": "mpeg1video"}.get(container, "libx264")
    run_ffmpeg("-i", clip, "-c:v", codec, tmp_path / f"a.{container}")
    assert read(tmp_path / f"a.{container}") == (40, None)


def test_a_part_chosen_by_an_edit_list_is_not_called_truncated(clip, tmp_path):
    run_ffmpeg("-ss", "0.5", "-i", clip, "-t", "0.6", "-c", "copy", tmp_path / "part.mp4")
    count, error = read(tmp_path / "part.mp4")
    assert error is None
    assert 0 < count < 40


def test_sound_that_outlasts_the_picture_is_not_called_truncated(clip, tmp_path):
    run_ffmpeg("-i", clip, "-f", "lavfi", "-i", "sine=duration=4", "-c:v", "copy", tmp_path / "long.mp4")
    assert read(tmp_path / "long.mp4") == (40, None)
    assert probe(tmp_path / "long.mp4").has_audio


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9, 0.999])
def test_a_truncated_file_gives_its_whole_frames_and_then_raises(clip, tmp_path, share):
    whole = clip.read_bytes()
    path = tmp_path / "cut.mp4"
    path.write_bytes(whole[: int(len(whole) * share)])
    count, error = read(path)
    assert error is not None
    assert error.cause == "truncated"
    assert error.frames == count < 40
    assert str(path) in str(error)


def test_a_matroska_file_cut_off_is_truncated(clip, tmp_path):
    run_ffmpeg("-i", clip, "-c", "copy", tmp_path / "a.mkv")
    whole = (tmp_path / "a.mkv").read_bytes()
    (tmp_path / "cut.mkv").write_bytes(whole[: len(whole) // 2])
    count, error = read(tmp_path / "cut.mkv")
    assert error is not None
    assert (error.cause, error.frames) == ("truncated", count)


def test_damaged_bytes_are_reported_and_never_shorten_a_clip_silently(clip, tmp_path):
    whole = clip.read_bytes()
    noise = np.random.default_rng(0)
    causes = []
    for n in range(12):
        damaged = bytearray(whole)
        at = int(noise.integers(len(whole) // 2, len(whole) - 300))
        damaged[at : at + 200] = noise.integers(0, 256, 200, dtype=np.uint8).tobytes()
        path = tmp_path / f"{n}.mp4"
        path.write_bytes(damaged)
        count, error = read(path)
        causes.append(error.cause if error else "")
        assert error is not None or count == 40
        assert error is None or error.frames == count
    assert causes.count("corrupt") >= 9


def test_a_file_without_its_index_is_unreadable(clip, tmp_path):
    run_ffmpeg("-i", clip, "-c", "copy", tmp_path / "index_last.mp4")
    whole = (tmp_path / "index_last.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    assert read(tmp_path / "cut.mp4")[1].cause == "unreadable"  # type: ignore[union-attr]


def make_text(path: Path) -> None:
    path.write_text("This is no film.\n" * 200)


def make_empty(path: Path) -> None:
    path.touch()


def make_folder(path: Path) -> None:
    path.mkdir()


def make_nothing(path: Path) -> None:
    pass


def make_sound(path: Path) -> None:
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", path)


def make_no_frames(path: Path) -> None:
    """The header of a fragmented mp4, which promises a picture, without any fragment."""
    whole = path.with_suffix(".whole.mp4")
    run_ffmpeg("-f", "lavfi", "-i", "testsrc=duration=0.2", "-movflags", "empty_moov+frag_keyframe", whole)
    content = whole.read_bytes()
    path.write_bytes(content[: content.index(b"moof") - 4])


@pytest.mark.parametrize(
    ("make", "cause"),
    [
        (make_text, "unreadable"),
        (make_empty, "unreadable"),
        (make_folder, "unreadable"),
        (make_nothing, "unreadable"),
        (make_sound, "no_video"),
        (make_no_frames, "no_frames"),
    ],
)
@pytest.mark.parametrize("reader", [lambda path: list(decode(path)), probe])
def test_what_is_no_video_is_refused_with_its_cause(tmp_path, make, cause, reader):
    path = tmp_path / "clip.mp4"
    make(path)
    with pytest.raises(MediaError) as caught:
        reader(path)
    assert caught.value.cause == cause
    assert caught.value.frames == 0
    assert str(path) in str(caught.value)
    assert isinstance(caught.value, NvfairError)


def test_memory_stays_flat_however_long_the_clip(tmp_path):
    path = tmp_path / "long.mp4"
    encode(path, (astronaut() for _ in range(60)), Fraction(25))
    gc.collect()
    tracemalloc.start()
    try:
        for _ in decode(path):
            pass
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * astronaut().nbytes


def test_leaving_early_closes_the_file(clip):
    import os

    frames = decode(clip)
    next(frames)
    open_now = len(os.listdir("/proc/self/fd"))
    frames.close()
    assert len(os.listdir("/proc/self/fd")) < open_now


def test_an_unknown_cause_is_our_own_mistake():
    with pytest.raises(ValueError, match="unknown cause"):
        MediaError("bored", "a.mp4", "nothing")


def test_the_hard_clips_are_read_as_they_are(shared):
    hard = shared / "clips" / "hard"
    assert read(hard / "fps_22_13.mp4") == (135, None)
    assert probe(hard / "fps_22_13.mp4").fps == Fraction(1350, 61)
    count, error = read(hard / "truncated.mp4")
    assert error is not None
    assert (count, error.cause, error.frames) == (110, "truncated", 110)
    info = probe(hard / "truncated.mp4")
    assert (info.frames, info.problem) == (110, "truncated")


def test_every_shared_clip_holds_what_its_list_says(shared):
    import csv

    with open(shared / "clips" / "clips.csv", newline="", encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["collection"] in ("grid", "web", "hard")]
    for row in rows:
        info = probe(shared / "clips" / row["path"])
        actual = (info.fps, info.frames, info.width, info.height)
        assert actual == (Fraction(row["fps"]), int(row["frames"]), int(row["width"]), int(row["height"])), row["path"]


@needs_counts
def test_frames_are_decoded_without_waiting_for_threads(clip):
    """With threads for colours or pictures it was eleven times a frame."""
    before = voluntary_switches()
    assert read(clip) == (40, None)
    assert voluntary_switches() - before < 40
