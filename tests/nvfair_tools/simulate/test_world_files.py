"""World files that stay as they were written, and what the later ones have in common."""

import pytest

from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.settings import named_world
from nvfair_tools.simulate.world import World

# Hashes as they were when each file was committed, before any method was run on its world.
HASHES = {
    "world1": "d7ea26d33052aff664fd131c49408884",
    "world2": "9dd06e74faad93f655c1abba73720065",
    "demo": "6bcc1872aa8a47de94c93aabf5c18fa9",
    "life-low": "cdba3c0a1353e09d8ffd57be2fadb8fe",
    "life-couplings": "474645afa19d7a3591c92bd515d987d3",
    "life-timed": "b45fcddc8d4711af215174060374bff1",
    "life-mixed": "6b14ebafcde77798eca914ca165770c1",
    "life-mixed-absolute": "79c235a38ba25a5ae5e5cfa703ba938d",
    "life-high": "41098f72cc825d147a99f4ce57bc53ec",
    "life-six": "44b3a21212c2abfcb39ae10d5ec469c3",
}
# The first clip on the first other face by the first generator: frames, and two coordinates of the frame 40.
LANDMARKS = {
    "life-low": (121, 60.543293, 167.82399),
    "life-couplings": (90, 70.658711, 173.899813),
    "life-timed": (240, 98.475629, 171.451416),
    "life-mixed": (93, 88.672404, 159.367117),
    "life-mixed-absolute": (93, 90.597799, 146.019114),
    "life-high": (237, 67.570652, 159.724826),
    "life-six": (220, 81.135404, 201.975457),
}
LIFE = [name for name in HASHES if name.startswith("life-")]


@pytest.mark.parametrize("name", HASHES)
def test_a_world_stays_as_it_was_written(name):
    assert named_world(name).world_hash() == HASHES[name]


@pytest.mark.parametrize("name", LIFE)
def test_worlds_like_life_frame_targets_and_vary_lengths_and_state_their_motion_modes(name):
    world = named_world(name)
    assert world.framing.scale > 0
    assert world.framing.shake > 0
    assert (world.lengths[0][1], world.lengths[-1][1]) == (45, 250)
    modes = dict(world.motion_modes)
    assert set(modes) == set(world.generators)
    assert [mode for mode in modes.values() if mode == "absolute"] == ["absolute"] * (name == "life-mixed-absolute")


def test_only_the_absolute_variant_shares_its_random_numbers():
    keys = {name: named_world(name).draw_hash() for name in LIFE}
    assert keys["life-mixed"] == keys["life-mixed-absolute"]
    assert len(set(keys.values())) == len(LIFE) - 1
    assert named_world("life-mixed").world_hash() != named_world("life-mixed-absolute").world_hash()


@pytest.mark.parametrize("name", LIFE)
def test_the_people_of_a_world_move_as_they_did_when_it_was_written(name):
    world = World(named_world(name), SCHEME_126.indices)
    clip = next(iter(world.clips.values()))
    videos = world.videos()
    rows = videos[(videos["clip"] == clip.id) & (videos["target"] == world.targets(clip)[0])]
    row = rows.set_index("generator").loc["sim-keypoint"]
    landmarks = world.landmarks(row["video"], clip.id, "sim-keypoint", row["target"])
    assert (len(landmarks), landmarks[40, 0, 0], landmarks[40, 100, 1]) == pytest.approx(LANDMARKS[name], abs=1e-5)
