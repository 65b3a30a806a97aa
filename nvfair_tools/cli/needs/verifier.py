"""What the commands that verify videos need. Each function takes a command's parameters by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nvfair_tools.cli.needs.author import check_method, dataset_checks, network_checks
from nvfair_tools.doctor.landmarker_files import check_landmarker_files
from nvfair_tools.doctor.machine import check_output, check_port, check_temporary_room
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Check, Needs
from nvfair_tools.doctor.tools import check_device

Parameters = Mapping[str, Any]
_PACKAGES = ("av", "torch", "safetensors")
_UPLOAD_BYTES = 2e9  # the most that the page takes


def enrol(parameters: Parameters) -> Needs:
    """A decoder, a landmarker, the method, and a folder for the enrolment."""
    return Needs(
        (
            *_face_checks(parameters),
            partial(check_method, parameters["method"]),
            partial(check_output, parameters["out"].absolute().parent),
        )
    )


def verify(parameters: Parameters) -> Needs:
    """A decoder, a landmarker, the method where one is named, and folders for what is written."""
    checks: list[Check] = [*_face_checks(parameters)]
    if parameters["method"] is not None:
        checks.append(partial(check_method, parameters["method"]))
    for name in ("timeline", "out"):
        if parameters[name] is not None:
            checks.append(partial(check_output, Path(parameters[name]).absolute().parent))
    if parameters["timeline"] is not None:
        checks.append(partial(check_packages, "verify", ("matplotlib",)))
    return Needs(tuple(checks))


def identify(parameters: Parameters) -> Needs:
    """A decoder, and a landmarker for the one video that several people are compared with."""
    return Needs(tuple(_face_checks(parameters)))


def calibrate(parameters: Parameters) -> Needs:
    """A data set, the method, a device, room for the frames; no landmarker."""
    splits = (parameters["split"],) if parameters["split"] else ()
    return Needs(
        (
            *network_checks(parameters["device"]),
            *dataset_checks(parameters["dataset"], splits, parameters["generators"]),
            partial(check_method, parameters["method"]),
            partial(check_output, parameters["out"].absolute().parent),
        )
    )


def verify_page(parameters: Parameters) -> Needs:
    """What `verify` needs, a server, its address, and room for one upload."""
    packages = ("starlette", "uvicorn", "jinja2", "python-multipart", "matplotlib", *_PACKAGES)
    return Needs(
        (
            partial(check_packages, "verify", packages),
            check_landmarker_files,
            partial(check_port, "127.0.0.1", parameters["port"]),
            partial(check_temporary_room, _UPLOAD_BYTES, "the largest upload"),
        )
    )


def _face_checks(parameters: Parameters) -> list[Check]:
    return [
        partial(check_packages, "verify", _PACKAGES),
        partial(check_landmarker_files, "auto", parameters["task_file"]),
        partial(check_device, parameters["device"]),
    ]
