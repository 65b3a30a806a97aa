"""The library that talks to the Hub, and its errors in the form of ours."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from nvfair_tools.errors import MissingExtra, NvfairError

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN to a token that may write"
_STATUS = {
    401: ("the Hub does not know who is sending", _LOG_IN),
    403: ("the token may not write there", _LOG_IN),
    404: ("there is no such owner or repository, or the token may not see it", _LOG_IN),
}


def hub_library() -> Any:
    """The module `huggingface_hub`. Raises MissingExtra where it is not installed."""
    try:
        import huggingface_hub
        import huggingface_hub.errors
        import huggingface_hub.utils
    except ImportError as error:
        raise MissingExtra("huggingface_hub", "hub", str(error)) from error
    return huggingface_hub


@contextmanager
def hub_errors(repo: str) -> Iterator[None]:
    """Turns what goes wrong between here and the Hub into an NvfairError that says what to do."""
    errors = hub_library().errors
    try:
        yield
    except errors.HfHubHTTPError as error:
        status: Any = getattr(error.response, "status_code", None)
        what, remedy = _STATUS.get(status, (f"the Hub answered {status}: {_first_line(error)}", "run it again later"))
        raise NvfairError(what, where=repo, remedy=remedy) from error
    except errors.LocalTokenNotFoundError as error:
        raise NvfairError("no token was found", where=repo, remedy=_LOG_IN) from error
    except Exception as error:
        if not _is_of_the_network(error):
            raise
        raise NvfairError(
            f"the Hub cannot be reached: {_first_line(error)}",
            where=repo,
            remedy="run the same command again once there is a network: what was sent is not sent twice",
        ) from error


def _is_of_the_network(error: BaseException) -> bool:
    """Whether an error is one of connections: of the system, or of the HTTP library that the Hub's uses."""
    names = {parent.__name__ for parent in type(error).__mro__}
    return isinstance(error, ConnectionError | TimeoutError) or bool(names & {"TransportError", "RequestException"})


def _first_line(error: BaseException) -> str:
    lines = [line for line in str(error).splitlines() if line.strip()]
    return " ".join(lines[:2]) if lines else type(error).__name__
