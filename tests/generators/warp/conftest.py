"""Two public-domain portraits from wheels, as framed faces."""

import numpy as np
import pytest

from tests.generators.warp.facemesh import portrait


@pytest.fixture(scope="session")
def astronaut():
    """Eileen Collins, smiling with teeth (NASA)."""
    from skimage import data

    return portrait(data.astronaut())


@pytest.fixture(scope="session")
def hopper():
    """Grace Hopper, lips closed, with glasses (US Navy)."""
    from matplotlib import cbook
    from PIL import Image

    with cbook.get_sample_data("grace_hopper.jpg") as file:
        return portrait(np.array(Image.open(file).convert("RGB")))


@pytest.fixture(scope="session")
def portraits(astronaut, hopper):
    return {"astronaut": astronaut, "hopper": hopper}
