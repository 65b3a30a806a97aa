"""The preflight: finds what would stop or spoil a build, before hours are spent."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from nvfair_tools.curate.check_portraits import check_portraits
from nvfair_tools.curate.clip_checks.check_networks import check_networks
from nvfair_tools.curate.clip_checks.revoked_clips import check_revoked
from nvfair_tools.curate.costs.room import check_build_memory, check_build_room
from nvfair_tools.curate.finding import CheckReport, Finding
from nvfair_tools.curate.footage.checks import check_footage
from nvfair_tools.curate.pairs import PairTable
from nvfair_tools.curate.plans.rule import plan_listed_clips
from nvfair_tools.curate.session import recipe_engine
from nvfair_tools.curate.usability.listed import listed_findings
from nvfair_tools.curate.usability.whole_recipe import load_whole_recipe, with_findings
from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.engines.ray_cluster import import_ray
from nvfair_tools.pipeline.engines.ray_engine import RayEngine
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_list import ClipList, ClipRow, list_clips
from nvfair_tools.recipe.file_names import FileNames
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec
from nvfair_tools.recipe.permissions import Permissions, needs_approval
from nvfair_tools.recipe.recipe import Recipe
from nvfair_tools.recipe.splits import assign_splits

if TYPE_CHECKING:
    from nvfair_tools.render.choice import ChosenGenerator

# Clips that are decoded whole, and clips of which only the header and the first frame are read (milliseconds each).
_MAX_PROBED_CLIPS, _MAX_GLANCED_CLIPS = 5, 1_000
_SLOW_FORMAT_REMEDY = "choose `dtype: auto`, or leave dtype out"


def check(recipe: str | Path | Recipe, *, day: date | None = None) -> CheckReport:
    """Checks a recipe, its clips, landmarker, generators, disk and memory without building anything.

    recipe: a recipe or the path of its YAML file. day: for which consents are judged; default, today. Raises Problems
    where the recipe, the list of clips or the consent table itself is wrong.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_whole_recipe(recipe)
    permissions = Permissions(recipe, day or date.today())
    try:
        clip_list = list_clips(recipe)
        rows = list(clip_list.rows)
        splits = assign_splits(recipe, rows)
    except NvfairError as error:
        others = [_check_landmarker(recipe), *check_networks(recipe), *_check_generators(recipe, [], {}, permissions)]
        raise with_findings(error, others) from error
    findings = [_check_people(rows, splits), *_check_left_out(clip_list)]
    findings += [*_check_files(rows), *_check_rights(recipe, rows, permissions)]
    findings += check_revoked(recipe.output_folder, rows)
    frame_counts, clip_findings = _probe_clips([row for row in rows if row.footage is None])
    findings += [*check_footage(recipe, rows), *clip_findings]
    findings += [_check_landmarker(recipe), *check_networks(recipe), *check_portraits(recipe, rows)]
    findings += _check_generators(recipe, rows, splits, permissions)
    findings.append(_finding_of("output", lambda: _check_output(recipe)))
    mean_frames = sum(frame_counts) / len(frame_counts) if frame_counts else 0.0
    pairs = plan_listed_clips(recipe, rows, splits).pairs
    findings += listed_findings(recipe, rows, splits, pairs, permissions)
    findings += [*_check_size(recipe, rows, pairs, mean_frames), *_check_engine(recipe)]
    return CheckReport(tuple(findings))


def _check_people(rows: list[ClipRow], splits: dict[str, str]) -> Finding:
    counts = Counter(splits.values())
    counts_text = ", ".join(f"{counts[split]} {split}" for split in SPLITS if counts[split])
    tracks = sum(row.is_track for row in rows)
    tracks_text = f", {tracks} of them tracks, which drive warp generators and show no face," if tracks else ""
    return Finding(
        "ok",
        "clips",
        f"{count_text(len(rows), 'clip')}{tracks_text} of {count_text(len(splits), 'person')} ({counts_text})",
    )


def _check_left_out(clip_list: ClipList) -> Iterator[Finding]:
    for text in clip_list.left_out:
        yield Finding("warning", "not used", text, "rename, move or delete them, lest any is left out by mistake")
    for text, command in zip(clip_list.missing, clip_list.commands, strict=True):
        yield Finding("warning", "missing", text, f"`{command}` brings them" if command else "")
    for text in clip_list.notes:
        yield Finding("ok", "not used", text)


def _check_files(rows: list[ClipRow]) -> Iterator[Finding]:
    missing = [row for row in rows if not os.path.isfile(row.path)]
    if missing:
        names = FileNames()
        hints = [f"{row.name}{f' ({hint})' if (hint := names.hint(row.path)) else ''}" for row in missing[:3]]
        text = f"{len(missing)} of {len(rows)} do not exist, such as {', '.join(hints)}"
        remedy = f"the first was looked for at {missing[0].path}: correct the paths, or the source's `root`"
        yield Finding("error", "files", text, remedy)
    existing = [row for row in rows if os.path.isfile(row.path)]
    empty = [row.name for row in existing if row.path.stat().st_size == 0]
    if empty:
        text = f"{len(empty)} of {len(rows)} are empty, such as {', '.join(empty[:3])}"
        yield Finding("error", "files", text, "copy or download them again, or delete their rows")
    unusable = [f"{row.name} ({what})" for row in existing if (what := _impostor(row))]
    if unusable:
        text = f"{len(unusable)} of {len(rows)} are no videos, such as {', '.join(unusable[:3])}"
        yield Finding("error", "files", text, "replace them, or delete their rows")
    if not (missing or empty or unusable):
        yield Finding("ok", "files", "all exist")


def _impostor(row: ClipRow) -> str:
    """What a file is in place of a video, by its first bytes; "" where nothing speaks against it, or for a track, which
    is read whole."""
    from nvfair_tools.media.impostors import HEAD_BYTES, impostor

    if row.is_track:
        return ""
    try:
        with open(row.path, "rb") as file:
            return impostor(file.read(HEAD_BYTES))
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _check_rights(recipe: Recipe, rows: list[ClipRow], permissions: Permissions) -> Iterator[Finding]:
    unasked = sum(needs_approval(row) for row in rows if row.terms is None)
    if unasked:
        yield Finding(
            "error",
            "rights",
            f"the consent of the people in {count_text(unasked, 'clip')} is unknown: a licence is no consent to "
            "reenactment",
            "record your institution's approval (committee, number, date) as `rights.ethics_approval`",
        )
    reasons = Counter(
        (decision.reason, decision.detail)
        for row in rows
        if not needs_approval(row) and not (decision := permissions.of_recording(row)).permitted
    )
    if recipe.rights.consent is None and recipe.rights.set_uses == ("training",):
        refused = Counter(row.permitted_use for row in rows if row.permitted_use not in recipe.rights.render_if)
        for use, count in sorted(refused.items()):
            yield Finding(
                "warning",
                "rights",
                f"{count_text(count, 'clip permits', 'clips permit')} {use!r}, which the recipe does not render",
            )
        reasons = Counter({key: count for key, count in reasons.items() if key[0] != "use_not_permitted"})
    for (reason, detail), count in sorted(reasons.items()):
        yield Finding("warning", "rights", f"{count_text(count, 'clip is', 'clips are')} not used: {reason}: {detail}")
    clips_by_person: dict[str, list[ClipRow]] = {}
    for row in rows:
        if permissions.of_recording(row).permitted:
            clips_by_person.setdefault(row.identity, []).append(row)
    for role, decisions in (
        ("target", [permissions.of_face(of_person) for of_person in clips_by_person.values()]),
        ("driver", [permissions.of_motion(of_person[0]) for of_person in clips_by_person.values()]),
    ):
        for reason, count in sorted(Counter(decision.reason for decision in decisions if decision.reason).items()):
            yield Finding(
                "warning", "rights", f"{count_text(count, f'person is no {role}', f'people are no {role}s')}: {reason}"
            )


def _probe_clips(rows: list[ClipRow]) -> tuple[list[int], list[Finding]]:
    """Decodes a few clips spread over the list, and the first frame of many, and reads listed tracks whole; returns the
    frame counts of the few, and what is wrong with any or worth knowing, one finding for each kind."""
    from nvfair_tools.landmarks.track_files import LANDMARKS_ONLY, TrackFileError, read_track_file
    from nvfair_tools.media import MediaError, glance, probe

    existing = [row for row in rows if os.path.isfile(row.path)]
    probed = {row.where for row in _spread(existing, _MAX_PROBED_CLIPS)}
    frame_counts: list[int] = []
    texts_by_kind: dict[str, list[str]] = {}  # cause or flag -> "clip: text"
    for row in _spread(existing, _MAX_GLANCED_CLIPS, also=probed):
        try:
            if row.is_track:
                listed = read_track_file(row.path)
                notes = {flag: text for flag, text in listed.notes.items() if flag != LANDMARKS_ONLY}
                frame_counts += [len(listed.track)] * (row.where in probed)
            elif row.where not in probed:
                notes = dict(glance(row.path))
            else:
                info = probe(row.path)
                notes = dict(info.notes) | ({info.problem: info.problem_text} if info.problem else {})
                frame_counts.append(info.frames)
        except MediaError as error:
            notes = {error.cause: f"{error.detail}; to fix it: {error.remedy}"}
        except TrackFileError as error:
            notes = {error.cause: f"{error.what}; to fix it: {error.remedy}"}
        for flag, text in notes.items():
            texts_by_kind.setdefault(flag, []).append(f"{row.name}: {text}")
    return frame_counts, [
        Finding("warning", "clip", f"{flag} ({len(texts)} of the clips looked at), {texts[0]}")
        for flag, texts in sorted(texts_by_kind.items())
    ]


def _spread(rows: list[ClipRow], count: int, also: Container[str] = ()) -> list[ClipRow]:
    """About `count` rows, evenly spread over all of them, and those at the places `also`."""
    step = max(1, len(rows) // count)
    chosen = {row.where for row in rows[::step][:count]}
    return [row for row in rows if row.where in chosen or row.where in also]


def _check_landmarker(recipe: Recipe) -> Finding:
    def describe() -> str:
        spec = LandmarkerSpec.from_recipe(recipe)
        landmarker = spec.create()
        description = f"{landmarker.name} {landmarker.version}"
        landmarker.close()
        if spec.recogniser is not None:
            from nvfair_tools.faces.insight import pack_folder
            from nvfair_tools.faces.recogniser import Recogniser

            Recogniser(spec.recogniser if isinstance(spec.recogniser, Path) else pack_folder(spec.recogniser))
        return description

    return _finding_of("landmarker", describe)


def _check_generators(
    recipe: Recipe, rows: list[ClipRow], splits: dict[str, str], permissions: Permissions
) -> Iterator[Finding]:
    from nvfair_tools.curate.reenactments import no_pixels_error
    from nvfair_tools.render.choice import resolve_generator

    tracks: dict[str, str] = {}  # split -> the first track in it
    for row in rows:
        if row.is_track and permissions.of_motion(row).permitted:
            tracks.setdefault(splits[row.identity], row.name)
    formats = Workspace(recipe.output_folder).read_formats()
    for number, choice in enumerate(recipe.generators):
        resolved: list[ChosenGenerator] = []

        def describe(number: int = number, resolved: list[ChosenGenerator] = resolved) -> str:
            generator = resolve_generator(recipe, number, formats)
            resolved.append(generator)
            driving_tracks = [tracks[split] for split in generator.splits if split in tracks]
            if generator.needs_image and driving_tracks:
                raise no_pixels_error(generator.label, driving_tracks[0])
            description = f"{generator.size} x {generator.size}, {generator.motion_mode}, licence {generator.licence}"
            program = generator.check_program()
            chosen = generator.number_format and not generator.slow_format
            return "; ".join(filter(None, (description, program, generator.number_format if chosen else "")))

        yield _finding_of(f"generator {choice.label}", describe)
        if resolved and not (decision := permissions.of_generator(resolved[0].licence)).permitted:
            yield Finding(
                "warning", f"generator {choice.label}", f"renders nothing: {decision.reason}: {decision.detail}"
            )
        if resolved and resolved[0].slow_format:
            yield Finding("warning", f"generator {choice.label}", resolved[0].number_format, _SLOW_FORMAT_REMEDY)


def _check_output(recipe: Recipe) -> str:
    Workspace(recipe.output_folder).check_folder()
    return str(recipe.output_folder)


def _finding_of(topic: str, describe: Callable[[], str]) -> Finding:
    """The finding "ok" with what `describe` returns, or the error that it raises."""
    try:
        return Finding("ok", topic, describe())
    except NvfairError as error:
        message = str(error).removesuffix(f"\n  to fix it: {error.remedy}")
        return Finding("error", topic, message, error.remedy)


def _check_size(recipe: Recipe, rows: list[ClipRow], pairs: PairTable, mean_frames: float) -> Iterator[Finding]:
    """The number of reenactments, and the space that they need. pairs: the plan. mean_frames: of a clip."""
    reenactments = sum(int(pairs.in_splits(choice.splits).sum()) for choice in recipe.generators)
    total = f"{reenactments * mean_frames:,.0f} frames" if mean_frames else "of unknown length: no clip can be read yet"
    yield Finding(
        "ok", "plan", f"at most {count_text(len(pairs), 'pair')}, {count_text(reenactments, 'reenactment')}, {total}"
    )
    yield check_build_room(recipe, pairs, len(rows), mean_frames)


def _check_engine(recipe: Recipe) -> Iterator[Finding]:
    """The memory of this machine, or the machines of the cluster that the recipe names."""
    engine = recipe_engine(recipe, Workspace(recipe.output_folder))
    if not isinstance(engine, RayEngine) or recipe.engine.address == "local":
        yield from check_build_memory(recipe)
    if isinstance(engine, RayEngine):
        yield _finding_of("engine", lambda: _check_cluster(recipe, engine))


def _check_cluster(recipe: Recipe, engine: RayEngine) -> str:
    if recipe.engine.address == "local":
        import_ray()
        return "Ray is installed; the build starts a cluster on this machine"
    folder = engine.cluster.folder
    if folder is not None and not folder.is_dir():
        engine = replace(engine, cluster=replace(engine.cluster, folder=None))  # the build will make and check it
    with engine:
        text = f"{count_text(engine.most_workers(), 'worker')}; {engine.cluster.describe()}"
        on_gpus = replace(engine, uses_gpus=True)
        if (gpus := on_gpus.gpus()) > 0:
            text += f"; {count_text(on_gpus.most_workers(), 'worker')} of networks, with {gpus:g} GPU each"
        return text
