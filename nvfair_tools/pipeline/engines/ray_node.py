"""What runs on a machine of a Ray cluster: the check of the machine, and the keeper of one worker process.

A stage's items run in a process of their own beside the keeper, by the very code of the local engine. So crashes and
time limits of items are the same on both engines, and the loss of a keeper says that its machine failed, not the item.
This module imports only the standard library; items pass through the keeper as bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import multiprocessing
import os
import pickle
import platform
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path
from typing import Any

from nvfair_tools.errors import user_message
from nvfair_tools.pipeline.engines.engine import Batch, StageWorker
from nvfair_tools.pipeline.engines.local import WorkerPool
from nvfair_tools.pipeline.items import ItemResult

# Packages whose version may show in stored results.
_PACKAGES = (
    *("av", "imageio-ffmpeg", "insightface", "mediapipe", "numpy", "onnxruntime", "opencv-contrib-python"),
    *("pyarrow", "scipy", "torch"),
)
_PATIENCE = 30.0  # seconds for a shared file system to show a new file to another machine
_STOP_TIME = 5.0  # seconds for a killed worker process to be gone


@dataclass(frozen=True)
class MachineNeeds:
    """What every machine of a cluster must have to take part in a build.

    token: path and content of a file that the main process has just written in the build's folder; None: no folder is
    shared. files: paths that must exist. versions: of Python, our code and packages, as `installed_versions` gives.
    """

    token: tuple[Path, str] | None = None
    files: tuple[Path, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)


def installed_versions() -> dict[str, str]:
    """Returns {name: version} of what must be equal on all machines of a build, "none" for a missing package."""
    versions = {"python": ".".join(map(str, sys.version_info[:2])), "nvfair_tools' source": _source_digest()}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "none"
    return versions


def machine_problems(needs: MachineNeeds, patience: float = _PATIENCE) -> tuple[str, list[str]]:
    """Checks this machine. Returns (its name, what it lacks of `needs`, in sentences).

    patience: seconds to wait for the token, which a shared file system may show late.
    """
    problems = []
    if needs.token is not None:
        path, token = needs.token
        if not _shows(path, token, patience):
            problems.append(
                f"it does not see what the main process writes in {path.parent}: the folder must lie on a file system "
                "that all machines share, under the same path"
            )
        else:
            try:
                with tempfile.TemporaryFile(dir=path.parent):
                    pass
            except OSError as error:
                problems.append(f"it cannot write in {path.parent}: {error.strerror}")
    problems += [f"it does not see {path}" for path in needs.files if not path.exists()]
    if needs.versions:
        here = installed_versions()
        problems += [
            f"{name} is {here[name]} there, but {version} in the main process"
            for name, version in needs.versions.items()
            if here[name] != version
        ]
    return platform.node(), problems


class WorkerKeeper:
    """Keeps one worker process on this machine and passes batches to it, one after the other; a Ray actor."""

    def __init__(self, factory: bytes, threads: int, time_limit: float, needs: MachineNeeds) -> None:
        """factory: pickled, of the StageWorker. threads: of the worker's numerical libraries."""
        # A spawned process runs the main module's file again; that of Ray's worker would load all of Ray.
        vars(sys.modules["__main__"]).pop("__file__", None)
        self._pool = WorkerPool(_UnpickledWorker(factory), 1, threads, time_limit)
        self._needs, self._is_stopped = needs, False

    def start(self) -> tuple[str, list[str]]:
        """Checks this machine, which may have joined the cluster late; see `machine_problems`."""
        return machine_problems(self._needs)

    def run(self, batch: Batch) -> Iterator[tuple[str, str, Any]]:
        """Yields ("result", item id, ItemResult) for each item; ("error", "", exception) where no worker can be made.

        batch: with pickled payloads and pickled shared work (see `pickled_batch`).
        """
        try:
            for id, result in self._pool.run([batch]):
                if self._is_stopped:
                    return
                yield "result", id, result
        except Exception as error:  # noqa: BLE001 - the main process raises it
            if user_message(error) is None:
                error = RuntimeError("".join(traceback.format_exception(error)))
            yield "error", "", error

    def stop(self) -> None:
        """Ends the worker process and the programs it started; when this returns, nothing writes any more."""
        self._is_stopped = True
        for process in multiprocessing.active_children():
            with contextlib.suppress(ProcessLookupError, PermissionError, TypeError):
                os.killpg(process.pid, signal.SIGKILL)  # type: ignore[arg-type]
            process.kill()
            process.join(_STOP_TIME)


def pickled_batch(batch: Batch) -> Batch:
    """The batch with payloads and shared work as bytes, so that a keeper need not import what they are made of."""
    return Batch(tuple((id, pickle.dumps(payload)) for id, payload in batch.items), pickle.dumps(batch.shared))


class _UnpickledWorker:
    """The worker process's StageWorker made from bytes; a factory that makes itself one."""

    def __init__(self, factory: bytes) -> None:
        self._factory = factory
        self._worker: StageWorker | None = None

    def __call__(self) -> StageWorker:
        make: Callable[[], StageWorker] = pickle.loads(self._factory)
        self._worker = make()
        return self

    def prepare(self, shared: bytes) -> Any:
        assert self._worker is not None
        return self._worker.prepare(pickle.loads(shared))

    def run(self, prepared: Any, payload: bytes) -> ItemResult:
        assert self._worker is not None
        return self._worker.run(prepared, pickle.loads(payload))


def _shows(path: Path, token: str, patience: float) -> bool:
    """Whether the file shows the token within `patience` seconds."""
    end = time.monotonic() + patience
    while path.parent.is_dir():
        with contextlib.suppress(OSError):
            os.listdir(path.parent)  # makes a network file system ask its server again
            if path.read_text(encoding="utf-8") == token:
                return True
        if time.monotonic() > end:
            break
        time.sleep(0.2)
    return False


def _source_digest() -> str:
    """Hash of the source of nvfair_tools and generators: versions of a checkout do not change with each commit."""
    packages = Path(__file__).resolve().parents[2]
    digest = hashlib.sha256()
    for package in (packages, packages.parent / "generators"):
        for path in sorted(package.rglob("*.py")):
            digest.update(path.relative_to(packages.parent).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]
