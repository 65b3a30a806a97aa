"""One enrolled person and many videos: an answer for each, kept as it comes, so that an interrupted run goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmark.verification.verify import Verifier
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, sha256_of
from nvfair_tools.media.errors import MediaError

UNREADABLE = "unreadable"


@dataclass(frozen=True)
class VideoAnswer:
    """The answer about one of several videos. content: `VerificationResult.to_json`, or what is wrong with the file.
    earlier: whether an earlier run found it."""

    path: Path
    content: dict[str, Any]
    earlier: bool = False

    @property
    def outcome(self) -> str:
        """A key of OUTCOMES, or "unreadable"."""
        return str(self.content["outcome"])


def verify_many(
    verifier: Verifier,
    paths: Sequence[Path],
    *,
    store: Path | None = None,
    progress: Callable[[int, int, str], None] = lambda done, total, note: None,
) -> Iterator[VideoAnswer]:
    """Verifies videos one after another, and yields each answer as it comes.

    store: a file of JSON lines, to which every answer is added; videos that it has an answer for, by their content and
    by the same enrolment, calibration and threshold, are not verified again. progress: called with the number of videos
    that are done, their total, and the present one.
    A file that cannot be read has the outcome "unreadable". Raises NvfairError where the store is no such file.
    """
    earlier = {} if store is None else _read(store)
    if store is not None:
        check_writable(store.absolute().parent)
    for number, path in enumerate(paths):
        progress(number, len(paths), path.name)
        key = f"{sha256_of(path)}:{_settings(verifier)}"
        if key in earlier:
            yield VideoAnswer(path, earlier[key], earlier=True)
            continue
        try:
            content = verifier.verify(path).to_json()
        except MediaError as error:
            content = {"video": path.name, "outcome": UNREADABLE, "meaning": f"{error.what}; to fix it: {error.remedy}"}
        if store is not None:
            with open(store, "a", encoding="utf-8") as file:
                file.write(json.dumps({"key": key, "path": str(path), **content}) + "\n")
        earlier[key] = content
        yield VideoAnswer(path, content)
    progress(len(paths), len(paths), "")


def _settings(verifier: Verifier) -> str:
    """What an answer depends on besides the video."""
    calibration, threshold = verifier.calibration, verifier.threshold
    digest = "none" if calibration is None else calibration.digest[:16]
    fmr = "" if threshold is None else repr(threshold.fmr)
    return f"{verifier.enrolment.id}:{digest}:{fmr}:{verifier.refusal}:{verifier.largest_face}:{verifier.across_cuts}"


def _read(store: Path) -> dict[str, dict[str, Any]]:
    """{key: content} of the answers in a store; a line that an interruption cut is left out."""
    if not store.exists():
        return {}
    answers = {}
    lines = store.read_text(encoding="utf-8").splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            content = json.loads(line)
            del content["path"]
            answers[content.pop("key")] = content
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            if number == len(lines) and not line.endswith("\n"):
                # The next line must not be written behind it.
                store.write_text("".join(lines[:-1]), encoding="utf-8")
                break
            raise NvfairError(
                f"line {number} is no answer: {error}", where=store, remedy="name another file for the answers"
            ) from error
    return answers
