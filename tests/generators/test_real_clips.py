"""Each network generator from a weights file to frames, on a real portrait and a real clip.

This is plumbing: the weights are noise in the published shapes, so the pictures are noise too. What is tested is that
everything fits together at full size and that the pictures answer to the driver.
"""

from __future__ import annotations

import gc

import numpy as np
import pytest

from generators import MotionMode, create, to_uint8
from generators.face import voxceleb_framing
from tests.generators.noise import NAMES, noise_file
from tests.generators.warp import facemesh

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def portrait(shared):
    from PIL import Image

    return facemesh.portrait(
        np.array(Image.open(shared / "portraits" / "C1001.png").convert("RGB")), voxceleb_framing()
    )


@pytest.fixture(scope="module")
def driving(shared):
    import av

    with av.open(str(shared / "clips" / "web" / "driving1.mp4")) as container:
        frames = [
            frame.to_ndarray(format="rgb24") for frame, _ in zip(container.decode(video=0), range(16), strict=False)
        ]
    faces = facemesh.framed(frames, facemesh.track(frames), voxceleb_framing())
    return [faces[0], faces[15]]


# Slow; their frames are those of the published code in their own tests.
SLOW = ("face-vid2vid", "tps")


@pytest.mark.parametrize("name", [pytest.param(name, marks=pytest.mark.soak if name in SLOW else ()) for name in NAMES])
def test_a_real_clip_drives_a_real_portrait(name, portrait, driving, tmp_path):
    generator = create(name, weights=noise_file(name, tmp_path), device="cpu", dtype="bfloat16")
    source, motion = generator.encode_source(portrait), generator.encode_motion(iter(driving))
    frames = list(generator.render(source, motion, MotionMode(reference="best")))
    assert [frame.shape for frame in frames] == [(256, 256, 3)] * 2
    pictures = [to_uint8(frame, generator.value_range) for frame in frames]
    assert min(picture.std() for picture in pictures) > 1
    assert not np.array_equal(*pictures)
    del generator, source, motion
    gc.collect()
