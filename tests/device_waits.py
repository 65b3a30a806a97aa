"""What has the host wait for a GPU, found with a GPU or without.

A loop over frames or training steps is fast only where the host runs ahead of the GPU: one value fetched from it, and
the host stands still until everything queued before is done. With a GPU, torch itself reports such calls. Without one,
torch's "meta" device stands for it: tensors there have shapes and no values, so that code which wants a value fails,
and every copy between the two sides passes `Watch`, which lets only those through that nobody waits for.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

STAND_IN = torch.device("meta")
# Their answer's size or truth is decided by values; the last looks whether the system could be solved.
WAITING = (
    "_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "_unique", "_unique2", "unique_dim",
    "unique_consecutive", "unique_dim_consecutive", "bincount", "histc", "repeat_interleave", "_linalg_check_errors",
)  # fmt: skip
# On CUDA these become a sort of all indices, whose range the host checks, where algorithms must be deterministic.
WAITING_IF_DETERMINISTIC = ("scatter_add", "scatter", "index_put", "index_add", "index_copy", "put")
INDEXING = ("index", "index_put", "_index_put_impl")


class WaitError(AssertionError):
    """The host would wait for the GPU here."""


class Watch(TorchDispatchMode):
    """Fails at each operation on tensors of the stand-in that would have the host wait for a GPU.

    downloads: so many copies to the host are allowed (they give random numbers). deterministic: whether to watch as if
    torch's deterministic algorithms were on.
    """

    def __init__(self, downloads: int = 0, deterministic: bool = False) -> None:
        super().__init__()
        self.downloads = downloads
        self.waiting = {*WAITING, *(WAITING_IF_DETERMINISTIC if deterministic else ())}
        self.pinned: set[int] = set()

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        with self:  # in inference mode, operations made of others arrive whole
            parts = func.decompose(*args, **kwargs)
        if parts is not NotImplemented:
            return parts
        tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
        name = func.overloadpacket.__name__.rstrip("_")
        if name == "_to_copy":
            return self._moved(func, args, kwargs)
        if name == "copy":
            self._check_copy(args[1], args[0], (args[2] if len(args) > 2 else kwargs.get("non_blocking", False)))
        elif any(tensor.device == STAND_IN for tensor in tensors):
            self._check(name, func, args, tensors)
        return func(*args, **kwargs)

    def _check(self, name: str, func: Any, args: tuple, tensors: list[Tensor]) -> None:
        by_counts = name != "repeat_interleave" or "Tensor" in func._overloadname
        # The gradient of indexing, which on a GPU does not look at the indices again.
        of_indexing = func is torch.ops.aten.index_put.default and len(args) > 3 and args[3]
        if name in self.waiting and by_counts and not of_indexing:
            raise WaitError(f"{func} decides by values on the device")
        if name in INDEXING and any(index is not None and index.dtype == torch.bool for index in args[1]):
            raise WaitError(f"{func} by a mask: the device must count its places first")
        strays = [tuple(tensor.shape) for tensor in tensors if tensor.device.type == "cpu" and tensor.ndim]
        if strays:
            raise WaitError(f"{func} of tensors on the device and on the CPU, of shape {strays}")

    def _moved(self, func: Any, args: tuple, kwargs: dict) -> Tensor:
        source, target = args[0], kwargs.get("device") or args[0].device
        if source.device == STAND_IN and target.type == "cpu":
            if self.downloads < 1:
                raise WaitError(f"a copy of {tuple(source.shape)} to the host")
            self.downloads -= 1
            made = torch.rand(source.shape) if source.is_floating_point() else torch.zeros(source.shape)
            return made.to(kwargs.get("dtype") or source.dtype)
        if source.device.type == "cpu" and target == STAND_IN:
            self._check_sent(source, kwargs.get("non_blocking", False))
        return func(*args, **kwargs)

    def _check_copy(self, source: Tensor, target: Tensor, non_blocking: bool) -> None:
        if source.device == STAND_IN and target.device != STAND_IN:
            raise WaitError(f"a copy of {tuple(source.shape)} to the host")
        if source.device != STAND_IN and target.device == STAND_IN:
            self._check_sent(source, non_blocking)

    def _check_sent(self, source: Tensor, non_blocking: bool) -> None:
        if not non_blocking or source.untyped_storage().data_ptr() not in self.pinned:
            raise WaitError(
                f"a copy of {tuple(source.shape)} to the device that is not from pinned memory and unwaited"
            )

    def pin(self, tensor: Tensor) -> Tensor:
        """Stands for `Tensor.pin_memory`, which needs a GPU's driver."""
        made = tensor.clone()
        self.pinned.add(made.untyped_storage().data_ptr())
        return made


@contextmanager
def no_waits(device: torch.device | str, *, downloads: int = 0, deterministic: bool = False) -> Iterator[None]:
    """Within, whatever has the host wait for `device`, a GPU or STAND_IN, raises (WaitError, or torch's own errors).

    downloads, deterministic: see `Watch`; they concern the stand-in only.
    """
    if torch.device(device).type == "cuda":
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Synchronization debug mode is a prototype feature")
            torch.cuda.set_sync_debug_mode("error")
        try:
            yield
        finally:
            torch.cuda.set_sync_debug_mode("default")
        return
    watch = Watch(downloads, deterministic)
    with (
        mock.patch.object(Tensor, "pin_memory", lambda own, *_: watch.pin(own)),
        mock.patch.object(torch, "tensor", _refusing(torch.tensor)),
        mock.patch.object(torch, "as_tensor", _refusing(torch.as_tensor)),
        watch,
    ):
        yield


def _refusing(make: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`torch.tensor` or `torch.as_tensor` that makes nothing on the stand-in out of the host's numbers."""

    def made(values: Any, **options: Any) -> Tensor:
        expected = torch.device(options.get("device") or "cpu")
        if expected == STAND_IN and not isinstance(values, Tensor):
            raise WaitError(f"torch.{make.__name__}({values!r}) is made on the host and copied to the device")
        return make(values, **options)

    return made


# Where loops are watched: the stand-in always, a GPU where there is one.
DEVICES = (
    STAND_IN.type,
    pytest.param(
        "cuda", marks=[pytest.mark.gpu, pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")]
    ),
)
