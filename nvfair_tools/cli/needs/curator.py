"""What the curator's commands need. Each function takes a command's parameters by name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from nvfair_tools.curate.usability.whole_recipe import load_whole_recipe
from nvfair_tools.doctor.dataset_needs import check_dataset
from nvfair_tools.doctor.landmarker_files import check_landmarker_files
from nvfair_tools.doctor.machine import check_output, check_room
from nvfair_tools.doctor.packages import check_packages
from nvfair_tools.doctor.preflight import Check, Needs
from nvfair_tools.doctor.recipe_needs import recipe_needs
from nvfair_tools.doctor.tools import check_encoder, check_face_network
from nvfair_tools.files import folder_bytes
from nvfair_tools.quantities import count_text

Parameters = Mapping[str, Any]
_FRAME_BYTES, _MESH_FRAME_BYTES, _VIDEO_FRAME_BYTES = 450, 3_200, 9_000  # measured: landmarks; mesh; a 512 x 512 frame
_STAGES = ("ingest", "render", "landmarks", "shards")
_DEMO_BYTES = 400e6
_LENGTHENED = 1.2  # lengths of simulated clips differ by up to a fifth


def _build_until(stage: str, parameters: Parameters) -> Needs:
    """What the stages of a recipe up to one need. Raises the errors of a recipe that cannot be read."""
    return recipe_needs(load_whole_recipe(parameters["recipe"]), stage, parameters.get("engine") or "")


ingest, render, landmarks, shards = (partial(_build_until, stage) for stage in _STAGES)


def plan(parameters: Parameters) -> Needs:
    """Nothing where a recipe is only planned from its lists, else what the stage needs."""
    if parameters["explain"] or parameters["table"] or parameters["other"]:
        return Needs()
    return _build_until("plan", parameters)


def import_release(parameters: Parameters) -> Needs:
    """A landmarker for the release's videos, and a folder for the data set; nothing for `--check`."""
    from nvfair_tools.releases.settings import load_settings

    packages = partial(check_packages, "curate", ("av", "pillow", "matplotlib"))
    if parameters["check"]:
        return Needs((packages,))
    rule = load_settings(parameters["settings"]).landmarks
    networks = [partial(check_face_network, name) for name in (rule.detector, rule.recogniser) if name]
    landmarker = partial(check_landmarker_files, rule.landmarker, rule.model)
    return Needs((packages, landmarker, *networks, partial(check_output, parameters["out"])))


def get(parameters: Parameters) -> Needs:
    """A client of the network, and a folder; the room is looked at when the publisher has listed the files."""
    return Needs(
        (partial(check_packages, "download", ("httpx",)), partial(check_output, parameters["folder"])),
        claimed=(parameters["folder"],),
    )


def cut(parameters: Parameters) -> Needs:
    """A decoder, a landmarker, and a recogniser where one is named."""
    checks: list[Check] = [
        partial(check_packages, "curate", ("av", "pillow")),
        check_landmarker_files,
        partial(check_output, parameters["out"]),
    ]
    if parameters["recogniser"] is not None:
        checks.append(partial(check_face_network, parameters["recogniser"]))
    return Needs(tuple(checks), claimed=(parameters["out"],))


def simulate_cohort(parameters: Parameters) -> Needs:
    """Room for the landmarks of all videos."""
    from nvfair_tools.simulate.settings import CohortSettings, named_world

    name, file = parameters["world"], parameters["settings"]
    settings = CohortSettings() if file is None else CohortSettings.read(file)
    settings = settings if name is None else named_world(name)
    chosen = {key: parameters[key] for key in ("clips", "cross", "frames") if parameters[key] is not None}
    settings = settings.model_copy(update=chosen)
    videos = 0
    for source in settings.sources:
        for people in (source.train, source.validation, source.test):
            faces = people - 1 if settings.cross == "all" else min(settings.cross, max(0, people - 1))
            videos += people * settings.clips * (1 + len(settings.generators) * (1 + faces))
    median = next((frames for share, frames in settings.lengths if share == 50), settings.frames)
    needed = videos * median * _LENGTHENED * (_MESH_FRAME_BYTES if parameters["mesh"] else _FRAME_BYTES)
    out = parameters["out"]
    needed = max(0, needed - folder_bytes(out))  # less what an earlier run has left
    return Needs(
        (partial(check_output, out), partial(check_room, out, needed, f"the cohort ({count_text(videos, 'video')})"))
    )


def simulate_people(parameters: Parameters) -> Needs:
    """An encoder, and room for the videos."""
    packages = partial(check_packages, "curate", ("av", "pillow", "mediapipe", "scikit-image", "matplotlib", "scipy"))
    out = parameters["out"]
    return Needs((packages, check_encoder, partial(check_output, out), partial(_check_people_room, parameters)))


def _check_people_room(parameters: Parameters) -> Any:
    from nvfair_tools.simulate.videos import PeopleSettings

    file = parameters["settings"]
    settings = PeopleSettings() if file is None else PeopleSettings.read(file)
    chosen = {key: parameters[key] for key in ("clips", "frames", "size") if parameters[key] is not None}
    settings = settings.model_copy(update=chosen)
    people = sum(source.train + source.validation + source.test for source in settings.sources)
    frame_bytes = _VIDEO_FRAME_BYTES * (settings.size / 512) ** 2
    needed = people * settings.clips * settings.frames * _LENGTHENED * frame_bytes
    needed = max(0, needed - folder_bytes(parameters["out"]))
    return check_room(parameters["out"], needed, f"{count_text(people * settings.clips, 'video')}")


def add_weights(parameters: Parameters) -> Needs:
    """Torch, which reads checkpoints, and room in the store for another copy of the file."""
    file = Path(parameters["file"])
    return Needs((partial(check_packages, "render", ("torch", "safetensors")), partial(_check_store, file)))


def fetch_weights(parameters: Parameters) -> Needs:
    """Torch, which reads checkpoints, and a store that can be written."""
    from generators.weights import store_folder

    return Needs((partial(check_packages, "render", ("torch", "safetensors")), partial(check_output, store_folder())))


def _check_store(file: Path) -> list[Any]:
    from generators.weights import store_folder

    size = file.stat().st_size if file.is_file() else 0
    return [check_output(store_folder()), check_room(store_folder(), size, "a copy of the checkpoint")]


def quality(parameters: Parameters) -> Needs:
    """A decoder, the landmarker that looks at portraits, and a recogniser where one is named."""
    out = parameters["out"] or parameters["dataset"] / "quality"
    checks: list[Check] = [
        partial(check_dataset, parameters["dataset"]),
        partial(check_packages, "curate", ("av", "pillow", "scipy")),
        check_landmarker_files,
        partial(check_output, out),
    ]
    if parameters["show"] or parameters["ids"]:
        checks.append(check_encoder)
    if parameters["recogniser"] is not None:
        checks.append(partial(check_face_network, parameters["recogniser"]))
    return Needs(tuple(checks), claimed=(out,))


def export(parameters: Parameters) -> Needs:
    """Room for a copy of the data set's videos."""
    data, out = parameters["data"], parameters["out"]
    return Needs(
        (partial(check_dataset, data), partial(check_output, out), partial(_check_copy, data, out)), claimed=(out,)
    )


def _check_copy(data: Path, out: Path) -> Any:
    needed = max(0, folder_bytes(data / "videos") - folder_bytes(out))
    return check_room(out, needed, "a copy of the videos")


def merge(parameters: Parameters) -> Needs:
    """Folders that are data sets, and one that can be written."""
    sets = [partial(check_dataset, folder) for folder in parameters["folders"]]
    return Needs((*sets, partial(check_output, parameters["out"])), claimed=(parameters["out"],))


def append(parameters: Parameters) -> Needs:
    """Two data sets, of which one and the folder around it can be written."""
    data = parameters["data"]
    sets = [partial(check_dataset, folder) for folder in (data, parameters["addition"])]
    places = [partial(check_output, folder) for folder in (data, data.absolute().parent)]
    return Needs((*sets, *places))


def revoke(parameters: Parameters) -> Needs:
    """The packages that read what is in the folders, and a place for the key and the record of what is under way."""
    from nvfair_tools.governance.curator_key import default_key_path

    words = parameters["words"] if parameters["manifest"] else parameters["words"][1:]
    key = parameters["key"] or default_key_path()
    checks: list[Check] = [partial(check_packages, "curate", ("av", "matplotlib"))]
    if any(next(Path(word).rglob("board.yaml"), None) for word in words):
        checks.append(partial(check_packages, "board", ("sqlalchemy",)))
    if parameters["yes"]:
        checks.append(partial(check_output, key.absolute().parent))
    return Needs(tuple(checks))


def push(parameters: Parameters) -> Needs:
    """A data set, and the Hub's client."""
    return Needs(
        (partial(check_dataset, parameters["data"]), partial(check_packages, "hub", ("huggingface_hub", "datasets")))
    )


def dataset_card(parameters: Parameters) -> Needs:
    """What reads a data set by its card, and where the card is written, what draws and counts."""
    writing = () if parameters["only_check"] else ("matplotlib", "scipy")
    return Needs((partial(check_packages, "hub", ("datasets", *writing)),))


def mark(parameters: Parameters) -> Needs:
    """The library that signs, and a folder for the signed copies."""
    checks: list[Check] = [partial(check_packages, "marks", ("c2pa-python", "cryptography"))]
    if not parameters["check"] and not parameters["new_certificate"]:
        folder = parameters["folder"]
        checks.append(partial(check_output, parameters["out"] or folder.with_name(f"{folder.name}-published")))
    return Needs(tuple(checks))


def change_dataset(parameters: Parameters) -> Needs:
    """A data set's folder that can be written."""
    return Needs((partial(check_output, parameters["data"]),))


def demo(parameters: Parameters) -> Needs:
    """All that its steps need, before the first of them begins."""
    folder = parameters["folder"]
    return Needs(
        (
            partial(check_packages, "curate", ("av", "pillow", "mediapipe", "scikit-image", "matplotlib", "scipy")),
            partial(check_packages, "train", ("torch", "safetensors", "jinja2")),
            check_landmarker_files,
            check_encoder,
            partial(check_output, folder),
            partial(check_room, folder, _DEMO_BYTES, "the demo"),
        )
    )
