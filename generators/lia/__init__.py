"""LIA (Latent Image Animator, Wang et al., ICLR 2022), 256 x 256: our own inference for the authors' published weights.

The weights are the authors', CC BY-NC 4.0, and are never downloaded or shipped.
"""

from __future__ import annotations

from pathlib import Path

from generators.checkpoint import file_sha256
from generators.device import resolve
from generators.errors import GeneratorError
from generators.lia.generator import Lia, Motion, Source
from generators.lia.weights import LAYOUT, read_network

__all__ = ["LAYOUT", "Lia", "Motion", "Source", "create"]


def create(
    weights: Path | str | None = None,
    device: str = "auto",
    dtype: str = "float32",
    batch: int | None = None,
    compile: bool = False,
) -> Lia:
    """LIA with the weights of a checkpoint file.

    weights: path of the authors' file (`vox.pt`) or of one of ours (safetensors, keys "gen/<tensor>"). device, dtype:
    see `generators.device.resolve`; with "bfloat16" only the convolutions change. batch: frames a call (default 1 on a
    CPU, 8 on a GPU). compile: `torch.compile` the decoder (minutes at first use).
    Raises GeneratorError for missing or unfit weights and for a device, dtype or batch that cannot be.
    """
    where, precision = resolve(device, dtype)
    if weights is None:
        raise GeneratorError(
            f"lia needs weights: give the path of {' or '.join(LAYOUT.files)}, from {LAYOUT.source} ({LAYOUT.licence})"
        )
    path = Path(weights)
    network = read_network(path)
    return Lia(network, weights_sha256=file_sha256(path), device=where, dtype=precision, batch=batch, compile=compile)
