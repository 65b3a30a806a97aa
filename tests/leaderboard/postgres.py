"""A PostgreSQL server of our own for the tests: a fresh cluster in a temporary folder, on a Unix socket alone."""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

USER = "nobody"  # the server refuses to run as root


@dataclass(frozen=True)
class Cluster:
    """A running PostgreSQL server in its folder."""

    folder: Path
    user: str

    def url(self, database: str) -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql://{self.user}@/{database}?host={self.folder}"

    def fresh(self) -> str:
        """The URL of a new empty database."""
        import psycopg

        name = f"board_{uuid.uuid4().hex[:12]}"
        with psycopg.connect(host=str(self.folder), user=self.user, dbname="postgres", autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}")
        return self.url(name)


@contextmanager
def cluster() -> Iterator[Cluster]:
    """Starts a server and stops it in the end; skips with the reason where PostgreSQL's programs are absent."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (the extra board-postgres)")
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = programs[-1] if programs else shutil.which("initdb")
    if not initdb:
        pytest.skip("PostgreSQL's server programs are not on this machine (initdb: package postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="nvfair-pg-"))
    root = os.getuid() == 0
    user = USER if root else getpass.getuser()
    run_as: dict[str, Any] = {"cwd": folder}
    if root:
        import pwd

        user_entry = pwd.getpwnam(USER)
        os.chown(folder, user_entry.pw_uid, user_entry.pw_gid)
        run_as |= {"user": user_entry.pw_uid, "group": user_entry.pw_gid, "extra_groups": []}
    binaries, data = Path(initdb).parent, folder / "data"
    init = [binaries / "initdb", "-D", data, "-U", user, "--auth=trust", "--encoding=UTF8", "--locale=C", "-N"]
    done = subprocess.run(init, capture_output=True, text=True, timeout=1500, **run_as)
    if done.returncode:
        shutil.rmtree(folder, ignore_errors=True)
        pytest.fail(f"initdb: {done.stderr}")
    options = ["-c", "listen_addresses=", "-c", f"unix_socket_directories={folder}", "-c", "fsync=off"]
    with open(folder / "log", "wb") as log:
        server = subprocess.Popen([binaries / "postgres", "-D", data, *options], stdout=log, stderr=log, **run_as)
    try:
        _wait(folder, user, server)
        yield Cluster(folder, user)
    finally:
        server.send_signal(signal.SIGQUIT)  # at once: nothing in it is to be kept
        server.wait(600)
        shutil.rmtree(folder, ignore_errors=True)


def _wait(folder: Path, user: str, server: subprocess.Popen[bytes]) -> None:
    import psycopg

    end = time.monotonic() + 600
    while True:
        try:
            psycopg.connect(host=str(folder), user=user, dbname="postgres").close()
            return
        except psycopg.OperationalError:
            if server.poll() is not None or time.monotonic() > end:
                pytest.fail(f"postgres did not start: {(folder / 'log').read_text()}")
            time.sleep(0.1)
