"""Ctrl-C and SIGTERM end a command with one line and their own status, whatever a library makes of them."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
BEGIN = """
import os, signal, sys
from nvfair_tools.cli.failures import exit_status, interrupt_by_signals
from nvfair_tools.errors import NvfairError
interrupt_by_signals()
"""
DISGUISED = """
def call():
    try:
        os.kill(os.getpid(), signal.{signal})
        while True:
            pass
    except KeyboardInterrupt:
        pass
    raise {error}
sys.exit(exit_status(call))
"""
LINE = "interrupted: run the same command again; what was finished is kept and not done again\n"


def end_of(program: str, *, before: str = "") -> tuple[int, str]:
    """Status and standard error of a program in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-c", before + BEGIN + program], cwd=ROOT, capture_output=True, text=True, timeout=300
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize(("signal", "status"), [("SIGINT", 130), ("SIGTERM", 143)])
def test_an_error_that_a_library_makes_of_an_interruption_is_the_interruption(signal, status):
    assert end_of(DISGUISED.format(signal=signal, error="ValueError('a validator could not be built')")) == (
        status,
        LINE,
    )


def test_a_mistake_that_shows_after_an_interruption_is_still_named():
    status, errors = end_of(DISGUISED.format(signal="SIGINT", error="NvfairError('no disk', where='result.json')"))
    assert (status, errors) == (1, "error: result.json: no disk\n")


def test_an_error_of_our_own_keeps_its_traceback_where_nothing_interrupted():
    status, errors = end_of("sys.exit(exit_status(lambda: 1 / 0))")
    assert status == 1
    assert errors.endswith("ZeroDivisionError: division by zero\n")


def test_ctrl_c_stays_without_effect_where_the_shell_wants_it_so():
    program = "sys.exit(exit_status(lambda: os.kill(os.getpid(), signal.SIGINT)))"
    assert end_of(program, before="import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)") == (0, "")
