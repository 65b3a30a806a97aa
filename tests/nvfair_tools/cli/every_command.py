"""Every command of the click tree, with words with which each would work, and every way to spoil a path of theirs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from nvfair_tools.cli import cli
from nvfair_tools.cli.paths import InputPath, OutputPath

# Words with which a command gets as far as reading what it is told to read. {name} stands for a path that is made for
# the tests; {~name} too, and it is not spoilt here. Where a command has several lines, each spoils other paths.
WORDS = {
    "demo": "{out} --dry-run",
    "doctor": "{recipe}",
    "build": "{recipe}",
    "check": "{recipe} --no-probe",
    "ingest": "{recipe}",
    "plan": "{recipe} --table {out_file} | {~recipe} --diff {table}",
    "render": "{recipe}",
    "landmarks": "{recipe}",
    "shards": "{recipe}",
    "status": "{built}",
    "card check": "{dataset}",
    "quality": "{dataset} --out {out} --workers 0",
    "view": "{dataset} --no-browser",
    "mark": (
        "{videos} --check --trust {file} | "
        "{~videos} --check --table {csv} | "
        "{~videos} --certificate {file} --key {file} --out {out}"
    ),
    "get": "ravdess {out} --dry-run --server zenodo=http://127.0.0.1:9",
    "import nvfair": "{videos} {out} | {~videos} {~out} --spreadsheet {csv} | {~videos} {~out} --settings {settings}",
    "import avaprintdb": "{videos} {out} | {~videos} {~out} --plan {csv} | {~videos} {~out} --settings {settings}",
    "dataset audit": "{dataset} --cases {out_file}",
    "dataset card": "{dataset} --check",
    "dataset check": "{dataset}",
    "dataset append": "{dataset} {~dataset} | {~dataset} {dataset}",
    "dataset export": "{dataset} {out} --to webdataset",
    "dataset info": "{dataset}",
    "dataset merge": "{out} {dataset} {dataset}",
    "dataset metadata": "{dataset} --publication {settings}",
    "dataset push": "{dataset} lab/set | {~dataset} lab/set --signed {videos}",
    "dataset repair": "{dataset} --dry-run | {~dataset} --recipe {recipe} --dry-run",
    "dataset rights": "{dataset}",
    "dataset upgrade": "{dataset}",
    "dataset blind": "{dataset} {out} --key {out_file}",
    "revoke": (
        "toy:00 {dataset} --key {~key} | "
        "toy:00 {~dataset} --also {videos} --key {~key} --prove | "
        "toy:00 {~dataset} --key {key} | "
        "{~dataset} --key {~key} --manifest {csv}"
    ),
    "probe": "{video}",
    "cut": "{video} --out {out} --workers 0",
    "simulate cohort": "{out} --settings {settings} --dry-run",
    "simulate people": "{out} --settings {settings} --dry-run",
    "simulate statistics": "world1 --real {json}",
    "weights add": "{file}",
    "weights fetch": "name --url https://127.0.0.1:9/x --sha256 00",
    "weights list": "",
    "weights remove": "name",
    "train": "{dataset} {out} -g alpha --method temporal-cnn --windows 8 --batch 4 --drivers 2 --from {checkpoint}",
    "embed": "{dataset} {out_file} --checkpoint {checkpoint}",
    "import-checkpoint": "{file} {out} | {~file} {~out} --declaration {settings}",
    "evaluate": (
        "{dataset} --embeddings {table} --out {out} | "
        "{~dataset} --embeddings {~table} --declaration {settings} --out {~out} | "
        "{~dataset} --checkpoint {checkpoint} --out {~out} | "
        "{~dataset} --checkpoint {~checkpoint} --normalise-by {dataset} --out {~out}"
    ),
    "stress": "{dataset} --checkpoint {checkpoint} --out {out} --quick",
    "avaprintdb train": (
        "{videos} {out} --collection cremad -g GAGA | {~tracks} {~out} --collection cremad -g GAGA --edges-of {file}"
    ),
    "avaprintdb evaluate": (
        "{videos} --list {~csv} --checkpoint {~file} --out {out_file} | "
        "{~tracks} --list {csv} --checkpoint {~file} | "
        "{~tracks} --list {~list} --checkpoint {file}"
    ),
    "avaprintdb fuse": (
        "--graph {videos} {~file} --clip {~videos} {~file} --list {~csv} | "
        "--graph {~tracks} {file} --clip {~videos} {~file} --list {~csv} --out {out_file}"
    ),
    "compare": (
        "{dataset} pretrained:temporal-cnn pretrained:motion-signature --out {out_file} | "
        "{~dataset} {~table} pretrained:motion-signature --declaration {settings}"
    ),
    "matrix": "{dataset} {out} --dry-run",
    "reproduce pack": "{videos} {out_file} | {~videos} {~out_file} --data {dataset}",
    "reproduce run": "{file}",
    "protocols list": "",
    "protocols show": "nvfair-seen",
    "protocols count": "nvfair-seen {dataset}",
    "enrol": (
        "lab:ann {~video} --out {out_file} --consent {csv} | "
        "lab:ann {video} --out {~out_file} --simulated | "
        "lab:ann {~video} --out {~out_file} --simulated --task-file {file}"
    ),
    "enrolment show": "{enrolment}",
    "enrolment revoke": "{enrolment}",
    "verify": (
        "{enrolment} {~video} | "
        "{~enrolment} {~video} --calibration {calibration} --timeline {out_file} | "
        "{~enrolment} {~video} --revoked {csv} | "
        "{~enrolment} {~video} --task-file {file} | "
        "{~enrolment} {~videos} --out {out_file}"
    ),
    "identify": "{~video} {~enrolment} --consent {csv} | {~video} {~enrolment} --consent {~csv} --task-file {file}",
    "verify-page": "{videos}",
    "calibrate": "{dataset} --out {out_file}",
    "submit init": "{out}",
    "submit check": "{submission} --dataset {~dataset} | {~submission} --dataset {dataset}",
    "submit pack": "{submission} {out_file}",
    "submit push": "{submission} --url http://127.0.0.1:9 --dry-run",
    "board add": "{submission} --board {~board} | {~submission} --board {board}",
    "board export": "{out} --board {board}",
    "board serve": "{board}",
    "board worker": "{board}",
    "board demo": "{out} --dry-run",
    "board admin init": "{out} --dataset {dataset}",
    "board admin upgrade": "--board {board}",
    "board admin quota": "me --phase development --total 1 --per-day 1 --board {board}",
    "board admin rescore": "--reason mended --board {board}",
    "board admin backup": "{out_file} --board {board}",
    "board admin restore": "{file} --board {board}",
    "board admin audit": "--board {board}",
    "board admin token create": "me --board {board}",
    "board admin token revoke": "id --board {board}",
    "board admin token list": "--board {board}",
    "completion": "bash",
    "new method": "my_method --out {out}",
    "new importer": "my_importer --out {out}",
    "new generator": "my_generator --out {out}",
    "new recipe": "my_recipe --from {videos} --out {out_file}",
}
# Commands that serve until they are stopped: they report nothing, and take neither --json nor --quiet.
SERVERS = ("view", "verify-page", "board serve", "board worker")

# Commands that read in a child process, or try every tool of the machine: a second and more each time.
SLOW = ("doctor", "reproduce run", "submit check")
# What is no mistake for a command.
ALLOWED = {
    # Without keys the settings are the defaults.
    *((name, "settings", "empty file") for name in ("simulate cohort", "simulate people", "import nvfair")),
    ("import avaprintdb", "settings", "empty file"),
    # Such a folder is searched or served: there is nothing in it.
    *((name, "videos", kind) for name in ("verify-page", "revoke") for kind in ("empty folder", "junk folder")),
    *(("revoke", "dataset", kind) for kind in ("empty folder", "junk folder")),
    # A folder in place of one person's file is another question, which is refused as wrong usage.
    *(("verify", "enrolment", kind) for kind in ("empty folder", "junk folder", "unreadable folder")),
}


def commands() -> dict[str, click.Command]:
    """Every command that is no group, by its words after `nvfair`."""
    return dict(_leaves(cli, ""))


def _leaves(command: click.Command, words: str) -> Iterator[tuple[str, click.Command]]:
    if not isinstance(command, click.Group):
        yield words, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        child = command.get_command(context, name)
        assert child is not None
        yield from _leaves(child, f"{words} {name}".strip())


def groups_and_commands(command: click.Command = cli, words: str = "nvfair") -> Iterator[tuple[click.Command, str]]:
    """Every group and command, with its words."""
    yield command, words
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            child = command.get_command(context, name)
            assert child is not None
            yield from groups_and_commands(child, f"{words} {name}")


def kinds_of(parameter: click.Parameter) -> list[click.ParamType]:
    """The types of a parameter's values: several where it takes several of different types."""
    return list(getattr(parameter.type, "types", [parameter.type]))


def path_parameters(command: click.Command) -> list[tuple[click.Parameter, InputPath | OutputPath]]:
    """The parameters of a command that are paths, with the kind of each path."""
    return [
        (parameter, kind)
        for parameter in command.params
        for kind in kinds_of(parameter)
        if isinstance(kind, (InputPath, OutputPath))
    ]


def spoil(folder: Path, kind: str) -> Path:
    """A path that is bad in a way: a file, unless the kind is of a folder."""
    path = folder / f"spoilt-{kind.replace(' ', '-')}"
    if kind == "not there":
        return path
    if kind.endswith("folder"):
        path.mkdir(exist_ok=True)
        if kind == "folder":
            (path / "inside.txt").write_text("x")
        if kind == "junk folder":
            for name in ("dataset.json", "videos.parquet", "identities.parquet", "checkpoint.json", "board.yaml"):
                (path / name).write_bytes(JUNK)
            (path / "results.json").write_text('{"cells": [')
            (path / "submission.yaml").write_bytes(JUNK)
            (path / "marks.csv").write_bytes(JUNK)
        return path
    path = path.with_suffix({"truncated JSON": ".json", "truncated Parquet": ".parquet"}.get(kind, ".yaml"))
    path.write_bytes(CONTENTS[kind])
    return path


JUNK = bytes(range(256)) * 8
CONTENTS = {
    "file": b"a file\n",
    "empty file": b"",
    "junk file": JUNK,
    "truncated JSON": b'{"version": 1, "videos": [{"id": "a", ',
    "truncated YAML": b"name: [a, b\nsources:\n  - {csv: ",
    "truncated Parquet": b"PAR1" + bytes(64) + b"\x15\x04\x15",
    "unreadable": b"a file that may not be read\n",
}
OF_FILES = ("not there", "folder", *[kind for kind in CONTENTS if kind != "file"])
OF_FOLDERS = ("not there", "file", "empty folder", "junk folder", "unreadable folder")
