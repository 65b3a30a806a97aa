"""Frames come out as a player shows them; the right pictures are those of ffmpeg's own command line, or arithmetic."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from nvfair_tools.media import MediaError, decode, encode, probe
from tests.nvfair_tools.clips import astronaut, hopper, run_ffmpeg

LOSSLESS = ("-c:v", "ffv1")


def shown_by_ffmpeg(path: Path, *filters: str) -> np.ndarray:
    """The first frame of a video as ffmpeg's command line turns it upright, uint8 RGB."""
    picture = path.with_suffix(".shown.png")
    chain = ("-vf", ",".join(filters)) if filters else ()
    run_ffmpeg("-i", path, *chain, "-frames:v", "1", "-pix_fmt", "rgb24", picture)
    return np.array(Image.open(picture))


def first_picture(path: Path) -> np.ndarray:
    return next(decode(path)).image


def difference(first: np.ndarray, second: np.ndarray) -> float:
    """Mean absolute difference of two pictures, 0 to 255."""
    assert first.shape == second.shape
    return float(np.abs(first.astype(int) - second).mean())


def colour_bars(side: int = 64) -> np.ndarray:
    """Six bars of flat colours, uint8 RGB (side, 6 side, 3)."""
    colours = [(200, 30, 30), (30, 180, 40), (40, 60, 220), (220, 200, 40), (235, 235, 235), (120, 120, 120)]
    return np.concatenate([np.full((side, side, 3), colour, np.uint8) for colour in colours], axis=1)


@pytest.fixture(scope="module")
def wide(tmp_path_factory) -> Path:
    """A video that is wider than high and looks different in all eight orientations."""
    path = tmp_path_factory.mktemp("wide") / "wide.mp4"
    encode(path, [astronaut()[:200, 100:400]] * 2, Fraction(25))
    return path


@pytest.mark.parametrize("mirrored", [(), ("-display_hflip",), ("-display_vflip",)], ids=["", "hflip", "vflip"])
@pytest.mark.parametrize("angle", [0, 90, 180, 270])
def test_every_display_matrix_is_applied_as_ffmpeg_applies_it(wide, tmp_path, angle, mirrored):
    turned = tmp_path / "turned.mov"
    run_ffmpeg("-display_rotation", str(angle), *mirrored, "-i", wide, "-c", "copy", turned)
    reference = shown_by_ffmpeg(turned)
    assert difference(first_picture(turned), reference) < 1
    info = probe(turned)
    assert (info.height, info.width) == reference.shape[:2]
    assert info.mirrored == bool(mirrored)


def test_pixels_that_are_not_square_are_turned_before_with_their_shape(wide, tmp_path):
    run_ffmpeg("-i", wide, "-c", "copy", "-bsf:v", "h264_metadata=sample_aspect_ratio=4/3", tmp_path / "a.mp4")
    run_ffmpeg("-display_rotation", "90", "-i", tmp_path / "a.mp4", "-c", "copy", tmp_path / "turned.mp4")
    assert first_picture(tmp_path / "a.mp4").shape == (200, 400, 3)
    assert first_picture(tmp_path / "turned.mp4").shape == (400, 200, 3)
    assert (probe(tmp_path / "turned.mp4").width, probe(tmp_path / "turned.mp4").height) == (200, 400)


SHAPES = {
    "mp4 4:3": ("a.mp4", "scale=192:256,setsar=4/3", (256, 256), "scale=256:256"),
    "mp4 3:4": ("a.mp4", "scale=256:192,setsar=3/4", (256, 256), "scale=256:256"),
    "mkv display size": ("a.mkv", "scale=192:256,setsar=4/3", (256, 256), "scale=256:256"),
    "3gp 12:11": ("a.3gp", "scale=176:144,setsar=12/11", (192, 144), "scale=192:144"),
    "DV PAL 16:9": ("a.dv", "scale=720:576,setsar=64/45", (1024, 576), "scale=1024:576"),
}


@pytest.mark.parametrize(("name", "stored", "size", "scaling"), SHAPES.values(), ids=SHAPES)
def test_pixels_become_square(tmp_path, name, stored, size, scaling):
    Image.fromarray(astronaut()).save(tmp_path / "a.png")
    codec = {"3gp": ["-c:v", "h263"], "dv": ["-pix_fmt", "yuv420p"]}.get(name[2:], ["-c:v", "libx264"])
    run_ffmpeg("-loop", "1", "-r", "25", "-i", tmp_path / "a.png", "-t", "0.2", "-vf", stored, *codec, tmp_path / name)
    picture = first_picture(tmp_path / name)
    assert (picture.shape[1], picture.shape[0]) == size
    deinterlaced = ("bwdif=mode=send_frame:deint=interlaced",) if name.endswith("dv") else ()
    assert difference(picture, shown_by_ffmpeg(tmp_path / name, *deinterlaced, scaling)) < 2
    # The picture itself, made square by another library, from the original.
    original = np.array(Image.fromarray(astronaut()).resize(size, Image.Resampling.BICUBIC))
    assert difference(picture, original) < 12
    assert (probe(tmp_path / name).width, probe(tmp_path / name).height) == size


COLOURS = {
    "BT.709 limited": ("scale=out_color_matrix=bt709:out_range=tv,format=yuv444p", ["bt709", "tv"]),
    "BT.709 full": ("scale=out_color_matrix=bt709:out_range=pc,format=yuv444p", ["bt709", "pc"]),
    "BT.601 limited": ("scale=out_color_matrix=bt601:out_range=tv,format=yuv444p", ["smpte170m", "tv"]),
    "BT.601 full": ("scale=out_color_matrix=bt601:out_range=pc,format=yuv444p", ["smpte170m", "pc"]),
    "BT.2020 10 bit": ("scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le", ["bt2020nc", "tv"]),
    "4:2:2 10 bit": ("scale=out_color_matrix=bt709:out_range=tv,format=yuv422p10le", ["bt709", "tv"]),
    "RGB": ("format=gbrp", ["gbr", "pc"]),
    "no mark": ("scale=out_color_matrix=bt601:out_range=tv,format=yuv420p", ["unknown", "unknown"]),
}


@pytest.mark.parametrize(("chain", "marks"), COLOURS.values(), ids=COLOURS)
def test_colours_of_every_matrix_and_range_come_back(tmp_path, chain, marks):
    Image.fromarray(colour_bars()).save(tmp_path / "a.png")
    params = f"{chain},setparams=colorspace={marks[0]}:range={marks[1]}"
    run_ffmpeg("-i", tmp_path / "a.png", "-vf", params, *LOSSLESS, tmp_path / "a.mkv")
    centres = first_picture(tmp_path / "a.mkv")[32, 32::64].astype(int)
    assert np.abs(centres - colour_bars()[32, 32::64]).max() <= 4


def test_mjpeg_of_full_range_and_grey_video_keep_their_values(tmp_path):
    Image.fromarray(colour_bars()).save(tmp_path / "a.png")
    run_ffmpeg("-i", tmp_path / "a.png", "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj444p", tmp_path / "a.avi")
    run_ffmpeg("-i", tmp_path / "a.png", "-pix_fmt", "gray", *LOSSLESS, tmp_path / "grey.mkv")
    assert np.abs(first_picture(tmp_path / "a.avi")[32, 32::64].astype(int) - colour_bars()[32, 32::64]).max() <= 5
    grey = np.array(Image.fromarray(colour_bars()).convert("L"))[32, 32::64].astype(int)
    assert np.abs(first_picture(tmp_path / "grey.mkv")[32, 32::64] - grey[:, None]).max() <= 3


def _to_bt2020(linear: np.ndarray) -> np.ndarray:
    """ITU-R BT.2087, equation for linear BT.709 to linear BT.2020."""
    matrix = np.array([[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]])
    return linear @ matrix.T


def _pq(nits: np.ndarray) -> np.ndarray:
    """The inverse EOTF of ITU-R BT.2100, table 4."""
    m1, m2, c1, c2, c3 = 2610 / 16384, 2523 / 4096 * 128, 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = (nits / 10_000) ** m1
    return ((c1 + c2 * power) / (1 + c3 * power)) ** m2


def _hlg(nits: np.ndarray) -> np.ndarray:
    """The inverse OOTF (nominal peak of 1,000 cd/m²) and the OETF of ITU-R BT.2100, table 5."""
    display = nits / 1000
    luminance = display @ np.array([0.2627, 0.6780, 0.0593])
    scene = display * np.maximum(luminance, 1e-9)[..., None] ** (1 / 1.2 - 1)
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), a * np.log(np.maximum(12 * scene - b, 1e-9)) + c)


@pytest.mark.parametrize(("transfer", "encoded"), [("smpte2084", _pq), ("arib-std-b67", _hlg)], ids=["PQ", "HLG"])
def test_high_dynamic_range_is_mapped_so_that_reference_white_is_white(tmp_path, transfer, encoded):
    # BT.2408: reference white is at 203 cd/m². The display gamma of BT.1886 is 2.4.
    nits = _to_bt2020((colour_bars() / 255.0) ** 2.4) * 203
    signal = np.round(np.clip(encoded(nits), 0, 1) * 65535).astype("<u2")
    (tmp_path / "a.raw").write_bytes(signal.tobytes())
    marks = f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc:range=tv"
    chain = f"scale=out_color_matrix=bt2020:out_range=tv,format=yuv444p10le,{marks}"
    size = ("-f", "rawvideo", "-pix_fmt", "rgb48le", "-s", "384x64", "-r", "25")
    run_ffmpeg(*size, "-i", tmp_path / "a.raw", "-vf", chain, *LOSSLESS, tmp_path / "a.mkv")
    centres = first_picture(tmp_path / "a.mkv")[32, 32::64].astype(int)
    # swscale shows BT.709 by another gamma than 2.4, which changes dark values a little.
    assert np.abs(centres - colour_bars()[32, 32::64]).max() <= 25
    assert np.abs(centres - colour_bars()[32, 32::64]).mean() <= 10
    assert "tone_mapped" in probe(tmp_path / "a.mkv").notes


def interlaced_clip(
    path: Path, fields: str = "tff", marks: tuple[str, ...] = (), codec=LOSSLESS, frames: int = 6
) -> Path:
    """A face that moves by 12 pixels from field to field; 4: interleaved fields of 50 pictures a second."""
    folder = path.parent / f"fields-{path.stem}"
    folder.mkdir()
    for n in range(2 * frames):
        Image.fromarray(np.roll(hopper()[:256, 100:356], 12 * n, axis=1)).save(folder / f"{n:02d}.png")
    chain = (
        f"tinterlace=mode={'interleave_top' if fields == 'tff' else 'interleave_bottom'},setfield={fields or 'prog'}"
    )
    run_ffmpeg("-framerate", "50", "-i", folder / "%02d.png", "-vf", f"{chain},format=yuv422p", *codec, *marks, path)
    return path


def comb_strength(picture: np.ndarray) -> float:
    """How much more rows differ from their neighbours than from the rows after next."""
    grey = picture.astype(float).mean(axis=2)
    return float(np.abs(np.diff(grey, axis=0)).mean() / np.abs(grey[2:] - grey[:-2]).mean())


INTERLACED = {
    "AVCHD": ("a.MTS", ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-flags", "+ilme+ildct", "-qp", "10")),
    "H.264 mp4": ("a.mp4", ("-c:v", "libx264", "-flags", "+ilme+ildct", "-qp", "10")),
    "MPEG-2": ("a.mpg", ("-c:v", "mpeg2video", "-flags", "+ilme+ildct", "-q:v", "2", "-pix_fmt", "yuv420p")),
    "ProRes": ("a.mov", ("-c:v", "prores_ks", "-flags", "+ildct")),
    "Matroska's own flag": ("a.mkv", LOSSLESS),
}


@pytest.mark.parametrize(("name", "codec"), INTERLACED.values(), ids=INTERLACED)
def test_interlaced_frames_are_deinterlaced_and_flagged(tmp_path, name, codec):
    path = interlaced_clip(tmp_path / name, codec=codec)
    frames = list(decode(path))
    info = probe(path)
    assert len(frames) == info.frames == 6
    assert "deinterlaced" in info.notes
    np.testing.assert_allclose([frame.time for frame in frames], np.arange(6) / 25, atol=1e-3)
    stored = comb_strength(shown_by_ffmpeg(path))
    assert stored > 1.2
    assert comb_strength(frames[0].image) < 0.8
    assert difference(frames[0].image, shown_by_ffmpeg(path, "bwdif=mode=send_frame:deint=interlaced")) < 1.5


def test_frames_before_the_first_interlaced_one_stay_as_they_are(tmp_path):
    # Pull-down: three whole frames, then two that are made of fields of different frames.
    folder = tmp_path / "film"
    folder.mkdir()
    for n in range(8):
        Image.fromarray(np.roll(hopper()[:256, 100:356], 12 * n, axis=1)).save(folder / f"{n:02d}.png")
    chain = "telecine=pattern=23,setfield=tff"
    codec = ("-c:v", "libx264", "-flags", "+ilme+ildct", "-qp", "10", "-pix_fmt", "yuv420p")
    run_ffmpeg("-framerate", "24000/1001", "-i", folder / "%02d.png", "-vf", chain, *codec, tmp_path / "a.mp4")
    info = probe(tmp_path / "a.mp4")
    frames = list(decode(tmp_path / "a.mp4"))
    assert info.fps == Fraction(30000, 1001)
    assert info.frames == len(frames) == 10
    assert "deinterlaced" in info.notes
    assert max(comb_strength(frame.image) for frame in frames) < 1.0


def test_frames_that_look_interlaced_but_are_not_marked_so_are_flagged(tmp_path):
    codec = ("-c:v", "libx264", "-pix_fmt", "yuv420p", "-qp", "10")
    unmarked = interlaced_clip(tmp_path / "a.mp4", fields="", codec=codec)
    assert probe(unmarked).notes.keys() == {"combed"}


REFUSED = {
    "tilted": (("-display_rotation", "45"), "45.0 degrees"),
    "pixels": (("-bsf:v", "h264_metadata=sample_aspect_ratio=10/1"), "10:1"),
    "matrix": (("-bsf:v", "h264_metadata=matrix_coefficients=8"), "matrix 8"),
}


@pytest.mark.parametrize(("marks", "word"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_shown_rightly_is_refused_with_what_to_do(wide, tmp_path, marks, word):
    before = marks if marks[0].startswith("-display") else ()
    after = () if before else marks
    run_ffmpeg(*before, "-i", wide, "-c", "copy", *after, tmp_path / "a.mp4")
    for reader in (lambda path: list(decode(path)), probe):
        with pytest.raises(MediaError, match=word) as caught:
            reader(tmp_path / "a.mp4")
        assert caught.value.cause == "unsupported"
        assert caught.value.remedy


def test_an_animated_webp_is_not_called_damaged(tmp_path):
    run_ffmpeg(
        "-f", "lavfi", "-i", "testsrc=size=64x64:rate=10:duration=0.5", "-c:v", "libwebp_anim", tmp_path / "a.webp"
    )
    if int(av.__version__.partition(".")[0]) >= 19:  # its ffmpeg decodes it
        assert probe(tmp_path / "a.webp").frames == 5
        return
    with pytest.raises(MediaError, match="animated WebP") as caught:
        probe(tmp_path / "a.webp")
    assert caught.value.cause == "unsupported"


def test_frames_of_two_sizes_are_refused_with_both_sizes_and_the_remedy(tmp_path):
    parts = []
    for side in (128, 192):
        parts.append(tmp_path / f"{side}.h264")
        source = ("-f", "lavfi", "-i", f"testsrc=size={side}x{side}:rate=25:duration=0.4")
        run_ffmpeg(*source, "-c:v", "libx264", "-bf", "0", parts[-1])
    (tmp_path / "a.h264").write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(MediaError, match="128x128 pixels, and then 192x192") as caught:
        list(decode(tmp_path / "a.h264"))
    assert (caught.value.cause, caught.value.frames) == ("size_changes", 10)
    info = probe(tmp_path / "a.h264")
    assert (info.problem, info.frames) == ("size_changes", 10)
    assert "cut the video where its size changes" in info.problem_text
