"""The attention network gives what the published code gives, and its parts do what their formulas say."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.methods.avaprintdb.attention_network import FEATURE_SIZES, AttentionNetwork, AttentionShape
from benchmark.training.avaprintdb.hardest_pair_loss import anchor_distances, hardest_pair_loss
from nvfair_tools.errors import NvfairError


def golden_network(shared: Path, kind: str) -> AttentionNetwork:
    """The network with the weights that the manifest's rule gives; names and shapes must be the manifest's."""
    manifest = json.loads((shared / "methods" / "avaprint_attention_manifest.json").read_text())
    tensors = manifest["modules"][f"avaprint_attention_{kind}"]
    weights = {}
    for tensor in tensors:
        random = np.random.RandomState(zlib.crc32(tensor["full_name"].encode())).standard_normal(tensor["shape"])
        rule = tensor["init"]
        weights[tensor["name"]] = torch.from_numpy((rule["offset"] + rule["scale"] * random).astype(np.float32))
    network = AttentionNetwork(AttentionShape(FEATURE_SIZES[kind])).eval()
    network.load_state_dict(weights)
    assert sum(parameter.numel() for parameter in network.parameters()) == manifest["total_elements"][kind]
    return network


@pytest.mark.parametrize("kind", ["clip", "dino"])
def test_every_stage_is_the_published_codes(shared: Path, kind: str) -> None:
    golden = np.load(shared / "methods" / "avaprint_attention_golden.npz")
    network = golden_network(shared, kind)
    features = torch.from_numpy(golden[f"{kind}_features_float16"].astype(np.float32))
    with torch.inference_mode():
        output, unit = network.attend(features), network.pool(network(features)[0])
        counts = torch.arange(60) < 45
        masked = network.attend(features[1:], counts[None]).embedding[0]
    for name, values in (
        ("scores", output.scores),
        ("attention", output.attention),
        ("pooled", output.pooled),
        ("embedding_raw", output.embedding),
    ):
        np.testing.assert_allclose(values.numpy(), golden[f"{kind}_{name}"], rtol=0, atol=1e-4, err_msg=name)
    np.testing.assert_allclose(unit.numpy(), golden[f"{kind}_embedding"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(masked.numpy(), golden[f"{kind}_embedding_raw_masked_clip1_first45"], rtol=0, atol=1e-4)


@pytest.mark.parametrize("kind", ["clip", "dino"])
def test_distances_loss_and_gradient_are_the_published_codes(shared: Path, kind: str) -> None:
    golden = np.load(shared / "methods" / "avaprint_attention_golden.npz")
    network = golden_network(shared, kind)
    features = torch.from_numpy(golden[f"{kind}_triplet_features_float16"].astype(np.float32))
    embeddings = network.attend(features.flatten(0, 1)).embedding.reshape(3, 9, 16)
    positive = anchor_distances(embeddings[:, 0], embeddings[:, 1:5])
    negative = anchor_distances(embeddings[:, 0], embeddings[:, 5:])
    loss = hardest_pair_loss(positive, negative)
    loss.backward()
    for name, values in (("positive", positive), ("negative", negative)):
        np.testing.assert_allclose(values.detach().numpy().T, golden[f"{kind}_distances_{name}"], rtol=0, atol=1e-5)
    assert float(loss.detach()) == pytest.approx(float(golden[f"{kind}_loss_margin_0.3"]), abs=1e-5)
    gradient = dict(network.named_parameters())["projection.3.weight"].grad
    expected = golden[f"{kind}_loss_grad_projection_3_weight"]
    assert gradient is not None
    np.testing.assert_allclose(gradient.numpy(), expected, rtol=0, atol=5e-3 * np.abs(expected).max())


def test_the_formulas_in_plain_loops() -> None:
    torch.manual_seed(0)
    network = AttentionNetwork(AttentionShape(6)).eval()
    with torch.no_grad():
        network.temporal_pooling.pos_embed.mul_(20)
    features = torch.randn(2, 5, 6)
    scorer = list(network.temporal_pooling.score_mlp)
    expected = []
    with torch.no_grad():
        for window in features:
            moved = [frame + network.temporal_pooling.pos_embed[0, t] for t, frame in enumerate(window)]
            plain = [(x - x.mean()) / (x.var(unbiased=False) + 1e-5).sqrt() for x in moved]
            scores = torch.stack([scorer[3](torch.nn.functional.gelu(scorer[0](x))) for x in plain])
            heads = []
            for head in range(2):
                weights = scores[:, head].exp() / scores[:, head].exp().sum()
                heads.append(sum(w * x for w, x in zip(weights, plain, strict=True)))
            expected.append(sum(heads) / 2)
        torch.testing.assert_close(network.attend(features).pooled, torch.stack(expected), atol=1e-5, rtol=1e-4)
        swapped = network.attend(features.flip(1)).embedding
        assert not torch.allclose(swapped, network.attend(features).embedding, atol=1e-4), "positions make order count"


def test_frames_that_do_not_count_change_nothing() -> None:
    torch.manual_seed(1)
    network = AttentionNetwork(AttentionShape(6)).eval()
    features = torch.randn(1, 9, 6)
    mask = torch.arange(9)[None] < 5
    with torch.inference_mode():
        torch.testing.assert_close(network.attend(features, mask).embedding, network.attend(features[:, :5]).embedding)
        torch.testing.assert_close(network.pool(network(features)[0]).norm(dim=1), torch.ones(1))


def test_a_loss_by_hand() -> None:
    positive, negative = torch.tensor([[0.5, 0.9]]), torch.tensor([[0.6, 1.3]])
    # Pairs: 0.5-0.6+0.3 = 0.2, 0.5-1.3+0.3 < 0, 0.9-0.6+0.3 = 0.6, 0.9-1.3+0.3 < 0: mean 0.2. The hardest is 0.6.
    assert float(hardest_pair_loss(positive, negative)) == pytest.approx(0.7 * 0.2 + 0.3 * 0.6)


def test_windows_of_more_frames_than_positions_are_refused() -> None:
    with pytest.raises(NvfairError, match=r"513 frames(.|\n)*at most 512"):
        AttentionNetwork(AttentionShape(4))(torch.zeros(1, 513, 4))
