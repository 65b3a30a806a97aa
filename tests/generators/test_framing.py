"""The framing the networks declare, against what their authors' own demo clips show."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest

from generators.face import voxceleb_framing
from tests.generators.warp import facemesh


@pytest.mark.slow
def test_the_networks_framing_is_that_of_published_demo_clips(shared):
    import av

    sides, above = [], []
    for clip in ("00", "04", "08", "10", "driving1", "driving2"):
        with av.open(str(shared / "clips" / "web" / f"{clip}.mp4")) as container:
            frames = [frame.to_ndarray(format="rgb24") for frame in islice(container.decode(video=0), 0, 40, 4)]
        meshes = np.stack([mesh for mesh in facemesh.track(frames) if mesh is not None])
        low, high = meshes[..., :2].min(axis=1), meshes[..., :2].max(axis=1)
        height = frames[0].shape[0]
        sides.append(height / np.median((high - low).max(axis=1)))
        above.append(0.5 - np.median((low + high)[:, 1]) / 2 / height)
    framing = voxceleb_framing()
    assert framing.scale == pytest.approx(np.median(sides), rel=0.1)
    assert framing.shift_y == pytest.approx(np.median(above), abs=0.05)
