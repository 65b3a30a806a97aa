"""Measures the tracking noise: simulated people are rendered and encoded, tracked again, and compared.

`python -m nvfair_tools.simulate.calibration.noise_measurement` writes `simulate/tracking_noise.npz` (about two
minutes; it needs mediapipe and the warp generator).

What the landmarker adds to a drawn track has three parts: an offset (it sees the face a little elsewhere), an answer to
the motion itself (it moves the brow less than it moved), and the rest. Only the rest is noise; the first two depend on
the clip and are taken away by regressing each coordinate on the clip's states.

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


def residuals(people: int = 16, clips: int = 2, frames: int = 100) -> list[np.ndarray]:
    """What is noise in the tracks of rendered clips: (T, N, 2) each, in outer eye distances."""
    source = SourceSettings(name="noise", train=people, validation=0, test=0, emotions=("neutral", "happy"))
    world = World(CohortSettings(sources=(source,), clips=clips, frames=frames, generators=(), cross=0), range(478))
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for clip in world.clips.values():
            appearance = Appearance.of(world.person(clip.identity), world.settings.seed)
            states = world.states(clip.id)
            drawn = appearance.meshes(states)
            path = Path(folder) / f"{clip.name}.mp4"
            tracked, valid = _tracked(appearance, drawn, path)
            stray = (tracked[..., :2] - drawn[..., :2])[valid] / appearance.camera.eye_distance
            found.append(unexplained(stray, states[valid]))
    return found


def unexplained(stray: np.ndarray, states: np.ndarray) -> np.ndarray:
    """What is left of `stray` (T, N, 2) when its mean and its linear answer to `states` (T, K + 6) are taken away."""
    causes = np.concatenate([np.ones((len(states), 1)), states.astype(np.float64)], axis=1)
    flat = stray.reshape(len(stray), -1).astype(np.float64)
    left = flat - causes @ np.linalg.lstsq(causes, flat, rcond=1e-8)[0]
    # The regression eats as many degrees of freedom as there are causes.
    return (left * np.sqrt(len(flat) / (len(flat) - causes.shape[1]))).reshape(stray.shape)


def fit(clips: list[np.ndarray], modes: int = MODES) -> dict[str, np.ndarray]:
    """The parameters of `TrackingNoise`: principal modes, their memory, and each point's independent noise."""
    everything = np.concatenate([clip.reshape(len(clip), -1) for clip in clips])
    _, singular, basis = np.linalg.svd(everything, full_matrices=False)
    strength = singular[:modes] / np.sqrt(len(everything))
    courses = [clip.reshape(len(clip), -1) @ basis[:modes].T for clip in clips]
    before = np.concatenate([course[:-1] for course in courses])
    after = np.concatenate([course[1:] for course in courses])
    memory = float((before * after).sum() / np.square(before).sum())
    left = everything - (everything @ basis[:modes].T) @ basis[:modes]
    white = np.sqrt(np.square(left).reshape(len(left), -1, 2).mean(axis=(0, 2)))
    return {
        "modes": (strength[:, None] * basis[:modes]).reshape(modes, -1, 2).astype(np.float16),
        "memory": np.float32(memory),
        "white": white.astype(np.float16),
        "unevenness": np.float32(np.std([np.log(np.sqrt(np.square(clip).mean())) for clip in clips])),
    }


def _tracked(appearance: Appearance, meshes: np.ndarray, path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Meshes (T, N, 3) that the landmarker finds in the encoded rendering, and in which frames it does."""
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
    np.savez(NOISE_FILE, **fit(residuals()))
