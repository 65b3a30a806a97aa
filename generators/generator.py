"""What a generator is: reenactment = appearance x motion.

A data set is all pairs: N targets x M clips. `encode_source` runs N times, `encode_motion` M times, and only `render`
runs N x M times, so everything that does not depend on the pair belongs to the first two.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from generators.errors import GeneratorError
from generators.face import Face, Framing


@dataclass(frozen=True)
class MotionMode:
    """How a driver's motion is applied to a target's face.

    kind: "absolute" takes the driver's pose and shape as they are; "relative" adds the driver's change since its
        reference frame to the target's portrait.
    reference: index of the driving frame that relative motion starts from; or "best" for the frame most like the
        portrait (`generators.reference_frame.best_frame`); or "neutral" for the driver's neutral face, which warps
        estimate over the clip (`generators.warp.neutral`) and networks take from its least expressive frame.
    options: a generator's own options (documented by each generator; an unknown one is refused).
    """

    kind: Literal["absolute", "relative"] = "relative"
    reference: int | Literal["best", "neutral"] = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in ("absolute", "relative"):
            raise GeneratorError(f"motion mode {self.kind!r} is unknown: choose 'absolute' or 'relative'")
        if self.reference in ("best", "neutral"):
            return
        if not isinstance(self.reference, int) or self.reference < 0:
            raise GeneratorError(
                f"reference {self.reference!r} is unknown: choose a frame index >= 0, 'best' or 'neutral'"
            )

    def check_options(self, generator: str, known: Iterable[str]) -> None:
        """Raises GeneratorError naming every option that `generator` does not know."""
        known = sorted(known)
        unknown = sorted(set(self.options) - set(known))
        if unknown:
            raise GeneratorError(
                f"{generator} has no option {', '.join(unknown)}: it knows {', '.join(known) or 'none'}"
            )


def digest(**facts: Any) -> str:
    """Hex sha256 of facts that JSON can hold, whatever their order: what a generator's fingerprint is made with."""
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


@runtime_checkable
class Generator(Protocol):
    """Renders a driving motion on a source face. Sources and motions are opaque values of the generator's own.

    name: unique, used in folders and rows ("warp-dense", "face-vid2vid"). family: generators that share an
    implementation ("warp"). version: our algorithm version; changing it re-renders. licence: SPDX or plain words for
    the weights (or the code where there are none); travels into every video. needs_mesh: whether faces must carry
    their mesh; needs_image: whether *driving* faces must carry meaningful pixels (else a blank image may be given).
    value_range: the floats that mean black and white in rendered frames. A generator that is no trained network has a
    `digital_source_type` too, the term of IPTC that its videos carry in place of "trainedAlgorithmicMedia". One whose
    modes have options has `check_mode(mode)`, which raises GeneratorError for what `render` would refuse: a recipe is
    checked with it before any work is done.
    """

    name: str
    family: str
    version: str
    size: int
    framing: Framing
    value_range: tuple[float, float]
    licence: str
    needs_mesh: bool
    needs_image: bool

    def fingerprint(self) -> str:
        """Hex digest of all that determines the pixels: name, version, weights' sha256, framing, options, precision."""
        ...

    def encode_source(self, portrait: Face) -> Any:
        """Work that depends on the target only."""
        ...

    def encode_motion(self, driving: Iterable[Face]) -> Any:
        """Work that depends on the driving clip only; reads `driving` once, as a stream; the result is small."""
        ...

    def render(self, source: Any, motion: Any, mode: MotionMode) -> Iterator[np.ndarray]:
        """Frames float32 (size, size, 3) in `value_range`, one for each driving frame; streams."""
        ...
