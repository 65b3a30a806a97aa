"""A submission: a folder, or a zip of it, with `submission.yaml` and the files that its entries name.

    submission.yaml
    embeddings/*.parquet|csv    video, window, start_frame, embedding      (CSV: embedding_0, embedding_1, ...)
    scores/*.parquet|csv        trial, score                               (trial: benchmark.trials.trials.trial_name)
    reproduce/*                 files that let others repeat it; kept and offered, never opened

The format has its own version, apart from the library's. Keys are only ever added to version 1, so that a valid
submission stays valid, with the same identity.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from benchmark.methods.declaration import Declaration, RoleExposure
from leaderboard.submission.field_types import (
    Author,
    Contact,
    InnerPath,
    Line,
    Link,
    MethodName,
    Name,
    Names,
    Paragraphs,
    People,
    ShortName,
)
from leaderboard.submission.untrusted_yaml import read_yaml
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.schema_problems.lines import parse_model

SUBMISSION_VERSION = 1
DECLARATION_FILE = "submission.yaml"
# Of one file beside the embeddings and scores: code is a link, not an attachment.
MAX_REPRODUCE_BYTES = 100 * 1024 * 1024
_REPRODUCE_SUFFIXES = (".json", ".yaml", ".yml", ".txt", ".md", ".csv", ".parquet", ".zip")


class _FrozenModel(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DeclaredRole(_FrozenModel):
    """People and generators that one role of the method's making has seen, besides those of the training."""

    people: People = ()
    generators: Names = ()


class Training(_FrozenModel):
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


class Entry(_FrozenModel):
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


class Submission(_FrozenModel):
    """The content of submission.yaml. contact: private, shown on no page."""

    format_version: Literal[1]
    method: MethodName
    kind: Literal["method", "baseline", "control"] = "method"
    authors: Annotated[tuple[Author, ...], Field(min_length=1, max_length=100)]
    contact: Contact
    description: Paragraphs = ""
    links: Annotated[dict[ShortName, Link], Field(max_length=10)] = Field(default_factory=dict)
    parameters: Annotated[int, Field(strict=True, ge=0, le=10**15)] | None = None
    hardware: Line = ""
    training: Training
    entries: Annotated[tuple[Entry, ...], Field(min_length=1, max_length=50)]


def read_submission(folder: Path) -> Submission:
    """Reads the declaration in `folder`. Raises NvfairError, or Problems that lists every mistake with its key."""
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
    return parse_model(
        Submission,
        content,
        where=path,
        prefix=f"{DECLARATION_FILE}: ",
        remedy="`nvfair submit init FOLDER` shows every key with its meaning",
        quote_values=False,
    )


def named_files(submission: Submission) -> list[str]:
    """Every file that the entries name, each once, in their order.

    These and the declaration are packed, kept and hashed.
    """
    return list(dict.fromkeys(name for entry in submission.entries for name in (entry.file, *entry.reproduce)))


def reproduce_names(submission: Submission) -> list[str]:
    """The names of the files that let others repeat the method, each once."""
    return list(dict.fromkeys(name for entry in submission.entries for name in entry.reproduce))


def inner_file(folder: Path, name: str) -> Path:
    """The path of a file that an entry names.

    Raises NvfairError where it lies outside the folder, is a link, or is absent.
    """
    path = folder / name
    is_inside = path.resolve().is_relative_to(folder.resolve())
    inner_paths = [part for part in (path, *path.parents) if part != folder and part.is_relative_to(folder)]
    if not is_inside or any(part.is_symlink() for part in inner_paths):
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


def inner_files(folder: Path, names: Iterable[str]) -> dict[str, Path]:
    """The paths of files that entries name. Raises Problems with every one that `inner_file` refuses."""
    paths, problems = {}, []
    for name in names:
        try:
            paths[name] = inner_file(folder, name)
        except NvfairError as error:
            problems.append(error.what)
    if problems:
        raise Problems(folder, problems, remedy="`nvfair embed` writes embeddings; submission.yaml names the files")
    return paths


def entry_path(folder: Path, entry: Entry) -> Path:
    """The path of the file that an entry is scored by. Raises as `inner_file` does."""
    return inner_file(folder, entry.file)


def reproduce_problems(folder: Path, entry: Entry) -> list[str]:
    """Problems of the files to reproduce an entry by. Their names and sizes are checked; they are never opened."""
    problems = []
    for name in entry.reproduce:
        try:
            size = inner_file(folder, name).stat().st_size
        except NvfairError as error:
            problems.append(str(error))
            continue
        if not name.lower().endswith(_REPRODUCE_SUFFIXES):
            suffixes = ", ".join(_REPRODUCE_SUFFIXES)
            problems.append(f"{DECLARATION_FILE}: reproduce file {name!r} is none of {suffixes}; link to code instead")
        if size > MAX_REPRODUCE_BYTES:
            problems.append(f"{name}: {size} bytes; at most {MAX_REPRODUCE_BYTES} for a file to reproduce by")
    return problems


def submission_digest(folder: Path, submission: Submission) -> str:
    """The submission's identity: sha256 over the declaration and every file that it names, in hexadecimal."""
    total = hashlib.sha256(sha256_of(folder / DECLARATION_FILE).encode())
    for entry in submission.entries:
        for name in (entry.file, *entry.reproduce):
            total.update(f"\n{name} {sha256_of(inner_file(folder, name))}".encode())
    return total.hexdigest()


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
