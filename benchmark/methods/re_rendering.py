"""Changes to windows of landmarks that imitate another rendering of the same motion and another tracking of it.

Legend: B windows, T frames, N points of a frame, C coordinates of a point (2, or 3 of a mesh), K components of facial
motion, H directions of head motion, R modes of tracking noise.

    motion (B, T, N C)   a window less its mean over time; split into head motion (shifts, scale and turns of the
                         window's mean shape) and the rest, the face's
    gain, blend          components of both are damped or strengthened; the face's first ones leak into each other
    smoothing, frozen    the whole is smoothed over time; frames repeat the frame before
    tracking             noise is added as a landmarker makes it on renderings (`nvfair_tools.simulate.noise`)

A generator damps, mixes and smooths motion; a landmarker adds an error that neighbouring points share and that lasts a
few frames. The size of the tracking noise was measured; the other sizes are assumptions, about as large as those of
the simulated generators.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchmark.windows.stored_frames import StoredFrames
from nvfair_tools.errors import NvfairError

if TYPE_CHECKING:
    from typing import Self

_COMPONENTS, _BLENDED = 32, 12
_FITTED_WINDOWS = 1_500
_LAGS = 3  # frames on either side that smoothing takes in


@dataclass(frozen=True)
class ReRendering:
    """How strongly windows are changed; 0 leaves a change out. Raises NvfairError for a value out of range.

    gain: standard deviation of the logarithm of each component's gain, drawn anew for each window.
    blend: root mean square share of the face's first components that is blended into each other.
    smoothing: widest smoothing over time, the standard deviation of a Gaussian in frames; each window's own is drawn
    between 0 and this.
    frozen: share of frames that show the frame before again.
    tracking: size of the tracking noise; 1: as measured on renderings of 256 pixels.
    """

    gain: float = 0.0
    blend: float = 0.0
    smoothing: float = 0.0
    frozen: float = 0.0
    tracking: float = 0.0

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if not 0 <= value < float("inf"):
                raise NvfairError(f"re-rendering's {name} is {value}", expected="a number of at least 0")
        if self.frozen >= 1:
            raise NvfairError(f"re-rendering's frozen is {self.frozen}", expected="a share below 1")

    @property
    def changes_anything(self) -> bool:
        """Whether any of its values is above 0."""
        return any(asdict(self).values())


# Settings by name, as `nvfair train --augment` takes them.
RE_RENDERING_PRESETS: Mapping[str, ReRendering] = MappingProxyType(
    {"re-rendering": ReRendering(gain=0.2, blend=0.3, smoothing=1.0, frozen=0.02, tracking=1.0)}
)


class Draws:
    """Random numbers on a device: from torch's own state there, or from a generator of the CPU."""

    def __init__(self, device: torch.device, generator: torch.Generator | None = None) -> None:
        self.device, self.generator = device, generator

    def normal(self, *shape: int) -> Tensor:
        """Standard normal numbers of this shape."""
        if self.generator is None:
            return torch.randn(shape, device=self.device)
        return torch.randn(shape, generator=self.generator).to(self.device)

    def uniform(self, *shape: int) -> Tensor:
        """Numbers of this shape between 0 and 1."""
        if self.generator is None:
            return torch.rand(shape, device=self.device)
        return torch.rand(shape, generator=self.generator).to(self.device)


class ReRenderer:
    """Changes windows of one kind of points.

    components: (K, N C), orthonormal directions of facial motion, the largest first. modes: (R, N 2), white: (N,),
    memory, unevenness: the tracking noise (`nvfair_tools.simulate.noise.TrackingNoise`), in outer eye distances.
    eye_distance: of a face whose points are 1 from their centroid, as a root mean square.
    """

    def __init__(
        self,
        options: ReRendering,
        components: np.ndarray,
        mesh_points: np.ndarray | None,
        device: torch.device | str = "cpu",
    ) -> None:
        """mesh_points: index (N,) of each point in MediaPipe's mesh; None where the points are no points of a mesh.

        Raises NvfairError where tracking noise is asked for and the points are no points of a mesh.
        """
        if options.tracking and mesh_points is None:
            raise NvfairError(
                "tracking noise was measured on points of MediaPipe's mesh, and this network sees something else",
                remedy="leave re-rendering and tracking noise out",
            )
        self.options, self.device = options, torch.device(device)
        self.components = _on(self.device, components)
        if options.tracking and mesh_points is not None:
            from nvfair_tools.simulate.base_mesh import base_mesh
            from nvfair_tools.simulate.noise import tracking_noise

            noise = tracking_noise(mesh_points.tolist())
            self.modes = _on(self.device, noise.modes.reshape(len(noise.modes), -1))
            self.white = _on(self.device, noise.white)
            self.memory, self.unevenness = noise.memory, noise.unevenness
            face = base_mesh()[mesh_points, :2]
            self.eye_distance = 1 / float(np.sqrt(np.square(face - face.mean(axis=0)).sum(axis=1).mean()))

    @classmethod
    def fit(
        cls,
        options: ReRendering,
        points: np.ndarray | StoredFrames,
        rows: np.ndarray,
        mesh_points: np.ndarray | None,
        seed: int,
        device: torch.device | str = "cpu",
    ) -> Self:
        """A re-renderer whose components are the principal ones of the facial motion in a seeded sample of windows.

        points: (F, N, C) of all frames. rows: (W, T) frame numbers of all windows. Other arguments: as of the class.
        """
        numbers = np.random.default_rng([seed, 11]).permutation(len(rows))[:_FITTED_WINDOWS]
        size = points.shape[1] * points.shape[2]
        scatter = torch.zeros(size, size, dtype=torch.float64)
        for block in np.array_split(np.sort(numbers), max(1, len(numbers) // 128)):
            windows = torch.from_numpy(np.asarray(points[rows[block]], dtype=np.float32))
            mean = windows.mean(dim=1)
            motion = (windows - mean[:, None]).flatten(2)
            head = head_directions(mean)
            face = motion - motion @ head.transpose(1, 2) @ head
            face = (face / face_size(mean)[:, None, None]).flatten(0, 1)
            scatter += (face.T @ face).double()
        vectors = torch.linalg.eigh(scatter)[1].flip(1)[:, :_COMPONENTS].T
        largest = vectors.abs().argmax(dim=1, keepdim=True)
        vectors = vectors * vectors.gather(1, largest).sign()  # an eigenvector's sign is arbitrary
        return cls(options, vectors.numpy(), mesh_points, device)

    def __call__(self, points: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Windows (B, T, N, C) as another generator and another tracking would have left them.

        generator: of random numbers, of the CPU; None: torch's own state on the points' device.
        """
        options, draws = self.options, Draws(points.device, generator)
        mean = points.mean(dim=1, keepdim=True)
        motion = (points - mean).flatten(2)
        if options.gain or options.blend:
            motion = self._blended(motion, mean[:, 0], draws)
        if options.smoothing:
            motion = _smoothed(motion, options.smoothing * draws.uniform(len(points), 1))
        if options.frozen:
            motion = _frozen(motion, draws.uniform(*motion.shape[:2]) < options.frozen)
        changed = mean + motion.unflatten(2, points.shape[2:])
        if options.tracking:
            noise = self.noise(len(points), points.shape[1], draws)
            size = options.tracking * self.eye_distance * face_size(mean[:, 0])
            noise = size[:, None, None, None] * noise
            changed = torch.cat([changed[..., :2] + noise, changed[..., 2:]], dim=3)
        return changed

    def _blended(self, motion: Tensor, mean: Tensor, draws: Draws) -> Tensor:
        """Motion (B, T, N C) with gains for all components, and the face's first ones blended into each other."""
        batch, (options, count) = len(motion), (self.options, len(self.components))
        directions = head_directions(mean)
        head = motion @ directions.transpose(1, 2)
        face = (motion - head @ directions) @ self.components.T
        head_change = head * ((options.gain * draws.normal(batch, 1, head.shape[2])).exp() - 1)
        changed = face * (options.gain * draws.normal(batch, 1, count)).exp()
        if options.blend:
            blended = min(_BLENDED, count)
            leak = (options.blend / blended**0.5) * draws.normal(batch, blended, blended)
            first = changed[..., :blended]
            changed = torch.cat([first + first @ leak, changed[..., blended:]], dim=2)
        return motion + head_change @ directions + (changed - face) @ self.components

    def noise(self, batch: int, frames: int, draws: Draws) -> Tensor:
        """Tracking noise (B, T, N, 2) in outer eye distances: modes with a memory, and each point's own."""
        course = _memory(frames, self.memory, self.device) @ draws.normal(batch, frames, len(self.modes))
        noise = (course @ self.modes).unflatten(2, (-1, 2))
        noise = noise + self.white[:, None] * draws.normal(batch, frames, len(self.white), 2)
        return noise * (self.unevenness * draws.normal(batch, 1, 1, 1)).exp()


def head_directions(shapes: Tensor) -> Tensor:
    """Orthonormal directions (B, H, N C) in which a head's shifts, scale and turns move shapes (B, N, C), to first
    order; H is 4 for C = 2 and 7 for C = 3."""
    batch, count, coordinates = shapes.shape
    centred = shapes - shapes.mean(dim=1, keepdim=True)
    moves = []
    for axis in range(coordinates):
        shift = torch.zeros_like(shapes)
        shift[..., axis] = 1.0
        moves.append(shift)
    moves.append(centred)
    for first in range(coordinates):
        for second in range(first + 1, coordinates):
            turn = torch.zeros_like(shapes)
            turn[..., first], turn[..., second] = -centred[..., second], centred[..., first]
            moves.append(turn)
    directions: list[Tensor] = []
    for move in moves:  # Gram-Schmidt, as a decomposition would have a host wait for its device
        rest = move.reshape(batch, count * coordinates)
        for known in directions:
            rest = rest - (rest * known).sum(dim=1, keepdim=True) * known
        directions.append(rest / rest.norm(dim=1, keepdim=True).clamp_min(1e-12))
    return torch.stack(directions, dim=1)


def face_size(shapes: Tensor) -> Tensor:
    """Root mean square distance (B,) of the points of shapes (B, N, C) from their centroid, in x and y."""
    flat = shapes[..., :2]
    return (flat - flat.mean(dim=1, keepdim=True)).square().sum(dim=2).mean(dim=1).sqrt()


def _smoothed(motion: Tensor, width: Tensor) -> Tensor:
    """Motion (B, T, X) smoothed over time by a Gaussian of `width` (B, 1) frames; the ends are repeated."""
    frames = torch.arange(motion.shape[1], device=motion.device)
    lags = torch.arange(-_LAGS, _LAGS + 1, device=motion.device)
    kernel = torch.softmax(-0.5 * (lags / (width + 1e-3)).square(), dim=1)
    total = torch.zeros_like(motion)
    for number in range(2 * _LAGS + 1):
        shifted = motion.index_select(1, (frames + number - _LAGS).clamp(0, len(frames) - 1))
        total = total + kernel[:, number, None, None] * shifted
    return total


def _frozen(motion: Tensor, repeats: Tensor) -> Tensor:
    """Motion (B, T, X) whose frames show the frame before again where `repeats` (B, T) says so, but for the first."""
    frames = torch.arange(motion.shape[1], device=motion.device)
    source = torch.where(repeats, torch.zeros_like(frames), frames).cummax(dim=1).values
    return motion.gather(1, source[:, :, None].expand_as(motion))


def _memory(frames: int, memory: float, device: torch.device) -> Tensor:
    """The matrix (T, T) that makes a first-order process of unit variance from independent standard normals."""
    steps = torch.arange(frames, device=device)
    lag = steps[:, None] - steps
    kernel = torch.where(lag >= 0, memory ** lag.clamp_min(0).float(), 0.0)
    first = torch.where(steps == 0, 1.0, (1.0 - memory**2) ** 0.5)
    return kernel * first


def _on(device: torch.device, values: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, dtype=np.float32)).to(device)
