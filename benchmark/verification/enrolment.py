"""The file of an enrolled person: how the person's windows look to one method, with the consent that permits it.

One safetensors file, which nothing in it can execute: the embeddings, and a record in JSON. It holds no picture, no
landmarks and no file names. It is personal data all the same: it tells the person from others, and it expires.

Legend: W windows, D embedding size.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Protocol
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, write_text
from nvfair_tools.landmarks.sources_of_points import source_of_points
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json

SUFFIX = ".enrolment"
FORMAT_VERSION = "1.0"
REVOKED_LIST = "revoked-enrolments.json"
_KEY = "nvfair-enrolment"


@dataclass(frozen=True)
class EnrolledVideo:
    """A video behind an enrolment. sha256: of the file. seconds: its length. windows: how many were whole.
    notes: what lowers its quality."""

    sha256: str
    seconds: float
    windows: int
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class MethodIdentity:
    """Which method embedded. name: in reports. source: how it is found again ("pretrained:NAME", a folder). digest: of
    its checkpoint, "" where it has none."""

    name: str
    source: str
    digest: str = ""


@dataclass(frozen=True)
class LandmarkerIdentity:
    """Which landmarker found the faces."""

    name: str
    version: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}".strip()

    def source_of_points(self) -> str:
        """What decides where its points are, see `nvfair_tools.landmarks.sources_of_points`."""
        return source_of_points(str(self))


@dataclass(frozen=True)
class ConsentRecord:
    """What permits the enrolment. basis: "consent table", "stated" or "simulated person". evidence: where the form or
    record lies. agreed, expires: days, as ISO text or "". purpose: what it is used for."""

    basis: str
    evidence: str
    agreed: str
    expires: str
    purpose: str


@dataclass(frozen=True, repr=False)
class Enrolment:
    """An enrolled person.

    id: a random number of the enrolment, which a list of revoked ones names. person: `namespace:id`. embeddings:
    float32 (W, D). video: (W,) number of each window's video in `videos`. created, expires: days; it may be used up to
    and including the second. path: the file that it was read from or written to; None in memory.
    """

    id: str
    person: str
    method: MethodIdentity
    landmarker: LandmarkerIdentity
    protocol: Protocol
    consent: ConsentRecord
    created: date
    expires: date
    videos: tuple[EnrolledVideo, ...]
    embeddings: np.ndarray
    video: np.ndarray
    path: Path | None = field(default=None, compare=False)

    @property
    def seconds(self) -> float:
        """Length of the enrolled videos together."""
        return sum(video.seconds for video in self.videos)

    def __repr__(self) -> str:
        return (
            f"Enrolment({self.person}, {count_text(len(self.videos), 'video')}, {self.seconds:.1f} s, "
            f"{count_text(len(self.embeddings), 'window')}, {self.method.name}, until {self.expires})"
        )

    def expired(self, on: date) -> bool:
        """Whether its last day is over on a day."""
        return on > self.expires

    def save(self, path: str | Path) -> Enrolment:
        """Writes the file, whole or not at all, readable by its owner alone; returns the enrolment with its path."""
        from safetensors.numpy import save

        path = Path(path)
        record = {
            "format_version": FORMAT_VERSION,
            "id": self.id,
            "person": self.person,
            "method": vars(self.method),
            "landmarker": vars(self.landmarker),
            "protocol": self.protocol.model_dump(mode="json"),
            "consent": vars(self.consent),
            "created": self.created.isoformat(),
            "expires": self.expires.isoformat(),
            "videos": [vars(video) | {"notes": list(video.notes)} for video in self.videos],
        }
        tensors: dict[str, np.ndarray] = {
            "embeddings": np.ascontiguousarray(self.embeddings, dtype=np.float32),
            "video": np.ascontiguousarray(self.video, dtype=np.int64),
        }
        with atomic_output(path) as aside:
            aside.touch(mode=0o600)
            aside.write_bytes(save(tensors, metadata={_KEY: json.dumps(record, sort_keys=True)}))
        return replace(self, path=path)

    @classmethod
    def load(cls, path: str | Path) -> Enrolment:
        """Reads an enrolment; NvfairError where the file is absent, damaged, of another kind or of a later version."""
        from safetensors import SafetensorError, safe_open

        path = Path(path)
        if not path.is_file():
            raise NvfairError("no such enrolment", where=path, remedy="make one: nvfair enrol NAME VIDEOS --out FILE")
        try:
            with safe_open(path, framework="np") as file:
                content = (file.metadata() or {}).get(_KEY)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
        except (SafetensorError, OSError, ValueError) as error:
            raise _damaged(path, error) from error
        if content is None:
            raise NvfairError("this file is no enrolment", where=path, expected="what `nvfair enrol` wrote")
        try:
            record = load_unique_json(content.encode())
        except ValueError as error:
            raise _damaged(path, error) from error
        version = str(record.get("format_version"))
        if version.split(".")[0] != FORMAT_VERSION.split(".")[0]:
            raise NvfairError(
                f"enrolment of format version {version}",
                where=path,
                expected=f"version {FORMAT_VERSION}",
                remedy="read it with the release that wrote it, or enrol the person again",
            )
        try:
            return _parsed(record, tensors, path)
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(path, error) from error


def _parsed(record: dict[str, Any], tensors: dict[str, np.ndarray], path: Path) -> Enrolment:
    """The enrolment of a record. Raises KeyError, TypeError or ValueError where it is not whole."""
    embeddings, video = tensors["embeddings"], tensors["video"]
    videos = tuple(EnrolledVideo(**(entry | {"notes": tuple(entry["notes"])})) for entry in record["videos"])
    if embeddings.ndim != 2 or video.shape != (len(embeddings),) or not len(embeddings):
        raise ValueError(f"embeddings {embeddings.shape}, videos {video.shape}")
    if not np.isfinite(embeddings).all() or set(np.unique(video)) != set(range(len(videos))):
        raise ValueError("its numbers are not those of an enrolment")
    return Enrolment(
        id=str(record["id"]),
        person=str(record["person"]),
        method=MethodIdentity(**record["method"]),
        landmarker=LandmarkerIdentity(**record["landmarker"]),
        protocol=parse_protocol(record["protocol"], where=path),
        consent=ConsentRecord(**record["consent"]),
        created=date.fromisoformat(record["created"]),
        expires=date.fromisoformat(record["expires"]),
        videos=videos,
        embeddings=embeddings,
        video=video,
        path=path,
    )


def _damaged(path: Path, error: Exception) -> NvfairError:
    if path.suffix != SUFFIX:
        return NvfairError(
            "this file is no enrolment",
            where=path,
            expected=f"a file of `nvfair enrol`, such as ann{SUFFIX}",
            remedy="name the enrolment and the video in the order that the command's help shows",
        )
    return NvfairError(f"not a whole enrolment: {error}", where=path, remedy="copy it again, or enrol the person again")


def revoke_enrolment(path: str | Path, *, on: date) -> Path:
    """Deletes an enrolment for good; its id goes to the list of revoked ones beside it, whose path is returned.

    The list names ids and days, no people. A copy of the file that comes back to this folder is refused; copies
    elsewhere are out of reach, and whoever has one needs the list. Raises NvfairError where there is no enrolment.
    """
    enrolment = Enrolment.load(path)
    listed = Path(path).parent / REVOKED_LIST
    revoked = read_revoked(listed) | {enrolment.id: on.isoformat()}
    write_text(listed, json.dumps({"format_version": FORMAT_VERSION, "revoked": revoked}, indent=1) + "\n")
    Path(path).unlink()
    return listed


def read_revoked(path: str | Path) -> dict[str, str]:
    """Reads {id: day} from a list of revoked enrolments; empty where there is none. NvfairError where it is damaged."""
    try:
        content = load_unique_json(Path(path).read_bytes())
        return {str(key): str(day) for key, day in content["revoked"].items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NvfairError(
            f"not a list of revoked enrolments: {error}", where=path, remedy="restore it: a revoked person relies on it"
        ) from error
