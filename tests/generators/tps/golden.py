"""Weights by the golden files' filling rule, and the golden arrays themselves."""

from __future__ import annotations

import json
import zlib
from pathlib import Path

import numpy as np
import torch

from generators.tps.layout import LAYOUT


def filled_checkpoint(shared: Path) -> dict[str, dict[str, torch.Tensor]]:
    """All modules of the manifest with the values that made the golden file; constants are left as we build them."""
    manifest = json.loads((shared / "generators" / "tps_manifest.json").read_text())
    builders = {**LAYOUT.required, **LAYOUT.optional}
    return {
        module: {tensor["name"]: fill(tensor, builders[module]) for tensor in tensors}
        for module, tensors in manifest["modules"].items()
    }


def fill(tensor: dict, build) -> torch.Tensor:
    init = tensor["init"]
    if init["init"] == "keep":
        return build().state_dict()[tensor["name"]]
    seed = zlib.crc32(tensor["full_name"].encode())
    z = np.random.RandomState(seed).standard_normal(tuple(tensor["shape"]))
    z = np.abs(z) if init["init"] == "absnormal" else z
    return torch.from_numpy(np.float32(init["offset"] + init["scale"] * z)).reshape(tensor["shape"])
