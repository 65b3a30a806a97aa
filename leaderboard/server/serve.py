"""Runs a board: the server in this process, and on request a worker process that is restarted whenever it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import FrameType

import structlog
import uvicorn

from leaderboard.server.app import create_app
from leaderboard.server.limits.connections import bounded_protocol
from leaderboard.server.service import Service
from leaderboard.server.worker import Worker
from leaderboard.settings import Settings
from leaderboard.store import schema
from leaderboard.store.database import database_errors
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.private_files import make_private
from leaderboard.store.results import Store

_log = structlog.get_logger("serve")
_RESTART_SECONDS = 1.0
_SWITCH_SECONDS = 0.0005
_WORKER_NICENESS = 5
_KEEP_ALIVE_SECONDS = 75  # longer than proxies keep connections, so that the proxy closes them
_MAX_HEAD_BYTES = 32 * 1024  # of a request's first line and headers
_SHUTDOWN_SECONDS = 10.0
_PARENT_CHECK_SECONDS = 0.5


def run_server(settings: Settings, board: Path, *, host: str, port: int, with_worker: bool) -> None:
    """Serves until SIGTERM or Ctrl-C. board: where the settings were read from; the worker process reads them again."""
    # A thread that renders a table gives the interpreter this often to the threads that answer readers.
    sys.setswitchinterval(_SWITCH_SECONDS)
    make_private(settings, board)
    app = create_app(settings)
    service: Service = app.state.service
    with database_errors(settings.store):
        service.snapshot.refresh()  # results that cannot be read are said before anything is served
    config = uvicorn.Config(
        app,
        http=bounded_protocol(per_address=settings.rates.connections_per_address, proxies=settings.proxies),
        h11_max_incomplete_event_size=_MAX_HEAD_BYTES,
        host=host,
        port=port,
        log_config=None,
        access_log=False,  # the log lines of RequestGuard say more
        proxy_headers=bool(settings.proxies),
        forwarded_allow_ips=list(settings.proxies),
        server_header=False,
        timeout_graceful_shutdown=int(_SHUTDOWN_SECONDS),
        backlog=4096,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
    )
    # Uploads are kept while they arrive: on the disk of the submissions, whose free space is checked, and not in a
    # folder for temporary files that on some systems is memory.
    tempfile.tempdir = str(service.acceptor.submission_files.scratch)
    _log.info("serving", url=f"http://{host}:{port}", store=service.store.engine.url.render_as_string())
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _ignore_repeated_signal)
    with _worker_process(board) if with_worker else nullcontext():
        uvicorn.Server(config).run()


def run_worker(settings: Settings, *, parent: int | None = None) -> None:
    """Scores jobs until SIGTERM or Ctrl-C, or until the process with the id `parent` has ended."""
    make_private(settings)
    store = Store(settings.store)
    try:
        with database_errors(settings.store):
            schema.check_writable(store.engine)
        worker = Worker(settings, store.engine, SubmissionFiles(settings.files))

        def stop(_signal: int, _frame: FrameType | None) -> None:
            worker.stop()

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        if parent is not None:
            os.nice(_WORKER_NICENESS)  # it shares the machine with the server
            threading.Thread(target=_stop_after_parent, args=(worker, parent), daemon=True).start()
        worker.run()
    finally:
        store.close()


def _stop_after_parent(worker: Worker, parent: int) -> None:
    pause = threading.Event()
    while os.getppid() == parent:
        pause.wait(_PARENT_CHECK_SECONDS)
    worker.stop()


def _ignore_repeated_signal(_signal: int, _frame: FrameType | None) -> None:
    """uvicorn raises the signal that stopped it once more for an earlier handler; the worker is still to be stopped."""


@contextmanager
def _worker_process(board: Path) -> Iterator[None]:
    """Keeps a worker process running, and restarts it whenever it ends by itself."""
    command = [sys.executable, "-m", "nvfair_tools", "board", "worker", str(board), "--with-parent", str(os.getpid())]
    stopping = threading.Event()
    running: list[subprocess.Popen[bytes]] = []

    def keep_running() -> None:
        while not stopping.is_set():
            process = subprocess.Popen(command)
            running[:] = [process]
            status = process.wait()
            if not stopping.is_set():
                _log.error("the worker ended", status=status, again_after=_RESTART_SECONDS)
                stopping.wait(_RESTART_SECONDS)

    keeper = threading.Thread(target=keep_running, daemon=True)
    keeper.start()
    try:
        yield
    finally:
        stopping.set()
        for process in running:
            process.terminate()
            try:
                process.wait(_SHUTDOWN_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
        keeper.join(_SHUTDOWN_SECONDS)
