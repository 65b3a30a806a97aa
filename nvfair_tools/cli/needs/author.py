"""What the method author's commands need. Each function takes a command's parameters by name."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nvfair_tools.dataset.schema import PAIR_COUNT
from nvfair_tools.doctor.dataset_needs import check_dataset, check_frames_room
from nvfair_tools.doctor.finding import MachineFinding
from nvfair_tools.doctor.machine import check_memory_for, check_output, check_room
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Check, Needs, finding_of
from nvfair_tools.doctor.tools import check_device
from nvfair_tools.files import folder_bytes

Parameters = Mapping[str, Any]
_NETWORK_PACKAGES = ("torch", "safetensors", "scipy")
_PROCESS_BYTES = 1.5e9  # torch, and the windows of a batch
_MEAN_SHAPE_BYTES = 8 * PAIR_COUNT  # of a video, for a shortcut
_CHECKPOINT_BYTES, _REPORT_BYTES = 200e6, 300e6
_SECONDS_OF_ANSWER = 30.0  # in which a board says whether it is there
_MEMORY_REMEDY = "end other programs, or take a machine with more memory"


def train(parameters: Parameters) -> Needs:
    """A data set, a device, room for frames and checkpoints; neither ffmpeg nor a landmarker."""
    extra = ["tensorboard"] * (parameters["tensorboard"] is not None)
    extra += ["accelerate"] * (int(os.environ.get("WORLD_SIZE", "1")) > 1)
    out, earlier = parameters["out"], parameters["start"]
    checks: list[Check] = [
        *network_checks(parameters["device"], parameters["precision"], extra),
        *dataset_checks(parameters["dataset"], ("train", "validation"), parameters["generators"]),
        partial(check_output, out),
        partial(check_room, out, _CHECKPOINT_BYTES, "a checkpoint with the state of its training"),
    ]
    if earlier is not None:
        checks.append(partial(check_checkpoint, earlier))
    return Needs(tuple(checks), claimed=(out,))


def matrix(parameters: Parameters) -> Needs:
    """What each training and the report at the end need."""
    out = parameters["out"]
    return Needs(
        (
            partial(check_packages, "train", (*_NETWORK_PACKAGES, "jinja2")),
            *_scoring_checks(parameters["dataset"], ()),
            partial(_check_frames, parameters["dataset"], ("train", "validation"), (), one_generator_at_a_time=True),
            partial(check_output, out),
            partial(check_room, out, _REPORT_BYTES, "checkpoints and a report"),
        ),
        claimed=(out,),
    )


def embed(parameters: Parameters) -> Needs:
    """A data set, a checkpoint, a device, and a file that can be written."""
    return Needs(
        (
            *network_checks(parameters["device"]),
            *dataset_checks(parameters["dataset"], (parameters["split"],), parameters["generators"]),
            partial(check_checkpoint, parameters["folder"]),
            partial(check_output, parameters["out"].absolute().parent),
        )
    )


def evaluate(parameters: Parameters) -> Needs:
    """Data sets, checkpoints, a device, and a folder for the report."""
    cohort = parameters["normalise_by"]
    checks: list[Check] = [
        *network_checks(parameters["device"], extra=("jinja2",)),
        *_scoring_checks(parameters["dataset"], parameters["generators"]),
        *_method_checks(parameters),
        partial(check_output, parameters["out"]),
        partial(check_room, parameters["out"], _REPORT_BYTES, "a report"),
    ]
    if cohort is not None and cohort.is_dir():
        checks.append(partial(check_dataset, cohort))
    return Needs(tuple(checks), claimed=(parameters["out"],))


def stress(parameters: Parameters) -> Needs:
    """What an evaluation needs, and where videos are encoded again, an encoder and a landmarker."""
    from nvfair_tools.doctor.landmarker_files import check_landmarker_files
    from nvfair_tools.doctor.tools import check_encoder

    checks: list[Check] = [
        *network_checks(parameters["device"], extra=("jinja2",)),
        *_scoring_checks(parameters["dataset"], parameters["generators"]),
        *_method_checks(parameters),
        partial(check_output, parameters["out"]),
        partial(check_room, parameters["out"], _REPORT_BYTES, "a report"),
    ]
    if not parameters["tests"] or any("re-encoding" in test for test in parameters["tests"]):
        checks += [check_encoder, check_landmarker_files]
    return Needs(tuple(checks), claimed=(parameters["out"],))


def compare(parameters: Parameters) -> Needs:
    """A data set, two methods, a device."""
    checks: list[Check] = [
        *network_checks(parameters["device"]),
        *_scoring_checks(parameters["dataset"], parameters["generators"]),
        *(partial(check_method, parameters[name]) for name in ("first", "second")),
    ]
    if parameters["out"] is not None:
        checks.append(partial(check_output, parameters["out"].absolute().parent))
    return Needs(tuple(checks))


def train_avaprintdb(parameters: Parameters) -> Needs:
    """A folder of files, a device, a folder for the checkpoint."""
    out = parameters["out"]
    room = partial(check_room, out, _CHECKPOINT_BYTES, "a checkpoint with the state of its training")
    return Needs((*network_checks(parameters["device"]), partial(check_output, out), room), claimed=(out,))


def score_avaprintdb(parameters: Parameters) -> Needs:
    """A device, and a file for the figures."""
    checks = list(network_checks(parameters["device"]))
    if parameters["out"] is not None:
        checks.append(partial(check_output, parameters["out"].absolute().parent))
    return Needs(tuple(checks))


def push(parameters: Parameters) -> Needs:
    """A client of the network, every file of the submission, a token, and a board that answers and takes it."""
    return Needs(
        (
            partial(check_packages, "board", ("httpx", "pydantic")),
            partial(_check_submission, parameters["path"]),
            _check_token,
            partial(_check_board, parameters["url"], parameters["phase"]),
        )
    )


def pack(parameters: Parameters) -> Needs:
    """Every file of the submission, and a place for the archive."""
    folder, place = parameters["folder"], parameters["out"].absolute().parent
    room = partial(check_room, place, folder_bytes(folder), "the archive")
    return Needs((partial(_check_submission, folder), partial(check_output, place), room))


def check_submission(parameters: Parameters) -> Needs:
    """A data set that can be read; everything of the submission is what the command itself looks at."""
    return Needs((partial(check_dataset, parameters["dataset"]),))


def _check_submission(path: Path) -> MachineFinding:
    """Whether the files that a submission's declaration names are all there; of a file, whether it is an archive."""
    from leaderboard.submission.archive import check_archive
    from leaderboard.submission.submission import inner_files, named_files, read_submission

    check_archive(path)
    if path.is_dir():
        inner_files(path, named_files(read_submission(path)))
    return MachineFinding("ok", "submission", str(path))


def _check_token() -> MachineFinding:
    from leaderboard.client import token_from_environment
    from nvfair_tools.errors import NvfairError

    try:
        token_from_environment()
    except NvfairError as error:
        return finding_of(error, "token")
    return MachineFinding("ok", "token", "is set")


def _check_board(url: str, phase: str) -> MachineFinding:
    """Whether a board answers at an address, knows the phase and the token, and takes another entry today."""
    from leaderboard.client import TOKEN_VARIABLE, Client
    from nvfair_tools.errors import NvfairError

    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    with Client(url, token or None, seconds=_SECONDS_OF_ANSWER) as client:
        phases = {answer.name: answer for answer in client.list_phases()}
        quotas = client.get_account().quotas if token else {}
    if not phase and len(phases) == 1:
        phase = next(iter(phases))
    if phase not in phases:
        problem = f"phase {phase!r} is unknown" if phase else "the board has several phases"
        raise NvfairError(problem, where=url, expected=f"--phase with one of {', '.join(phases)}")
    if not phases[phase].open:
        raise NvfairError(f"phase {phase!r} takes no submissions now", where=url, remedy="see its dates on the board")
    if phase in quotas and not quotas[phase].left:
        text = f"{url}: you have no entry left today in {phase}"
        return MachineFinding("warning", "board", text, "days are counted in UTC: try again tomorrow")
    return MachineFinding("ok", "board", url)


def check_checkpoint(name: str | Path) -> MachineFinding:
    """Whether a checkpoint, or one that ships (`pretrained:NAME`), is whole: its weights have the recorded hash."""
    from benchmark.methods.quarantine import check_weights_file, read_record
    from benchmark.pretrained import checkpoint_folder

    weights = check_weights_file(read_record(name), checkpoint_folder(name))
    return MachineFinding("ok", "checkpoint", str(weights))


def check_method(name: str | Path) -> MachineFinding:
    """The same of a text that may also name another method or a file: only what must be a checkpoint is looked at."""
    if str(name).startswith("pretrained:") or Path(name).is_dir():
        return check_checkpoint(name)
    return MachineFinding("ok", "method", str(name))


def network_checks(device: str, precision: str = "float32", extra: Iterable[str] = ()) -> list[Check]:
    return [
        partial(check_packages, "train", (*_NETWORK_PACKAGES, *extra)),
        partial(_check_device, device, precision),
        partial(check_memory_for, _PROCESS_BYTES, "a process with torch", _MEMORY_REMEDY),
    ]


def _check_device(device: str, precision: str) -> list[MachineFinding]:
    """Nothing where torch is missing, which the check of packages says."""
    if check_packages("train", ("torch",)).level != "ok":
        return []
    return [check_device(device, precision)]


def dataset_checks(folder: Path, splits: Collection[str], generators: Iterable[str]) -> list[Check]:
    """Whether a data set is there, and whether the frames that are read of it have room."""
    return [partial(check_dataset, folder), partial(_check_frames, folder, splits, generators)]


def _scoring_checks(folder: Path, generators: Iterable[str]) -> list[Check]:
    frames = partial(_check_frames, folder, ("validation", "test"), generators, video_bytes=_MEAN_SHAPE_BYTES)
    return [partial(check_dataset, folder), frames]


def _check_frames(folder: Path, splits: Collection[str], generators: Iterable[str], **room: Any) -> MachineFinding:
    from benchmark.windows.stored_frames import MOST_BYTES_IN_MEMORY
    from nvfair_tools.cli.benchmark.evaluate import split_names

    names = split_names(tuple(generators))
    return check_frames_room(folder, splits=splits, generators=names, most_in_memory=MOST_BYTES_IN_MEMORY, **room)


def _method_checks(parameters: Parameters) -> list[Check]:
    return [
        *(partial(check_checkpoint, folder) for folder in parameters["folders"]),
        *(partial(check_method, method) for method in parameters["methods"]),
    ]
