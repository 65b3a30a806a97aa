"""AVAPrintDB's published attention networks, and the frame features that they read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.methods.avaprintdb.attention_network import FEATURE_SIZES, AttentionNetwork
from benchmark.methods.avaprintdb.published_archive import read_archive, read_training_state
from benchmark.methods.declaration import Declaration
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.landmarks.avaprintdb_files import FrameSequence, SampleFiles

_NETWORK = "a published attention network of AVAPrintDB"


@dataclass(frozen=True)
class AttentionMethod:
    """A published attention network with what is known of it.

    features: "clip" or "dino". source: name of its file. device: where it embeds.
    """

    name: str
    features: str
    network: AttentionNetwork
    declaration: Declaration
    source: str
    device: str = "cpu"


def import_published_attention(path: str | Path, features: str) -> AttentionMethod:
    """The network of a published file that reads these features; nothing is declared of its training.

    Raises NvfairError where it is no such file, and Problems that list every tensor that is missing, not expected, of
    another shape or type, or not finite.
    """
    path = Path(path)
    weights = read_training_state(path, _NETWORK)["model_state_dict"]
    network = AttentionNetwork(_feature_size(features))
    expected = network.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in weights]
    problems += [f"{name} is not expected" for name in weights if name not in expected]
    for name in expected.keys() & weights.keys():
        tensor, shape = weights[name], tuple(expected[name].shape)
        if not isinstance(tensor, Tensor):
            problems.append(f"{name} is no tensor")
        elif tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            problems.append(f"{name} is {tensor.dtype} {tuple(tensor.shape)}, expected float32 {shape}")
        elif not torch.isfinite(tensor).all():
            problems.append(f"{name} holds numbers that are not finite")
    if problems:
        raise Problems(path, sorted(problems), remedy=f"name a file of the network that reads {features} features")
    network.load_state_dict(weights)
    return AttentionMethod(path.stem, features, network.eval(), Declaration.unknown(), path.name)


class FeatureFiles(SampleFiles):
    """Files of frame features below a folder, such as `embeddings/CLIPFeats`: tensors (T, C)."""

    suffix = ".pt"

    def __init__(self, root: str | Path, features: str) -> None:
        """Raises NvfairError for unknown features, and as SampleFiles does. features: "clip" or "dino"."""
        self.size = _feature_size(features)
        super().__init__(root)

    def read(self, stem: str) -> FrameSequence:
        """The features of one video; frames with a number that is not finite are left out and counted."""
        path, expected = self[stem], f"a tensor of floats (frames, {self.size})"
        content = read_archive(path, expected)
        if not isinstance(content, Tensor) or not content.is_floating_point() or content.shape[1:] != (self.size,):
            what = f"{content.dtype} {tuple(content.shape)}" if isinstance(content, Tensor) else "no tensor"
            raise NvfairError(f"it holds {what}", where=path, expected=expected)
        values = content.float().numpy()
        finite = np.isfinite(values).all(axis=1)
        return FrameSequence(values[finite], int(np.count_nonzero(~finite)))


def _feature_size(features: str) -> int:
    if features not in FEATURE_SIZES:
        raise NvfairError(f"features {features!r} are unknown", expected=f"one of {', '.join(FEATURE_SIZES)}")
    return FEATURE_SIZES[features]
