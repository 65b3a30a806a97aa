"""What the command says and how it ends where something goes wrong: one message and an exit status, no traceback."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Callable, Sequence

import click

# Exit statuses of every command; docs/command_line.md explains them. 0 is success, 1 an error.
ERROR, USAGE, INTERRUPTED, TERMINATED = 1, 2, 130, 143

# What helps against an error of the operating system.
_REMEDIES = {
    errno.EACCES: "allow your user to read it, or to write there (ls -l shows who may), or name another path",
    errno.EPERM: "allow your user to read it, or to write there (ls -l shows who may), or name another path",
    errno.EROFS: "name a path on a disk that can be written",
    errno.ENOSPC: "free some disk space, or name a path on another disk; then run the same command again",
    errno.EDQUOT: "free some of your quota, or name a path on another disk; then run the same command again",
    errno.ENOENT: "correct the path",
    errno.ENOTDIR: "a part of this path is a file, not a folder: name another path",
    errno.EISDIR: "this is a folder: name a file",
    errno.ENAMETOOLONG: "name a shorter path",
    errno.EADDRINUSE: "another program listens there: stop it, or choose another --port",
    errno.EMFILE: "allow more open files: ulimit -n 4096",
}


class Terminated(KeyboardInterrupt):
    """The process was asked to end by SIGTERM."""


_interruptions: list[KeyboardInterrupt] = []  # that were raised: libraries make other errors of some


def interrupt_by_signals() -> None:
    """From here on Ctrl-C raises KeyboardInterrupt and SIGTERM Terminated; `exit_status` knows them in any disguise.

    Ctrl-C stays without effect where whoever started the process wanted it so, as a shell does with `nvfair ... &`.
    """
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)
    if hasattr(signal, "SIGTERM"):
        signal.signal(signal.SIGTERM, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    error = KeyboardInterrupt() if number == signal.SIGINT else Terminated()
    _interruptions.append(error)
    raise error


def exit_status(call: Callable[[], object]) -> int:
    """Calls a command and returns the exit status; what went wrong is said on the standard error.

    Raises what nobody can correct who uses the command: an error of our own, whose traceback is needed.
    """
    try:
        call()
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort) as error:
        return _interrupted(error.__cause__ or error)  # click raises Abort from what interrupted it
    except BrokenPipeError:  # whoever read our output has stopped, as `nvfair ... | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else 0 if ended.code is None else ERROR
    except Exception as error:
        message = user_text(error)
        if message is None:
            if _interruptions:
                return _interrupted(_interruptions[-1])
            raise
        _say(f"error: {message}")
        return ERROR
    return 0


def _interrupted(error: BaseException) -> int:
    _say("interrupted: run the same command again; what was finished is kept and not done again")
    return TERMINATED if isinstance(error, Terminated) else INTERRUPTED


def user_text(error: BaseException) -> str | None:
    """The message that says what to correct; None for an error in our own code, which needs its traceback."""
    from nvfair_tools.errors import user_message

    if (message := user_message(error)) is not None:
        return message
    if isinstance(error, OSError) and error.errno is not None:  # a full disk, a folder without permission
        place = next((f"{name}: " for name in (error.filename2, error.filename) if name), "")
        remedy = _REMEDIES.get(error.errno)
        return f"{place}{error.strerror or error}" + (f"\n  to fix it: {remedy}" if remedy else "")
    return None


def wants_colour() -> bool | None:
    """False where NO_COLOR asks for none; None where the output itself decides."""
    return False if os.environ.get("NO_COLOR") else None


def near_names(word: str, names: Sequence[str]) -> str:
    """A hint at the nearest of some names, which begins with a blank; "" where none is near."""
    import difflib

    near = difflib.get_close_matches(word, names, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


def _say(text: str) -> None:
    click.secho(text, fg="red", err=True, color=wants_colour())
