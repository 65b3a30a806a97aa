"""A real landmarker and what it finds in real portraits."""

import numpy as np
import pytest

from nvfair_tools.landmarks.landmarker import Landmarker, create_landmarker
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.clips import astronaut


@pytest.fixture(scope="session")
def landmarker() -> Landmarker:
    skip_without_landmarker()
    return create_landmarker()


@pytest.fixture(scope="session")
def portrait_mesh(landmarker) -> np.ndarray:
    """The astronaut's mesh, (1, 478, 3) pixels."""
    landmarker.start()
    return np.stack(landmarker.find(astronaut()))


@pytest.fixture(scope="session")
def mirrored_mesh(landmarker) -> np.ndarray:
    """The mesh of the mirrored astronaut."""
    landmarker.start()
    return np.stack(landmarker.find(np.ascontiguousarray(astronaut()[:, ::-1])))
