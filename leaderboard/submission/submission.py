"""A submission: a folder, or a zip of it, with `submission.yaml` and the files that its entries name.

    submission.yaml
    embeddings/*.parquet|csv    video, window, start_frame, embedding      (CSV: embedding_0, embedding_1, ...)
    scores/*.parquet|csv        trial, score                               (trial: benchmark.trials.trials.trial_name)
    reproduce/*                 whatever lets others repeat it; kept and offered, never opened

The format has its own version, apart from the library's. Keys are only ever added to version 1, so that what was good
stays good, with the same identity.
"""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from benchmark.methods.declaration import Declaration, RoleExposure
from leaderboard.submission.untrusted_text import invisible_character
from leaderboard.submission.untrusted_yaml import read_yaml
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.identity import parse_identity

SUBMISSION_VERSION = 1
DECLARATION_FILE = "submission.yaml"
# Of one file beside the embeddings and scores: code is a link, not an attachment.
MAX_REPRODUCE_BYTES = 100 * 1024 * 1024
_REPRODUCE = (".json", ".yaml", ".yml", ".txt", ".md", ".csv", ".parquet", ".zip")
_PATH = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*(/[A-Za-z0-9_][A-Za-z0-9_.+-]*){0,5}")


def _line(text: str) -> str:
    return _visible(text, lines=False)


def _lines(text: str) -> str:
    return _visible(text, lines=True)


def _visible(text: str, *, lines: bool) -> str:
    found = invisible_character(text, lines=lines)
    if found:
        raise ValueError(f"it holds {found}, which cannot be seen; type the text again")
    if text and not text.strip():
        raise ValueError("it is blank")
    return text


def _link(text: str) -> str:
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"[\s\"'<>\\]", text)
        good = good and parts.username is None and parts.password is None
    except ValueError:
        good = False
    if not good:
        raise ValueError("it is not the address of a web page; expected https://...")
    return text


def _inside(text: str) -> str:
    if not _PATH.fullmatch(text):
        raise ValueError(
            f"{text[:80]!r} leads out of the submission's folder or through a link, or has odd characters; expected "
            "a relative path of letters, digits and _ . + -, such as embeddings/test.parquet"
        )
    return text


def _person(text: str) -> str:
    try:
        return parse_identity(text)
    except NvfairError as error:
        raise ValueError(f"{error.what}; expected such as cremad:1001") from error


Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_line)]
Author = Annotated[str, Field(min_length=1, max_length=120), AfterValidator(_line)]
Contact = Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_line)]
Short = Annotated[str, Field(min_length=1, max_length=80), AfterValidator(_line)]
Person = Annotated[str, Field(min_length=3, max_length=200), AfterValidator(_person)]
Link = Annotated[str, Field(max_length=500), AfterValidator(_line), AfterValidator(_link)]
InnerPath = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_inside)]
Names = Annotated[tuple[Name, ...], Field(max_length=20_000)] | Literal["unknown"]
People = Annotated[tuple[Person, ...], Field(max_length=20_000)] | Literal["unknown"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredRole(_Part):
    """People and generators that one role of the method's making has seen, besides those of the training."""

    people: People = ()
    generators: Names = ()


class Training(_Part):
    """What the method was trained, selected and calibrated on. "unknown" is an answer, and is shown as such.

    data: whether others can get the training data. selection, thresholds, cohorts: what choosing the model, setting
    thresholds and normalising scores have seen besides.
    """

    datasets: Names
    people: People
    generators: Names
    data: Literal["open", "closed", "unknown"] = "unknown"
    selection: DeclaredRole = DeclaredRole()
    thresholds: DeclaredRole = DeclaredRole()
    cohorts: DeclaredRole = DeclaredRole()

    @property
    def declaration(self) -> Declaration:
        """What the method has touched, as the benchmark's value; overlap is decided there."""
        return Declaration(
            training=_exposure(self),
            selection=_exposure(self.selection),
            thresholds=_exposure(self.thresholds),
            cohorts=_exposure(self.cohorts),
        )


def _exposure(role: Training | DeclaredRole) -> RoleExposure:
    return RoleExposure(
        people=None if isinstance(role.people, str) else frozenset(role.people),
        generators=None if isinstance(role.generators, str) else frozenset(role.generators),
    )


class Entry(_Part):
    """Embeddings of a data set's test videos, or scores of a protocol's trials, to be scored under one protocol."""

    protocol: Name  # the protocol's name
    embeddings: InnerPath | None = None  # path of the Parquet or CSV file, relative to the folder
    scores: InnerPath | None = None  # the same, for scores
    trained_on_generators: Annotated[tuple[Name, ...], Field(max_length=1000)] = ()  # tells rows of the matrix apart
    reproduce: Annotated[tuple[InnerPath, ...], Field(max_length=20)] = ()

    @model_validator(mode="after")
    def _one_file(self) -> Entry:
        if (self.embeddings is None) == (self.scores is None):
            raise ValueError("name either `embeddings` or `scores`, and not both")
        return self

    @property
    def file(self) -> str:
        """The file that is scored."""
        return self.embeddings or self.scores or ""


class Submission(_Part):
    """The content of submission.yaml. `contact` is private: never shown on a page."""

    format_version: Literal[1]
    method: Short
    kind: Literal["method", "baseline", "control"] = "method"
    authors: Annotated[tuple[Author, ...], Field(min_length=1, max_length=100)]
    contact: Contact
    description: Annotated[str, Field(max_length=2000), AfterValidator(_lines)] = ""
    links: Annotated[dict[Short, Link], Field(max_length=10)] = Field(default_factory=dict)
    parameters: Annotated[int, Field(strict=True, ge=0, le=10**15)] | None = None
    hardware: Annotated[str, Field(max_length=200), AfterValidator(_line)] = ""
    training: Training
    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=50)]


def read_submission(folder: Path) -> Submission:
    """The declaration in `folder`. Raises NvfairError, or Problems that lists every mistake with its key."""
    path = folder / DECLARATION_FILE
    if path.is_symlink() or not path.is_file():
        raise NvfairError(
            f"no {DECLARATION_FILE} here", where=folder, remedy="nvfair submit init FOLDER writes one to fill in"
        )
    content = read_yaml(path)
    version = content.get("format_version") if isinstance(content, dict) else None
    if isinstance(version, int) and not isinstance(version, bool) and version > SUBMISSION_VERSION:
        raise NvfairError(
            f"format version {version}",
            where=path,
            expected=f"version {SUBMISSION_VERSION}",
            remedy="pip install --upgrade nvfair-tools, or write it in that version",
        )
    try:
        return Submission.model_validate(content)
    except ValidationError as error:
        told = [(_key(item["loc"]), item["type"], _words(item["msg"])) for item in error.errors()]
        # A list whose items are all wrong is "too short" only because they are.
        problems = [
            f"{DECLARATION_FILE}: {key}: {words}"
            for key, kind, words in told
            if kind != "too_short" or not _above(key, told)
        ]
        raise Problems(
            path, list(dict.fromkeys(problems)), remedy="`nvfair submit init FOLDER` shows every key with its meaning"
        ) from error


def named_files(submission: Submission) -> list[str]:
    """Every file that the entries name, each once, in their order: what is packed, kept and hashed, beside FILE."""
    return list(dict.fromkeys(name for entry in submission.entries for name in (entry.file, *entry.reproduce)))


def reproduce_names(submission: Submission) -> list[str]:
    """The files that let others repeat it, each once."""
    return list(dict.fromkeys(name for entry in submission.entries for name in entry.reproduce))


def inner_file(folder: Path, name: str) -> Path:
    """A file that an entry names. Raises NvfairError when it lies outside the folder, is a link, or is absent."""
    path = folder / name
    inside = path.resolve().is_relative_to(folder.resolve())
    if not inside or any(p.is_symlink() for p in (path, *path.parents) if p != folder and p.is_relative_to(folder)):
        raise NvfairError(
            f"{name!r} leads out of the submission's folder or through a link",
            where=folder / DECLARATION_FILE,
            expected="the relative path of a plain file inside the folder",
        )
    if not path.is_file():
        raise NvfairError(
            f"{name!r} is not there", where=folder / DECLARATION_FILE, remedy="write it with `nvfair embed`"
        )
    return path


def entry_path(folder: Path, entry: Entry) -> Path:
    """The file that is scored. Raises as `inner_file`."""
    return inner_file(folder, entry.file)


def reproduce_problems(folder: Path, entry: Entry) -> list[str]:
    """What is wrong with the files to reproduce an entry by; they are looked at, never opened."""
    found = []
    for name in entry.reproduce:
        try:
            size = inner_file(folder, name).stat().st_size
        except NvfairError as error:
            found.append(str(error))
            continue
        if not name.lower().endswith(_REPRODUCE):
            found.append(
                f"{DECLARATION_FILE}: reproduce file {name!r} is none of {', '.join(_REPRODUCE)}; link to code instead"
            )
        if size > MAX_REPRODUCE_BYTES:
            found.append(f"{name}: {size} bytes; at most {MAX_REPRODUCE_BYTES} for a file to reproduce by")
    return found


def submission_digest(folder: Path, submission: Submission) -> str:
    """sha256 over the declaration and every file that it names: the identity of what was submitted."""
    total = hashlib.sha256(sha256_of(folder / DECLARATION_FILE).encode())
    for entry in submission.entries:
        for name in (entry.file, *entry.reproduce):
            total.update(f"\n{name} {sha256_of(inner_file(folder, name))}".encode())
    return total.hexdigest()


# Which member of a union was tried is pydantic's business, not the author's.
_INNER = re.compile(r"tuple\[.*|literal\[.*|function-.*|constrained-.*|str|int")


def _key(steps: tuple[int | str, ...]) -> str:
    named = [str(step) for step in steps if not _INNER.fullmatch(str(step))]
    return ".".join(name if name.isprintable() and len(name) <= 60 else ascii(name)[:60] for name in named) or "file"


def _above(key: str, told: list[tuple[str, str, str]]) -> bool:
    return any(other.startswith(f"{key}.") for other, _, _ in told)


def _words(message: str) -> str:
    if message == "Input should be 'unknown'":
        return "expected a list such as [cremad:1001], or the word unknown"
    for theirs, ours in _THEIRS:
        message = message.replace(theirs, ours)
    return message.removeprefix("Value error, ")


# pydantic's words for what an author calls otherwise.
_THEIRS = ((" after validation,", ","), ("Tuple should", "the list should"), ("String should", "the text should"))


DECLARATION_TEMPLATE = """\
# A submission to the leaderboard. Check it offline with: nvfair submit check FOLDER --dataset DATASET
format_version: 1
method: my method                # shown on the board
kind: method                     # method, baseline or control
authors: [A. Name]
contact: me@example.org          # private: never shown
description: ""
links: {}                        # e.g. {code: "https://...", paper: "https://..."}
parameters: null                 # trainable parameters
hardware: ""
training:                        # write unknown where you do not know; it is shown as unknown
  datasets: []
  people: []                     # namespace:id of everybody used for training, selection, thresholds and cohorts
  generators: []
  data: unknown                  # open, closed or unknown: whether others can get the training data
  selection: {people: [], generators: []}    # seen in choosing the model, and not listed above
  thresholds: {people: [], generators: []}
  cohorts: {people: [], generators: []}
entries:                         # each with embeddings (Parquet or CSV), or with scores: of the protocol's trials
  - protocol: nvfair-seen
    embeddings: embeddings/test.parquet
    trained_on_generators: []
    reproduce: []                # files that let others repeat it, such as a bundle of `nvfair reproduce pack`
"""
