"""Videos that sound alone drives: a mouth that follows a text, on a face that shows nobody's way of moving.

The mouth follows the syllables of a simulated text (`nvfair_tools.simulate.content`) with the population's median
gains, speed and smoothing: the same movement on every face. Brows, lids and head stay where they are. The measured
noise of the landmarker is added, so that a still point moves as in a tracked video. A driver does not exist: every
acceptance is false.

Legend: T frames, L landmarks (126).
"""

from __future__ import annotations

import zlib

import numpy as np

from benchmark.stress.face_frames import FaceFrames, to_complex
from benchmark.stress.tracks import Track
from nvfair_tools.dataset import TrackTable
from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126


def neutral_face(tracks: TrackTable) -> np.ndarray:
    """The mean face of some videos of one face, float32 (L, 2) pixels, brought onto the first valid frame of the first.

    Every video has the same weight. Raises ValueError where no frame is valid.
    """
    face: np.ndarray | None = None
    means = []
    for _, points, valid, _ in tracks:
        if valid.any():
            face = to_complex(points[valid][0]) if face is None else face
            means.append(FaceFrames.of(points[valid], face).points.mean(axis=0))
    if not means:
        raise ValueError("no frame of these videos has a face")
    mean = np.mean(means, axis=0)
    return np.stack([mean.real, mean.imag], axis=1).astype(np.float32)


def mouth_course(text: str, seconds: float) -> np.ndarray:
    """The displacement of each landmark as the mouth speaks a text: (T, L, 2) eye distances, 25 frames a second.

    Its mean over time is zero, so that the mean face stays.
    """
    from scipy.ndimage import gaussian_filter1d

    from nvfair_tools.simulate.base_mesh import base_mesh
    from nvfair_tools.simulate.content import ARTICULATORS, make_script
    from nvfair_tools.simulate.fields import EXPRESSION_INDEX, expression_fields
    from nvfair_tools.simulate.signature import PARAMETERS
    from nvfair_tools.simulate.statistics import FPS

    median = {parameter.name: parameter.median for parameter in PARAMETERS}
    frames = round(seconds * FPS)
    clock = median["speech_rate"] * np.arange(frames) / FPS
    script = make_script(text, float(clock[-1]) + 1.0)
    displacement = np.zeros((frames, len(SCHEME_126), 2))
    fields = expression_fields(base_mesh())[:, SCHEME_126.indices, :2]
    for number, name in enumerate(ARTICULATORS):
        keyframes = median[f"{name}_gain"] * script.targets[:, number]
        # The corners of the mouth need more time than the lips, as in the simulation of people.
        slowness = 1.8 if name in ("width", "pucker") else 1.0
        course = gaussian_filter1d(
            np.interp(clock, script.time, keyframes), slowness * median["articulation_s"] * FPS, mode="nearest"
        )
        displacement += course[:, None, None] * fields[EXPRESSION_INDEX[name]]
    return displacement - displacement.mean(axis=0)


def sound_driven_track(face: np.ndarray, text: str, seconds: float, seed: int, name: str) -> Track:
    """A face (L, 2) that speaks `text` for `seconds`, with the landmarker's noise, drawn by the video's `name`."""
    from nvfair_tools.simulate.noise import tracking_noise
    from nvfair_tools.simulate.statistics import FPS

    right, left = (face[position].astype(np.float64) for position in OUTER_EYE_CORNERS)
    axis = left - right
    eye_distance = float(np.hypot(*axis))
    # The fields are those of an upright face: turn them by the slope of the line through the eyes.
    cosine, sine = axis / eye_distance
    turn = np.array([[cosine, sine], [-sine, cosine]])
    landmarks = face + eye_distance * (mouth_course(text, seconds) @ turn)
    random = np.random.default_rng([seed, zlib.crc32(text.encode()), zlib.crc32(name.encode())])
    landmarks += tracking_noise(SCHEME_126.indices.tolist()).draw(random, len(landmarks), eye_distance)
    return landmarks.astype(np.float32), np.ones(len(landmarks), dtype=bool), np.arange(len(landmarks)) / FPS
