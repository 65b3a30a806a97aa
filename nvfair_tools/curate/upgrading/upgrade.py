"""`upgrade`: a data set of before "1.0", whose frame rows lack labels, becomes one of the present format.

Frames, videos and pictures stay, bit for bit; parts get columns, and files whose names are not portable get others.
dataset.json is set aside meanwhile, so that the set never looks finished when it is not. Every step can be done twice,
so a run that was killed is continued by the same call.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from nvfair_tools.curate.revocation.tables import finish_again, remove_empty_folders
from nvfair_tools.curate.upgrading.labelled_parts import label_part
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.labels import has_labels, labels_by_video
from nvfair_tools.dataset.schema import FORMAT_VERSION, IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.version import UPGRADING, is_first, version_error
from nvfair_tools.dataset.writer import SEAL, whole_numbers, write_table
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.features import DEFAULT_SCALE
from nvfair_tools.files import remove_partial_outputs, sha256_of, write_bytes
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.workspace import REVOKING, Workspace
from nvfair_tools.portable_names import portable_path
from nvfair_tools.unique_keys import load_unique_json

# Receives a task's name, how much of it is done, and of how much.
Progress = Callable[[str, int, int], None]

EDITED_CARD = "README.before-upgrade.md"  # a copy of a card that somebody had edited
_META, _CARD = "dataset.json", "README.md"
_REMEDY = "nvfair dataset check {folder} --full says all that is damaged; copy those files again, then upgrade"


@dataclass(frozen=True)
class UpgradeOutcome:
    """What an upgrade has done.

    version: that the set had before. parts, rows: how many were written with labels by this run. earlier_parts: those
    that a run before it had written. renamed: {path before: path now} of files whose names were not portable; None
    where the set was of the present format already, so that nothing was to do.
    """

    version: Any
    parts: int = 0
    rows: int = 0
    earlier_parts: int = 0
    renamed: Mapping[str, str] | None = None


def upgrade(folder: str | Path, *, progress: Progress = lambda *_: None) -> UpgradeOutcome:
    """Takes the data set in `folder` to the present format, or leaves it alone where it has it.

    Raises NvfairError where there is no finished data set or one of a format that this release does not know, where a
    build is at work, and Problems where files are damaged or missing; nothing is changed then.
    """
    folder = Path(folder)
    with Workspace(folder).locked():
        version, is_current = _version_to_upgrade(folder, progress)
        aside = folder / UPGRADING
        if is_current:
            aside.unlink(missing_ok=True)  # of a run that was killed at its very end
            return UpgradeOutcome(version)
        if not _is_begun(folder):
            _keep_edited_card(folder)
            (folder / _META).replace(aside)
        return _upgrade(folder, _read(folder, UPGRADING), progress)


def plan_upgrade(folder: str | Path, *, progress: Progress = lambda *_: None) -> UpgradeOutcome:
    """Does what `upgrade` does before it writes, and raises what it raises. Its outcome counts what would be written:
    parts with labels already are `earlier_parts`."""
    folder = Path(folder)
    if Workspace(folder).is_locked():
        raise NvfairError("another build is at work in this data set", where=folder, remedy="wait until it has ended")
    version, is_current = _version_to_upgrade(folder, progress)
    if is_current:
        return UpgradeOutcome(version)
    identities, videos = _read_tables(folder)
    stored = videos[(videos["state"] == "ok") & videos["part"].notna()]
    written, rows, earlier = 0, 0, 0
    for name, group in stored.groupby("part", sort=True):
        place = next((path for path in (folder / portable_path(str(name)), folder / str(name)) if path.is_file()), None)
        if place is not None and has_labels(place, labels_by_video(group.sort_values("first_row"))):
            earlier += 1
        else:
            written, rows = written + 1, rows + int(group["frames"].sum())
    names = {*videos["path"].dropna(), *identities["portrait"].dropna(), *videos["part"].dropna()}
    renamed = {str(old): portable_path(str(old)) for old in names if portable_path(str(old)) != old}
    return UpgradeOutcome(version, written, rows, earlier, renamed)


def _version_to_upgrade(folder: Path, progress: Progress) -> tuple[Any, bool]:
    """(the set's version, whether that is the present one). Raises what `upgrade` raises; nothing is changed."""
    if (folder / REVOKING).exists():
        raise NvfairError(
            "the removal of a person from this data set was interrupted",
            where=folder,
            remedy="run `nvfair revoke` with the same words again, then upgrade",
        )
    if _is_begun(folder):
        return _read(folder, UPGRADING).get("format_version"), False
    version = _read(folder, _META).get("format_version")
    if not is_first(version):
        if problem := version_error(version, folder):
            raise problem
        return version, True
    _refuse_damaged(folder, progress)
    return version, False


def _is_begun(folder: Path) -> bool:
    """Whether an earlier run has set dataset.json aside."""
    return not (folder / _META).is_file() and (folder / UPGRADING).is_file()


def _read_tables(folder: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tables of people and of videos."""
    identities, videos = (
        pq.read_table(folder / name, partitioning=None).to_pandas() for name in ("identities.parquet", "videos.parquet")
    )
    return identities, videos


def _upgrade(folder: Path, content: dict[str, Any], progress: Progress) -> UpgradeOutcome:
    for name in ("frames", "card", ""):  # of a run that was killed
        remove_partial_outputs(folder / name, recursive=bool(name))
    identities, videos = _read_tables(folder)
    renamed = {
        str(old): new
        for old in (*videos["path"].dropna(), *identities["portrait"].dropna())
        if (new := portable_path(str(old))) != old
    }
    moved_parts = {str(old): portable_path(str(old)) for old in videos["part"].dropna().unique()}
    _rename(folder, renamed)
    written, rows, earlier = _label_parts(folder, content.get("files", {}), videos, moved_parts, progress)
    renamed |= {old: new for old, new in moved_parts.items() if old != new}
    if renamed:
        videos = videos.assign(**{name: videos[name].replace(renamed) for name in ("path", "part")})
        identities = identities.assign(portrait=identities["portrait"].replace(renamed))
        write_table(folder / "identities.parquet", identities, IDENTITIES_SCHEMA)
        write_table(folder / "videos.parquet", whole_numbers(videos), VIDEOS_SCHEMA)
        for name in ("frames", "videos", "portraits"):
            remove_empty_folders(folder / name)
    _tell_build(folder, moved_parts.values())
    # What was made from the set names it by this hash: checkpoints, results, the key of a blind copy.
    before = {"format_version": content["format_version"], "sha256": sha256_of(folder / UPGRADING)}
    changes = {"format_version": FORMAT_VERSION, "upgraded_from": before, **_cohort_entries(content)}
    new_names = {name: portable_path(name) for name in content.get("files", {})}
    finish_again(folder, UPGRADING, changes, new_names, card="world" in content)
    return UpgradeOutcome(content["format_version"], written, rows, earlier, renamed)


def _cohort_entries(content: Mapping[str, Any]) -> dict[str, Any]:
    """What the card of a simulated cohort needs to know, where dataset.json does not say it in today's entries."""
    if "world" not in content or "landmarks" in content:
        return {}
    scheme, features = content.get("landmark_scheme", {}), content.get("features", {})
    return {
        "synthetic": True,
        "landmarks": {
            "scheme": scheme.get("name", SCHEME_126.name),
            "scheme_version": scheme.get("version", SCHEME_126.version),
            "points": len(SCHEME_126),
        },
        "features": {"distances": "none", "scale": DEFAULT_SCALE, "mesh": bool(features.get("mesh"))},
        "generators": [
            {"label": generator.get("name", ""), "version": "1", "motion_mode": "simulated", "licence": "", **generator}
            for generator in content.get("generators", [])
        ],
    }


def _read(folder: Path, name: str) -> dict[str, Any]:
    try:
        content = load_unique_json((folder / name).read_bytes())
    except FileNotFoundError as error:
        raise NvfairError(
            f"no {_META} here, so this is not a finished data set",
            where=folder,
            remedy=f"name the folder that holds {_META}",
        ) from error
    except ValueError as error:
        raise NvfairError(
            f"not valid JSON: {error}", where=folder / name, remedy=_REMEDY.format(folder=folder)
        ) from error
    return content if isinstance(content, dict) else {}


def _refuse_damaged(folder: Path, progress: Progress) -> None:
    """Raises Problems where a check finds more than that the set is of the first format, or a part has other bytes."""
    report = check_dataset(folder, progress=progress)
    # The first releases wrote no hash of dataset.json itself.
    expected = (f"format version {1!r},", f"holds no hash of itself ({SEAL})")
    # A card that somebody has edited is no damage: another is written, and theirs stays beside it.
    problems = [
        str(fault)
        for fault in report.faults
        if not (fault.file == _META and fault.what.startswith(expected)) and fault.file != _CARD
    ]
    files = _read(folder, _META).get("files", {})
    parts = sorted(name for name in files if name.startswith("frames/"))
    for number, name in enumerate(parts):
        progress("hashes", number, len(parts))
        if (folder / name).is_file() and sha256_of(folder / name) != files[name]:
            problems.append(f"{name}: is not the file that {_META} names: its SHA-256 differs")
    if problems:
        raise Problems(folder, problems, remedy=_REMEDY.format(folder=folder))


def _keep_edited_card(folder: Path) -> None:
    """Copies the card to another name where it is not the one that was written with the set."""
    digest = _read(folder, _META).get("files", {}).get(_CARD)
    if digest is not None and (folder / _CARD).is_file() and sha256_of(folder / _CARD) != digest:
        write_bytes(folder / EDITED_CARD, (folder / _CARD).read_bytes())


def _rename(folder: Path, renamed: Mapping[str, str]) -> None:
    """Renames files, those of a run that was killed included, which has renamed some."""
    for old, new in renamed.items():
        if os.path.lexists(folder / old):  # a link of an imported release may lead nowhere here
            (folder / new).parent.mkdir(parents=True, exist_ok=True)
            (folder / old).replace(folder / new)
        elif not os.path.lexists(folder / new):
            raise NvfairError("is missing", where=folder / old, remedy=_REMEDY.format(folder=folder))


def _label_parts(
    folder: Path, hashes: Mapping[str, str], videos: pd.DataFrame, moved: Mapping[str, str], progress: Progress
) -> tuple[int, int, int]:
    """Writes the parts with labels, in place or under their portable names. Returns how many parts and rows were
    written, and how many parts had been before."""
    written, rows, earlier = 0, 0, 0
    stored = videos[(videos["state"] == "ok") & videos["part"].notna()]
    for number, (name, group) in enumerate(stored.groupby("part", sort=True)):
        progress("parts", number, len(moved))
        part, target = folder / str(name), folder / moved[str(name)]
        labels = labels_by_video(group.sort_values("first_row"))
        if has_labels(target, labels):
            earlier += 1
        else:
            if not part.is_file() or sha256_of(part) != hashes.get(str(name)):
                raise NvfairError(
                    f"is not the file that {_META} named", where=part, remedy=_REMEDY.format(folder=folder)
                )
            label_part(part, target, labels)
            written, rows = written + 1, rows + int(group["frames"].sum())
        if part != target:
            part.unlink(missing_ok=True)
    progress("parts", len(moved), len(moved))
    return written, rows, earlier


def _tell_build(folder: Path, parts: Any) -> None:
    """Tells the build's journal the sizes of its parts, by which it knows them: else it would write them anew."""
    journal_path = Workspace(folder).journal_path
    if journal_path.is_file():
        with Journal(journal_path) as journal:
            journal.resize_outputs({path: (folder / path).stat().st_size for path in parts})
