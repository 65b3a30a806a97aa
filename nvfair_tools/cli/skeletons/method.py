"""A method that lives in a folder of its own: its module, its test, and what installs it."""

FILES = {
    "$module.py": '''"""The method $name: embeds windows of landmarks. Evaluate it with --method $module:$class_name."""

from __future__ import annotations

import numpy as np

from benchmark.methods.declaration import Declaration
from benchmark.methods.method import Needs
from benchmark.windows.window_batch import WindowBatch


class $class_name:
    """How far each landmark moves, as a share of the face's size: replace this by your own idea."""

    name = "$name"
    # Whom and which generators training, selection and thresholds have seen. An untrained method has seen nobody; a
    # trained one must say so: Declaration.from_json, or read_declaration(path) of benchmark.methods.declaration.
    declaration = Declaration.untrained()
    needs: Needs = "landmarks"  # or "mesh", "frames"
    time = None  # or the only windows that the method takes: benchmark.protocols.schema.Time

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """Embeddings (B, D) of B windows; batch.landmarks is (B, T, 126, 2) in pixels."""
        points = np.asarray(batch.landmarks, dtype=np.float32)
        centred = points - points.mean(axis=2, keepdims=True)
        size = np.sqrt(np.square(centred).mean(axis=(1, 2, 3)))[:, None, None]
        return (centred.std(axis=1) / size).reshape(len(points), -1)
''',
    "test_$module.py": '''"""What every method must do: one finite embedding a window, the same for the same window."""

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))

from $module import $class_name

from benchmark.methods.method import Method
from benchmark.windows.window_batch import WindowBatch


def windows(count: int = 3) -> WindowBatch:
    """Windows of seeded landmarks (count, 71, 126, 2)."""
    landmarks = np.random.default_rng(0).uniform(0, 256, (count, 71, 126, 2)).astype(np.float32)
    return WindowBatch(landmarks=landmarks, fps=30.0, size=np.full((count, 2), 256))


def test_it_is_a_method() -> None:
    assert isinstance($class_name(), Method)


def test_it_gives_one_finite_embedding_a_window() -> None:
    embeddings = $class_name().embed(windows())
    assert embeddings.ndim == 2
    assert len(embeddings) == 3
    assert np.isfinite(embeddings).all()


def test_equal_windows_have_equal_embeddings_whatever_stands_beside_them() -> None:
    method = $class_name()
    assert np.array_equal(method.embed(windows())[:1], method.embed(windows(1)))
''',
    "pyproject.toml": """\
# After `pip install -e .` the method is known by its name: nvfair evaluate DATASET --method $name --out REPORT
[build-system]
requires = ["setuptools>=77"]
build-backend = "setuptools.build_meta"

[project]
name = "$name"
version = "0.1.0"
dependencies = ["nvfair-tools[train]"]

[project.entry-points."nvfair.methods"]
$name = "$module:$class_name"

[tool.setuptools]
py-modules = ["$module"]
""",
}
NEXT = (
    "python -m pytest $out                                          # its own test",
    "PYTHONPATH=$out nvfair evaluate DATASET --method $module:$class_name --out REPORT",
)
