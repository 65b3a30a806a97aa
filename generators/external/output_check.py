"""Whether a file that a tool wrote is a video at all; its frames are checked where they are decoded."""

from __future__ import annotations

from pathlib import Path

from generators.errors import GeneratorError
from generators.external.errors import ToolError


def check_video(path: Path, name: str, log: str = "") -> None:
    """Raises ToolError "tool_output" where the file is missing, empty, or holds no frame that can be decoded."""
    if not path.is_file():
        raise ToolError(
            "tool_output",
            f"{name} ended well but wrote no {path.name}: make it write to {{out}}, or correct `result`",
            log,
        )
    if path.stat().st_size == 0:
        raise ToolError("tool_output", f"{name} ended well but its output is empty", log)
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
        raise ToolError(
            "tool_output", f"{name} ended well but its output is not a video that can be read: {error}", log
        ) from error
    if frame is None:
        raise ToolError("tool_output", f"{name} ended well but its output has no video frame", log)
