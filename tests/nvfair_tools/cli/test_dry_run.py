"""`--dry-run` of every command that writes: nothing is written anywhere, and the real run then does what was said."""

from __future__ import annotations

import json
import shlex
import shutil
import tempfile
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import click
import pytest

from tests.folder_texts import folder_state
from tests.nvfair_tools.cli.command_calls import Call, no_privileges
from tests.nvfair_tools.cli.every_command import commands

COMMANDS = commands()
METHOD = "pretrained:motion-signature"

# Words with which a dry run comes to its end, though the real run would take long or need a network.
DRY = {
    "demo": "{out}",
    "board demo": "{out}",
    "build": "{recipe}",
    "ingest": "{recipe}",
    "plan": "{recipe}",
    "render": "{recipe}",
    "landmarks": "{recipe}",
    "shards": "{recipe}",
    "quality": "{dataset} --out {out}",
    "cut": "{clip} --out {out}",
    "import nvfair": "{videos} {out}",
    "import avaprintdb": "{videos} {out}",
    "avaprintdb train": "{tracks} {out} --collection cremad -g GAGA --validation-people none",
    "dataset card": "{dataset}",
    "dataset push": "{dataset} lab/set",
    "dataset upgrade": "{dataset}",
    "dataset repair": "{dataset}",
    "enrol": "lab:ann {clip} --out {out}/ann.enrolment --simulated",
    "get": "ravdess {out} --server zenodo=http://127.0.0.1:9 --attempts 1",
    "mark": "{videos} --certificate {file} --key {file}",
    "matrix": "{dataset} {out} --method temporal-cnn --width 8",
    "stress": "{dataset} --checkpoint pretrained:motion-signature --out {out} --quick",
    "simulate cohort": "{out}",
    "simulate people": "{out}",
    "weights add": "{file}",
    "weights fetch": f"net --url https://127.0.0.1:9/net.pth --sha256 {'0' * 64}",
    "weights remove": "net",
    "import-checkpoint": "{file} {out}",
    "submit push": "{submission} --url http://127.0.0.1:9",
    "board admin rescore": "--reason mended --board {board}",
    "board admin restore": "{file} --board {board}",
    "board admin token revoke": "0123456789ab --board {board}",
    "revoke": "toy:00 {dataset} --key {out}/key",
    "enrolment revoke": "{enrolment}",
}
# What ends in an error: the words lead to a file that is no checkpoint, no certificate, and so on.
REFUSED = {
    "get", "mark", "submit push", "weights add", "weights remove", "import-checkpoint", "board admin restore",
    "board admin rescore", "board admin token revoke", "dataset card", "dataset push", "import nvfair",
    "import avaprintdb",
}  # fmt: skip
# Words with which the real run follows. Where it takes other words than the dry run, they stand after a bar.
REAL = {
    "plan": "{recipe} --table {out}/plan.parquet",
    "train": "{dataset} {out} -g alpha --method temporal-cnn --windows 8 --batch 4 --drivers 2",
    "embed": "{dataset} {out}/e.parquet --checkpoint pretrained:motion-signature",
    "evaluate": "{dataset} --checkpoint pretrained:motion-signature --protocol nvfair-unseen --out {out}",
    "calibrate": "{dataset} --out {out}/x.calibration --faces any --split test",
    "dataset merge": "{out} {dataset} {another}",
    "dataset append": "{dataset} {another}",
    "dataset export": "{dataset} {out} --to webdataset",
    "dataset metadata": "{dataset}",
    "dataset blind": "{dataset} {out} --key {out}.json",
    "new method": "my_method --out {out}",
    "new importer": "my_importer --out {out}",
    "new generator": "my_generator --out {out}",
    "new recipe": "my_recipe --from {videos} --out {out}/recipe.yaml",
    "submit init": "{out} --checkpoint pretrained:motion-signature",
    "submit pack": "{submission} {out}/s.zip",
    "reproduce pack": "{report} {out}/cell.zip --generator alpha",
    "board add": "{submission} --board {board}",
    "board export": "{out} --board {board}",
    "board admin init": "{out} --dataset {dataset}",
    "board admin upgrade": "--board {board}",
    "board admin quota": "me --phase development --total 1 --per-day 1 --board {board}",
    "board admin backup": "{out}/b.tar --board {board}",
    "board admin token create": "you --board {board}",
}
# Commands that write only where an option names the file, only what they are told, or a page for as long as it is open.
WITHOUT = {
    "doctor", "check", "status", "card check", "view", "probe", "completion", "verify-page", "board serve",
    "board worker", "dataset check", "dataset info", "dataset rights", "dataset audit", "simulate statistics",
    "weights list", "compare", "avaprintdb evaluate", "avaprintdb fuse", "reproduce run", "protocols list",
    "protocols show", "protocols count", "enrolment show", "verify", "identify", "submit check", "board admin audit",
    "board admin token list",
}  # fmt: skip


def has_dry_run(command: click.Command) -> bool:
    return any("--dry-run" in (*option.opts, *option.secondary_opts) for option in command.params)


def test_every_command_that_writes_has_a_dry_run_and_is_tried_here():
    assert {name for name, command in COMMANDS.items() if has_dry_run(command)} == {*DRY, *REAL}
    assert {*DRY, *REAL, *WITHOUT} == set(COMMANDS)


@pytest.fixture(scope="module")
def made(places, tmp_path_factory) -> Path:
    """A folder of small things, so that every command has something to work on."""
    import numpy as np

    import benchmark
    from benchmark import protocols
    from benchmark.methods.embedding_files import write_embeddings
    from leaderboard.store.new_board import create_board
    from leaderboard.submission.test_set import windows_under_test
    from tests.benchmark.small_world import OPEN, make
    from tests.leaderboard.conftest import VALID_DECLARATION, write_declaration
    from tests.nvfair_tools.moving_portraits import write_clip
    from tests.nvfair_tools.small_build import write_recipe

    with suppress(ImportError):
        import torch.distributed.nn  # noqa: F401  # torch 2.6 writes a module of its own when it is imported
    folder = tmp_path_factory.mktemp("made") / "work"
    world = replace(OPEN, people=(3, 2, 2), clips=2, frames=80)
    data = make(folder / "dataset", world)
    make(folder / "another", replace(world, generators=("gamma",)))
    benchmark.evaluate(folder / "dataset", METHOD, protocols="nvfair-unseen", out=folder / "report")
    write_clip(folder / "videos" / "ann" / "a.mp4", "astronaut", 0, frames=80)
    write_clip(folder / "videos" / "bob" / "b.mp4", "hopper", 1)
    (folder / "clips.csv").write_text(
        "path,identity,split,permitted_use\nvideos/ann/a.mp4,x:ann,train,research\nvideos/bob/b.mp4,x:bob,train,research\n"
    )
    write_recipe(folder / "recipe.yaml", folder / "clips.csv", output="built")
    shutil.copytree(places["tracks"], folder / "tracks")
    shutil.copy(places["file"], folder / "file")
    shutil.copy(places["enrolment"], folder / "ann.enrolment")
    create_board(folder / "board", folder / "dataset", "me")
    (folder / "submission" / "embeddings").mkdir(parents=True)
    windows = windows_under_test(data, protocols.load("nvfair-seen"))
    spread = [windows.landmarks[start : start + windows.length].std(axis=0).ravel() for start in windows.start]
    write_embeddings(folder / "submission" / "embeddings" / "test.parquet", windows, np.float32(spread), {})
    write_declaration(folder / "submission", VALID_DECLARATION)
    return folder


@pytest.fixture
def work(made, tmp_path, monkeypatch) -> Path:
    """A copy of all of it, with everything that a command may write elsewhere beside it."""
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    settings = folder / "board" / "board.yaml"
    settings.write_text(settings.read_text().replace(str(made), str(folder)))
    for name in ("home", "scratch"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home" / "config"))
    monkeypatch.setenv("NVFAIR_WEIGHTS", str(tmp_path / "home" / "weights"))
    monkeypatch.setenv("TORCHINDUCTOR_CACHE_DIR", str(made.parent / "torch"))  # which torch makes when it is imported
    monkeypatch.delenv("NVFAIR_REVOCATION_KEY", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "scratch"))
    monkeypatch.chdir(folder)
    return folder


def words_of(name: str, line: str, folder: Path) -> list[str]:
    """The words of a command in a folder of `work`."""
    places = {path.stem if path.suffix else path.name: path for path in folder.iterdir()}
    known = {
        **{key: str(path) for key, path in places.items()},
        "recipe": str(folder / "recipe.yaml"),
        "clip": str(folder / "videos" / "ann" / "a.mp4"),
        "enrolment": str(folder / "ann.enrolment"),
        "out": str(folder / "out"),
    }
    return [*name.split(), *(word.format(**known) for word in shlex.split(line))]


@pytest.mark.parametrize("name", DRY)
def test_a_dry_run_writes_nothing(name, work, tmp_path):
    before = folder_state(tmp_path)
    call = Call([*words_of(name, DRY[name], work), "--dry-run", "--json"])
    assert folder_state(tmp_path) == before, call
    assert call.status == (1 if name in REFUSED else 0), call
    document = json.loads(call.out)
    assert "error" in document if name in REFUSED else document["dry_run"] is True


@pytest.mark.parametrize("name", REAL)
def test_the_real_run_writes_what_the_dry_run_says(name, work, tmp_path):
    words = words_of(name, REAL[name], work)
    before = folder_state(tmp_path)
    dry = Call([*words, "--dry-run", "--json"])
    assert dry.status == 0, dry
    assert folder_state(tmp_path) == before, dry
    real = Call(words)
    assert real.status == 0, real
    paths = [Path(output["path"]) for output in json.loads(dry.out)["would_write"]]
    after = folder_state(tmp_path)
    changed = {tmp_path / path for path in after.keys() | before.keys() if after.get(path) != before.get(path)}
    for path in changed:
        assert any(path == output or output in path.parents or path in output.parents for output in paths), path
    for path in paths:
        assert path in changed or any(path in other.parents for other in changed), f"{path} was not written"


@pytest.mark.parametrize("name", [name for name in REAL if "{dataset}" in REAL[name]])
def test_a_dry_run_ends_as_the_real_run_does_where_an_input_is_bad(name, work):
    (work / "dataset" / "dataset.json").write_text('{"version": ')
    words = words_of(name, REAL[name], work)
    dry = Call([*words, "--dry-run"])
    real = Call(words)
    assert real.status == 1
    assert "dataset" in real.errors
    assert (dry.status, dry.errors) == (real.status, real.errors)


def test_a_dry_run_says_that_its_output_cannot_be_written(work):
    words = words_of("train", REAL["train"], work)
    (work / "out").mkdir()
    (work / "out").chmod(0o500)
    try:
        with no_privileges():
            dry, real = Call([*words, "--dry-run"]), Call(words)
    finally:
        (work / "out").chmod(0o700)
    assert dry.status == real.status == 1
    assert dry.errors == real.errors
    assert "output: " in dry.errors
