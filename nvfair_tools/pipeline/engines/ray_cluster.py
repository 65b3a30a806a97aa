"""The connection to a Ray cluster: a running one, which stays as it is, or one of this machine, which ends with it."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvfair_tools.errors import MissingExtra, NvfairError, Problems
from nvfair_tools.pipeline.engines.ray_node import MachineNeeds, installed_versions, machine_problems

_CHECK_TIME = 120.0  # seconds for all machines to answer
_ANSWER_TIME = 10.0  # seconds for a cluster's head to take a connection
_STORE_BYTES = 80 << 20  # a started cluster's object store, about the least that Ray takes: no frame goes through it

# What is built is nobody's business, and on a busy machine Ray's own processes may take long to start.
LOCAL_ENVIRONMENT = {
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_agent_register_timeout_ms": "300000",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_worker_register_timeout_seconds": "300",
    "RAY_gcs_server_request_timeout_seconds": "300",
}


@dataclass(eq=False)
class RayCluster:
    """A Ray cluster, connected to when it is first needed; a context manager, which may be entered more than once.

    address: "auto" (the cluster that runs on this machine), HOST:PORT of a cluster's head of which this machine is a
    node, or "local" (started on this machine and ended with the connection). folder: a folder that every machine must
    see under the same path. files: others, and files, that every machine must see. cpus: those that a cluster started
    here offers (default: this machine's cores).
    """

    address: str = "auto"
    folder: Path | None = None
    files: tuple[Path, ...] = ()
    cpus: int | None = None
    needs: MachineNeeds = field(default_factory=MachineNeeds, init=False)
    _ray: Any = field(default=None, init=False, repr=False)
    _is_ours: bool = field(default=False, init=False, repr=False)
    _entered: int = field(default=0, init=False, repr=False)

    def __enter__(self) -> RayCluster:
        self._entered += 1
        return self

    def __exit__(self, *error: object) -> None:
        self._entered -= 1
        if self._entered == 0:
            self._disconnect()

    def connect(self) -> Any:
        """Connects and checks every machine, unless that is done; returns the module `ray`.

        Raises MissingExtra without the package, NvfairError where no cluster answers, Problems with all that machines
        lack.
        """
        if self._ray is not None:
            return self._ray
        ray = import_ray()
        if not ray.is_initialized():
            self._start(ray)
            self._is_ours = True
        self._ray = ray
        try:
            self.needs = self._write_needs()
            self._check_machines()
        except BaseException:
            self._disconnect()
            raise
        return ray

    def machines(self) -> list[dict[str, Any]]:
        """The machines that are alive, as Ray describes them."""
        return [node for node in self.connect().nodes() if node["Alive"]]

    def has_gpus(self) -> bool:
        """Whether any machine offers a GPU."""
        return any(node["Resources"].get("GPU", 0) > 0 for node in self.machines())

    def slots(self, cpus: float, gpus: float) -> int:
        """Number of workers of so many CPUs and GPUs that the machines hold at one time."""
        return sum(worker_slots(node["Resources"], cpus, gpus) for node in self.machines())

    def describe(self) -> str:
        """The machines with their CPUs and GPUs, in words."""
        texts = []
        for node in self.machines():
            resources = node["Resources"]
            texts.append(f"{node_name(node)}: {resources.get('CPU', 0):g} CPU, {resources.get('GPU', 0):g} GPU")
        return "; ".join(texts)

    def _start(self, ray: Any) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
        environment = {}
        if self.address == "local":
            environment = LOCAL_ENVIRONMENT
            options |= {"include_dashboard": False, "object_store_memory": _STORE_BYTES}
            options["num_cpus"] = self.cpus or os.cpu_count()
        elif self.address != "auto":
            _check_address(self.address)
        is_main_thread = threading.current_thread() is threading.main_thread()
        handler = signal.getsignal(signal.SIGTERM)
        try:
            with _set_where_missing(environment):
                ray.init(address=self.address, **options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise _no_cluster(self.address, str(error).strip().splitlines()[0]) from error
        finally:
            if is_main_thread and handler is not None:
                signal.signal(signal.SIGTERM, handler)  # Ray's own would end the process without closing the build

    def _write_needs(self) -> MachineNeeds:
        token = None
        if self.folder is not None:
            token = (self.folder / f"seen-by-all-{secrets.token_hex(4)}", secrets.token_hex(16))
            token[0].write_text(token[1], encoding="utf-8")
        return MachineNeeds(token, self.files, installed_versions())

    def _check_machines(self) -> None:
        """Raises Problems with what the machines that can hold workers lack."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        ray, where = self._ray, f"Ray cluster {self.address!r}"
        task = ray.remote(num_cpus=0, max_retries=0)(machine_problems)
        names = {}
        for node in self.machines():
            if node["Resources"].get("CPU", 0) > 0:
                here = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
                names[task.options(scheduling_strategy=here).remote(self.needs)] = node_name(node)
        if not names:
            raise NvfairError("it has no machine with a CPU to offer", where=where, remedy="start workers first")
        answered, silent = ray.wait(list(names), num_returns=len(names), timeout=_CHECK_TIME)
        problems = [f"machine {names[ref]} did not answer within {_CHECK_TIME:g} s" for ref in silent]
        for ref in answered:
            try:
                _, lacking = ray.get(ref)
            except ray.exceptions.RayError as error:
                lacking = [f"it cannot run nvfair_tools: {_cause(error)}"]
            problems += [f"machine {names[ref]}: {problem}" for problem in lacking]
        if problems:
            raise Problems(where, problems, remedy="make the machines alike; see docs/clusters.md")

    def _disconnect(self) -> None:
        """Ends the connection, and the cluster where it was started here."""
        if self.needs.token is not None:
            self.needs.token[0].unlink(missing_ok=True)
        self.needs = MachineNeeds()
        if self._ray is not None and self._is_ours:
            self._ray.shutdown()
        self._ray, self._is_ours = None, False


def _check_address(address: str) -> None:
    """Raises NvfairError where nothing answers at HOST:PORT, which Ray itself would find out after minutes."""
    if "://" in address:
        raise NvfairError(
            f"address {address!r} is that of a client, which is no part of the cluster",
            expected="auto, HOST:PORT or local",
            remedy="run the build on a machine of the cluster, such as its head, with the address `auto`",
        )
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal():
        raise _no_cluster(address, "it is no address")
    try:
        socket.create_connection((host, int(port)), timeout=_ANSWER_TIME).close()
    except (OSError, OverflowError) as error:
        raise _no_cluster(address, f"nothing answers there ({error})") from error


def _no_cluster(address: str, why: str) -> NvfairError:
    return NvfairError(
        f"no Ray cluster could be used: {why}",
        where=f"address {address!r}",
        expected="auto, HOST:PORT of a cluster of which this machine is a node, or local",
        remedy="start one with `ray start --head` (others join it with `ray start --address HOST:6379`), or pass the "
        "address `local` for one of this machine alone; see docs/clusters.md",
    )


@contextmanager
def _set_where_missing(values: Mapping[str, str]) -> Iterator[None]:
    """Sets variables of the environment that are not set, for the time of a block."""
    missing = [name for name in values if name not in os.environ]
    os.environ.update({name: values[name] for name in missing})
    try:
        yield
    finally:
        for name in missing:
            del os.environ[name]


def import_ray() -> Any:
    """Returns the module `ray`. Raises MissingExtra where it is not installed."""
    try:
        import ray
    except ImportError as error:
        raise MissingExtra("ray", "ray", str(error)) from error
    return ray


def node_name(node: Mapping[str, Any]) -> str:
    """The name and address of a machine, as Ray describes it."""
    return f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"


def worker_slots(resources: Mapping[str, float], cpus: float, gpus: float) -> int:
    """Number of workers that fit on a machine. cpus, gpus: of one worker; a part of a GPU never spans two of them."""
    slots = int(resources.get("CPU", 0) / cpus + 1e-9)
    if gpus > 0:
        offered = resources.get("GPU", 0)
        on_gpus = int(offered / gpus + 1e-9) if gpus >= 1 else int(offered) * int(1 / gpus + 1e-9)
        slots = min(slots, on_gpus)
    return slots


def _cause(error: BaseException) -> str:
    """The last line of an error of a remote task, which names the error itself."""
    lines = str(error).strip().splitlines()
    return lines[-1].strip() if lines else type(error).__name__
