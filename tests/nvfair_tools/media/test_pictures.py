"""Pictures of ordinary people's cameras and programs come out as viewers show them, or are refused with a reason."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.media import pictures
from nvfair_tools.media.pictures import PictureError, read_picture, reading_version
from tests.nvfair_tools.clips import run_ffmpeg

# Four corners of different colours: whatever is turned, mirrored or mixed up shows.
RED, GREEN, BLUE, WHITE = (200, 40, 40), (40, 160, 40), (40, 40, 200), (230, 230, 230)
CORNERS = np.array([[RED, GREEN], [BLUE, WHITE]], dtype=np.uint8)
SCENE = CORNERS.repeat(24, axis=0).repeat(16, axis=1)  # 48 high, 32 wide


def corners(image: np.ndarray) -> np.ndarray:
    """The colours in the middles of the four quarters, (2, 2, 3)."""
    height, width = image.shape[:2]
    return image[[height // 4, -height // 4]][:, [width // 4, -width // 4]].astype(int)


def refused(path: Path) -> PictureError:
    with pytest.raises(PictureError) as caught:
        read_picture(path)
    return caught.value


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("plain.png", {}),
        ("plain.JPG", {"format": "JPEG", "quality": 95}),
        ("progressive.jpg", {"quality": 95, "progressive": True}),
        ("lossless.webp", {"lossless": True}),
        ("plain.tif", {}),
        ("packed.tif", {"compression": "tiff_lzw"}),
        ("plain.bmp", {}),
        ("a png.jpg", {"format": "PNG"}),
        ("a jpeg.png", {"format": "JPEG", "quality": 95}),
        ("no suffix", {"format": "PNG"}),
    ],
)
def test_usual_files_are_read_by_content_whatever_their_name(tmp_path, name, options):
    Image.fromarray(SCENE).save(tmp_path / name, **options)
    image = read_picture(tmp_path / name)
    assert image.dtype == np.uint8
    assert image.shape == (48, 32, 3)
    assert np.abs(corners(image) - CORNERS).max() <= 4
    assert reading_version(tmp_path / name) == ""


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tif"])
def test_every_orientation_is_shown_upright_the_mirrored_ones_too(tmp_path, orientation, suffix):
    # How the stored picture must lie so that the EXIF orientation brings it upright (EXIF 2.3, tag 0x0112).
    stored = {
        1: SCENE, 2: SCENE[:, ::-1], 3: SCENE[::-1, ::-1], 4: SCENE[::-1], 5: SCENE.transpose(1, 0, 2),
        6: np.rot90(SCENE), 7: SCENE[::-1, ::-1].transpose(1, 0, 2), 8: np.rot90(SCENE, -1),
    }[orientation]  # fmt: skip
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{suffix}"
    Image.fromarray(np.ascontiguousarray(stored)).save(path, exif=exif, quality=95)
    image = read_picture(path)
    assert image.shape == (48, 32, 3)
    assert np.abs(corners(image) - CORNERS).max() <= 12


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_grey_of_16_bits_keeps_its_levels(tmp_path, suffix):
    levels = np.linspace(0, 65535, 48 * 32).reshape(48, 32).astype(np.uint16)
    Image.fromarray(levels).save(tmp_path / f"grey.{suffix}")
    image = read_picture(tmp_path / f"grey.{suffix}").astype(int)
    assert np.abs(image - levels[..., None] / 257).max() <= 0.5
    # The same file as ffmpeg shows it.
    run_ffmpeg("-i", tmp_path / f"grey.{suffix}", "-pix_fmt", "rgb24", tmp_path / "shown.png")
    assert np.abs(image - np.asarray(Image.open(tmp_path / "shown.png")).astype(int)).max() <= 2
    assert reading_version(tmp_path / f"grey.{suffix}") == pictures.VERSION


def png(width: int, height: int, depth: int, colour: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG by its parts, for what Pillow does not write. rows: each begins with its filter, 0."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def test_colours_of_16_bits_keep_their_levels(tmp_path):
    wide = SCENE.astype(">u2") * 257
    rows = b"".join(b"\0" + row.tobytes() for row in wide)
    (tmp_path / "deep.png").write_bytes(png(32, 48, 16, 2, rows))
    assert np.abs(read_picture(tmp_path / "deep.png").astype(int) - SCENE).max() <= 1


def test_one_bit_is_black_and_white(tmp_path):
    Image.fromarray(SCENE[..., 1] > 100).save(tmp_path / "bits.png")
    assert np.array_equal(np.unique(read_picture(tmp_path / "bits.png")), [0, 255])


def test_a_palette_has_its_colours(tmp_path):
    Image.fromarray(SCENE).quantize(4).save(tmp_path / "palette.png")
    assert np.abs(corners(read_picture(tmp_path / "palette.png")) - CORNERS).max() <= 8


@pytest.mark.parametrize("name", ["RGBA.png", "LA.png", "P.png", "RGBA.webp", "tRNS.png"])
def test_what_is_transparent_is_white_whatever_colour_lies_under_it(tmp_path, name):
    colours = np.zeros((48, 32, 4), np.uint8)
    colours[..., :3], colours[24:, :, 3] = 90, 255  # the upper half is transparent
    picture = Image.fromarray(colours)
    if name == "tRNS.png":
        grey = np.full((48, 32), 90, np.uint8)
        grey[:24] = 7
        Image.fromarray(grey).convert("RGB").save(tmp_path / name, transparency=(7, 7, 7))
    elif name == "P.png":
        palette = Image.fromarray((np.arange(48)[:, None] >= 24).astype(np.uint8).repeat(32, 1), "P")
        palette.putpalette([0, 0, 0, 90, 90, 90])
        palette.save(tmp_path / name, transparency=0)
    else:
        picture.convert(name.partition(".")[0]).save(tmp_path / name, **({"lossless": True} if "webp" in name else {}))
    image = read_picture(tmp_path / name)
    assert (image[:24] == 255).all()
    assert np.abs(image[24:].astype(int) - 90).max() <= 1
    assert reading_version(tmp_path / name) == pictures.VERSION


def test_half_transparent_pixels_are_mixed_with_white(tmp_path):
    Image.new("RGBA", (8, 8), (100, 0, 200, 51)).save(tmp_path / "half.png")
    expected = [255 + (value - 255) * 51 / 255 for value in (100, 0, 200)]
    assert np.abs(read_picture(tmp_path / "half.png")[0, 0] - expected).max() <= 1


def test_inverted_print_colours_of_adobe_are_those_of_the_screen(tmp_path):
    inks = np.zeros((16, 16, 4), np.uint8)
    inks[:8] = (0, 255, 255, 0)  # red
    inks[8:] = (255, 0, 0, 51)  # cyan, a fifth black
    Image.fromarray(inks, "CMYK").save(tmp_path / "print.jpg", quality=95)
    assert b"Adobe" in (tmp_path / "print.jpg").read_bytes(), "Pillow writes these inverted, as Photoshop does"
    image = read_picture(tmp_path / "print.jpg").astype(int)
    assert np.abs(image[3, 3] - (255, 0, 0)).max() <= 6
    assert np.abs(image[12, 3] - (0, 204, 204)).max() <= 6


def adobe_rgb() -> bytes:
    """An ICC profile of Adobe RGB (1998): its primaries adapted to D50 and its gamma 563/256, by the ICC's format."""

    def fixed(*values: float) -> bytes:
        return b"".join(struct.pack(">i", round(value * 65536)) for value in values)

    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, 563) + b"\0\0"
    text = b"desc\0\0\0\0" + struct.pack(">I", 6) + b"Adobe\0" + b"\0" * 78
    parts = {
        b"desc": text,
        b"cprt": b"text\0\0\0\0none\0\0\0\0",
        b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1.0, 0.8249),
        b"rXYZ": b"XYZ \0\0\0\0" + fixed(*PRIMARIES[:, 0]),
        b"gXYZ": b"XYZ \0\0\0\0" + fixed(*PRIMARIES[:, 1]),
        b"bXYZ": b"XYZ \0\0\0\0" + fixed(*PRIMARIES[:, 2]),
        b"rTRC": curve,
        b"gTRC": curve,
        b"bTRC": curve,
    }
    table, body, place = struct.pack(">I", len(parts)), b"", 128 + 4 + 12 * len(parts)
    for name, content in parts.items():
        content += b"\0" * (-len(content) % 4)
        table += name + struct.pack(">II", place + len(body), len(content))
        body += content
    size = place + len(body)
    header = struct.pack(">I4sI4s4s4s", size, b"lcms", 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    header += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + b"\0" * 28 + fixed(0.9642, 1.0, 0.8249)
    return header.ljust(128, b"\0") + table + body


PRIMARIES = np.array([[0.60974, 0.20528, 0.14919], [0.31111, 0.62567, 0.06322], [0.01947, 0.06087, 0.74457]])
SRGB = np.array(
    [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
)


def in_srgb(colour: tuple[int, int, int]) -> np.ndarray:
    """An Adobe RGB colour as sRGB, by the definitions of both."""
    linear = np.linalg.solve(SRGB, PRIMARIES @ (np.array(colour) / 255) ** (563 / 256)).clip(0, 1)
    encoded = np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)
    return encoded * 255


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "webp"])
def test_colours_of_a_wide_profile_are_converted(tmp_path, suffix):
    colour = (120, 150, 100)
    options = {"quality": 100} if suffix == "jpg" else {"lossless": True} if suffix == "webp" else {}
    Image.new("RGB", (32, 32), colour).save(tmp_path / f"wide.{suffix}", icc_profile=adobe_rgb(), **options)
    image = read_picture(tmp_path / f"wide.{suffix}").astype(int)
    assert np.abs(in_srgb(colour) - colour).max() > 10, "the profile matters"
    assert np.abs(image[10, 10] - in_srgb(colour)).max() <= 2.5
    assert reading_version(tmp_path / f"wide.{suffix}") == pictures.VERSION


def test_a_transparent_picture_with_a_profile_is_both_converted_and_on_white(tmp_path):
    picture = Image.new("RGBA", (8, 8), (120, 150, 100, 255))
    picture.putpixel((0, 0), (9, 9, 9, 0))
    picture.save(tmp_path / "both.png", icc_profile=adobe_rgb())
    image = read_picture(tmp_path / "both.png").astype(int)
    assert tuple(image[0, 0]) == (255, 255, 255)
    assert np.abs(image[4, 4] - in_srgb((120, 150, 100))).max() <= 2.5


def test_the_screens_own_profile_and_one_of_another_kind_of_picture_change_nothing(tmp_path):
    from PIL import ImageCms

    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    Image.fromarray(SCENE).save(tmp_path / "srgb.png", icc_profile=srgb)
    assert np.array_equal(read_picture(tmp_path / "srgb.png"), SCENE)
    Image.fromarray(SCENE[..., 1]).save(tmp_path / "grey.png", icc_profile=adobe_rgb())
    assert np.array_equal(read_picture(tmp_path / "grey.png"), SCENE[..., 1:2].repeat(3, axis=2))


def test_a_damaged_profile_is_refused(tmp_path):
    Image.fromarray(SCENE).save(tmp_path / "odd.png", icc_profile=b"no profile" * 20)
    error = refused(tmp_path / "odd.png")
    assert error.cause == "unusable_colours"
    assert "save it in sRGB" in error.what


@pytest.mark.parametrize("suffix", ["gif", "webp", "png", "tif"])
def test_several_pictures_in_one_file_are_refused(tmp_path, suffix):
    frames = [Image.fromarray(np.roll(SCENE, shift, axis=0)) for shift in (0, 5, 9)]
    frames[0].save(tmp_path / f"moving.{suffix}", save_all=True, append_images=frames[1:])
    error = refused(tmp_path / f"moving.{suffix}")
    assert error.cause == "several_pictures"
    assert "it holds 3" in error.what


def test_a_phones_photo_with_a_second_view_is_its_first_picture(tmp_path):
    first, second = Image.fromarray(SCENE), Image.fromarray(SCENE[::-1].copy())
    first.save(tmp_path / "two.jpg", format="MPO", save_all=True, append_images=[second], quality=95)
    assert np.abs(corners(read_picture(tmp_path / "two.jpg")) - CORNERS).max() <= 4


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
@pytest.mark.parametrize(
    ("name", "options"),
    [("a.jpg", {}), ("b.jpg", {"progressive": True}), ("a.png", {}), ("a.webp", {}), ("a.tif", {}), ("a.bmp", {})],
)
def test_a_picture_that_is_cut_off_is_refused_and_no_retry_helps(tmp_path, name, options, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3)).astype(np.uint8)
    Image.fromarray(noise).save(tmp_path / name, **options)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: int(len(content) * share)])
    assert refused(tmp_path / name).cause in ("truncated", "unreadable")


def zeros(width: int, height: int) -> bytes:
    return png(width, height, 8, 0, bytes((width + 1) * 4))


@pytest.mark.parametrize(("width", "height"), [(8100, 8100), (14_000, 14_000)])
def test_a_picture_too_large_is_refused_by_its_header(tmp_path, width, height):
    (tmp_path / "huge.png").write_bytes(zeros(width, height))
    error = refused(tmp_path / "huge.png")
    assert error.cause == "too_large"
    assert "at most 64 million pixels" in error.what


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jpg", b"", "empty"),
        ("a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "HEIC"),
        ("a.heic", b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "HEIC"),
        ("a.png", b"<!DOCTYPE html><html>", "web page"),
        ("a.png", b"version https://git-lfs.github.com/spec/v1\noid", "Git LFS"),
        ("a.png", b"\xef\xbb\xbf <svg xmlns", "SVG"),
        ("a.jpg", b"%PDF-1.7", "PDF"),
        ("a.psd", b"8BPS\0\x01", "Photoshop"),
        ("a.CR2", b"II*\0" + bytes(100), "raw"),
        ("a.jpg", b"\0\0\0\x20ftypisom" + bytes(100), "not a picture"),
        ("a.png", b"just words", "not a picture"),
        ("a.eps", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
    ],
)
def test_what_is_no_picture_is_called_by_its_name(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    error = refused(tmp_path / name)
    assert error.cause == "unreadable"
    assert words in error.what


def test_a_cameras_raw_picture_under_another_name_is_refused(tmp_path):
    tags = Image.Exif()
    tags[50706] = bytes((1, 4, 0, 0))
    buffer = io.BytesIO()
    Image.fromarray(SCENE).save(buffer, format="TIFF", tiffinfo=tags)
    (tmp_path / "raw.tif").write_bytes(buffer.getvalue())
    assert "raw picture" in refused(tmp_path / "raw.tif").what


@pytest.mark.parametrize("mode", ["LAB", "F"])
def test_colours_without_a_meaning_for_a_screen_are_refused(tmp_path, mode):
    picture = Image.fromarray(SCENE) if mode == "LAB" else Image.fromarray(SCENE[..., 0].astype(np.float32))
    if mode == "LAB":
        picture = Image.new("LAB", (32, 48), (128, 5, 5))
    picture.save(tmp_path / "odd.tif")
    assert refused(tmp_path / "odd.tif").cause == "unusable_colours"


def test_a_file_that_cannot_be_read_at_all_is_the_machines_error(tmp_path):
    with pytest.raises(OSError, match="No such file"):
        read_picture(tmp_path / "gone.png")
