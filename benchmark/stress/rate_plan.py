"""The cases of the stress tests, and how many videos each takes."""

from __future__ import annotations

from dataclasses import dataclass

from benchmark.stress.rates import DISGUISE, GROUPS, IMITATION, MIXED, REENCODING, SOUND, SPEECH
from benchmark.stress.reencoding import Reencoding
from nvfair_tools.errors import NvfairError

ALL_TESTS = (REENCODING, DISGUISE, IMITATION, MIXED, SOUND, SPEECH, GROUPS)


@dataclass(frozen=True)
class RatePlan:
    """The cases of each stress test.

    tests: those to run, by name. reencodings: how videos are encoded again. speeds: factors of the speed of probes.
    smoothing: standard deviations in seconds. movements: factors of the movement of the face. imitation: shares of the
    signature by which impostors move like their target. texts: number of texts that sound-driven videos speak on each
    face. faces: number of faces, drawn by the seed, whose videos are encoded again (0: all). clips: number of clips of
    each other driver on each of these faces (0: all); the person's own videos are all taken.
    """

    tests: tuple[str, ...] = ALL_TESTS
    reencodings: tuple[Reencoding, ...] = (
        Reencoding(crf=23),
        Reencoding(crf=28),
        Reencoding(crf=34),
        Reencoding(crf=40),
        Reencoding(crf=23, scale=0.5),
        Reencoding(crf=23, rate=12.5),
    )
    speeds: tuple[float, ...] = (0.8, 0.9, 1.1, 1.25)
    smoothing: tuple[float, ...] = (0.05, 0.1, 0.2)
    movements: tuple[float, ...] = (0.5, 0.75, 1.5)
    imitation: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0)
    texts: int = 8
    faces: int = 6
    clips: int = 3
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.tests if name not in ALL_TESTS]
        if unknown:
            raise NvfairError(f"there is no stress test {unknown[0]!r}", expected=f"some of {', '.join(ALL_TESTS)}")

    @classmethod
    def quick(cls, tests: tuple[str, ...] = ALL_TESTS) -> RatePlan:
        """Few cases on few faces: a first look, not a measurement."""
        return cls(
            tests, (Reencoding(crf=28), Reencoding(crf=40), Reencoding(crf=23, scale=0.5)), (0.8, 1.25), (0.1,), (0.5,),
            (0.5, 1.0), texts=4, faces=2, clips=2,
        )  # fmt: skip
