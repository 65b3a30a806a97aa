"""A track, which is the mesh of one face in every frame of a video, and its file format.

Legend: T frames, 478 mesh points; coordinates are pixels of the stored video.
"""

from __future__ import annotations

import io
import json
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_bytes

FORMAT_VERSION = 1


@dataclass(frozen=True)
class Track:
    """The mesh of one face in every frame of a video; a frame without the face has a row too.

    mesh: float32 (T, 478, 3), MediaPipe's order, x and y in pixels, z in the same unit; NaN where not valid.
    valid: bool (T,). reason: (T,) of str, "" where valid (else "no_face", "lost", "out_of_frame").
    time: float64 (T,) seconds since the first frame. size: (width, height) of the video in pixels.
    detector, version: name and version of the landmarker. flags: notes on the whole clip ("several_faces", ...).
    """

    mesh: np.ndarray
    valid: np.ndarray
    reason: np.ndarray
    time: np.ndarray
    size: tuple[int, int]
    detector: str
    version: str
    flags: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.valid)


def save_track(path: str | Path, track: Track) -> None:
    """Writes a track as an .npz file for `numpy.load`; the file appears whole, and equal tracks give equal bytes."""
    metadata = {
        "format_version": FORMAT_VERSION,
        "size": list(track.size),
        "detector": track.detector,
        "version": track.version,
        "flags": list(track.flags),
        "reason": track.reason.tolist(),
    }
    arrays = {
        "mesh": np.ascontiguousarray(track.mesh, dtype=np.float32),
        "valid": np.asarray(track.valid, dtype=bool),
        "time": np.asarray(track.time, dtype=np.float64),
        "about": np.frombuffer(json.dumps(metadata, ensure_ascii=False).encode(), dtype=np.uint8),
    }
    # `numpy.savez` stamps each member with the present time, so the members are written here. They are not compressed:
    # noise in the low bits of a mesh leaves little to gain.
    whole = io.BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_STORED) as archive:
        for name, array in arrays.items():
            content = io.BytesIO()
            np.lib.format.write_array(content, array, version=(1, 0), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), content.getvalue())
    write_bytes(Path(path), whole.getvalue())


def load_track(path: str | Path) -> Track:
    """Reads a track that `save_track` wrote; raises NvfairError where it is absent, damaged or of another version."""
    path = Path(path)
    try:
        with open(path, "rb") as file, np.load(file, allow_pickle=False) as stored:
            metadata = json.loads(stored["about"].tobytes())
            version = metadata.get("format_version")
            if version != FORMAT_VERSION:
                raise NvfairError(
                    f"track format version {version!r}",
                    where=path,
                    expected=f"version {FORMAT_VERSION}",
                    remedy="track the video again with this release",
                )
            return Track(
                mesh=stored["mesh"],
                valid=stored["valid"],
                reason=np.array(metadata["reason"], dtype=object),
                time=stored["time"],
                size=(int(metadata["size"][0]), int(metadata["size"][1])),
                detector=metadata["detector"],
                version=metadata["version"],
                flags=tuple(metadata["flags"]),
            )
    except FileNotFoundError as error:
        raise NvfairError("no such track", where=path, remedy="track the video first") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise NvfairError(f"not a whole track file: {error}", where=path, remedy="track the video again") from error
