"""What the benchmark asks of a method: embeddings of windows, and a declaration of what it was trained on.

    class Mine:
        name = "mine"
        declaration = Declaration.unknown()
        needs: Needs = "landmarks"
        time = None
        def embed(self, batch: WindowBatch) -> np.ndarray: ...

A method is found by entry point (group `nvfair.methods`), by dotted path (`package.module:attribute`), as a checkpoint
folder, or is not run at all: a file of embeddings does as well (`benchmark.methods.embedding_files`). Needs no torch.

Legend: B windows a batch, T frames a window, L landmarks (126), D embedding size.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np

from benchmark.methods.declaration import Declaration
from benchmark.protocols.schema import Time
from benchmark.windows.window_batch import WindowBatch

# What a batch must hold: the 126 landmarks; also MediaPipe's mesh, where the data set kept it; or the pictures.
Needs = Literal["landmarks", "mesh", "frames"]


@runtime_checkable
class Method(Protocol):
    """Anything that embeds windows.

    time: the only windows it takes, None for any. The benchmark L2-normalises embeddings before it compares them. A
    method that is quicker when it sees all windows at once may also have `embed_all(windows: WindowSet) -> (W, D)`;
    then that is called instead.
    """

    @property
    def name(self) -> str:
        """Shown in reports, and unique among those evaluated together."""
        ...

    @property
    def declaration(self) -> Declaration:
        """What it was trained on."""
        ...

    @property
    def needs(self) -> Needs:
        """What a batch must hold."""
        ...

    @property
    def time(self) -> Time | None:
        """Windows it takes."""
        ...

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """One embedding a window (B, D); NaN is refused, whatever its reason."""
        ...
