"""A board under load: page reads and submissions at fixed rates, the load generator on the same machine.

python -m tests.performance.bench_board                                   a short run
python -m tests.performance.bench_board --seconds 120 --stored 10000      the whole

Reads alternate between the page and the JSON table, on kept connections, at the times that the rate says whether or not
earlier answers have come: a slow answer is counted from when it was due. After the load the queue is left to drain.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import yaml

from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from leaderboard.settings import read_settings
from leaderboard.store.accounts import authenticate, create_token
from leaderboard.store.database import write_session
from leaderboard.store.job_queue import count_jobs
from leaderboard.store.results import Store
from leaderboard.store.tables import DONE, FIRST_SCORING, DatasetRow, JobRow, ResultRow, SubmissionRow, utc_now
from leaderboard.submission.submission import Submission
from leaderboard.submission.test_set import windows_under_test
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import sha256_of
from tests.benchmark.small_world import make

ROOT = Path(__file__).resolve().parents[2]
DECLARATION = {
    "format_version": 1,
    "method": "landmark spread",
    "authors": ["A. Author"],
    "contact": "private@example.org",
    "training": {"datasets": [], "people": [], "generators": ["alpha"]},
    "entries": [
        {"protocol": name, "embeddings": "embeddings/test.parquet", "trained_on_generators": ["alpha"]}
        for name in ("nvfair-seen", "nvfair-unseen")
    ],
}
PATHS = ("/", "/api/v1/table")


def main() -> None:
    """Runs a board under load and prints its answer times."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=15)
    parser.add_argument("--stored", type=int, default=10_000, help="submissions in the store")
    parser.add_argument("--reads", type=float, default=200, help="a second")
    parser.add_argument("--submissions", type=float, default=2, help="a second")
    parser.add_argument("--drain", type=float, default=300, help="seconds to wait for the queue at most")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="nvfair-bench-board-"))
    try:
        board, archive, token = _board(folder, options.stored)
        port = 8765
        with open(folder / "log", "wb") as log:
            environment = {**os.environ, "OMP_NUM_THREADS": "1"}
            command = [sys.executable, "-m", "nvfair_tools", "board", "serve", str(board), "--port", str(port)]
            server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            asyncio.run(_ready(port))
            load = Load(port, archive, token)
            asyncio.run(load.run(options.seconds, options.reads, options.submissions))
            waited = _drain(read_settings(board).store, options.drain)
            load.report(options)
            print(f"queue drained {waited:.1f} s after the load; {_counted(read_settings(board).store)}")
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(30)
        errors = [line for line in (folder / "log").read_text().splitlines() if '"level": "error"' in line]
        print(f"errors in the server's log: {len(errors)}", *(line[:300] for line in errors[:3]), sep="\n")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Load:
    """Sends reads and submissions at fixed rates, and measures the answers. took: seconds of each answer, by path."""

    def __init__(self, port: int, archive: Path, token: str) -> None:
        self._port, self._archive, self._token = port, archive, token
        self._idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []
        self.took: dict[str, list[float]] = {path: [] for path in (*PATHS, "submit")}
        self.statuses: Counter[tuple[str, object]] = Counter()

    async def run(self, seconds: float, reads: float, submissions: float) -> None:
        """Sends all requests, and waits for their answers."""
        start = time.perf_counter() + 0.5
        plan = [(n / reads, PATHS[n % len(PATHS)]) for n in range(int(seconds * reads))]
        plan += [(n / submissions, "submit") for n in range(int(seconds * submissions))]
        tasks = []
        for number, (due, path) in enumerate(sorted(plan)):
            await asyncio.sleep(max(0.0, start + due - time.perf_counter()))
            tasks.append(asyncio.create_task(self._request(path, number, start + due)))
        await asyncio.gather(*tasks)
        for _, writer in self._idle:
            writer.close()

    async def _request(self, path: str, number: int, due: float) -> None:
        try:
            if path == "submit":
                content = await asyncio.to_thread(_renamed, self._archive, number)
                status = await self._exchange(_upload(content, self._token))
            else:
                status = await self._exchange(f"GET {path} HTTP/1.1\r\nHost: board\r\n\r\n".encode())
        except (OSError, asyncio.IncompleteReadError, ValueError) as error:
            self.statuses[path, type(error).__name__] += 1
            return
        self.took[path].append(time.perf_counter() - due)
        self.statuses[path, status] += 1

    async def _exchange(self, request: bytes) -> int:
        while self._idle and self._idle[-1][0].at_eof():
            self._idle.pop()[1].close()
        reader, writer = (
            self._idle.pop() if self._idle else await asyncio.open_connection("127.0.0.1", self._port, limit=1 << 20)
        )
        writer.write(request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length:")[1].split("\r\n")[0])
        await reader.readexactly(length)
        self._idle.append((reader, writer))
        return int(head.split()[1])

    def report(self, options: argparse.Namespace) -> None:
        """Prints the statuses and times of all answers."""
        print(f"{options.stored} submissions stored; {options.reads:g} reads/s, {options.submissions:g} submissions/s")
        for path, seconds in self.took.items():
            statuses = {str(status): count for (key, status), count in self.statuses.items() if key == path}
            cuts = statistics.quantiles(seconds, n=100) if len(seconds) > 1 else [float("nan")] * 99
            print(
                f"{path}: p50 {cuts[49] * 1000:.1f} ms, p95 {cuts[94] * 1000:.1f} ms, p99 {cuts[98] * 1000:.1f} ms, "
                f"slowest {max(seconds) * 1000:.0f} ms; {json.dumps(statuses)}"
            )


def _upload(content: bytes, token: str) -> bytes:
    body = (
        b'--x\r\nContent-Disposition: form-data; name="phase"\r\n\r\nmain\r\n'
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="s.zip"\r\n\r\n' + content + b"\r\n--x--\r\n"
    )
    return (
        f"POST /api/v1/submissions HTTP/1.1\r\nHost: board\r\nAuthorization: Bearer {token}\r\n"
        f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _renamed(archive: Path, number: int) -> bytes:
    """The zip file of the submission under another method name."""
    import io
    import zipfile

    out = io.BytesIO()
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "submission.yaml":
                content = yaml.safe_dump({**DECLARATION, "method": f"under load {number}"}).encode()
            new.writestr(name, content)
    return out.getvalue()


def _board(folder: Path, stored: int) -> tuple[Path, Path, str]:
    """A board with `stored` scored submissions: (its folder, zip file of a valid submission, token)."""
    import zipfile

    dataset = make(folder / "data")
    board = folder / "board"
    board.mkdir()
    settings = {
        "datasets": {"toy": {"folder": str(dataset.folder)}},
        "phases": {"main": {"dataset": "toy", "total": 10**6, "per_day": 10**6}},
        "limits": {"checks_at_once": 1},
        "rates": {"uploads_per_token": 0, "requests_per_token": 0, "requests_per_address": 0},
    }
    (board / "board.yaml").write_text(yaml.safe_dump(settings))
    windows = windows_under_test(dataset, protocols.load("nvfair-seen"))
    spread = [windows.landmarks[s : s + windows.length].std(axis=0).ravel() for s in windows.start]
    (folder / "s" / "embeddings").mkdir(parents=True)
    write_embeddings(folder / "s" / "embeddings" / "test.parquet", windows, np.array(spread, dtype=np.float32), {})
    archive = folder / "s.zip"
    with zipfile.ZipFile(archive, "w") as out:
        out.writestr("submission.yaml", yaml.safe_dump(DECLARATION))
        out.write(folder / "s" / "embeddings" / "test.parquet", "embeddings/test.parquet")
    store = Store(read_settings(board).store)
    token = create_token(store.engine, "load")
    account = authenticate(store.engine, token)
    assert account is not None
    _fill(store, dataset, account.id, stored)
    store.close()
    return board, archive, token


def _fill(store: Store, dataset: Dataset, account: int, stored: int) -> None:
    """Adds scored submissions whose figures have the usual keys and random values."""
    rng = np.random.default_rng(0)
    data = sha256_of(dataset.folder / "dataset.json")
    people = sorted(set(dataset.usable().query("split == 'test'")["target"]))
    known = {name: protocols.load(name) for name in ("nvfair-seen", "nvfair-unseen")}
    with write_session(store.engine) as session:
        session.add(DatasetRow(digest=data, name="toy", feedback="full"))
        for number in range(stored):
            digest = f"{number:064x}"
            declaration = Submission.model_validate({**DECLARATION, "method": f"method {number}"}).model_dump_json()
            session.add(
                SubmissionRow(
                    digest=digest,
                    method=f"method {number}",
                    declaration=declaration,
                    account=account,
                    created=utc_now(),
                )
            )
        session.flush()
        for number in range(stored):
            digest = f"{number:064x}"
            session.add(
                JobRow(
                    submission=digest,
                    account=account,
                    phase="main",
                    reason=FIRST_SCORING,
                    state=DONE,
                    created=utc_now(),
                    available=utc_now(),
                    leases=1,
                    attempts=0,
                    finished=utc_now(),
                )
            )
            for entry, (name, generator) in enumerate([("nvfair-seen", "alpha"), ("nvfair-unseen", "beta")]):
                session.add(
                    ResultRow(
                        submission=digest,
                        entry=entry,
                        protocol=name,
                        protocol_digest=known[name].digest,
                        dataset_digest=data,
                        scorer="1",
                        figures=json.dumps({"generators": {generator: _figures(rng, people)}, "overlap": []}),
                        phase="main",
                    )
                )
            if number % 500 == 499:
                session.flush()
                session.expunge_all()


def _figures(rng: np.random.Generator, people: list[str]) -> dict[str, object]:
    value = float(rng.uniform(0.5, 0.95))
    interval = {"value": value, "low": value - 0.04, "high": value + 0.04, "people": len(people)}
    return {
        "auc_mean": interval,
        "auc_pooled": interval,
        "eer": {"value": 1 - value, "low": 1 - value, "high": 1 - value},
        "tpr_at_fmr": {"0.1": value / 2, "0.01": value / 4},
        "per_target": {person: float(rng.uniform(0.5, 1)) for person in people},
        "trials": {"genuine": 9, "impostor": 54, "targets": len(people)},
    }


async def _ready(port: int) -> None:
    end = time.monotonic() + 90
    while True:
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(b"GET / HTTP/1.1\r\nHost: board\r\nConnection: close\r\n\r\n")
            await reader.read()
            writer.close()
            return
        except OSError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.2)


def _drain(url: str, seconds: float) -> float:
    store, start = Store(url), time.monotonic()
    try:
        while (waiting := count_jobs(store.engine))["queued"] + waiting[
            "leased"
        ] and time.monotonic() - start < seconds:
            time.sleep(0.2)
    finally:
        store.close()
    return time.monotonic() - start


def _counted(url: str) -> str:
    store = Store(url)
    try:
        return ", ".join(f"{count} {state}" for state, count in count_jobs(store.engine).items())
    finally:
        store.close()


if __name__ == "__main__":
    main()
