"""AVAPrintDB's published attention networks, and the frame features that they read."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from benchmark.methods.avaprintdb.attention_network import AttentionNetwork, AttentionShape, feature_size
from benchmark.methods.avaprintdb.published_archive import read_archive, read_training_state
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.avaprintdb_files import FrameSequence, SampleFiles

_NETWORK = "a published attention network of AVAPrintDB"


def import_published_attention(
    path: str | Path, features: str, declaration: Declaration | None = None, name: str | None = None
) -> Checkpoint:
    """A checkpoint of a published file of the network that reads these features ("clip" or "dino").

    declaration: what its authors say of its training (default: nothing). name: of the method in reports (default: the
    name of the file). Raises NvfairError where it is no such file, and Problems that list every tensor that is missing,
    not expected, of another shape or type, or not finite.
    """
    path = Path(path)
    network = AttentionNetwork(AttentionShape(feature_size(features)))
    weights = read_training_state(path, _NETWORK)["model_state_dict"]
    expected = network.state_dict()
    problems = [f"{name} is missing" for name in expected if name not in weights]
    problems += [f"{name} is not expected" for name in weights if name not in expected]
    for tensor_name in expected.keys() & weights.keys():
        tensor, shape = weights[tensor_name], tuple(expected[tensor_name].shape)
        if not isinstance(tensor, Tensor):
            problems.append(f"{tensor_name} is no tensor")
        elif tuple(tensor.shape) != shape or tensor.dtype != torch.float32:
            problems.append(f"{tensor_name} is {tensor.dtype} {tuple(tensor.shape)}, expected float32 {shape}")
        elif not torch.isfinite(tensor).all():
            problems.append(f"{tensor_name} holds numbers that are not finite")
    if problems:
        raise Problems(path, sorted(problems), remedy=f"name a file of the network that reads {features} features")
    network.load_state_dict(weights)
    return Checkpoint(
        name=name or path.stem,
        network=network.eval(),
        declaration=declaration or Declaration.unknown(),
        protocol=None,
        feature=network.describe_input(),
        selection={"metric": "its authors' choice", "step": None, "steps_run": None, "validation_auc": None},
        options={"imported_from": path.name, "imported_sha256": sha256_of(path)},
    )


class FeatureFiles(SampleFiles):
    """Files of frame features below a folder, such as `embeddings/CLIPFeats`: tensors (T, C)."""

    suffix = ".pt"

    def __init__(self, root: str | Path, features: str) -> None:
        """Raises NvfairError for unknown features, and as SampleFiles does. features: "clip" or "dino"."""
        self.size = feature_size(features)
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
