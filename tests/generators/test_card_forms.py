"""The forms that networks take on a GPU give, on a CPU, what the plain ones give there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from generators import MotionMode
from generators.lia.card_layers import CardConv, CardHalvingBlock, CardUpConv, doubled
from generators.lia.fir import Upsample
from generators.lia.layers import ResidualBlock, StyledConv
from generators.moments import affine, scaled, standardising
from generators.table_sampling import bilinear, table
from tests.performance.gpu.goldens import GOLDENS, of_generator
from tests.performance.gpu.networks import Networks, faces
from tests.performance.gpu.sizes import SMALL

PLACES = ("lia.generator", "tps.generator", "face_vid2vid.generator", "face_vid2vid.rendering")
MARGIN = {"lia": 2e-5, "tps": 2e-4, "face-vid2vid": 2e-4}


@pytest.fixture
def as_on_a_card(monkeypatch: pytest.MonkeyPatch) -> None:
    """Networks are built as for a GPU."""
    for place in PLACES:
        monkeypatch.setattr(f"generators.{place}.on_card", lambda device: True)


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def channels_last(*shape: int) -> torch.Tensor:
    return torch.randn(*shape).contiguous(memory_format=torch.channels_last)


def frames(networks: Networks, batch: int) -> np.ndarray:
    """Two or three frames, so many a call."""
    generator = networks.create("cpu", torch.float32, batch)
    portrait, *clip = faces(3 if networks.name == "tps" else 4, generator.size, 1)
    source, motion = generator.encode_source(portrait), generator.encode_motion(clip)
    return np.stack(list(generator.render(source, motion, MotionMode("relative"))))


# Small networks of the published structure; TPS has one size, and its golden frame below is one a call.
@pytest.mark.parametrize(("name", "batches"), [("lia", (1, 2)), ("tps", (2,)), ("face-vid2vid", (1, 2))])
def test_frames_are_those_of_the_cpus_form_one_by_one_and_in_batches(
    name: str, batches: tuple[int, ...], request: pytest.FixtureRequest
) -> None:
    networks = Networks(name, narrow=True)
    plain = frames(networks, 1)
    assert plain.std() > 0.01
    request.getfixturevalue("as_on_a_card")
    for batch in batches:
        np.testing.assert_allclose(frames(networks, batch), plain, rtol=0, atol=MARGIN[name])


@pytest.mark.parametrize("name", ["lia", "tps"])
def test_the_published_codes_frames_come_out(name: str, shared: Path, as_on_a_card: None) -> None:
    lines = list(of_generator(name, shared / "generators", "cpu", SMALL))
    assert [line["state"] for line in lines] == ["passed"], lines
    assert lines[0]["marks"] == list(GOLDENS[name].marks["float32"])


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float32, 2e-6), (torch.bfloat16, 0.03)], ids=str)
@pytest.mark.parametrize("offset", [0.0, 8.0])
def test_standardised_maps_are_those_of_the_instance_norm(dtype: torch.dtype, bound: float, offset: float) -> None:
    x = (3 * channels_last(2, 5, 12, 10) + offset).to(dtype)
    ours = affine(x, *standardising(x, (2, 3), 1e-5), out=torch.empty_like(x))
    assert ours.is_contiguous(memory_format=torch.channels_last)
    assert ours.dtype == dtype
    # A rounded map differs from its neighbours in steps of its own size: offset / 256.
    assert (ours.float() - F.instance_norm(x.float(), eps=1e-5)).abs().max() < bound * (1 + offset / 3)


def test_a_scaled_map_is_rounded_once() -> None:
    x, scale = channels_last(2, 5, 4, 4), torch.rand(2, 5, 1, 1)
    ours = scaled(x, scale, torch.bfloat16)
    torch.testing.assert_close(ours, (x * scale).to(torch.bfloat16), rtol=0, atol=0)
    assert ours.is_contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("reach", [0.9, 3.0])
def test_rows_of_a_table_are_summed_as_a_grid_samples(reach: float) -> None:
    feature, grid, shares = torch.randn(1, 4, 9, 9), reach * (2 * torch.rand(2, 9, 9, 2) - 1), torch.rand(2, 9, 9)
    expected = F.grid_sample(feature.expand(2, -1, -1, -1), grid, align_corners=True) * shares[:, None]
    ours = bilinear((grid + 1) * 4, 9, shares)(table(feature)).view(2, 9, 9, 4).permute(0, 3, 1, 2)
    torch.testing.assert_close(ours, expected, rtol=0, atol=2e-6)


def test_positions_that_are_no_numbers_stay_inside_the_table() -> None:
    positions = torch.full((1, 3, 3, 2), float("nan"))
    sample = bilinear(positions, 3, torch.ones(1, 3, 3))
    assert 0 <= sample.rows.min() <= sample.rows.max() < 9


@pytest.mark.parametrize("batch", [1, 3])
@pytest.mark.parametrize("upsample", [False, True])
def test_styled_convolutions_equal_per_sample_weights(batch: int, upsample: bool) -> None:
    plain = StyledConv(6, 7, 5, upsample=upsample)
    torch.nn.init.normal_(plain.activate.bias)
    x, style = channels_last(batch, 6, 5, 9), torch.randn(batch, 5)
    scale = plain.conv.modulation(style)
    weight = plain.conv.scale * plain.conv.weight * scale[:, None, :, None, None]
    gain = 2**0.5 * torch.rsqrt(weight.square().sum((2, 3, 4)) + 1e-8)
    with torch.inference_mode():
        ours = (CardUpConv if upsample else CardConv)(plain, torch.float32)(x, scale, gain)
        torch.testing.assert_close(ours, plain(x, style), rtol=0, atol=2e-5)
    assert ours.is_contiguous(memory_format=torch.channels_last)


def test_a_halving_blocks_blurs_are_means_of_neighbours() -> None:
    plain = ResidualBlock(6, 7)
    x = channels_last(2, 6, 16, 12)
    with torch.inference_mode():
        torch.testing.assert_close(CardHalvingBlock(plain, torch.float32)(x), plain(x), rtol=0, atol=1e-5)


def test_the_filters_doubling_is_an_interpolation_with_zeros_around() -> None:
    small = torch.randn(2, 3, 5, 7)
    torch.testing.assert_close(doubled(small), Upsample()(small), rtol=0, atol=1e-6)
