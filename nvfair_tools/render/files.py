"""Rendering with generators that work on files: they read a framed portrait and a framed clip, and write a video.

Legend: H, W image height and width.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from generators.errors import GeneratorError
from generators.external import FileJob
from generators.external.errors import ToolError
from generators.face import Face
from nvfair_tools.files import is_alive
from nvfair_tools.media.errors import MediaError
from nvfair_tools.quantities import count_text
from nvfair_tools.render.faces import ClipFaces

_PREFIX = "nvfair-files-"  # of the folders in the system's temporary one; the process follows
_LEAST_SIDE = 64  # pixels of a rendered frame
# Grey levels. A picture that spans less is of one colour; a clip whose frames differ less from its first, in the mean
# over the picture, stands still; a driver who moves differs more.
_ONE_COLOUR, _STANDS_STILL, _MOVES = 2, 0.25, 1.0


@dataclass
class FramedClip:
    """A framed driving clip on disk, and the videos that a list has already made with it.

    motion: the mean difference, in grey levels, of the frame that is least like the first. made: {portrait's file: the
    video, or why there is none}.
    """

    path: Path
    frames: int
    motion: float
    made: dict[Path, Path | GeneratorError] = field(default_factory=dict)


class FileRenderer:
    """Gives a generator its files, one clip after another, and reads what it writes.

    The framed clip is written once for all portraits. Files are named by their content, because some tools remember
    what they have computed for a name.
    """

    def __init__(self, generator: Any) -> None:
        self._generator = generator
        remove_abandoned_folders()
        self._folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._finalizer = weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        self.mended_frames = 0  # of the last video: repeated at its end, or left out (negative)

    def prepare(self, driving: ClipFaces, fps: Fraction, portraits: Iterable[Face]) -> FramedClip:
        """Writes the framed clip. portraits: all that it drives, for a generator that takes lists."""
        from nvfair_tools.media import encode

        for path in self._folder.iterdir():
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        images = _Watched(face.image for face in driving.framed(self._generator.framing, pixels=True))
        info = encode(self._folder / "clip.mp4", images, fps)
        clip = FramedClip(self._folder / f"clip-{info.sha256[:16]}.mp4", info.frames, images.motion)
        (self._folder / "clip.mp4").rename(clip.path)
        if getattr(self._generator, "renders_lists", False):
            jobs = {(job := self._job(clip, portrait)).portrait: job for portrait in portraits}
            made = self._generator.render_files(list(jobs.values()))
            clip.made = dict(zip(jobs, made, strict=True))
        return clip

    def frames(self, clip: FramedClip, portrait: Face) -> Iterator[np.ndarray]:
        """Yields the uint8 RGB frames (H, W, 3) of one video with even sides, one for each driving frame.

        Raises ToolError where the tool fails, and where what it wrote is no reenactment: of another length (beyond the
        generator's `frame_tolerance`), of one colour, standing still while the driver moves, or very small.
        """
        job = self._job(clip, portrait)
        made = clip.made.get(job.portrait)
        try:
            if made is None:
                made = self._render(job)
            if isinstance(made, GeneratorError):
                raise made
            yield from self._checked(_decoded(made, self._generator), clip)
        except ToolError as error:
            raise self._without_places(error) from error
        finally:
            job.out.unlink(missing_ok=True)

    def _job(self, clip: FramedClip, portrait: Face) -> FileJob:
        """The files of one video; the portrait is written unless it is there."""
        from PIL import Image

        name = hashlib.sha256(portrait.image.tobytes()).hexdigest()[:16]
        picture = self._folder / f"portrait-{name}.png"
        if not picture.exists():
            Image.fromarray(portrait.image).save(picture)
        return FileJob(picture, clip.path, self._folder / f"made-{name}.mp4", clip.frames)

    def _render(self, job: FileJob) -> Path | GeneratorError:
        if hasattr(self._generator, "render_files"):
            return self._generator.render_files([job])[0]
        return self._generator.render_file(job.portrait, job.clip, job.out)

    def _checked(self, images: Iterator[np.ndarray], clip: FramedClip) -> Iterator[np.ndarray]:
        """The frames of a clip's length; raises ToolError where they cannot be a reenactment of it."""
        name, tolerance = self._generator.name, getattr(self._generator, "frame_tolerance", 0)
        watched = _Watched(images)
        count = 0
        last: np.ndarray | None = None
        for image in watched:
            count += 1
            if min(image.shape[:2]) < _LEAST_SIDE:
                size = f"{image.shape[1]} x {image.shape[0]}"
                raise ToolError("tool_output", f"{name} wrote frames of {size} pixels; expected at least {_LEAST_SIDE}")
            if (np.ptp(image.reshape(-1, 3), axis=0) <= _ONE_COLOUR).all():
                raise ToolError("tool_output", f"{name} wrote a picture of one colour as frame {count - 1}")
            if count <= clip.frames:
                last = image
                yield image
        self.mended_frames = clip.frames - count
        if abs(self.mended_frames) > tolerance or last is None:
            beyond = f" within {tolerance}" if tolerance else ""
            raise ToolError(
                "tool_output",
                f"{name} wrote {count_text(count, 'frame')} for a clip of {clip.frames}: it must keep them all{beyond}",
            )
        if watched.motion < _STANDS_STILL and clip.motion > _MOVES:
            raise ToolError("tool_output", f"{name} wrote a video that stands still, while its driver moves")
        for _ in range(self.mended_frames):
            yield last

    def _without_places(self, error: ToolError) -> ToolError:
        """The error without this machine's folders, which change from run to run: results are stored."""
        message, log = str(error).partition("\nthe end of its output:\n")[0], error.log
        for folder in (self._folder, getattr(self._generator, "working_folder", None)):
            if folder is not None:
                message, log = (text.replace(f"{folder}/", "").replace(str(folder), ".") for text in (message, log))
        return ToolError(error.cause, message, log)


def remove_abandoned_folders() -> None:
    """Removes the folders of files whose process has ended: a worker that is killed, as engines do, leaves its own."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)


class _Watched:
    """Passes images on, and remembers how far they go from the first one."""

    def __init__(self, images: Iterable[np.ndarray]) -> None:
        self._images, self.motion = iter(images), 0.0
        self._first: np.ndarray | None = None

    def __iter__(self) -> Iterator[np.ndarray]:
        for image in self._images:
            small = image[::2, ::2].astype(np.int16)
            if self._first is None:
                self._first = small
            elif small.shape == self._first.shape:
                self.motion = max(self.motion, float(np.abs(small - self._first).mean()))
            yield image


def _decoded(path: Path, generator: Any) -> Iterator[np.ndarray]:
    """The frames of a tool's video, cropped where the generator says so, and to even sides."""
    from nvfair_tools.media import decode

    crop = getattr(generator, "crop", None)
    try:
        for frame in decode(path):
            image = frame.image
            if crop is not None:
                x, y, width, height = crop
                if y + height > image.shape[0] or x + width > image.shape[1]:
                    size = f"{image.shape[1]} x {image.shape[0]}"
                    raise ToolError(
                        "tool_output",
                        f"{generator.name} wrote frames of {size}; crop {list(crop)} leaves them",
                    )
                image = image[y : y + height, x : x + width]
            yield image[: image.shape[0] // 2 * 2, : image.shape[1] // 2 * 2]
    except MediaError as error:
        raise ToolError(
            "tool_output", f"{generator.name} wrote a video that is {error.cause}: {error.detail}"
        ) from error
