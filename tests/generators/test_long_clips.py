"""A clip of any length in the same memory: what is held at its start is what is held at its end."""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from generators import Face, Generator, MotionMode, create
from generators.face_vid2vid.generator import FaceVid2Vid
from generators.face_vid2vid.layout import LAYOUTS
from generators.weights import Weights
from tests.generators.face_vid2vid.networks import SMALL, small_checkpoint
from tests.generators.lia.networks import narrow_lia
from tests.generators.noise import noise_file

STATUS = Path("/proc/self/statm")


def live_bytes() -> int:
    """Bytes of all tensors that anything still holds."""
    gc.collect()
    storages = {}
    for tensor in gc.get_objects():
        if type(tensor) in (torch.Tensor, torch.nn.Parameter) and tensor.device.type == "cpu":
            with contextlib.suppress(RuntimeError):  # a stand-in of the compiler's, which has no memory
                storages[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
    return sum(storages.values())


def resident_bytes() -> int:
    return int(STATUS.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def stream(size: int, frames: int) -> Iterator[Face]:
    """Pictures made one by one, so that whoever keeps them is seen to."""
    ramp = np.add.outer(np.arange(size), np.arange(size))[..., None] + np.array([0, 40, 90])
    for index in range(frames):
        yield Face(((ramp + 3 * index) % 256).astype(np.uint8))


def small_lia() -> Generator:
    return narrow_lia()


def small_face_vid2vid() -> Generator:
    weights = Weights(Path("noise"), "00", LAYOUTS[0].licence)
    return FaceVid2Vid(small_checkpoint(), weights, device=torch.device("cpu"), sizes=SMALL)


def held_while_rendering(generator: Generator, frames: int, early: int) -> tuple[list[int], list[int], int]:
    """(live bytes, resident bytes) at frame `early` and at the last, and the bytes of the motion."""
    before = live_bytes()
    motion = generator.encode_motion(stream(generator.size, frames))
    motion_bytes = live_bytes() - before + sum(v.nbytes for v in vars(motion).values() if isinstance(v, np.ndarray))
    source = generator.encode_source(next(stream(generator.size, 1)))
    live, resident, count = [], [], 0
    for frame in generator.render(source, motion, MotionMode()):
        count += 1
        assert np.isfinite(frame).all()
        if count in (early, frames):
            live.append(live_bytes())
            resident.append(resident_bytes() if STATUS.exists() else 0)
    assert count == frames
    return live, resident, motion_bytes


@pytest.mark.parametrize(
    ("build", "frames", "a_frame"),
    [
        pytest.param(small_lia, 300, 100, id="lia"),
        pytest.param(small_face_vid2vid, 75, 500, id="face-vid2vid", marks=pytest.mark.soak),
    ],
)
def test_a_long_clip_is_rendered_in_the_memory_of_a_short_one(build, frames, a_frame):
    live, resident, motion = held_while_rendering(build(), frames, 50)
    # Blocks of styles are of different lengths at the two moments; a kept frame a frame would be megabytes.
    assert live[1] <= live[0] + (64 << 10)
    assert resident[1] <= resident[0] + (16 << 20)
    assert motion <= frames * a_frame


@pytest.mark.soak
def test_a_longer_clip_of_tps_takes_no_more_memory(tmp_path):
    generator = create("tps", weights=noise_file("tps", tmp_path), device="cpu", dtype="bfloat16")
    live, resident, motion = held_while_rendering(generator, 8, 3)
    assert live[1] <= live[0] + (64 << 10)
    assert resident[1] <= resident[0] + (32 << 20)
    assert motion <= 8 * 2100


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_thousand_frames_of_real_clips_by_lia(shared, tmp_path, capsys):
    from PIL import Image

    from nvfair_tools.media import decode

    generator = create("lia", weights=noise_file("lia", tmp_path), device="cpu", dtype="bfloat16")

    def pictures() -> Iterator[Face]:
        for clip in itertools.cycle(sorted((shared / "clips" / "hdtf").glob("*.mp4"))):
            for frame in decode(clip):
                yield Face(np.asarray(Image.fromarray(frame.image).resize((256, 256))))

    resident = {}
    driving = pictures()
    motion = generator.encode_motion(itertools.islice(driving, 1000))
    resident["encoded"] = resident_bytes()
    source = generator.encode_source(next(driving))
    for count, _ in enumerate(generator.render(source, motion, MotionMode()), 1):
        if count in (50, 300, 1000):
            resident[f"frame {count}"] = resident_bytes()
    with capsys.disabled():
        print({moment: f"{size / 2**20:.0f} MiB" for moment, size in resident.items()})
    assert count == 1000
    assert resident["frame 1000"] <= resident["frame 50"] + (48 << 20)
