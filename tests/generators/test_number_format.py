"""Choosing a network's number format by measuring it."""

from __future__ import annotations

import time

import numpy as np
import pytest

pytest.importorskip("torch")

from generators import create
from generators.face import Framing
from generators.number_format import FormatSpeeds, measure_formats
from tests.generators.noise import noise_file


class Sleeper:
    """A generator whose frames take a stated time, and whose first clip takes longer."""

    size, batch, framing = 32, 2, Framing(size=32)

    def __init__(self, seconds: float) -> None:
        self.seconds, self.calls = seconds, 0

    def encode_source(self, portrait):
        assert portrait.image.shape == (32, 32, 3)

    def encode_motion(self, driving):
        return len(list(driving))

    def render(self, source, motion, mode):
        self.calls += 1
        for _ in range(motion):
            time.sleep(self.seconds + (0.2 if self.calls == 1 else 0))
            yield np.zeros((32, 32, 3), np.float32)


@pytest.mark.parametrize(("slow", "faster"), [("float32", "bfloat16"), ("bfloat16", "float32")])
def test_the_faster_format_is_found_whatever_warming_up_took(slow, faster):
    made = {}

    def build(dtype):
        made[dtype] = Sleeper(0.3 if dtype == slow else 0.001)
        return made[dtype]

    speeds = measure_formats(build)
    assert speeds.faster == faster
    assert set(made) == {"float32", "bfloat16"}
    # So clear a difference needs no further turns.
    assert made["float32"].calls == made["bfloat16"].calls == 2


def test_a_gain_too_small_for_its_rounding_leaves_float32():
    assert FormatSpeeds(float32=1.05, bfloat16=1.0).faster == "float32"
    assert FormatSpeeds(float32=1.2, bfloat16=1.0).faster == "bfloat16"
    assert str(FormatSpeeds(float32=1.9, bfloat16=1.0)) == "bfloat16 is 1.9 times as fast as float32 here"
    assert str(FormatSpeeds(float32=1.0, bfloat16=3.5)) == "bfloat16 is 3.5 times slower than float32 here"


def test_a_network_is_measured_as_it_renders(tmp_path):
    file = noise_file("lia", tmp_path)
    speeds = measure_formats(lambda dtype: create("lia", weights=file, device="cpu", dtype=dtype))
    assert speeds.float32 > 0 < speeds.bfloat16
    assert speeds.faster in ("float32", "bfloat16")
