"""The torch device that a name means on this machine."""

from __future__ import annotations

from nvfair_tools.errors import NvfairError


def resolve_device(name: str) -> str:
    """The device for "auto" (a GPU where there is one), "cpu", "cuda" or "cuda:N".

    Raises NvfairError where the name is unknown or there is no such device.
    """
    import torch

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise NvfairError("no CUDA device can be used here", remedy="pass --device cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise NvfairError(f"device {name!r} is unknown", expected="cpu, cuda, cuda:N or auto")
    return name
