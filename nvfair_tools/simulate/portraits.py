"""The two public-domain portraits that installed packages carry, with their meshes.

Eileen Collins (NASA, in scikit-image) and Grace Hopper (US Navy, in matplotlib): works of the US government.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.errors import MissingExtra, NvfairError


@dataclass(frozen=True)
class Portrait:
    """image: uint8 RGB (H, W, 3). mesh: float32 (478, 3) in its pixels. credit: where it comes from."""

    name: str
    image: np.ndarray
    mesh: np.ndarray
    credit: str


def public_portraits() -> dict[str, tuple[np.ndarray, str]]:
    """Name -> (image, credit); raises MissingExtra where a package that carries one is absent."""
    try:
        import matplotlib
        import skimage.data
        from PIL import Image
    except ImportError as error:
        raise MissingExtra(str(error.name), "curate") from error
    from pathlib import Path

    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    with Image.open(hopper) as picture:
        officer = np.asarray(picture.convert("RGB"))
    return {
        "astronaut": (skimage.data.astronaut(), "Eileen Collins, NASA, public domain (in scikit-image)"),
        "grace_hopper": (officer, "Grace Hopper, US Navy, public domain (in matplotlib)"),
    }


def measured_portraits() -> list[Portrait]:
    """Both portraits with the meshes that MediaPipe's face mesh finds in them."""
    from nvfair_tools.landmarks.mediapipe import import_mediapipe, quiet_stderr

    face_mesh = import_mediapipe().solutions.face_mesh.FaceMesh
    found = []
    with quiet_stderr(), face_mesh(static_image_mode=True, refine_landmarks=True, max_num_faces=1) as landmarker:
        for name, (image, credit) in public_portraits().items():
            faces = landmarker.process(image).multi_face_landmarks
            if not faces:
                raise NvfairError("no face found in a bundled portrait", where=name)
            width = image.shape[1]
            size = np.array([width, image.shape[0], width])
            mesh = np.array([(p.x, p.y, p.z) for p in faces[0].landmark]) * size
            found.append(Portrait(name, image, mesh.astype(np.float32), credit))
    return found
