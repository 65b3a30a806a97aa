"""The published files' tensors, by the counts and names that their manifest gives."""

from __future__ import annotations

import json
import math

import pytest

from generators.tps.layout import LAYOUT

# Tensors and elements of the published modules.
COUNTS = {
    "inpainting_network": 78,
    "kp_detector": 122,
    "dense_motion_network": 59,
    "avd_network": 69,
    "bg_predictor": 122,
}
ELEMENTS = 87_709_650


@pytest.mark.parametrize("module", COUNTS)
def test_each_module_has_as_many_tensors_as_the_published_one(module):
    assert len(LAYOUT.expected(module)) == COUNTS[module]


def test_all_modules_together_have_as_many_elements_as_the_published_ones():
    shapes = [shape for module in COUNTS for shape in LAYOUT.expected(module).values()]
    assert sum(math.prod(shape) for shape in shapes) == ELEMENTS


def test_names_and_shapes_are_the_manifests(shared):
    manifest = json.loads((shared / "generators" / "tps_manifest.json").read_text())
    for module, tensors in manifest["modules"].items():
        assert LAYOUT.expected(module) == {tensor["name"]: tuple(tensor["shape"]) for tensor in tensors}
