"""A generator as a recipe chose it, for tests that plan renderings and render none."""

from generators.face import Framing
from generators.generator import MotionMode
from nvfair_tools.render.choice import ChosenGenerator


def dense_warp() -> ChosenGenerator:
    """`warp-dense` with values written by hand, so that ids that are made of them stay the same."""
    return ChosenGenerator(
        label="warp-dense",
        name="warp-dense",
        family="warp",
        version="1",
        licence="Apache-2.0",
        fingerprint="fingerprint",
        framing=Framing(256),
        size=256,
        needs_image=False,
        mode=MotionMode("relative", "best", {}),
        motion_mode="relative(reference=best)",
        options={},
        splits=("train",),
        source_type="algorithmicMedia",
    )
