"""The interface of a method: embeddings of windows, and a declaration of what it was trained on. Needs no torch.

    class MotionSize:
        name = "motion-size"
        declaration = Declaration.untrained()
        needs: Needs = "landmarks"
        time = None
        def embed(self, batch: WindowBatch) -> np.ndarray: ...

A method is named by an entry point (group `nvfair.methods`), by its dotted path (`package.module:attribute`), or by the
folder of a checkpoint (`benchmark.methods.candidates`). It need not be run here at all: a file of embeddings or scores
can be evaluated as well (`benchmark.methods.embedding_files`, `benchmark.methods.score_files`).

Legend: B windows a batch, W windows, T frames a window, L landmarks (126), D embedding size.
"""

from __future__ import annotations

from typing import Literal, Protocol, runtime_checkable

import numpy as np

from benchmark.methods.declaration import Declaration
from benchmark.protocols.schema import Time
from benchmark.windows.window_batch import WindowBatch

# What a batch must hold: the 126 landmarks; also MediaPipe's mesh, where the data set kept it; or the pictures.
# "features" are frame features of a published release, which no data set holds.
Needs = Literal["landmarks", "mesh", "frames", "features"]


@runtime_checkable
class Method(Protocol):
    """Anything that embeds windows.

    The benchmark L2-normalises embeddings before it compares them. A method that is quicker when it sees all windows at
    once may also have `embed_all(windows: WindowSet)`, which returns embeddings (W, D) and is called instead of
    `embed`.
    """

    @property
    def name(self) -> str:
        """The name in reports, unique among the methods that are evaluated together."""
        ...

    @property
    def declaration(self) -> Declaration:
        """The people and generators that the method has touched."""
        ...

    @property
    def needs(self) -> Needs:
        """What a batch must hold for this method."""
        ...

    @property
    def time(self) -> Time | None:
        """The only windows that the method takes; None for any windows."""
        ...

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """One embedding a window (B, D). Numbers that are not finite are refused, whatever their reason."""
        ...
