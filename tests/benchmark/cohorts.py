"""Windows of people who differ in one stated thing and in nothing else, made without a data set on disk."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.windows.window_set import WindowSet
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.base_mesh import base_mesh

FRAMES = 60


def cohort(
    differ: str,
    people: int = 6,
    clips: int = 4,
    seed: int = 0,
    split: str = "test",
    generators: tuple[str, ...] = ("g",),
) -> WindowSet:
    """Every person on every face, `clips` clips each, by every generator; one window a video.

    differ: "roll" (how strongly a driver rolls the head), "length" (how long a driver's clips are), "shape" (a driver's
    own face shows through), "cross" (a face that is driven by somebody else is wider), "nothing".
    """
    rng = np.random.default_rng(seed)
    face = base_mesh()[SCHEME_126.indices, :2]
    names = [f"{split}:{n}" for n in range(people)]
    shapes = {name: face + rng.normal(0, 0.03, face.shape) for name in names}
    own = {name: (n + 1) / people for n, name in enumerate(rng.permutation(names))}
    rows, tracks = [], []
    for driver in names:
        for clip in range(clips):
            frames = int(rng.integers(80, 120)) if differ != "length" else round(60 + 100 * own[driver] + rng.normal())
            for target in names:
                for generator in generators:
                    size = 0.02 * 30 ** own[driver] if differ == "roll" else 0.1 * rng.uniform(0.5, 1.5)
                    shape = shapes[target] + (0.3 * (shapes[driver] - face) if differ == "shape" else 0)
                    if differ == "cross" and driver != target:
                        shape = shape * np.array([1.05, 1.0])
                    angle = size * np.sin(np.arange(FRAMES) / 5 + rng.uniform(0, 6))
                    turn = np.stack(
                        [np.stack([np.cos(angle), -np.sin(angle)], 1), np.stack([np.sin(angle), np.cos(angle)], 1)], 1
                    )
                    tracks.append(
                        100 + 60 * np.einsum("lc,tkc->tlk", shape, turn) + rng.normal(0, 0.3, (FRAMES, 126, 2))
                    )
                    rows.append(
                        {
                            "video": f"{generator}-{target}-{driver}-{clip}",
                            "kind": "self" if target == driver else "cross",
                            "source": split,
                            "split": split,
                            "target": target,
                            "driver": driver,
                            "clip": f"{driver}-{clip}",
                            "generator": generator,
                            "frames": frames,
                            "fps_num": 30,
                            "fps_den": 1,
                        }
                    )
    order = np.argsort([row["video"] for row in rows])
    count = len(rows)
    return WindowSet(
        videos=pd.DataFrame([rows[n] for n in order]),
        landmarks=np.concatenate([tracks[n] for n in order]).astype(np.float32),
        offsets=np.arange(count + 1) * FRAMES,
        video=np.arange(count),
        start=np.arange(count) * FRAMES,
        length=FRAMES,
        excluded=pd.DataFrame(columns=["video", "reason", "windows_lost", "windows_kept"]),
    )
