"""The folded, rearranged networks equal the plain ones that the published files fill."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.appearance import VARIANTS, Variant
from generators.face_vid2vid.blocks import SpectralConv2d
from generators.face_vid2vid.dense_motion import DenseMotion, motion_features
from generators.face_vid2vid.fast_spade import Buffers, normalised
from generators.face_vid2vid.folding import fold
from generators.face_vid2vid.grid import heatmaps, volume_grid
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import AntiAlias, KeypointDetector, expectation
from generators.face_vid2vid.rendering import Renderer
from tests.generators.face_vid2vid.networks import SMALL, seeded


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)))


def portrait(batch: int = 1) -> Tensor:
    return torch.sigmoid(functional.interpolate(random(batch, 3, 8, 8), size=SMALL.image, mode="bicubic"))


def keypoints(batch: int, seed: int) -> Tensor:
    return 0.8 * torch.rand(batch, SMALL.keypoints, 3, generator=torch.Generator().manual_seed(seed)) - 0.4


@pytest.mark.parametrize(
    "network", [KeypointDetector(SMALL), KeypointDetector(SMALL, antialias=False), HeadPoseEstimator(SMALL)]
)
@torch.inference_mode()
def test_folding_keeps_what_a_network_computes_and_leaves_no_norm(network: nn.Module) -> None:
    seeded(network, 3).double()
    x = portrait().double()
    before = network(x)

    fold(network)

    assert not [module for module in network.modules() if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d))]
    torch.testing.assert_close(network(x), before, rtol=1e-9, atol=1e-9)


@torch.inference_mode()
def test_folding_a_spectral_norm_divides_by_the_largest_singular_value() -> None:
    holder = nn.Sequential(SpectralConv2d(6, 5, 3))
    with torch.no_grad():
        u, s, v = torch.linalg.svd(holder[0].weight_orig.flatten(1))
        holder[0].weight_u.copy_(u[:, 0])
        holder[0].weight_v.copy_(v[0])
    weight = holder[0].weight_orig.clone()

    fold(holder)

    assert isinstance(holder[0], nn.Conv2d)
    torch.testing.assert_close(holder[0].weight, weight / s[0])


@torch.inference_mode()
def test_only_the_norms_before_a_volumes_residuals_stay_unfolded() -> None:
    network = seeded(VARIANTS["spade"](SMALL), 5)

    fold(network)

    left = [name for name, module in network.named_modules() if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm3d))]
    assert left == [f"resblocks_3d.3dr{index}.norm1" for index in range(SMALL.residual_blocks)]


@pytest.mark.parametrize("variant", ["spade", "original"])
@pytest.mark.parametrize("products", [True, False], ids=["products", "direct"])
@torch.inference_mode()
def test_rendering_equals_the_plain_network(variant: Variant, products: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    plain = seeded(VARIANTS[variant](SMALL), 11)
    x, driving, source = portrait(), keypoints(2, 1), keypoints(1, 2)
    volume = plain.volume(x)
    squeezed = plain.dense_motion_network.squeezed(volume)
    warp = plain.dense_motion_network(squeezed.expand(2, -1, -1, -1, -1), driving, source.expand(2, -1, -1))
    expected = torch.cat([plain(x, driving[i : i + 1], source) for i in range(2)])
    if not products:
        # As on a GPU, where the library's own convolutions are used.
        monkeypatch.setattr("generators.face_vid2vid.rendering.on_card", lambda device: True)
    fast = Renderer(plain, torch.float32, torch.device("cpu"))

    appearance = fast.appearance(x, source)
    got = fast.warp(appearance, driving, Buffers())
    pictures = fast.pictures(appearance, driving, Buffers())

    assert fast.products is products
    assert float(warp.occlusion.std()) > 0.01
    assert float(expected.std()) > 0.01
    torch.testing.assert_close(got.mask, warp.mask, rtol=0, atol=2e-5)
    torch.testing.assert_close(got.deformation, warp.deformation, rtol=0, atol=2e-5)
    torch.testing.assert_close(got.occlusion, warp.occlusion, rtol=0, atol=2e-5)
    torch.testing.assert_close(pictures, expected, rtol=0, atol=2e-4)
    assert float((pictures - expected).abs().mean()) < 1e-5


@torch.inference_mode()
def test_a_second_frame_finds_nothing_of_the_first_in_the_buffers() -> None:
    fast = Renderer(seeded(VARIANTS["spade"](SMALL), 13), torch.float32, torch.device("cpu"))
    appearance = fast.appearance(portrait(), keypoints(1, 2))
    buffers = Buffers()
    first = fast.pictures(appearance, keypoints(1, 3), buffers).clone()

    fast.pictures(appearance, keypoints(1, 4), buffers)
    again = fast.pictures(appearance, keypoints(1, 3), buffers)

    torch.testing.assert_close(again, first, rtol=0, atol=0)


@torch.inference_mode()
def test_bfloat16_convolutions_stay_near_float32() -> None:
    errors = []
    for seed in (17, 18, 19):
        pictures = []
        for kind in (torch.float32, torch.bfloat16):
            fast = Renderer(seeded(VARIANTS["spade"](SMALL), seed), kind, torch.device("cpu"))
            appearance = fast.appearance(portrait(), keypoints(1, 2))
            assert appearance.volume.dtype == torch.float32
            assert fast.warp(appearance, keypoints(1, 3), Buffers()).deformation.dtype == torch.float32
            pictures.append(fast.pictures(appearance, keypoints(1, 3), Buffers()))
        assert pictures[1].dtype == torch.float32
        errors.append(float((pictures[0] - pictures[1]).abs().mean() / pictures[0].std()))

    # Networks of noise enlarge a rounding, and each processor rounds elsewhere: 0.03 to 0.12 deviations were seen.
    # Two unrelated pictures lie about 1.1 apart.
    assert 0 < sum(errors) / len(errors) < 0.2


@torch.inference_mode()
def test_a_translated_copy_is_what_each_motion_candidate_sees() -> None:
    depth, side, channels = 4, 8, 2
    squeezed, heat = random(1, channels, depth, side, side), torch.zeros(1, 1, depth, side, side)
    # To the sampler a voxel is 2 / side wide, and a corner-aligned grid is stretched by side / (side - 1).
    shifts = torch.tensor([[[0.0, 0.0, 0.0], [2 / side, 0.0, 0.0]]])

    features = motion_features(squeezed, shifts, heat).view(1, 2, 1 + channels, depth, side, side)

    for x in range(side):
        for motion, moved in ((0, 0), (1, 1)):
            at = x * side / (side - 1) - 0.5 + moved
            low = int(torch.tensor(at).floor())
            share = at - low
            values = [
                squeezed[0, :, :, :, i] if 0 <= i < side else torch.zeros(channels, depth, side) for i in (low, low + 1)
            ]
            along_x = (1 - share) * values[0] + share * values[1]
            # y and z are not shifted, but stretched by the same mismatch of conventions.
            expected = _stretched(along_x, depth, side)
            torch.testing.assert_close(features[0, motion, 1:, :, :, x], expected, rtol=0, atol=1e-5)


def _stretched(plane: Tensor, depth: int, side: int) -> Tensor:
    """(C, D, H) sampled at corner-aligned places read as pixel-edge ones, zero outside, in D and H."""
    for axis, size in ((1, depth), (2, side)):
        at = torch.arange(size) * size / (size - 1) - 0.5
        weight = (1 - (at[:, None] - torch.arange(size)[None]).abs()).clamp(min=0)
        plane = torch.tensordot(plane, weight, dims=([axis], [1])).movedim(-1, axis)
    return plane


def test_a_heatmap_is_a_gaussian_around_its_keypoint() -> None:
    points = torch.tensor([[[0.2, -0.3, 0.1], [-0.9, 0.9, 0.5]]])

    maps = heatmaps(points, 4, 6)

    distance = (volume_grid(4, 6)[None, None] - points[:, :, None, None, None]).square().sum(-1)
    expected = torch.exp(-0.5 * distance / 0.01)
    torch.testing.assert_close(maps, expected, rtol=1e-4, atol=1e-12)
    assert not ((maps > 0) & (maps < 1e-30)).any(), "denormal tails make convolutions slow"


def test_the_expected_keypoint_of_a_sharp_peak_is_its_voxel() -> None:
    logits = torch.zeros(1, 1, 4, 6, 8)
    logits[0, 0, 3, 1, 5] = 10.0

    torch.testing.assert_close(expectation(logits), torch.tensor([[[2 * 5 / 7 - 1, 2 / 5 - 1, 1.0]]]))


def test_the_anti_aliasing_kernel_is_the_published_gaussian() -> None:
    weight = AntiAlias(3).weight

    line = torch.exp(-((torch.arange(13.0) - 6) ** 2) / (2 * 1.5**2))
    expected = torch.outer(line, line) / line.sum() ** 2
    assert weight.shape == (3, 1, 13, 13)
    torch.testing.assert_close(weight[1, 0], expected)


def test_dense_motion_without_a_difference_between_faces_moves_nothing() -> None:
    motion = seeded(DenseMotion(SMALL), 19)
    same = keypoints(1, 5)

    warp = motion(random(1, SMALL.squeeze, SMALL.depth, 32, 32), same, same)

    torch.testing.assert_close(warp.deformation[0], volume_grid(SMALL.depth, 32))


@pytest.mark.parametrize("kind", [torch.float32, torch.bfloat16])
def test_normalised_maps_have_mean_0_and_variance_1(kind: torch.dtype) -> None:
    x = (5 + 3 * random(2, 16, 16, 7)).to(kind)

    y = normalised(x)

    assert y.dtype == kind
    expected = functional.instance_norm(x.float().permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    torch.testing.assert_close(y.float(), expected, rtol=1e-2 if kind == torch.bfloat16 else 1e-5, atol=1e-2)
