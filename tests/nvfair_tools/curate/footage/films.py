"""A film of several shots and people whose cuts are known, and recipes that cut it."""

from __future__ import annotations

from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import numpy as np
import yaml

from nvfair_tools.media import encode
from tests.nvfair_tools.clips import astronaut, hopper, moving_face

SIZE = 192
# Where each shot begins and ends: the astronaut, a picture without a face, the officer, the astronaut again.
SHOTS = ((0, 29), (30, 49), (50, 89), (90, 129))
FPS = 25


@lru_cache(maxsize=1)
def _frames() -> tuple[np.ndarray, ...]:
    ramp = np.linspace(0, 255, SIZE, dtype=np.uint8)
    landscape = np.ascontiguousarray(np.broadcast_to(ramp[:, None, None], (SIZE, SIZE, 3)))
    first, officer = moving_face(astronaut(), 70, SIZE), moving_face(hopper(), 40, SIZE)
    return (*first[:30], *[landscape] * 20, *officer, *first[30:])


def write_film(path: Path) -> Path:
    """The film, 130 frames at 25 frames a second."""
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(path, _frames(), Fraction(FPS))
    return path


def write_footage_recipe(
    folder: Path, rows: str, *, header: str = "path,identity,start,end", **changes: object
) -> Path:
    """A recipe in `folder` that cuts the footage which the CSV text `rows` lists."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "footage.csv").write_text(f"{header}\n{rows}")
    defaults = {"licence": "public domain", "consent": "not needed", "permitted_use": "research", "split": "train"}
    source = {"csv": "footage.csv", "footage": {"min_seconds": 0.8}, "defaults": defaults}
    recipe = {
        "name": "Small talk show",
        "output": "dataset",
        "sources": [source],
        "rights": {"render_if": ["research"]},
        "generators": [{"name": "warp-dense"}],
        "features": {"distances": "none"},
        "policy": {"min_frames": 8},
        "workers": 0,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe | changes, sort_keys=False))
    return folder / "recipe.yaml"
