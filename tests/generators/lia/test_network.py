"""The published layout: names, shapes, the dictionary's sign convention, and what is carried but never used."""

import json

import numpy as np
import torch
from scipy import linalg

from generators.lia.layout import LAYOUT
from generators.lia.network import Architecture, Network
from tests.generators.lia.networks import NARROW, pictures, seeded


def test_state_names_and_shapes_are_those_of_the_published_file(shared):
    manifest = json.loads((shared / "generators" / "lia_manifest.json").read_text())["modules"]
    published = {tensor["name"]: tuple(tensor["shape"]) for tensor in manifest["gen"]}
    assert LAYOUT.expected("gen") == published


def test_published_network_has_its_185_tensors_and_45_million_elements():
    expected = LAYOUT.expected("gen")
    assert len(expected) == 185
    assert sum(int(np.prod(shape)) for shape in expected.values()) == 45_116_797


def test_channels_halve_above_32_pixels():
    published = Architecture()
    assert [published.channels(side) for side in (4, 8, 16, 32, 64, 128, 256)] == [512, 512, 512, 512, 256, 128, 64]
    assert published.resolutions == (8, 16, 32, 64, 128, 256)


def test_dictionary_is_orthonormal_with_lapacks_own_signs():
    direction = seeded().dec.direction
    basis = direction.basis().numpy()
    expected, _ = linalg.qr(direction.weight.detach().numpy().astype(np.float64) + 1e-8, mode="economic")
    np.testing.assert_allclose(basis.T @ basis, np.eye(NARROW.motion), atol=1e-5)
    np.testing.assert_allclose(basis, expected, atol=1e-5)
    # The convention is not "positive diagonal of R": fixing signs would turn some directions round.
    assert (np.diag(basis.T @ direction.weight.detach().numpy()) < 0).any()


def test_unused_tensors_do_not_change_the_picture():
    network, image = seeded(), pictures(1)
    latent, features = network.enc.net_app(image)
    before = network.dec(latent, features)[0]
    for name, parameter in network.named_parameters():
        if "to_rgb1" in name or "noise" in name:
            parameter.data.add_(3.0)
    torch.testing.assert_close(network.dec(latent, features)[0], before, rtol=0, atol=0)


def test_encoder_hands_over_features_coarse_to_fine_without_the_4_pixel_ones():
    style, features = seeded().enc.net_app(pictures(2))
    assert style.shape == (2, NARROW.style)
    assert [tuple(feature.shape[1:]) for feature in features] == [
        (NARROW.channels(side), side, side) for side in NARROW.resolutions
    ]


def test_network_can_be_laid_out_without_memory():
    with torch.device("meta"):
        assert all(tensor.is_meta for tensor in Network().state_dict().values())
