"""A submission: a folder with `submission.yaml` and one Parquet file of embeddings for each entry.

    submission.yaml
    embeddings/*.parquet        video, window, start_frame, embedding

The format has its own version, apart from the library's.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from nvfair_tools.dataset.writer import sha256_of
from nvfair_tools.errors import NvfairError, Problems

SUBMISSION_VERSION = 1
FILE = "submission.yaml"
# A declaration is a page of text; a larger file is not one.
MAX_YAML_BYTES = 256 * 1024


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Training(_Part):
    """What the method was trained, selected and calibrated on. "unknown" is an answer, and is shown as such."""

    datasets: tuple[str, ...] | Literal["unknown"]
    people: tuple[str, ...] | Literal["unknown"]  # namespace:id
    generators: tuple[str, ...] | Literal["unknown"]
    data: Literal["open", "closed", "unknown"] = "unknown"  # whether others can get the training data


class Entry(_Part):
    """Embeddings of a data set's test videos, to be scored under one protocol."""

    protocol: str = Field(min_length=1)  # the protocol's name
    embeddings: str = Field(min_length=1)  # path of the Parquet file, relative to the folder
    trained_on_generators: tuple[str, ...] = ()  # rows of the train x test matrix are told apart by this
    reproduce: tuple[str, ...] = ()  # files that let others repeat it


class Submission(_Part):
    """The content of submission.yaml. `contact` is private: never shown on a page."""

    format_version: Literal[1]
    method: str = Field(min_length=1, max_length=80)
    kind: Literal["method", "baseline", "control"] = "method"
    authors: tuple[str, ...] = Field(min_length=1)
    contact: str = Field(min_length=3, max_length=200)
    description: str = Field(default="", max_length=2000)
    links: dict[str, str] = Field(default_factory=dict)
    parameters: int | None = Field(default=None, ge=0)
    hardware: str = Field(default="", max_length=200)
    training: Training
    entries: tuple[Entry, ...] = Field(min_length=1)


def read(folder: Path) -> Submission:
    """The declaration in `folder`. Raises NvfairError, or Problems that lists every mistake with its key."""
    path = folder / FILE
    if not path.is_file():
        raise NvfairError(f"no {FILE} here", where=folder, remedy="nvfair submit init FOLDER writes one to fill in")
    if path.stat().st_size > MAX_YAML_BYTES:
        raise NvfairError(
            f"{path.stat().st_size} bytes", where=path, expected=f"at most {MAX_YAML_BYTES} bytes of YAML"
        )
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise NvfairError(f"not valid YAML in UTF-8: {error}", where=path) from error
    try:
        return Submission.model_validate(content)
    except ValidationError as error:
        problems = [f"{'.'.join(map(str, item['loc'])) or 'file'}: {item['msg']}" for item in error.errors()]
        raise Problems(path, problems, remedy="`nvfair submit init FOLDER` shows every key with its meaning") from error


def entry_path(folder: Path, entry: Entry) -> Path:
    """The entry's file. Raises NvfairError when it lies outside the folder, is a link, or is absent."""
    path = folder / entry.embeddings
    inside = path.resolve().is_relative_to(folder.resolve())
    if not inside or any(p.is_symlink() for p in (path, *path.parents) if p != folder and p.is_relative_to(folder)):
        raise NvfairError(
            f"{entry.embeddings!r} leads out of the submission's folder or through a link",
            where=folder / FILE,
            expected="the relative path of a plain file inside the folder",
        )
    if not path.is_file():
        raise NvfairError(
            f"{entry.embeddings!r} is not there", where=folder / FILE, remedy="write it with `nvfair embed`"
        )
    return path


def digest(folder: Path, submission: Submission) -> str:
    """sha256 over the declaration and every file of embeddings: the identity of what was submitted."""
    total = hashlib.sha256(sha256_of(folder / FILE).encode())
    for entry in submission.entries:
        total.update(f"\n{entry.embeddings} {sha256_of(entry_path(folder, entry))}".encode())
    return total.hexdigest()


TEMPLATE = """\
# A submission to the leaderboard. Check it offline with: nvfair submit check FOLDER --dataset DATASET
format_version: 1
method: my method                # shown on the board
authors: [A. Name]
contact: me@example.org          # private: never shown
description: ""
links: {}                        # e.g. {code: "https://...", paper: "https://..."}
parameters: null                 # trainable parameters
hardware: ""
training:                        # write "unknown" where you do not know; it is shown as unknown
  datasets: []
  people: []                     # namespace:id of everybody used for training, selection, thresholds and cohorts
  generators: []
entries:
  - protocol: nvfair-seen
    embeddings: embeddings/test.parquet
    trained_on_generators: []
"""
