"""The same simulated people on any machine: other processors are imitated by the switches of the libraries."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nvfair_tools.dataset.parts import round_landmarks
from tests.portability import machines

# Every other machine draws the same videos of three worlds: all kinds of idiom, generator, framing and noise.
DRAW = """
import sys
import numpy as np
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.settings import named_world
from nvfair_tools.simulate.world import World

drawn = {}
for name in ("world1", "world2", "life-mixed-absolute"):
    world = World(named_world(name), SCHEME_126.indices)
    videos = world.videos()
    rows = videos.iloc[:: len(videos) // 48].head(48)
    for n, row in enumerate(rows.itertuples()):
        generator = row.generator if isinstance(row.generator, str) else None
        drawn[row.video] = world.landmarks(row.video, row.clip, generator, row.target)
        if n == 0:
            drawn["mesh of " + row.video] = world.mesh(row.video, row.clip, generator, row.target)
np.savez(sys.argv[1], **drawn)
"""


# Those that differ most; `make soak` tries the others too.
FAR = ("an older processor", "another mathematical library")
OTHERS = [
    pytest.param(name, marks=() if name in FAR else pytest.mark.soak) for name in machines() if name != "this machine"
]


def draw(path, machine) -> dict[str, np.ndarray]:
    environment = {**os.environ, **machine}
    subprocess.run([sys.executable, "-c", DRAW, str(path)], env=environment, check=True)
    with np.load(path) as drawn:
        return dict(drawn)


@pytest.fixture(scope="module")
def here(tmp_path_factory) -> dict[str, np.ndarray]:
    return draw(tmp_path_factory.mktemp("here") / "drawn.npz", {})


@pytest.mark.slow
@pytest.mark.parametrize("machine", OTHERS)
def test_another_machine_stores_the_same_landmarks(here, machine, tmp_path) -> None:
    there = draw(tmp_path / "drawn.npz", machines()[machine])

    assert there.keys() == here.keys()
    assert len(here) == 3 * 49
    values = different = 0
    for video, drawn in here.items():
        # Sums and functions of another processor differ in their last bits: far below the step that is stored.
        np.testing.assert_allclose(there[video], drawn, rtol=0, atol=1e-9)
        values += drawn.size
        different += int(np.count_nonzero(round_landmarks(there[video]) != round_landmarks(drawn)))
    assert values > 2e6
    assert different <= 1, "a value that lies on the edge of two steps is rarer than one in a thousand million"
