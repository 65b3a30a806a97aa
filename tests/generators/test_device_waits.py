"""Rendering: within the loop over frames the host never waits for the device.

Frames do have to reach the host: `generators.device.to_host` brings them, a batch at a time and one batch late, and
nothing else may. A portrait and a clip each bring a few numbers, once, whatever the number of frames.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any

import numpy as np
import pytest
import torch

from generators import Face, MotionMode, device
from generators.checkpoint import Checkpoint
from generators.face_vid2vid.generator import FaceVid2Vid
from generators.lia.generator import STYLE_FRAMES, Lia
from generators.tps.generator import Tps
from generators.weights import Weights
from tests.device_waits import DEVICES, STAND_IN, WaitError, no_waits
from tests.generators.face_vid2vid.networks import SMALL, small_checkpoint
from tests.generators.lia.networks import NARROW, seeded

Make = Callable[..., Any]
WEIGHTS = Weights("noise", "", "none")  # type: ignore[arg-type]
BATCH = 4
# Copies to the host that a portrait and a clip cost.
DOWNLOADS = {"lia": (1, 1), "tps": (1, 1), "face-vid2vid": (2, 5)}
MODES = {
    "lia": [MotionMode("absolute"), MotionMode("relative")],
    "tps": [MotionMode("absolute"), MotionMode("relative"), MotionMode("absolute", options={"avd": True})],
    "face-vid2vid": [MotionMode("absolute"), MotionMode("relative"), MotionMode("relative", options={"yaw": 20})],
}
CASES = [(name, mode) for name, modes in MODES.items() for mode in modes]


@pytest.fixture(scope="module")
def makers(tps_checkpoint: Checkpoint) -> dict[str, Make]:
    return {
        "lia": lambda **options: Lia({"gen": dict(seeded().state_dict())}, WEIGHTS, shape=NARROW, **options),
        "tps": lambda **options: Tps(tps_checkpoint, WEIGHTS, **options),
        "face-vid2vid": lambda **options: FaceVid2Vid(small_checkpoint(), WEIGHTS, sizes=SMALL, **options),
        "face-vid2vid, original": lambda **options: FaceVid2Vid(
            small_checkpoint("original"), WEIGHTS, sizes=SMALL, **options
        ),
    }


@pytest.fixture(scope="module")
def tps_checkpoint() -> Checkpoint:
    from tests.generators.noise import noise_checkpoint

    return noise_checkpoint("tps")


@pytest.fixture(autouse=True)
def frames_stay_on_the_stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """There `render` gives frames as they are; on a GPU they come back as they do for everybody."""

    def to_host(batches: Iterator[torch.Tensor]) -> Iterator[Any]:
        first = next(batches)
        every = chain([first], batches)
        return (frame for batch in every for frame in batch) if first.device == STAND_IN else device.to_host(every)

    for module in ("lia", "tps", "face_vid2vid"):
        monkeypatch.setattr(f"generators.{module}.generator.to_host", to_host)


def faces(count: int, size: int) -> list[Face]:
    pictures = np.random.default_rng(0).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return [Face(picture) for picture in pictures]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(("name", "mode"), CASES, ids=lambda part: part if isinstance(part, str) else part.kind)
def test_no_frame_waits(makers: dict[str, Make], name: str, mode: MotionMode, dtype: torch.dtype, device: str) -> None:
    generator = makers[name](device=torch.device(device), dtype=dtype, batch=BATCH)
    # LIA makes the styles of some frames at once: beyond those. Whole batches only, as a GPU tries every shape out.
    frames = (STYLE_FRAMES if name == "lia" else BATCH) + BATCH
    source, motion = encoded(generator, frames)
    if device == "cuda":
        list(generator.render(source, motion, mode))  # what the first call of every layer does is no frame's doing
    with torch.inference_mode(), no_waits(device):
        rendered = list(generator.render(source, motion, mode))
    assert len(rendered) == frames
    assert tuple(rendered[0].shape) == (generator.size, generator.size, 3)


def test_no_frame_of_the_original_variant_waits(makers: dict[str, Make]) -> None:
    generator = makers["face-vid2vid, original"](device=STAND_IN, batch=BATCH)
    source, motion = encoded(generator, frames=4)
    with no_waits(STAND_IN):
        assert len(list(generator.render(source, motion, MotionMode("absolute")))) == 4


@pytest.mark.parametrize("name", list(MODES))
def test_a_portrait_and_a_clip_wait_once_however_long_the_clip(makers: dict[str, Make], name: str) -> None:
    generator = makers[name](device=STAND_IN, batch=BATCH)
    of_portrait, of_clip = DOWNLOADS[name]
    (portrait, *clip) = faces(4 * BATCH, generator.size)
    with no_waits(STAND_IN, downloads=of_portrait):
        generator.encode_source(portrait)
    for frames in (clip[:1], clip):
        with no_waits(STAND_IN, downloads=of_clip):
            generator.encode_motion(frames)


@pytest.mark.parametrize("name", list(MODES))
@pytest.mark.parametrize("way", ["item", "cpu", "mask"])
def test_a_wait_planted_in_the_loop_is_caught(
    makers: dict[str, Make], name: str, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    generator = makers[name](device=STAND_IN, batch=BATCH)
    source, motion = encoded(generator, frames=4)
    waits = {
        "item": lambda frames: frames * frames.max().item(),
        "cpu": lambda frames: frames.cpu(),
        "mask": lambda frames: frames[frames > 0],
    }
    batches = generator._batches

    def planted(*arguments: Any) -> Any:
        for frames in batches(*arguments):
            waits[way](frames)
            yield frames

    monkeypatch.setattr(generator, "_batches", planted)
    with pytest.raises((WaitError, RuntimeError, NotImplementedError)), no_waits(STAND_IN):
        list(generator.render(source, motion, MotionMode("absolute")))


def encoded(generator: Any, frames: int) -> tuple[Any, Any]:
    """A portrait and a clip; on the stand-in what they bring to the host is random."""
    portrait, *clip = faces(1 + frames, generator.size)
    if generator.device != STAND_IN:
        return generator.encode_source(portrait), generator.encode_motion(clip)
    of_portrait, of_clip = DOWNLOADS[generator.name]
    with no_waits(STAND_IN, downloads=of_portrait + of_clip):
        return generator.encode_source(portrait), generator.encode_motion(clip)
