"""Checkpoints in a published layout, filled with deterministic noise by the rule of the reference data."""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn


def filled(
    folder: Path, manifest: str, builders: Mapping[str, Callable[[], nn.Module]]
) -> dict[str, dict[str, Tensor]]:
    """{module: {tensor name: Tensor}} for a manifest in `folder`; what a builder's network sets itself is kept."""
    modules = json.loads((folder / manifest).read_text())["modules"]
    spectral: dict[str, np.ndarray] = {}
    if (folder / "fv2v_golden.npz").is_file():
        with np.load(folder / "fv2v_golden.npz") as golden:
            spectral = {key[3:]: golden[key] for key in golden.files if key.startswith("sn/")}
    checkpoint = {}
    for module, entries in modules.items():
        keeps_constants = any(entry["init"]["init"] == "keep" for entry in entries)
        constants = builders[module]().state_dict() if keeps_constants else {}
        with ThreadPoolExecutor() as pool:  # numpy draws without holding the others up
            tensors = pool.map(partial(_tensor, spectral=spectral, constants=constants), entries)
            checkpoint[module] = dict(zip((entry["name"] for entry in entries), tensors, strict=True))
    return checkpoint


def _tensor(entry: Mapping[str, Any], spectral: Mapping[str, np.ndarray], constants: Mapping[str, Tensor]) -> Tensor:
    name, rule = entry["full_name"], entry["init"]
    constant = constants.get(entry["name"])
    if name in spectral:
        return torch.from_numpy(spectral[name])
    if rule["init"] == "keep":
        assert constant is not None, f"{name} is left as its constructor sets it"
        return constant
    noise = np.random.RandomState(zlib.crc32(name.encode())).standard_normal(tuple(entry["shape"]))
    if rule["init"] == "absnormal":
        noise = np.abs(noise)
    else:
        assert rule["init"] == "normal", rule
    return torch.from_numpy(np.float32(rule["offset"] + rule["scale"] * noise)).reshape(entry["shape"])
