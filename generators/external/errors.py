"""What an external tool did wrong, with the end of what it printed."""

from __future__ import annotations

from generators.errors import GeneratorError

LOG_TAIL = 2000  # characters of a tool's output that its error quotes


class ToolError(GeneratorError):
    """A failure of an external tool. cause: `tool_failed` (it crashed, hung or broke the protocol), `tool_refused` (it
    answered that it cannot do this job) or `tool_output` (what it wrote is not the video that was asked for).

    log: the end of what the tool printed. is_retryable: whether the next run may end otherwise: true of tools that
    failed, because a card's memory or a killed process may have been behind it.
    """

    def __init__(self, cause: str, message: str, log: str = "") -> None:
        self.cause, self.log = cause, log.strip()[-LOG_TAIL:]
        self.is_retryable = cause == "tool_failed"
        super().__init__(message + (f"\nthe end of its output:\n{self.log}" if self.log else ""))

    def __reduce__(self) -> tuple:
        return ToolError, (self.cause, str(self.args[0]).partition("\nthe end of its output:\n")[0], self.log)
