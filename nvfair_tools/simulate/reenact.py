"""Simulated generators: the effect of a reenactment on a motion, described by a few numbers.

A generator reads the driver's states, loses and distorts a part of them, and applies the result to the target's rig.
`GENERATORS` holds six that differ in kind; any other is a `SimulatedGenerator` with other numbers.

Legend: T frames, K expression coefficients, N points.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from functools import lru_cache

import numpy as np

from nvfair_tools.simulate.fields import EXPRESSION, smooth_field
from nvfair_tools.simulate.motion import soft_floor
from nvfair_tools.simulate.randomness import digest, random_generator
from nvfair_tools.simulate.rig import K, Rig

_WIDEST_LID = -0.3
_LIDS = [EXPRESSION.index("lid_left"), EXPRESSION.index("lid_right")]
# Indices of the left and the right coefficient of each movement that has two sides.
_SIDE_PAIRS = [
    (n, EXPRESSION.index(name.replace("left", "right"))) for n, name in enumerate(EXPRESSION) if name.endswith("left")
]


@dataclass(frozen=True)
class SimulatedGenerator:
    """One simulated generator; its fields are part of its fingerprint, so their names and values stay.

    relative: whether it adds the driver's change since the first frame to the target's portrait; an absolute generator
        uses the driver's expression and pose directly.
    gain, lid_gain, pose_gain: the transferred share of the movement of expression, lids and head.
    directions: number of independent directions of expression that it can express (K: all); the others are lost, as in
        a generator with a small motion dictionary.
    crosstalk: root mean square share of each coefficient that leaks into the others.
    limit: the value towards which coefficients saturate (tanh); infinity: no saturation.
    smoothing: standard deviation in frames of a temporal smoothing.
    shape_leak: share of the driver's neutral face in the result (0 for a relative generator).
    bias: displacement of the whole face (root mean square, eye distances), the same for all targets.
    bend: displacement that depends on the target, because a generator fits some faces less well.
    flutter: standard deviation of an independent disturbance of the expression in each frame.
    noise: factor of the tracking noise; it stands for the sharpness of the picture around the landmarks.
    symmetry: share of the difference between left and right that is lost.
    dead_zone: changes of expression up to about this size are lost (a rounded soft threshold).
    lag: frames of a causal exponential smoothing, as in a model with a state from frame to frame.
    held: distance of the generated frames; the frames between them are interpolated.
    """

    name: str
    relative: bool
    gain: float = 1.0
    lid_gain: float = 1.0
    pose_gain: float = 1.0
    directions: int = K
    crosstalk: float = 0.0
    limit: float = float("inf")
    smoothing: float = 0.0
    shape_leak: float = 0.0
    bias: float = 0.0
    bend: float = 0.0
    flutter: float = 0.0
    noise: float = 1.0
    symmetry: float = 0.0
    dead_zone: float = 0.0
    lag: float = 0.0
    held: int = 1

    @property
    def motion_mode(self) -> str:
        return "relative" if self.relative else "absolute"

    def in_mode(self, motion_mode: str) -> SimulatedGenerator:
        """This generator in motion mode "relative" or "absolute"; in relative motion no shape leaks."""
        if motion_mode == self.motion_mode:
            return self
        if motion_mode == "relative":
            return replace(self, relative=True, shape_leak=0.0)
        return replace(self, relative=False)

    def fingerprint(self) -> str:
        """The hex digest of the fields of this generator."""
        # Fields that were added later count only where they are used, so that earlier fingerprints stay.
        used = {k: v for k, v in asdict(self).items() if k not in _LATER_FIELDS or v != _LATER_FIELDS[k]}
        return digest(*(f"{key}={value}" for key, value in sorted(used.items())))

    def reenact(
        self, driver: np.ndarray, portrait: np.ndarray, random: np.random.Generator | None = None
    ) -> np.ndarray:
        """Reenacts a motion: the states (T, K + 6) of the target from those of the driver (T, K + 6).

        portrait: the state (K + 6,) of the target's portrait. random: the source of the flutter (None: no flutter).
        """
        start = driver[:1] if self.relative else np.zeros_like(driver[:1])
        base = portrait if self.relative else np.zeros_like(portrait)
        change = driver - start
        # Distort the expression: linearly, then small changes, then large ones.
        expression = change[:, :K] @ _distortion_matrix(self)
        if self.dead_zone:
            # The slope is nearly 0 at zero and 1 from a few dead zones on.
            expression = expression - self.dead_zone * np.tanh(expression / self.dead_zone)
        if np.isfinite(self.limit):
            expression = self.limit * np.tanh(expression / self.limit)
        result = np.concatenate([expression, self.pose_gain * change[:, K:]], axis=1)
        # Smooth over time.
        if self.smoothing:
            result = _smoothing_kernel(len(result), self.smoothing) @ result
        if self.lag:
            result = _lag_kernel(len(result), self.lag) @ result
        if self.held > 1:
            key_frames = np.arange(0, len(result) + self.held - 1, self.held).clip(max=len(result) - 1)
            grid = np.arange(len(result))
            result = np.stack([np.interp(grid, key_frames, column[key_frames]) for column in result.T], axis=1)
        if self.flutter and random is not None:
            result[:, :K] += self.flutter * random.standard_normal((len(result), K), dtype=np.float32)
        result = result + base
        if self.relative:
            _limit_lips_and_lids(result)
        return result

    def reenacted_rig(self, target: Rig, driver: Rig, target_name: str, seed: int, points: np.ndarray) -> Rig:
        """The rig of the target in this generator's pictures: with leaked shape, bias and bend.

        points: mesh indices (N,) of the rigs' points. seed: of the world, for the bend.
        """
        neutral = target.neutral
        if self.shape_leak:
            neutral = (1 - self.shape_leak) * neutral + self.shape_leak * driver.neutral
        if self.bias:
            neutral = neutral + self.bias * _named_field(f"bias of {self.name}", 0.4)[points]
        if self.bend:
            neutral = neutral + self.bend * _named_field(f"bend of {self.name} on {target_name} in {seed}", 0.5)[points]
        return Rig(neutral, target.fields)


# Like face-vid2vid: the target's canonical keypoints, the driver's absolute expression, and a little of its shape.
KEYPOINT = SimulatedGenerator(
    "sim-keypoint", relative=False, gain=0.88, lid_gain=0.7, pose_gain=0.97, crosstalk=0.08, shape_leak=0.05,
    bias=0.006, bend=0.006, flutter=0.006, noise=1.0,
)  # fmt: skip
# Like LIA: motion along few learned directions, which blend into each other; relative to the first frame.
LATENT = SimulatedGenerator(
    "sim-latent", relative=True, gain=0.92, lid_gain=0.85, pose_gain=0.9, directions=9, crosstalk=0.12, smoothing=0.5,
    bias=0.01, bend=0.008, flutter=0.004, noise=1.15,
)  # fmt: skip
# Like TPS: few control points move the picture; strong movements saturate; relative to the first frame.
SPLINE = SimulatedGenerator(
    "sim-spline", relative=True, gain=0.8, lid_gain=0.5, pose_gain=0.95, crosstalk=0.05, limit=0.9, smoothing=0.8,
    bias=0.004, bend=0.01, flutter=0.01, noise=0.9,
)  # fmt: skip
# The generators of the second world differ from these in kind, not only in amount.
# Like a parametric face model driven frame by frame: nearly symmetric, small movements below its resolution.
MESH = SimulatedGenerator(
    "sim-mesh", relative=False, gain=1.05, lid_gain=0.9, pose_gain=1.0, symmetry=0.5, dead_zone=0.03, shape_leak=0.08,
    crosstalk=0.06, bias=0.008, bend=0.004, noise=0.9,
)  # fmt: skip
# Like a recurrent network: late, overshooting a little, coupled.
RECURRENT = SimulatedGenerator(
    "sim-recurrent", relative=True, gain=1.15, lid_gain=0.75, pose_gain=0.85, lag=1.2, crosstalk=0.15, directions=11,
    bias=0.006, bend=0.012, flutter=0.005, noise=1.0,
)  # fmt: skip
# Like diffusion over key frames: half the frame rate, interpolated, with noise of its own.
KEYFRAME = SimulatedGenerator(
    "sim-keyframe", relative=True, gain=0.9, lid_gain=0.6, pose_gain=0.95, held=2, limit=1.1, crosstalk=0.08,
    symmetry=0.2, bias=0.01, bend=0.006, flutter=0.015, noise=1.25,
)  # fmt: skip
FIRST_WORLD = tuple(generator.name for generator in (KEYPOINT, LATENT, SPLINE))
GENERATORS = {generator.name: generator for generator in (KEYPOINT, LATENT, SPLINE, MESH, RECURRENT, KEYFRAME)}
_LATER_FIELDS = {"symmetry": 0.0, "dead_zone": 0.0, "lag": 0.0, "held": 1}


def _limit_lips_and_lids(states: np.ndarray) -> None:
    """Keeps the lips from passing through each other, and the lids within their range.

    Relative motion makes this necessary: a driver who starts with an open mouth would close a closed mouth further.
    """
    jaw, opened = EXPRESSION.index("jaw"), EXPRESSION.index("open")
    states[:, jaw] = soft_floor(states[:, jaw])
    # The jaw parts the lips too: 0.3 of an eye distance where `open` parts them by 0.2.
    closed = -1.4 * states[:, jaw]
    states[:, opened] = closed + soft_floor(states[:, opened] - closed)
    states[:, _LIDS] = np.clip(states[:, _LIDS], _WIDEST_LID, 1.0)


@lru_cache(maxsize=64)
def _distortion_matrix(generator: SimulatedGenerator) -> np.ndarray:
    """The matrix (K, K) of a generator's distortion: gains, then lost directions, cross-talk and symmetry."""
    random = random_generator("distortion", generator.name)
    gains = np.full(K, generator.gain)
    gains[_LIDS] = generator.lid_gain
    candidates = random.standard_normal((K, K))
    projection = np.eye(K)
    # The lost directions are random, made orthogonal one after the other (Gram-Schmidt).
    lost_directions: list[np.ndarray] = []
    for row in candidates[: K - generator.directions]:
        residual = row - sum((direction * (direction @ row) for direction in lost_directions), np.zeros(K))
        lost_directions.append(residual / np.sqrt(np.square(residual).sum()))
        projection = projection - np.outer(lost_directions[-1], lost_directions[-1])
    leak = generator.crosstalk * random.standard_normal((K, K))
    leak[np.diag_indices(K)] = 0.0
    mixing = np.eye(K) + leak / np.sqrt(K - 1)
    return np.diag(gains) @ projection @ mixing @ _symmetry_matrix(generator.symmetry)


def _symmetry_matrix(share: float) -> np.ndarray:
    """The matrix (K, K) that removes a share of the difference between left and right movements."""
    matrix = np.eye(K)
    for left, right in _SIDE_PAIRS:
        matrix[[left, left, right, right], [left, right, left, right]] += share * np.array([-0.5, 0.5, 0.5, -0.5])
    return matrix


@lru_cache(maxsize=1024)
def _named_field(name: str, length: float) -> np.ndarray:
    return smooth_field(random_generator(name), length, waves=12)


@lru_cache(maxsize=256)
def _lag_kernel(frames: int, memory: float) -> np.ndarray:
    """The matrix (T, T) of an exponential average over past frames; weights are renormalised at the start."""
    age = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.where(age >= 0, np.exp(-np.maximum(age, 0) / memory), 0.0)
    return kernel / kernel.sum(axis=1, keepdims=True)


@lru_cache(maxsize=256)
def _smoothing_kernel(frames: int, width: float) -> np.ndarray:
    """The matrix (T, T) of a Gaussian average over time; weights are renormalised at the ends."""
    distance = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.exp(-0.5 * np.square(distance / width))
    return kernel / kernel.sum(axis=1, keepdims=True)
