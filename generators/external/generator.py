"""A generator behind a command: a new process for each video, one that stays loaded, or one for a list of videos."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, NoReturn

import numpy as np

from generators.errors import GeneratorError
from generators.external.errors import ToolError
from generators.external.job import FileJob
from generators.external.job_list import check_format, write_jobs
from generators.external.output_check import check_video
from generators.external.process import Surroundings, find_program, run_once, tail
from generators.external.server import ToolServer
from generators.external.template import (
    JOB_FIELDS,
    check_placeholders,
    filled,
    job_fields,
    result_path,
    split_command,
)
from generators.face import Face, Framing
from generators.generator import MotionMode, digest

Protocol = Literal["each", "server", "list"]


@dataclass(frozen=True)
class ToolSettings:
    """What a recipe may say about a tool beside its command; `create` describes each."""

    protocol: Protocol = "each"
    timeout: float = 3600.0
    start_timeout: float = 600.0
    size: int = 256
    version: str = "unknown"
    environment: dict[str, str] = field(default_factory=dict)
    working_folder: str | None = None
    result: str | None = None
    crop: tuple[int, int, int, int] | None = None
    frame_tolerance: int = 0
    list_format: str = "json"
    options: dict[str, Any] = field(default_factory=dict)


def create(
    command: str,
    name: str,
    licence: str,
    protocol: Protocol = "each",
    timeout: float = 3600.0,
    start_timeout: float = 600.0,
    size: int = 256,
    version: str = "unknown",
    environment: dict[str, str] | None = None,
    working_folder: str | None = None,
    result: str | None = None,
    crop: Sequence[int] | None = None,
    frame_tolerance: int = 0,
    list_format: str = "json",
    options: dict[str, Any] | None = None,
) -> External:
    """A generator that runs `command`, such as `conda run -n lp python run.py -s {portrait} -d {clip} -o {out}`.

    command: a template; a literal brace is doubled. protocol: "each" runs it once a video, with {portrait}, {clip} and
    {out} or {out_folder}; "server" starts it once and gives it jobs (`external.protocol`); "list" runs it once for the
    videos of a driving clip, with a file {jobs} (`list_format`: "json" lines or "csv"). name: how rows call it.
    licence: of its code and weights. timeout: seconds for a video; for a list, for each of its videos. start_timeout:
    seconds for a server to load. version: of the program; a new one renders again. environment: variables set on top of
    this process's own. working_folder: where it runs. result: the file that it writes, where it chooses the name:
    {out_folder}, {portrait_stem} and {clip_stem} may stand in it. crop: (x, y, width, height) in pixels of its frames,
    where it writes several pictures side by side. frame_tolerance: frames that may be missing at the end (the last one
    is repeated) or too many (they are left out). options: passed on with every job of a server.

    Raises GeneratorError for a template that cannot be split, or lacks or mistakes a placeholder, and for other wrong
    values.
    """
    settings = ToolSettings(
        protocol,
        float(timeout),
        float(start_timeout),
        size,
        version,
        dict(environment or {}),
        working_folder,
        result,
        _checked_crop(name, crop),
        frame_tolerance,
        list_format,
        dict(options or {}),
    )
    return External(command, name, licence, settings)


class External:
    """A generator behind a command (see `create`). It reads and writes whole files: use `render_file`."""

    family = "external"
    value_range = (0.0, 255.0)
    needs_mesh = False
    needs_image = True

    def __init__(self, command: str, name: str, licence: str, settings: ToolSettings) -> None:
        if not name or any(c in name for c in "/\\\0") or name.startswith("."):
            raise GeneratorError(
                f"external generator name {name!r} cannot name a folder: use letters, digits and hyphens"
            )
        for key, value in (("timeout", settings.timeout), ("start_timeout", settings.start_timeout)):
            if not value > 0:
                raise GeneratorError(f"{name}: {key} must be above 0 seconds; got {value!r}")
        if settings.frame_tolerance < 0:
            raise GeneratorError(f"{name}: frame_tolerance is {settings.frame_tolerance}; expected 0 or more frames")
        self._template = _command(command, name, settings)
        self.name, self.licence, self.version, self._settings = name, licence, settings.version, settings
        self.size, self.framing = settings.size, Framing(size=settings.size)
        self.timeout, self.crop, self.frame_tolerance = settings.timeout, settings.crop, settings.frame_tolerance
        # Whether `render_files` makes many videos faster than `render_file` one by one.
        self.renders_lists = settings.protocol == "list"
        folder = None if settings.working_folder is None else Path(settings.working_folder).expanduser().absolute()
        self._surroundings, self.working_folder = Surroundings(name, settings.environment, folder), folder
        self._server: ToolServer | None = None

    def fingerprint(self) -> str:
        """SHA-256 of the command template, name, version, environment and all that changes the pixels: the program
        itself is out of our sight."""
        settings, plain = self._settings, ToolSettings()
        # What a recipe leaves out does not count, so that recipes written before there was any keep their videos.
        added = {
            key: getattr(settings, key)
            for key in ("protocol", "result", "crop", "frame_tolerance", "options")
            if getattr(settings, key) != getattr(plain, key)
        }
        return digest(
            name=self.name,
            version=self.version,
            command=self._template,
            environment=settings.environment,
            size=self.size,
            **added,
        )

    def check(self) -> str:
        """Starts a server, or looks for the program of a command; returns what was found out, in words.

        Raises GeneratorError where the program is not there, and ToolError where a server does not come up.
        """
        if self._settings.protocol != "server":
            return f"the program is {find_program(self._template[0], self._surroundings)}"
        hello = self._started_server().start()
        self.close()
        return f"it loads, and calls itself {hello['name']} {hello.get('version', 'without a version')}"

    def render_file(self, portrait: str | Path, clip: str | Path, out: str | Path, frames: int = 0) -> Path:
        """Has the tool make one video and returns `out`, which is only there when the tool has succeeded.

        The tool writes into a folder of its own beside `out`; the finished file is moved into place. A tool that runs
        too long is ended with everything it started. frames: of the clip, for tools that want to know. Raises
        GeneratorError for a missing input or a program that cannot be started, ToolError (with the end of the tool's
        output) for a time-out, a crash, a refusal, or an output that is missing, empty or not a video container.
        """
        (made,) = self.render_files([FileJob(Path(portrait), Path(clip), Path(out), frames)])
        if isinstance(made, GeneratorError):
            raise made
        return made

    def render_files(self, jobs: Sequence[FileJob]) -> list[Path | GeneratorError]:
        """Has the tool make several videos; returns for each its path, or why it was not made. See `render_file`."""
        results: list[Path | GeneratorError] = []
        if not self.renders_lists:
            for job in jobs:
                try:
                    results.append(self._render_one(job))
                except GeneratorError as error:
                    results.append(error)
            return results
        return self._render_list(jobs)

    def close(self) -> None:
        """Ends a server that runs; a later video starts it again."""
        if self._server is not None:
            self._server.close()

    def encode_source(self, portrait: Face) -> NoReturn:
        """Raises GeneratorError: an external program's work cannot be told apart into the target's and the driver's."""
        self._only_files()

    def encode_motion(self, driving: Iterable[Face]) -> NoReturn:
        """Raises GeneratorError, for the reason that `encode_source` gives."""
        self._only_files()

    def render(self, source: Any, motion: Any, mode: MotionMode) -> Iterator[np.ndarray]:
        """Raises GeneratorError, for the reason that `encode_source` gives."""
        self._only_files()

    def _only_files(self) -> NoReturn:
        raise GeneratorError(f"{self.name} runs an external command on files: call render_file(portrait, clip, out)")

    def _render_one(self, job: FileJob) -> Path:
        job = self._absolute(job)
        with tempfile.TemporaryDirectory(prefix=f".{self.name}-", dir=job.out.parent) as folder:
            aside = replace(job, out=Path(folder) / f"out{job.out.suffix or '.mp4'}")
            self._remove_earlier(aside)
            if self._settings.protocol == "server":
                log = self._started_server().run(aside)
            else:
                output = Path(folder) / "output.txt"
                command = filled(self._template, job_fields(aside))
                run_once(command, self._surroundings, self.timeout, output)
                log = tail(output)
            self._take_result(aside, job.out, log)
        return job.out

    def _render_list(self, jobs: Sequence[FileJob]) -> list[Path | GeneratorError]:
        results: list[Path | GeneratorError] = []
        if not jobs:
            return results
        jobs = [self._absolute(job) for job in jobs]
        with tempfile.TemporaryDirectory(prefix=f".{self.name}-", dir=jobs[0].out.parent) as folder:
            outputs = Path(folder) / "outputs"
            outputs.mkdir()
            aside = [
                replace(job, out=outputs / f"{number}{job.out.suffix or '.mp4'}") for number, job in enumerate(jobs)
            ]
            listing, output = Path(folder) / f"jobs.{self._settings.list_format}", Path(folder) / "output.txt"
            for job in aside:
                self._remove_earlier(job)
            write_jobs(aside, listing, self._settings.list_format)
            failure: ToolError | None = None
            try:
                command = filled(self._template, {"jobs": str(listing), "out_folder": str(outputs)})
                run_once(command, self._surroundings, self.timeout * len(jobs), output)
            except ToolError as error:
                failure = error  # what it had finished before is still good
            log = tail(output)
            for job, written in zip(jobs, aside, strict=True):
                try:
                    self._take_result(written, job.out, log)
                    results.append(job.out)
                except GeneratorError as error:
                    results.append(failure or error)
        return results

    def _remove_earlier(self, job: FileJob) -> None:
        """Removes what an earlier run left where the tool will write: it must not be taken for this job's video."""
        result_path(self._settings.result, job, self._surroundings.folder).unlink(missing_ok=True)

    def _take_result(self, written: FileJob, out: Path, log: str) -> None:
        """Moves the video that the tool wrote to `out`, once it is known to be one."""
        result = result_path(self._settings.result, written, self._surroundings.folder)
        check_video(result, self.name, log)
        # The tool's folder may lie on another disk, from which nothing can be renamed.
        aside = written.out if result == written.out else Path(shutil.move(result, written.out))
        os.replace(aside, out)

    def _started_server(self) -> ToolServer:
        if self._server is None:
            settings = self._settings
            self._server = ToolServer(
                self._template,
                self._surroundings,
                version=settings.version,
                start_timeout=settings.start_timeout,
                timeout=settings.timeout,
                options=settings.options,
            )
        return self._server

    def _absolute(self, job: FileJob) -> FileJob:
        """The job with absolute paths. Raises GeneratorError where an input is not there."""
        job = FileJob(job.portrait.absolute(), job.clip.absolute(), job.out.absolute(), job.frames)
        for what, path in (("portrait", job.portrait), ("clip", job.clip)):
            if not path.is_file():
                raise GeneratorError(f"{self.name}: the {what} {path} is not a file")
        job.out.parent.mkdir(parents=True, exist_ok=True)
        return job


def _command(command: str, name: str, settings: ToolSettings) -> list[str]:
    """The words of the command, checked for the protocol that it follows, and the other settings of that protocol."""
    check_format(settings.list_format)
    if settings.result is not None:
        check_placeholders(settings.result, ("out_folder", "portrait_stem", "clip_stem"))
    if settings.options and settings.protocol != "server":
        raise GeneratorError(f"{name}: `options` are for `protocol: server`; put them into the command")
    if settings.protocol == "server":
        return split_command(command, (), ())
    if settings.protocol == "list":
        return split_command(command, ("jobs",), ("jobs", "out_folder"))
    if settings.protocol != "each":
        raise GeneratorError(f"{name}: protocol is {settings.protocol!r}; expected each, server or list")
    required = ("portrait", "clip") if settings.result is not None else ("portrait", "clip", "out")
    return split_command(command, required, JOB_FIELDS)


def _checked_crop(name: str, crop: Sequence[int] | None) -> tuple[int, int, int, int] | None:
    if crop is None:
        return None
    if len(crop) != 4 or not all(isinstance(value, int) for value in crop) or min(crop[:2]) < 0 or min(crop[2:]) < 2:
        raise GeneratorError(f"{name}: crop is {list(crop)!r}; expected [x, y, width, height] in pixels")
    x, y, width, height = crop
    return x, y, width, height
