"""The preflight: what one command needs is looked at before its work begins, and all that is missing is named at once.

A command states its `Needs`: checks of this room, with the values that its arguments give. Nothing else is looked at.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.packages import PROBLEM_MARK, missing_module
from nvfair_tools.errors import MissingExtra, NvfairError, user_message
from nvfair_tools.files import make_folder

Check = Callable[[], "MachineFinding | Iterable[MachineFinding]"]


@dataclass(frozen=True)
class Needs:
    """What one command with its arguments needs.

    checks: each returns what it has seen. claimed: folders that the command writes in alone: another command that
    claims one of them meanwhile is refused.
    """

    checks: tuple[Check, ...] = ()
    claimed: tuple[Path, ...] = ()


class PreflightError(NvfairError):
    """Something that a command needs is missing; `findings` holds everything that stops it."""

    def __init__(self, command: str, findings: Iterable[MachineFinding]) -> None:
        self.findings = tuple(findings)
        lines = [f"\n  - {_text(finding, '    ')}" for finding in self.findings]
        count = len(self.findings)
        super().__init__(
            f"this command cannot do its work here, for {count} reason{'s' * (count != 1)}{''.join(lines)}",
            where=command,
            remedy="do what is named above, or pass --no-preflight to begin all the same",
        )


def look(checks: Iterable[Check]) -> list[MachineFinding]:
    """Runs checks, in their order; an error for the user that a check raises is a finding like any other.

    A check that cannot run because of a missing package is left out where another check has named what is missing.
    """
    findings: list[MachineFinding] = []
    for check in checks:
        try:
            result = check()
            findings += [result] if isinstance(result, MachineFinding) else result
        except ImportError:
            if not any(finding.level == "error" for finding in findings):
                raise
        except Exception as error:
            if user_message(error) is None:
                raise
            findings.append(finding_of(error))
    return _packages_once(findings)


def _packages_once(findings: Iterable[MachineFinding]) -> list[MachineFinding]:
    """Findings without repetition: what is missing of an extra in one of them, and no package in two."""
    merged: dict[object, MachineFinding] = {}
    named: set[str] = set()
    for finding in findings:
        if finding.level != "error" or not finding.topic.startswith("packages ["):
            merged.setdefault(finding, finding)
            continue
        problems = [problem for problem in finding.message.split(PROBLEM_MARK) if problem not in named]
        named.update(problems)
        earlier = merged.get(finding.topic)
        if earlier is not None:
            problems = [earlier.message, *problems]
        if problems:
            merged[finding.topic] = replace(finding, message=PROBLEM_MARK.join(problems))
    return list(merged.values())


def finding_of(error: Exception, topic: str = "") -> MachineFinding:
    """The finding that says what an error for the user says. topic: "" for where the error says it was."""
    if not isinstance(error, NvfairError):
        return MachineFinding("error", topic or "generator", str(error))
    if isinstance(error, MissingExtra) and error.why.startswith("No module named"):
        return missing_module(error.package, error.extra)
    message = error.what + (f"; expected: {error.expected}" if error.expected else "")
    if topic and error.where:
        message = f"{error.where}: {message}"
    return MachineFinding("error", topic or error.where or "machine", message, error.remedy)


@contextmanager
def preflight(command: str, needs: Needs, warn: Callable[[str], None], *, makes_folders: bool = True) -> Iterator[None]:
    """Raises PreflightError with everything that stops a command; tells `warn` what does not; keeps its folders
    claimed meanwhile. makes_folders: whether a claimed folder is made where there is none; a dry run makes none."""
    findings = look(needs.checks)
    for finding in findings:
        if finding.level == "warning":
            warn(_text(finding, "  "))
    errors = [finding for finding in findings if finding.level == "error"]
    with ExitStack() as stack:
        if not errors:
            claimed = [folder for folder in needs.claimed if makes_folders or folder.is_dir()]
            errors = [busy for folder in claimed if (busy := stack.enter_context(_claimed(folder)))]
        if errors:
            raise PreflightError(command, errors)
        yield


@contextmanager
def _claimed(folder: Path) -> Iterator[MachineFinding | None]:
    """Claims a folder for this process, by a lock on the folder itself, which ends with the process; gives the finding
    that says that another process has it. Where there are no such locks, nothing is claimed.

    A folder that was made for it and is empty in the end is removed: a refused command leaves none behind.
    """
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        yield None
        return
    made = [place for place in (folder, *folder.parents) if not place.exists()]
    descriptor = os.open(make_folder(folder), os.O_RDONLY)
    try:
        busy = None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            busy = busy_finding(folder)
        except OSError:  # a file system without locks
            pass
        yield busy
    finally:
        with suppress(OSError):  # a folder in which something was written stays
            for place in made:
                place.rmdir()
        os.close(descriptor)


def busy_finding(folder: Path) -> MachineFinding:
    """Says that another process writes in a folder."""
    return MachineFinding(
        "error", "run in progress", f"another command is at work in {folder}", "wait until it has ended, or end it"
    )


def _text(finding: MachineFinding, indent: str) -> str:
    remedy = f"\n{indent}to fix it: {finding.remedy}" if finding.remedy else ""
    message = finding.message.replace("\n", f"\n{indent}")  # of an error that lists several
    return f"{finding.topic}: {message}{remedy}"
