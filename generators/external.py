"""Any other generator, run in its own environment by a command: files in, a video out.

The template is split once, like a shell would split it but without one, and the placeholders are filled in afterwards:
whatever a file is called, it stays one argument, and nothing in it is ever executed.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import string
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from generators.errors import GeneratorError
from generators.face import Face, Framing
from generators.generator import MotionMode, digest

PLACEHOLDERS = frozenset({"portrait", "clip", "out"})
STDERR_TAIL = 2000  # characters of a failed command's output that its error quotes


def create(
    command: str,
    name: str,
    licence: str,
    timeout: float = 3600.0,
    size: int = 256,
    version: str = "unknown",
    environment: dict[str, str] | None = None,
) -> External:
    """A generator that runs `command`, such as `conda run -n lp python run.py -s {portrait} -d {clip} -o {out}`.

    command: template with {portrait}, {clip} and {out}; a literal brace is doubled. name: how folders and rows call it.
    licence: of its weights. timeout: seconds a clip may take. version: of the program it runs; a new one re-renders.
    environment: variables set on top of this process's own.
    Raises GeneratorError for a template that cannot be split, or lacks or mistakes a placeholder.
    """
    return External(command, name, licence, timeout, size, version, environment)


class External:
    """A generator behind a command (see `create`). It reads and writes whole files: use `render_file`."""

    family = "external"
    value_range = (0.0, 255.0)
    needs_mesh = False
    needs_image = True

    def __init__(
        self,
        command: str,
        name: str,
        licence: str,
        timeout: float,
        size: int,
        version: str,
        environment: dict[str, str] | None,
    ):
        self._template = _parse(command)
        if not name or any(c in name for c in "/\\\0") or name.startswith("."):
            raise GeneratorError(
                f"external generator name {name!r} cannot name a folder: use letters, digits and hyphens"
            )
        if not timeout > 0:
            raise GeneratorError(f"{name}: timeout must be above 0 seconds; got {timeout!r}")
        self.name, self.licence, self.timeout, self.version = name, licence, float(timeout), version
        self.size, self.framing = size, Framing(size=size)
        self._environment = dict(environment or {})

    def fingerprint(self) -> str:
        """SHA-256 of the command template, name, version and environment: the program itself is out of our sight."""
        return digest(
            name=self.name,
            version=self.version,
            command=self._template,
            environment=self._environment,
            size=self.size,
        )

    def render_file(self, portrait: str | Path, clip: str | Path, out: str | Path) -> Path:
        """Runs the command once and returns `out`, which is only there when the command has succeeded.

        The command writes into a folder of its own beside `out`; the finished file is moved into place. A command
        that runs too long is ended with everything it started. Raises GeneratorError for a missing input, a program
        that cannot be started, a time-out, an exit code other than 0, or an output that is missing, empty or not a
        video container, with the end of the command's output.
        """
        portrait, clip, out = Path(portrait).absolute(), Path(clip).absolute(), Path(out).absolute()
        for what, path in (("portrait", portrait), ("clip", clip)):
            if not path.is_file():
                raise GeneratorError(f"{self.name}: the {what} {path} is not a file")
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{self.name}-", dir=out.parent) as folder:
            temporary = Path(folder) / f"out{out.suffix or '.mp4'}"
            fields = {"portrait": str(portrait), "clip": str(clip), "out": str(temporary)}
            self._run([part.format_map(fields) for part in self._template], Path(folder))
            _check_video(temporary, self.name)
            os.replace(temporary, out)
        return out

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

    def _run(self, arguments: list[str], folder: Path) -> None:
        output_file = folder / "output.txt"
        environment = {**os.environ, **self._environment}
        with output_file.open("wb") as output:
            try:
                process = subprocess.Popen(
                    arguments,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment,
                    start_new_session=True,  # so that a time-out can end what the command has started, too
                )
            except OSError as error:
                raise GeneratorError(
                    f"{self.name}: {arguments[0]!r} cannot be started ({error.strerror}): check the command's program"
                ) from error
            try:
                code = process.wait(self.timeout)
            except subprocess.TimeoutExpired:
                code = None
            finally:
                _end(process)
        if code is None:
            raise GeneratorError(
                f"{self.name} was still running after {self.timeout:g} s and was ended{_output_tail(output_file)}"
            )
        if code:
            how = f"was killed by signal {-code}" if code < 0 else f"exited with code {code}"
            raise GeneratorError(f"{self.name} {how}: {shlex.join(arguments)}{_output_tail(output_file)}")


def _parse(command: str) -> list[str]:
    try:
        template = shlex.split(command)
    except ValueError as error:
        raise GeneratorError(f"the external command {command!r} cannot be split into words: {error}") from error
    if not template:
        raise GeneratorError("the external command is empty: give a program and its arguments")
    placeholders = set()
    for part in template:
        try:
            fields = [(field, spec, conversion) for _, field, spec, conversion in string.Formatter().parse(part)]
        except ValueError as error:
            raise GeneratorError(f"the external command has an unpaired brace in {part!r}: {error}") from error
        for field, spec, conversion in fields:
            if field is None:
                continue
            if field not in PLACEHOLDERS or spec or conversion:
                raise GeneratorError(
                    f"the external command has an unknown placeholder in {part!r}: "
                    f"use {', '.join('{' + p + '}' for p in sorted(PLACEHOLDERS))}, and double a literal brace"
                )
            placeholders.add(field)
    if missing := sorted(PLACEHOLDERS - placeholders):
        raise GeneratorError(f"the external command lacks {', '.join('{' + p + '}' for p in missing)}: {command!r}")
    return template


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ends the command's whole process group, children that outlived it included."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _output_tail(output_file: Path) -> str:
    text = output_file.read_bytes()[-4 * STDERR_TAIL :].decode("utf-8", errors="replace").strip()[-STDERR_TAIL:]
    return f"\nthe end of its output:\n{text}" if text else " (it printed nothing)"


def _check_video(path: Path, name: str) -> None:
    if not path.is_file():
        raise GeneratorError(f"{name} ended well but wrote no {{out}} file: make its command write to {{out}}")
    if path.stat().st_size == 0:
        raise GeneratorError(f"{name} ended well but its output is empty")
    try:
        import av
    except ModuleNotFoundError as error:
        raise GeneratorError(
            f"{name}: PyAV is needed to check external videos: pip install 'nvfair-tools[media]'"
        ) from error
    try:
        with av.open(str(path)) as container:
            frame = next(container.decode(video=0), None) if container.streams.video else None
    except av.error.FFmpegError as error:
        raise GeneratorError(f"{name} ended well but its output is not a video that can be read: {error}") from error
    if frame is None:
        raise GeneratorError(f"{name} ended well but its output has no video frame")
