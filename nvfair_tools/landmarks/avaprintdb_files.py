"""AVAPrintDB's landmark files `{target}--{driver}--{uuid}--{GEN}.npy`: names, folders, content (arXiv 2603.26934).

Legend: T frames with a face. A file is float (T, 109, 3), normalised already as `normalise_avaprintdb_points` does it.
The release sorts them as `landmarks/{DEV|TEST}/{GEN}/`; a file is known by its name alone, wherever it lies.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import ClassVar

import numpy as np

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import resolve_alias
from nvfair_tools.landmarks.avaprintdb import AVAPRINTDB_109

# Collection -> its people who are TEST in the published generation plans; all its other people are DEV.
TEST_PEOPLE: Mapping[str, frozenset[str]] = MappingProxyType(
    {
        "cremad": frozenset(
            f"cremad:{number}"
            for number in (
                *(1003, 1004, 1005, 1007, 1018, 1027, 1029, 1031, 1033, 1041, 1048, 1049),
                *(1058, 1059, 1061, 1068, 1070, 1072, 1074, 1078, 1081, 1083, 1090, 1091),
            )
        ),
        "ravdess": frozenset(f"ravdess:{number:02d}" for number in (1, 2, 17, 18, 19, 20, 21, 22)),
    }
)
# The last part of a file's name -> our label. The letters are those of the published tables.
GENERATORS = {
    "GAGA": "gagavatar",
    "GAGAVATAR": "gagavatar",
    "LIVE": "liveportrait",
    "LIVEPORTRAIT": "liveportrait",
    "HUNY": "hunyuanportrait",
    "HUNYUAN": "hunyuanportrait",
    "HUNYUANPORTRAIT": "hunyuanportrait",
}
_PATTERN = "{target}--{driver}--{uuid}--{GEN}"


@dataclass(frozen=True)
class SampleName:
    """What the name of a video or landmark file says.

    stem: the name without its ending. target, driver: people, `namespace:id`. clip: uuid of the driving clip.
    generator: the last part as it is written, such as GAGA.
    """

    stem: str
    target: str
    driver: str
    clip: str
    generator: str

    @property
    def generator_label(self) -> str:
        """The generator as a data set that was imported from the release names it, such as gagavatar."""
        return GENERATORS.get(self.generator.upper(), self.generator)

    @property
    def collection(self) -> str:
        """The namespace that both people belong to."""
        return self.driver.partition(":")[0]

    def by(self, generator: str) -> str:
        """The stem of the same clip on the same face by another generator."""
        return self.stem.removesuffix(self.generator) + generator


def parse_sample_name(stem: str) -> SampleName:
    """The parts of a stem; NvfairError where it does not follow the release's pattern."""
    parts = stem.split("--")
    if len(parts) != 4 or not all(parts):
        raise NvfairError(f"the name {stem!r} does not follow the release's pattern", expected=_PATTERN)
    target, driver = resolve_alias(parts[0]), resolve_alias(parts[1])
    if target is None or driver is None:
        raise NvfairError(
            f"{parts[1 if target else 0]!r} in {stem!r} is nobody of a known collection",
            expected="C1001 to C1091, or Actor_01 to Actor_24",
        )
    if target.partition(":")[0] != driver.partition(":")[0]:
        raise NvfairError(f"target and driver of {stem!r} are of two collections", expected="two people of one")
    return SampleName(stem, target, driver, parts[2], parts[3])


class SampleFiles(Mapping[str, Path]):
    """Files of a release below a folder, by stem; names that do not follow the pattern are in `left_out`.

    names: stem -> what the name says. left_out: (path below the folder, reason).
    """

    suffix: ClassVar[str]

    def __init__(self, root: str | Path) -> None:
        """Raises NvfairError where the folder has no such file, and Problems where two files have one name."""
        self.root = Path(root)
        if not self.root.is_dir():
            raise NvfairError(
                "no such folder", where=self.root, expected=f"a folder with {_PATTERN}{self.suffix} files in it"
            )
        self.names: dict[str, SampleName] = {}
        self.left_out: list[tuple[str, str]] = []
        self._paths: dict[str, Path] = {}
        problems = []
        for path in sorted(self.root.rglob(f"*{self.suffix}")):
            below = path.relative_to(self.root).as_posix()
            try:
                name = parse_sample_name(path.stem)
            except NvfairError as error:
                self.left_out.append((below, str(error).splitlines()[0]))
                continue
            if path.stem in self._paths:
                first = self._paths[path.stem].relative_to(self.root).as_posix()
                problems.append(f"{below} and {first} have one name")
            self._paths[path.stem], self.names[path.stem] = path, name
        if problems:
            raise Problems(self.root, problems, remedy="leave one file of each name in the folder")
        if not self._paths:
            raise NvfairError(
                f"no {self.suffix} file of the release here", where=self.root, expected=_PATTERN + self.suffix
            )

    def __getitem__(self, stem: str) -> Path:
        return self._paths[stem]

    def __iter__(self) -> Iterator[str]:
        return iter(self._paths)

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, stem: str) -> FrameSequence:
        """The frames of one file."""
        raise NotImplementedError


class LandmarkFiles(SampleFiles):
    """The landmark files below a folder."""

    suffix = ".npy"

    def read(self, stem: str) -> FrameSequence:
        """The landmarks of one file; see `read_landmark_file`."""
        return read_landmark_file(self[stem])


@dataclass(frozen=True)
class FrameSequence:
    """What a file holds of a video's frames.

    points: float32 (T, 109, 3) landmarks, or (T, C) features, all finite. dropped: frames left out, as they were not.
    """

    points: np.ndarray
    dropped: int


def read_landmark_file(path: str | Path) -> FrameSequence:
    """Reads a landmark file; nothing in it is executed.

    Frames with a number that is not finite are left out and counted: the authors drop a frame without a scale in the
    same way, so time has no gap marks in these files in any case. Raises NvfairError for any other content.
    """
    path, shape = Path(path), (len(AVAPRINTDB_109), 3)
    expected = f"a NumPy file of floats (frames, {shape[0]}, {shape[1]})"
    try:
        points = np.load(path, allow_pickle=False)
    except FileNotFoundError as error:
        raise NvfairError("no such file", where=path, expected=expected) from error
    except (OSError, ValueError, EOFError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NvfairError(f"not a NumPy array that can be read: {reason}", where=path, expected=expected) from error
    if not isinstance(points, np.ndarray) or points.dtype.kind != "f" or points.shape[1:] != shape:
        what = f"{points.dtype} {points.shape}" if isinstance(points, np.ndarray) else "several arrays"
        raise NvfairError(f"it holds {what}", where=path, expected=expected)
    points = points.astype(np.float32)
    finite = np.isfinite(points).all(axis=(1, 2))
    return FrameSequence(points[finite], int(np.count_nonzero(~finite)))
