"""Reading people's pictures: as every viewer shows them, or not at all and with a reason.

Legend: H, W image height and width.
"""

from __future__ import annotations

import io
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.media.impostors import HEAD_BYTES, impostor

VERSION = "2"  # of how pictures become pixels

MAX_PIXELS = 64_000_000
# Pillow reads more formats, by other programs or with a small preview in place of the picture.
_FORMATS = ("PNG", "JPEG", "MPO", "WEBP", "TIFF", "BMP", "GIF", "AVIF", "JPEG2000", "PPM")
_RAW_SUFFIXES = (".dng", ".cr2", ".cr3", ".nef", ".arw", ".raf", ".orf", ".rw2", ".pef", ".srw")
_DNG_VERSION = 50706  # the TIFF tag that makes a file a camera's raw picture
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_SAVE_AS = "save it as JPEG or PNG"


class PictureError(NvfairError):
    """A picture that cannot be used.

    cause: "unreadable" (no picture that is read here), "truncated" (damaged, or its end is missing), "too_large",
    "several_pictures" (animated, or of several pages), or "unusable_colours" (colours without a meaning for a screen).
    """

    def __init__(self, cause: str, path: Path, detail: str, *, remedy: str = _SAVE_AS) -> None:
        self.cause = cause
        super().__init__(f"{cause}: {detail}; {remedy}", where=path)


def read_picture(path: Path) -> np.ndarray:
    """Reads a still picture as uint8 RGB (H, W, 3): upright by its EXIF orientation, in sRGB, on white where it is
    transparent, 16-bit grey scaled to 8 bits.

    Raises PictureError with the reason where it cannot be used, OSError where the file cannot be read.
    """
    content = path.read_bytes()
    _refuse_other_files(path, content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns of large pictures and odd metadata; both are judged here
        return _decoded(path, content)


def reading_version(path: Path) -> str:
    """VERSION where the picture's pixels depend on it; "" for a plain one, which every version reads alike, and for a
    file that is no picture."""
    from PIL import Image

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                has_profile = bool(picture.info.get("icc_profile")) or "transparency" in picture.info
                count = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
                is_plain = picture.mode in ("1", "L", "P", "RGB", "CMYK", "YCbCr") and picture.format in _FORMATS
                is_plain &= count == 1 and not has_profile and picture.width * picture.height <= MAX_PIXELS
    except Exception:  # noqa: BLE001 - whatever is wrong with it, reading it gives the reason
        return ""
    return "" if is_plain else VERSION


def _decoded(path: Path, content: bytes) -> np.ndarray:
    from PIL import Image, ImageOps, UnidentifiedImageError

    Image.init()
    try:
        picture: Any = Image.open(io.BytesIO(content), formats=[name for name in _FORMATS if name in Image.OPEN])
    except UnidentifiedImageError as error:
        raise PictureError("unreadable", path, "not a picture that can be read here") from error
    except Image.DecompressionBombError as error:
        raise PictureError("too_large", path, str(error).partition(",")[0], remedy=_size_remedy()) from error
    except Exception as error:  # damaged bytes make the parsers raise nearly anything
        raise PictureError("truncated", path, f"damaged ({_first_line(error)})", remedy="copy it again") from error
    width, height = picture.size
    if width * height > MAX_PIXELS:
        detail = f"{width} x {height} pixels are {width * height / 1e6:.0f} million"
        raise PictureError("too_large", path, detail, remedy=_size_remedy())
    if picture.format == "TIFF" and _DNG_VERSION in picture.tag_v2:
        raise PictureError("unreadable", path, "a camera's raw picture")
    try:
        # An MPO is a photo with a second view or a preview behind it; its first picture is the photo.
        count = 1 if picture.format == "MPO" else getattr(picture, "n_frames", 1)
        picture.load()
        profile = picture.info.get("icc_profile")
        upright = ImageOps.exif_transpose(picture)
    except Exception as error:
        detail = f"damaged, or its end is missing ({_first_line(error)})"
        raise PictureError("truncated", path, detail, remedy="copy it again") from error
    if count > 1:
        what = "pages" if picture.format == "TIFF" else "frames of an animation"
        raise PictureError("several_pictures", path, f"it holds {count} {what}", remedy="save one as JPEG or PNG")
    return np.asarray(_in_srgb(path, upright, picture.format, profile))


def _in_srgb(path: Path, picture: Any, format: str | None, profile: bytes | None) -> Any:
    """The picture as RGB for a screen, on white. profile: its ICC profile, where it has one."""
    from PIL import Image

    if picture.mode.startswith("I;16") or (picture.mode == "I" and format == "PNG"):
        levels = np.rint(np.asarray(picture).astype(np.float64) / 257.0).astype(np.uint8)
        picture = Image.fromarray(levels)
    if picture.mode in ("La", "RGBa"):
        picture = picture.convert({"La": "LA", "RGBa": "RGBA"}[picture.mode])
    alpha = None
    if picture.mode in ("LA", "PA", "RGBA") or "transparency" in picture.info:
        picture = picture.convert("RGBA")
        alpha = picture.getchannel("A")
    if picture.mode in ("1", "P", "YCbCr", "RGBA", "RGBX"):
        picture = picture.convert("L" if picture.mode == "1" else "RGB")
    if picture.mode not in ("L", "RGB", "CMYK"):
        raise PictureError("unusable_colours", path, f"its pixels are of Pillow's mode {picture.mode!r}")
    picture = _by_profile(path, picture, profile) if profile else picture.convert("RGB")
    if alpha is not None:
        background = Image.new("RGB", picture.size, "white")
        background.paste(picture, mask=alpha)
        return background
    return picture


def _by_profile(path: Path, picture: Any, profile: bytes) -> Any:
    """The picture converted from its profile's colours to sRGB; viewers ignore a profile of another kind of picture."""
    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        if space != {"L": "GRAY", "RGB": "RGB", "CMYK": "CMYK"}[picture.mode]:
            return picture.convert("RGB")
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            return picture.convert("RGB")
        return ImageCms.profileToProfile(
            picture,
            source,
            ImageCms.createProfile("sRGB"),
            renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
            outputMode="RGB",
            flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
        )
    except (OSError, ImageCms.PyCMSError) as error:
        detail = f"its colour profile cannot be used ({_first_line(error)})"
        raise PictureError("unusable_colours", path, detail, remedy="save it in sRGB") from error


def _refuse_other_files(path: Path, content: bytes) -> None:
    if not content:
        raise PictureError("unreadable", path, "the file is empty", remedy="copy or download it again")
    if content[4:8] == b"ftyp" and content[8:12] in _HEIC_BRANDS:
        raise PictureError("unreadable", path, "a HEIC picture, as phones make them")
    if path.suffix.lower() in _RAW_SUFFIXES:
        raise PictureError("unreadable", path, "a camera's raw picture")
    if what := impostor(content[:HEAD_BYTES]):
        raise PictureError("unreadable", path, what)


def _size_remedy() -> str:
    return f"save it with at most {MAX_PIXELS // 1_000_000} million pixels"


def _first_line(error: Exception) -> str:
    return (str(error) or type(error).__name__).splitlines()[0][:120]
