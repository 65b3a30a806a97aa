"""Where the golden files are: in the folder that `make gpu-pack` gathers, or in the test material itself."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
PACK = ROOT / "gpu-pack"
GOLDENS = PACK / "generators"
WHEELS = PACK / "wheels"
# What a golden of each generator needs.
FILES = {
    "lia": ("lia_golden.npz", "lia_manifest.json"),
    "tps": ("tps_golden.npz", "tps_manifest.json"),
    "face-vid2vid": ("fv2v_golden.npz", "fv2v_manifest.json"),
}
# Its spectral norms are part of the rule by which all weights are filled.
EVERY = "fv2v_golden.npz"


def shared_folder() -> Path:
    """The test material's folder beside the checkout, or where NVFAIR_SHARED says; it need not exist."""
    return Path(os.environ.get("NVFAIR_SHARED", ROOT.parent / "shared"))


def golden_folder() -> Path | None:
    """The folder that holds every golden file, the pack's first; None where there is none."""
    needed = {EVERY, *(name for names in FILES.values() for name in names)}
    for folder in (GOLDENS, shared_folder() / "generators"):
        if all((folder / name).is_file() for name in needed):
            return folder
    return None
