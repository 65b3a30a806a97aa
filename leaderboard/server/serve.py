"""Running a board: the server in this process, and on request a worker beside it that is started again if it dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from leaderboard.server.app import create
from leaderboard.server.service import Service
from leaderboard.server.worker import Worker
from leaderboard.settings import Settings
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.results import Store

_log = structlog.get_logger("serve")
_AGAIN_SECONDS = 1.0
_SWITCH_SECONDS = 0.0005
_NICE = 5
_KEEP_ALIVE_SECONDS = 75  # longer than proxies keep theirs, so that it is they who close
_GOODBYE_SECONDS = 10.0
_PARENT_SECONDS = 0.5


def serve(settings: Settings, board: Path, *, host: str, port: int, with_worker: bool) -> None:
    """Serves until it is told to stop. `board`: where the settings were read from, for the worker."""
    # A table that is being made anew lets go of the interpreter this often for those who only read pages.
    sys.setswitchinterval(_SWITCH_SECONDS)
    app = create(settings)
    service: Service = app.state.service
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # the guard's log lines say more
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        server_header=False,
        timeout_graceful_shutdown=int(_GOODBYE_SECONDS),
        backlog=4096,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    _log.info("serving", url=f"http://{host}:{port}", store=service.store.engine.url.render_as_string())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ended)
    with _worker(board) if with_worker else _nothing():
        uvicorn.Server(config).run()


def work(settings: Settings, *, parent: int | None = None) -> None:
    """Works until SIGTERM or Ctrl-C, or until the process `parent` has died."""
    store = Store(settings.store)
    worker = Worker(settings, store.engine, SubmissionFiles(settings.files))

    def stop(_signal: int, _frame: FrameType | None) -> None:
        worker.stop()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    if parent is not None:
        os.nice(_NICE)  # it shares the machine with the server
        threading.Thread(target=_stop_with, args=(worker, parent), daemon=True).start()
    try:
        worker.run()
    finally:
        store.close()


def _stop_with(worker: Worker, parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(_PARENT_SECONDS)
    worker.stop()


def _ended(_signal: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal that ended it once more, for whoever was there before: the worker's goodbye follows."""


@contextmanager
def _nothing() -> Iterator[None]:
    yield


@contextmanager
def _worker(board: Path) -> Iterator[None]:
    """A worker process, started again whenever it ends by itself."""
    command = [sys.executable, "-m", "nvfair_tools", "board", "worker", str(board), "--with-parent", str(os.getpid())]
    stopping = threading.Event()
    current: list[subprocess.Popen[bytes]] = []

    def keep() -> None:
        while not stopping.is_set():
            process = subprocess.Popen(command)
            current[:] = [process]
            status = process.wait()
            if not stopping.is_set():
                _log.error("the worker ended", status=status, again_after=_AGAIN_SECONDS)
                stopping.wait(_AGAIN_SECONDS)

    keeper = threading.Thread(target=keep, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        for process in current:
            process.terminate()
            try:
                process.wait(_GOODBYE_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        keeper.join(_GOODBYE_SECONDS)
