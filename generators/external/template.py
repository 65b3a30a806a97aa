"""Command templates: split once as a shell would, but without one; the placeholders are filled in afterwards.

Whatever a file is called, it stays one argument, and nothing in it is ever executed.
"""

from __future__ import annotations

import shlex
import string
from collections.abc import Collection, Mapping
from pathlib import Path

from generators.errors import GeneratorError
from generators.external.job import FileJob

# What a command for one video, and the place of its result, may name.
JOB_FIELDS = ("portrait", "clip", "out", "out_folder", "portrait_stem", "clip_stem")


def job_fields(job: FileJob) -> dict[str, str]:
    """The values of `JOB_FIELDS` for one video; a stem is a file's name without its suffix."""
    return {
        "portrait": str(job.portrait),
        "clip": str(job.clip),
        "out": str(job.out),
        "out_folder": str(job.out.parent),
        "portrait_stem": job.portrait.stem,
        "clip_stem": job.clip.stem,
    }


def split_command(command: str, required: Collection[str], allowed: Collection[str]) -> list[str]:
    """The words of a command, its placeholders checked. Raises GeneratorError saying what is wrong and allowed."""
    try:
        words = shlex.split(command)
    except ValueError as error:
        raise GeneratorError(f"the external command {command!r} cannot be split into words: {error}") from error
    if not words:
        raise GeneratorError("the external command is empty: give a program and its arguments")
    named: set[str] = set()
    for word in words:
        named |= check_placeholders(word, allowed)
    if missing := sorted(set(required) - named):
        raise GeneratorError(
            f"the external command lacks {', '.join('{' + field + '}' for field in missing)}: {command!r}"
        )
    return words


def check_placeholders(text: str, allowed: Collection[str]) -> set[str]:
    """The placeholders in a text. Raises GeneratorError for one that is not allowed, and for an unpaired brace."""
    try:
        parts = [(field, spec, conversion) for _, field, spec, conversion in string.Formatter().parse(text)]
    except ValueError as error:
        raise GeneratorError(f"the external command has an unpaired brace in {text!r}: {error}") from error
    named = set()
    for field, spec, conversion in parts:
        if field is None:
            continue
        if field not in allowed or spec or conversion:
            known = ", ".join("{" + name + "}" for name in sorted(allowed)) or "none"
            raise GeneratorError(
                f"the external command has an unknown placeholder in {text!r}: use {known}, and double a literal brace"
            )
        named.add(field)
    return named


def filled(words: list[str], fields: Mapping[str, str]) -> list[str]:
    """The words with the placeholders replaced, each still one argument."""
    return [word.format_map(fields) for word in words]


def result_path(template: str | None, job: FileJob, folder: Path | None) -> Path:
    """Where the tool leaves its video: `{out}`, or what the template says.

    A relative path is one in the tool's working folder where there is one, else one in the folder of `{out}`.
    """
    if template is None:
        return job.out
    return (folder or job.out.parent) / template.format_map(job_fields(job))
