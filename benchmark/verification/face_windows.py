"""From a video or a live stream to embedded windows of the followed face, one after another, in constant memory.

Legend: T frames a window, D embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from benchmark.methods.candidates import MethodCandidate, as_candidate
from benchmark.methods.method import Method
from benchmark.protocols.schema import Protocol
from benchmark.protocols.shipped import load as load_protocol
from benchmark.verification.enrolment import MethodIdentity
from benchmark.verification.shots import CutFinder, Shots
from benchmark.verification.stream_windows import MOST_CROWDED, SourceFrame, StreamWindow, WindowStream
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.errors import NvfairError
from nvfair_tools.faces.framing import box_overlap
from nvfair_tools.landmarks.landmarker import Landmarker
from nvfair_tools.landmarks.scheme import MEASUREMENTS, landmarks_from_mesh
from nvfair_tools.landmarks.tracking import SAME_FACE_OVERLAP, TrackedFrame, follow_face
from nvfair_tools.media.live.sources import frames_of
from nvfair_tools.quantities import count_text

DEFAULT_METHOD = "pretrained:motion-signature"
DEFAULT_PROTOCOL = "nvfair-seen"
_NARROW_EYES = 24.0  # pixels between the outer eye corners below which a landmarker is unsteady
_SLOW_SHARE = 0.8  # of the protocol's frame rate


@dataclass(frozen=True)
class EmbeddedWindow:
    """A window with its embedding (D,) float32 and landmarks (T, 126, 2) pixels; None, and the reason, where it is not
    whole. start, end: seconds."""

    start: float
    end: float
    embedding: np.ndarray | None
    landmarks: np.ndarray | None
    reason: str = ""


@dataclass(frozen=True)
class LoadedMethod:
    """A method that is ready to embed, and how it is named in files."""

    method: Method
    identity: MethodIdentity
    protocol: Protocol


def load_method(name: Method | str | Path, protocol: Protocol | str | Path | None, device: str = "cpu") -> LoadedMethod:
    """Loads a method by its name (see `benchmark.evaluate`), or takes one in memory.

    protocol: whose windows and scoring are used; None for the one that a checkpoint was trained under, or nvfair-seen.
    Raises NvfairError where there is no such method, where it needs more than landmarks and mesh, or other windows.
    """
    candidate = as_candidate(name, device=device)
    if not isinstance(candidate, MethodCandidate) or candidate.method.needs not in ("landmarks", "mesh"):
        raise NvfairError(
            "a video is verified by a method that embeds landmarks or the mesh",
            where=f"method {candidate.name}",
            expected="a checkpoint, or a method whose `needs` is landmarks or mesh",
        )
    method = candidate.method
    own = getattr(method, "protocol", None)
    chosen = load_protocol(protocol if protocol is not None else own if own is not None else DEFAULT_PROTOCOL)
    candidate.check_protocol(chosen)
    source = str(name) if isinstance(name, (str, Path)) else ""
    return LoadedMethod(method, MethodIdentity(method.name, source, getattr(method, "digest", "")), chosen)


def _with_cuts(tracked: Iterable[TrackedFrame]) -> Iterator[tuple[TrackedFrame, bool]]:
    """Each frame, and whether it begins another shot: after a cut, or because a face elsewhere is followed now.

    It gives a frame when the next one has come.
    """
    finder = CutFinder()
    waiting: TrackedFrame | None = None
    last_box: np.ndarray | None = None
    for frame in chain(tracked, (None,)):
        is_cut = frame is not None and finder.add(frame.frame.image)
        if waiting is not None:
            if (mesh := waiting.mesh) is not None:
                box = np.concatenate([mesh[:, :2].min(axis=0), mesh[:, :2].max(axis=0)]).astype(np.float64)
                is_cut |= last_box is not None and box_overlap(last_box, box) < SAME_FACE_OVERLAP
                last_box = box
            yield waiting, is_cut
        waiting = frame


class FaceWindows:
    """The embedded windows of one source; iterate once. `seconds`, `frames`, `height` (of a picture), `shots` and
    `notes` say what was seen so far."""

    def __init__(
        self,
        source: str | Path,
        loaded: LoadedMethod,
        landmarker: Landmarker,
        *,
        largest_face: bool = False,
        progress: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        """source: a file or a live source (`nvfair_tools.media.live`). largest_face: go on with the followed face where
        others are seen too. progress: called with the seconds of the video, about once a second of it."""
        self.seconds, self.frames, self.height, self.shots = 0.0, 0, 0, Shots()
        self._source, self._loaded, self._landmarker, self._progress = source, loaded, landmarker, progress
        self._stream = WindowStream(loaded.protocol, most_crowded=1.0 if largest_face else MOST_CROWDED)
        self._crowded = 0
        self._eyes: list[float] = []  # a running sample of the distance of the eyes, pixels

    def __iter__(self) -> Iterator[EmbeddedWindow]:
        """Raises MediaError where the source cannot be read to its end."""
        frames = frames_of(self._source)
        first = next(frames)
        height, width = first.image.shape[:2]
        self.height = height
        tracked = follow_face(chain((first,), frames), self._landmarker, (width, height))
        for frame, is_cut in _with_cuts(tracked):
            time, mesh = frame.frame.time, frame.mesh
            if is_cut:
                self.shots.cut(time)
            if mesh is not None:
                self.shots.add(mesh)
            crowded = len(frame.boxes) > 1
            self._crowded += crowded
            self.frames += 1
            if self.frames % 30 == 1:
                self._progress(time)
            for window in self._stream.push(SourceFrame(time, mesh, frame.reason, crowded, is_cut)):
                yield self._embedded(window, (width, height))
            self.seconds = self._stream.seconds
            if not self._stream.needs_more:
                break
        for window in self._stream.finish():
            yield self._embedded(window, (width, height))
        self._progress(self.seconds)

    @property
    def fps(self) -> float:
        """Mean frames a second so far; the protocol's rate before there are two frames."""
        return (self.frames - 1) / self.seconds if self.seconds > 0 else float(self._loaded.protocol.time.rate)

    def notes(self) -> tuple[str, ...]:
        """What lowers the quality of what was seen so far."""
        notes = []
        rate = float(self._loaded.protocol.time.rate)
        if self.fps < _SLOW_SHARE * rate:
            notes.append(
                f"it has {self.fps:.1f} frames a second; the method works at {rate:g}, so fast movement is missing"
            )
        if self._eyes and (width := float(np.median(self._eyes))) < _NARROW_EYES:
            notes.append(f"the face is small: {width:.0f} pixels between the outer eye corners")
        if self.shots.other_face is not None:
            notes.append(f"from {self.shots.other_face:.1f} s on, after a cut, the face is shaped otherwise")
        elif self.shots.first_cut is not None:
            count = f"{self.shots.cuts} cuts, the first" if self.shots.cuts > 1 else "a cut"
            notes.append(
                f"{count} at {self.shots.first_cut:.1f} s: the faces are shaped alike, as those of two people may be; "
                "windows across a cut are not scored"
            )
        if self._crowded:
            notes.append(f"another face is seen in {self._crowded} of {count_text(self.frames, 'frame')}")
        return tuple(notes)

    def _embedded(self, window: StreamWindow, size: tuple[int, int]) -> EmbeddedWindow:
        if window.points is None:
            return EmbeddedWindow(window.start, window.end, None, None, window.reason)
        landmarks = np.ascontiguousarray(landmarks_from_mesh(window.points), dtype=np.float32)
        right, left = MEASUREMENTS["outer_eye_corners"]
        self._eyes = [*self._eyes[-99:], float(np.linalg.norm(landmarks[0, right] - landmarks[0, left]))]
        method = self._loaded.method
        batch = WindowBatch(
            landmarks=landmarks[None],
            fps=float(self._loaded.protocol.time.rate),
            size=np.array([size], dtype=np.float64),
            mesh=window.points[None].astype(np.float32) if method.needs == "mesh" else None,
        )
        embedding = np.asarray(method.embed(batch), dtype=np.float32)
        if embedding.shape[:1] != (1,) or embedding.ndim != 2 or not np.isfinite(embedding).all():
            raise NvfairError(
                f"it gave an embedding of shape {embedding.shape}, or one that is not finite",
                where=f"method {method.name}",
                expected="one row of finite numbers a window",
            )
        return EmbeddedWindow(window.start, window.end, embedding[0], landmarks)
