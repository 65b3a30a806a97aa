"""The two public-domain portraits that installed packages contain, with their meshes.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib): works of the US government.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class Portrait:
    """A portrait. image: uint8 RGB (H, W, 3). mesh: float32 (478, 3) in its pixels. credit: its origin and licence."""

    name: str
    image: np.ndarray
    mesh: np.ndarray
    credit: str


def public_portraits() -> dict[str, tuple[np.ndarray, str]]:
    """Both portraits as name -> (image, credit); raises MissingExtra where a package that contains one is absent."""
    try:
        import matplotlib
        import skimage.data
        from PIL import Image
    except ImportError as error:
        raise MissingExtra(str(error.name), "curate") from error
    hopper_path = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(hopper_path) as picture:
        hopper = np.asarray(picture.convert("RGB"))
    return {
        "astronaut": (skimage.data.astronaut(), "Eileen Collins, NASA, public domain (in scikit-image)"),
        "grace_hopper": (hopper, "Grace Hopper, US Navy, public domain (in matplotlib)"),
    }


def measured_portraits() -> list[Portrait]:
    """Both portraits with their meshes, measured by MediaPipe's face mesh.

    Raises NvfairError where a portrait has no face or the landmarker's model file is missing; MissingExtra where a
    package is absent.
    """
    from nvfair_tools.landmarks.model_file import needs_model_file

    return _portraits_of_landmarker() if needs_model_file() else _portraits_of_face_mesh()


def _portraits_of_landmarker() -> list[Portrait]:
    """Both portraits, each measured as a clip of one frame by the landmarker that is installed."""
    from nvfair_tools.landmarks.landmarker import create_landmarker

    landmarker = create_landmarker()
    portraits = []
    try:
        for name, (image, credit) in public_portraits().items():
            landmarker.start()
            meshes = landmarker.find(image)
            if len(meshes) != 1:
                raise NvfairError(
                    f"{count_text(len(meshes), 'face')} found in a bundled portrait", where=name, expected="one"
                )
            portraits.append(Portrait(name, image, meshes[0], credit))
    finally:
        landmarker.close()
    return portraits


def _portraits_of_face_mesh() -> list[Portrait]:
    """Both portraits, measured as single pictures by the class of mediapipe 0.10.21."""
    from nvfair_tools.landmarks.mediapipe import import_mediapipe, quiet_stderr

    face_mesh = import_mediapipe().solutions.face_mesh.FaceMesh
    portraits = []
    with quiet_stderr(), face_mesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as landmarker:
        for name, (image, credit) in public_portraits().items():
            faces = landmarker.process(image).multi_face_landmarks
            if not faces:
                raise NvfairError("no face found in a bundled portrait", where=name)
            width = image.shape[1]
            size = np.array([width, image.shape[0], width])
            mesh = np.array([(p.x, p.y, p.z) for p in faces[0].landmark]) * size
            portraits.append(Portrait(name, image, mesh.astype(np.float32), credit))
    return portraits
