"""The modules of LIA's published checkpoints, and the network filled from one."""

from __future__ import annotations

from dataclasses import replace

from generators.checkpoint import Checkpoint, Layout, filled, select
from generators.lia.network import Architecture, Network

MODULE = "gen"
LAYOUT = Layout(
    generator="lia",
    files=("vox.pt",),
    required={MODULE: Network},
    licence="CC-BY-NC-4.0",
    source="https://github.com/wyhsirius/LIA",
)


def read_network(checkpoint: Checkpoint, *, where: str, shape: Architecture | None = None) -> Network:
    """The network that a checkpoint holds, float32 on the CPU; of the published shape where none is given.

    Raises GeneratorError, opened by `where`, if it is not of this network (naming every tensor at fault).
    """
    expected = LAYOUT if shape is None else replace(LAYOUT, required={MODULE: lambda: Network(shape)})
    state = select(checkpoint, expected, where=where)[MODULE]
    return filled(lambda: Network(shape), state, where=f"{where}, module {MODULE!r}")
