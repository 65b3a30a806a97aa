"""Verifications that the page has been asked for: one at a time, in a thread; the video is deleted whatever happens."""

from __future__ import annotations

import os
import queue
import secrets
import shutil
import tempfile
import threading
import traceback
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import BinaryIO

from benchmark.verification.results import VerificationResult
from benchmark.verification.timeline import timeline_picture
from benchmark.verification.verify import Verifier
from nvfair_tools.errors import NvfairError, user_message
from nvfair_tools.files import is_alive
from nvfair_tools.media.probing import stated_seconds

_PREFIX = "nvfair-uploads-"  # of folders in the system's temporary one; the process follows
_MOST_WAITING = 4
_REMEMBERED = 20  # answers
_LONGEST_NAME = 120
_LONGEST_END = 60.0  # seconds that the present verification has to stop


class Busy(NvfairError):
    """Too many videos wait already."""


@dataclass
class Job:
    """One video that somebody asks about. name: the file's, for the page. seconds: of the video that are done.
    result, pictures: the answer, and its timeline as SVG for light and dark, wide and narrow pages; error: what
    went wrong."""

    id: str
    name: str
    enrolment: Path
    calibration: Path | None
    fmr: float | None
    video: Path
    seconds: float = 0.0
    total: float = 0.0
    ended: bool = False
    result: VerificationResult | None = None
    pictures: dict[str, bytes] = field(default_factory=dict)
    error: str = ""


class Jobs:
    """Takes videos, verifies them one after another, and remembers the last answers in memory."""

    def __init__(self) -> None:
        remove_abandoned_uploads()
        self.folder = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-"))
        self._jobs: OrderedDict[str, Job] = OrderedDict()
        self._waiting: queue.Queue[Job | None] = queue.Queue()
        self._lock = threading.Lock()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="verification", daemon=True)
        self._thread.start()

    def add(
        self, upload: BinaryIO, name: str, enrolment: Path, calibration: Path | None = None, fmr: float | None = None
    ) -> Job:
        """Keeps a video until it is verified. Raises Busy where too many wait, OSError where it cannot be kept."""
        with self._lock:
            if sum(not job.ended for job in self._jobs.values()) >= _MOST_WAITING:
                raise Busy("too many videos wait to be verified", remedy="wait until one of them is done")
            id = secrets.token_urlsafe(16)
            suffix = Path(name).suffix.lower()
            suffix = suffix if suffix[1:].isalnum() and len(suffix) <= 6 else ""
            video = self.folder / f"{secrets.token_hex(8)}{suffix}"
            job = Job(id, Path(name).name[-_LONGEST_NAME:] or "video", enrolment, calibration, fmr, video)
            self._jobs[id] = job
            finished = [known for known, other in self._jobs.items() if other.ended]
            for known in finished[: max(0, len(self._jobs) - _REMEMBERED)]:
                del self._jobs[known]
        try:
            with open(video, "xb", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
                shutil.copyfileobj(upload, file, 1 << 20)
        except BaseException:
            video.unlink(missing_ok=True)
            with self._lock:
                self._jobs.pop(id, None)
            raise
        self._waiting.put(job)
        return job

    def get(self, id: str) -> Job | None:
        """The job with this id; None where it is unknown or forgotten."""
        with self._lock:
            return self._jobs.get(id)

    def close(self) -> None:
        """Deletes every video that is still here, and stops the present verification."""
        self._closing = True
        self._waiting.put(None)
        shutil.rmtree(self.folder, ignore_errors=True)
        self._thread.join(_LONGEST_END)  # a landmarker that is at work when the process ends would abort it

    def _work(self) -> None:
        while (job := self._waiting.get()) is not None:
            try:
                self._verify(job)
            except Exception as error:  # noqa: BLE001 - the next video must be verified all the same
                job.error = user_message(error) or f"something failed that nobody foresaw: {error!r}"
                job.error = job.error.replace(str(job.video), job.name).replace(job.video.name, job.name)
                if user_message(error) is None:
                    traceback.print_exc()
            finally:
                job.video.unlink(missing_ok=True)
                job.ended = True

    def _verify(self, job: Job) -> None:
        job.total = stated_seconds(job.video)

        def progress(seconds: float) -> None:
            job.seconds = seconds
            if self._closing:
                raise NvfairError("the page has been closed")

        progress(0.0)
        with Verifier(job.enrolment, calibration=job.calibration, fmr=job.fmr) as verifier:
            result = replace(verifier.verify(job.video, progress=progress), video=job.name)
        if result.windows:
            for theme in ("light", "dark"):
                job.pictures[theme] = timeline_picture(result, "svg", theme)
                job.pictures[f"{theme}_narrow"] = timeline_picture(result, "svg", theme, narrow=True)
        job.result = result


def remove_abandoned_uploads() -> None:
    """Deletes the videos of pages whose process was killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        owner = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if owner.isdecimal() and not is_alive(int(owner)):
            shutil.rmtree(folder, ignore_errors=True)
