"""What LIA's published checkpoints hold, and a network filled from one."""

from __future__ import annotations

from pathlib import Path

import torch

from generators.checkpoint import Layout, load_strict, read_checkpoint, select
from generators.lia.network import Network

LICENCE = "CC-BY-NC-4.0"
MODULE = "gen"
LAYOUT = Layout(
    generator="lia",
    files=("vox.pt",),
    required={MODULE: Network},
    licence=LICENCE,
    source="https://github.com/wyhsirius/LIA",
)


def read_network(path: Path | str) -> Network:
    """The network of a checkpoint file, float32 on the CPU.

    Raises GeneratorError where the file is missing, damaged, or not of this network (naming every tensor at fault).
    """
    where = f"weights {path}"
    state = select(read_checkpoint(path), LAYOUT, where=where)[MODULE]
    with torch.device("meta"):
        network = Network()
    load_strict(network, state, where=f"{where}, module {MODULE!r}")
    return network.eval()
