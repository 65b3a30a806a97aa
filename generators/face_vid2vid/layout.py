"""The layouts of the published face-vid2vid checkpoints, and the layout of a file."""

from __future__ import annotations

from typing import get_args

from generators.checkpoint import Checkpoint, Layout, module_names
from generators.errors import GeneratorError
from generators.face_vid2vid.appearance import VARIANTS, Variant, variant_of
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import KeypointDetector
from generators.face_vid2vid.sizes import Sizes

LICENCE = "CC-BY-NC-4.0"
MODULES = ("generator", "kp_detector", "he_estimator")


def layout(variant: Variant, antialias: bool, sizes: Sizes | None = None) -> Layout:
    """Layout of one variant; `antialias` False is the detector of the first ("beta") weights, without its buffer."""
    sizes = sizes or Sizes()
    return Layout(
        generator="face-vid2vid",
        variant=variant if antialias else f"{variant}, beta",
        files=("Vox-256-New checkpoint",) if antialias else ("Vox-256-Beta checkpoint",),
        required={
            "generator": lambda: VARIANTS[variant](sizes),
            "kp_detector": lambda: KeypointDetector(sizes, antialias),
            "he_estimator": lambda: HeadPoseEstimator(sizes),
        },
        licence=LICENCE,
        source="https://github.com/zhanglonghao1992/One-Shot_Free-View_Neural_Talking_Head_Synthesis",
    )


LAYOUTS = tuple(layout(variant, antialias) for antialias in (True, False) for variant in get_args(Variant))


def identify_variant(checkpoint: Checkpoint, *, where: str) -> tuple[Variant, bool]:
    """Identifies a checkpoint by its names: the generator's variant, and whether the detector reduces its input.

    Raises GeneratorError, opened by `where`, if a module is missing or the generator is of no known variant.
    """
    missing = [module for module in MODULES if module not in checkpoint]
    if missing:
        raise GeneratorError(
            f"{where}: without {', '.join(missing)}, found {module_names(checkpoint)}; give a face-vid2vid "
            f"checkpoint that holds {', '.join(MODULES)}"
        )
    return variant_of(checkpoint["generator"], where=where), "down.weight" in checkpoint["kp_detector"]
