"""The fast form does what the plain modules do."""

import pytest
import torch
import torch.nn.functional as F

from generators.lia.fast_decoder import FastDecoder
from generators.lia.fast_encoder import FastEncoder
from generators.lia.fast_layers import WIDE, FastConv, FastUpConv, HalvingBlock, ProductsConv, styled_convolution
from generators.lia.layers import ResidualBlock, StyledConv
from generators.lia.sampling import gather
from generators.lia.styles import Styles
from generators.table_sampling import table
from tests.generators.lia.networks import NARROW, pictures, seeded


@pytest.fixture(autouse=True)
def no_grad():
    with torch.inference_mode():
        yield


def close(ours: torch.Tensor, theirs: torch.Tensor, tolerance: float = 2e-5) -> None:
    torch.testing.assert_close(
        ours.float(), theirs.float(), rtol=0, atol=tolerance * max(1.0, float(theirs.abs().max()))
    )


def test_fast_encoder_equals_the_plain_one():
    network, images = seeded(), pictures(2)
    style, features = network.enc.net_app(images)
    fast_style, fast_code, fast_features = FastEncoder(network, torch.float32)(images)
    close(fast_style, style)
    close(fast_code, network.enc.fc(style))
    assert len(fast_features) == len(features)
    for ours, theirs in zip(fast_features, features, strict=True):
        close(ours, theirs)


def test_styles_are_each_layers_modulation_of_the_latent_vector_and_the_norm_of_its_weights():
    network = seeded()
    style = torch.randn(1, NARROW.style)
    motion = torch.randn(3, NARROW.motion)
    styles = Styles(network)
    scales, gains = styles(styles.of_source(style), motion)
    latent = style + network.dec.direction(motion)
    convs = [network.dec.conv1.conv, *(styled.conv for styled in network.dec.convs)]
    flows = [to_flow.conv for to_flow in network.dec.to_flows]
    assert len(scales) == len(convs) + len(flows)
    assert len(gains) == len(convs)
    for ours, conv in zip(scales, convs + flows, strict=True):
        close(ours, conv.modulation(latent))
    for ours, conv in zip(gains, convs, strict=True):
        weight = conv.scale * conv.weight * conv.modulation(latent)[:, None, :, None, None]
        close(ours, 2**0.5 / (weight.square().sum((2, 3, 4)) + 1e-8).sqrt())


@pytest.mark.parametrize("side", [2, 24], ids=["styled activations", "styled weights"])
@pytest.mark.parametrize("batch", [1, 3])
def test_fast_convolution_equals_per_sample_weights(side, batch):
    torch.manual_seed(side + batch)
    plain = StyledConv(6, 7, 5)
    torch.nn.init.normal_(plain.activate.bias)
    x, style = torch.randn(batch, 6, side, side), torch.randn(batch, 5)
    scale, gain = _scale_and_gain(plain, style)
    close(FastConv(plain, torch.float32)(x.clone(), scale, gain), plain(x, style))


@pytest.mark.parametrize("batch", [1, 2])
def test_a_wide_convolution_by_products_equals_per_sample_weights(batch):
    torch.manual_seed(batch)
    plain = StyledConv(WIDE, WIDE, 5)
    torch.nn.init.normal_(plain.activate.bias)
    x, style = torch.randn(batch, WIDE, 16, 20), torch.randn(batch, 5)
    made = styled_convolution(plain, torch.float32, 16)
    assert isinstance(made, ProductsConv)
    close(made(x.clone(), *_scale_and_gain(plain, style)), plain(x, style))


@pytest.mark.parametrize(
    ("channels", "side", "dtype"), [(WIDE, 8, "float32"), (64, 64, "float32"), (WIDE, 64, "bfloat16")]
)
def test_small_narrow_or_rounded_maps_are_convolved_directly(channels, side, dtype):
    assert isinstance(styled_convolution(StyledConv(channels, channels, 5), getattr(torch, dtype), side), FastConv)


def test_a_wide_encoder_block_by_products_equals_the_plain_one():
    torch.manual_seed(0)
    plain = ResidualBlock(WIDE, 24)
    for activation in (plain.conv1.act, plain.conv2.act):
        torch.nn.init.normal_(activation.bias)
    x = torch.randn(2, WIDE, 16, 16)
    made = HalvingBlock(plain, torch.float32, 16)
    assert made.products is not None
    close(made(x), plain(x))


@pytest.mark.parametrize("batch", [1, 3])
def test_four_phases_equal_transposed_convolution_and_blur(batch):
    torch.manual_seed(batch)
    plain = StyledConv(6, 7, 5, upsample=True)
    torch.nn.init.normal_(plain.activate.bias)
    x, style = torch.randn(batch, 6, 5, 9), torch.randn(batch, 5)
    scale, gain = _scale_and_gain(plain, style)
    close(FastUpConv(plain, torch.float32)(x, scale, gain), plain(x, style))


@pytest.mark.parametrize("strength", [0.01, 0.3, 5.0])
def test_gathered_rows_equal_grid_sample_times_mask_near_far_and_outside(strength):
    torch.manual_seed(0)
    flow_map = strength * torch.randn(2, 3, 9, 7)
    feature = torch.randn(1, 4, 9, 7)
    y, x = torch.meshgrid(torch.linspace(-1, 1, 9), torch.linspace(-1, 1, 7), indexing="ij")
    grid = torch.tanh(flow_map[:, :2]).permute(0, 2, 3, 1) + torch.stack((x, y), dim=-1)
    mask = torch.sigmoid(flow_map[:, 2:])
    expected = F.grid_sample(feature.expand(2, -1, -1, -1), grid, align_corners=False) * mask
    sample, keep = gather(flow_map)
    close(sample(table(feature)).view(2, 9, 7, 4).permute(0, 3, 1, 2), expected)
    close(keep.view(2, 1, 9, 7), 1.0 - mask)
    if strength == 5.0:
        assert (grid.abs() > 1.2).any()


@pytest.mark.parametrize("batch", [1, 3])
def test_fast_decoder_equals_the_plain_one_in_picture_flows_and_colours(batch):
    network = seeded()
    style, features = network.enc.net_app(pictures(1))
    motion = torch.randn(batch, NARROW.motion)
    expected = network.dec(
        style + network.dec.direction(motion), [feature.expand(batch, -1, -1, -1) for feature in features]
    )
    styles, decoder = Styles(network), FastDecoder(network, torch.float32)
    picture, flows, colours = decoder(*styles(styles.of_source(style), motion), decoder.surface(features))
    close(picture, expected[0], 1e-4)
    for ours, theirs in zip(flows + colours, expected[1] + expected[2], strict=True):
        close(ours, theirs, 1e-4)
    # The comparison would be empty if nothing moved or nothing were masked.
    assert flows[-1][:, :2].abs().max() > 0.05


def test_finest_features_are_not_kept_for_the_decoder():
    network = seeded()
    _, features = network.enc.net_app(pictures(1))
    surface = FastDecoder(network, torch.float32).surface(features)
    assert len(surface.features) == len(features) - 1
    assert [rows.shape[1] for rows in surface.colours] == [3] * len(features)


def test_bfloat16_changes_convolutions_only_and_pictures_little():
    network, images = seeded(), pictures(1)
    motion = torch.randn(2, NARROW.motion)
    pictures_of = {}
    for dtype in (torch.float32, torch.bfloat16):
        encoder, styles, decoder = FastEncoder(network, dtype), Styles(network), FastDecoder(network, dtype)
        style, code, features = encoder(images)
        surface = decoder.surface(features)
        picture, flows, _ = decoder(*styles(styles.of_source(style), motion), surface)
        assert features[0].dtype == dtype
        assert {t.dtype for t in (style, code, picture, *flows, *surface.features)} == {torch.float32}
        pictures_of[dtype] = picture
    difference = (pictures_of[torch.float32] - pictures_of[torch.bfloat16]).abs()
    # A network of noise: 0.013 to 0.016 deviations, by the processor. Two unrelated pictures lie about 1.1 apart.
    assert 0.0 < difference.mean() < 0.05 * pictures_of[torch.float32].std()


def _scale_and_gain(plain: StyledConv, style: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    scale = plain.conv.modulation(style)
    weight = plain.conv.scale * plain.conv.weight * scale[:, None, :, None, None]
    return scale, 2**0.5 * torch.rsqrt(weight.square().sum((2, 3, 4)) + 1e-8)
