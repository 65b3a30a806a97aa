"""Methods of a few lines, as somebody outside the project would write them."""

from __future__ import annotations

import numpy as np

from benchmark.methods.declaration import Declaration
from benchmark.methods.method import Needs
from benchmark.protocols.schema import Time
from benchmark.windows.window_batch import WindowBatch


class MotionSize:
    """How much each landmark moves."""

    name = "motion-size"
    declaration = Declaration.untrained()
    needs: Needs = "landmarks"
    time: Time | None = None

    def embed(self, batch: WindowBatch) -> np.ndarray:
        return batch.landmarks.std(axis=1).reshape(len(batch), -1)


class Secretive(MotionSize):
    """Does not say what it was trained on."""

    name = "secretive"
    declaration = Declaration.unknown()


class Broken(MotionSize):
    """Gives NaN for one window."""

    name = "broken"

    def embed(self, batch: WindowBatch) -> np.ndarray:
        result = super().embed(batch)
        result[0] = np.nan
        return result


class Pictures(MotionSize):
    """Looks at pixels."""

    name = "pictures"
    needs: Needs = "frames"

    def embed(self, batch: WindowBatch) -> np.ndarray:
        assert batch.frames is not None
        return batch.frames.reshape(len(batch), -1)[:, :64].astype(np.float32) + 1


class Mesh(Pictures):
    """Wants the mesh."""

    name = "mesh"
    needs: Needs = "mesh"


class Unfinished:
    """Lacks nearly everything."""

    name = "unfinished"
