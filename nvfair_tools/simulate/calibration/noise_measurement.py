"""Measures the tracking noise: simulated people are rendered, encoded and tracked, and the tracks are compared.

`python -m nvfair_tools.simulate.calibration.noise_measurement` writes `simulate/tracking_noise.npz` (about two
minutes; it needs mediapipe and the warp generator).

The deviation of a track from the drawn meshes has three parts: a constant offset, a linear response to the motion (the
landmarker moves the brow less than it moved), and a remainder. Only the remainder is noise; the other two depend on the
clip and are removed by a regression of each coordinate on the clip's states.

Legend: T frames of all clips together, N points (478), R modes.
"""

from __future__ import annotations

import tempfile
from fractions import Fraction
from pathlib import Path

import numpy as np

from nvfair_tools.simulate.appearance import Appearance
from nvfair_tools.simulate.noise import NOISE_FILE
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings
from nvfair_tools.simulate.world import World

MODES = 24


def measure_noise(people: int = 16, clips: int = 2, frames: int = 100) -> list[np.ndarray]:
    """Measures the noise in the tracks of rendered clips: an array (T, N, 2) for each, in outer eye distances."""
    source = SourceSettings(name="noise", train=people, validation=0, test=0, emotions=("neutral", "happy"))
    world = World(CohortSettings(sources=(source,), clips=clips, frames=frames, generators=(), cross=0), range(478))
    clip_noise = []
    with tempfile.TemporaryDirectory() as folder:
        for clip in world.clips.values():
            appearance = Appearance.from_person(world.person(clip.identity), world.settings.seed)
            states = world.states(clip.id)
            drawn = appearance.meshes(states)
            path = Path(folder) / f"{clip.name}.mp4"
            tracked, valid = _render_and_track(appearance, drawn, path)
            deviation = (tracked[..., :2] - drawn[..., :2])[valid] / appearance.camera.eye_distance
            clip_noise.append(remove_response(deviation, states[valid]))
    return clip_noise


def remove_response(deviation: np.ndarray, states: np.ndarray) -> np.ndarray:
    """Removes from a deviation (T, N, 2) its mean and its linear response to the states (T, K + 6)."""
    regressors = np.concatenate([np.ones((len(states), 1)), states.astype(np.float64)], axis=1)
    flat = deviation.reshape(len(deviation), -1).astype(np.float64)
    residual = flat - regressors @ np.linalg.lstsq(regressors, flat, rcond=1e-8)[0]
    # The regression takes as many degrees of freedom as there are regressors.
    return (residual * np.sqrt(len(flat) / (len(flat) - regressors.shape[1]))).reshape(deviation.shape)


def fit_noise(clips: list[np.ndarray], modes: int = MODES) -> dict[str, np.ndarray]:
    """Fits the parameters of `TrackingNoise` to the noise of several clips, (T, N, 2) each.

    The parameters are the principal modes, their memory, each point's independent noise, and the unevenness.
    """
    frames = np.concatenate([clip.reshape(len(clip), -1) for clip in clips])
    _, singular, basis = np.linalg.svd(frames, full_matrices=False)
    strength = singular[:modes] / np.sqrt(len(frames))
    # The memory is the correlation of the modes' courses between successive frames.
    courses = [clip.reshape(len(clip), -1) @ basis[:modes].T for clip in clips]
    before = np.concatenate([course[:-1] for course in courses])
    after = np.concatenate([course[1:] for course in courses])
    memory = float((before * after).sum() / np.square(before).sum())
    # The independent noise is the remainder outside the modes.
    remainder = frames - (frames @ basis[:modes].T) @ basis[:modes]
    white = np.sqrt(np.square(remainder).reshape(len(remainder), -1, 2).mean(axis=(0, 2)))
    return {
        "modes": (strength[:, None] * basis[:modes]).reshape(modes, -1, 2).astype(np.float16),
        "memory": np.float32(memory),
        "white": white.astype(np.float16),
        "unevenness": np.float32(np.std([np.log(np.sqrt(np.square(clip).mean())) for clip in clips])),
    }


def _render_and_track(appearance: Appearance, meshes: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Renders, encodes and tracks meshes: the tracked meshes (T, N, 3), and the frames with a face, bool (T,)."""
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.media.decoding import decode
    from nvfair_tools.media.encoding import encode
    from nvfair_tools.render.animate import animate

    encode(path, animate(appearance.image, appearance.mesh, meshes), Fraction(25))
    landmarker = create_landmarker("facemesh")
    landmarker.start()
    tracks = [landmarker.find(frame.image) for frame in decode(path)]
    landmarker.close()
    valid = np.array([len(track) == 1 for track in tracks])
    return np.array([track[0] if len(track) == 1 else np.zeros((478, 3)) for track in tracks]), valid


if __name__ == "__main__":
    np.savez(NOISE_FILE, **fit_noise(measure_noise()))
