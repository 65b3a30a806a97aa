"""Sends the planned files to the Hub, and removes there what the data set does not have any more."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvfair_tools.dataset.hub.library import hub_errors, hub_library
from nvfair_tools.dataset.hub.plan import CARD, META, PushPlan
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import sha256_of
from nvfair_tools.quantities import count_text, size_text

# The places of a data set in its repository. What else is there belongs to its owner and stays.
_FOLDERS = ("frames/", "videos/", "portraits/", "quality/", "card/")
_DELETED_AT_ONCE = 1000
_KIND = "dataset"


@dataclass(frozen=True)
class SentReport:
    """What a push has done. url: of the repository; deleted: files there that the set does not have any more."""

    url: str
    files: int
    size: int
    deleted: tuple[str, ...]


def send(
    plan: PushPlan,
    *,
    public: bool = False,
    message: str = "",
    progress: Callable[[int, int], None] = lambda *_: None,
    step: Callable[[str], None] = lambda _: None,
) -> SentReport:
    """Sends the files of a plan to its repository, which is made where there is none: private unless `public`.

    Every file is compared with its hash before anything is sent. Files of people who have left the set are deleted
    first, tables, frames and videos follow, and dataset.json and the card come last. A push that was interrupted goes
    on: the Hub is asked which files it has. progress: receives numbers of hashed and of all files. step: receives what
    begins. The token is whatever `huggingface_hub` finds: HF_TOKEN, or that of `hf auth login`. Raises NvfairError
    where a file has changed, where the Hub refuses or cannot be reached, and where a repository that should be
    private is public.
    """
    _check_hashes(plan, progress)
    hub = hub_library()
    api = hub.HfApi()
    message = message or "Data set"
    with hub_errors(plan.repo), tempfile.TemporaryDirectory(prefix="nvfair-push-") as staging:
        step(f"asking {api.endpoint} about the card and {plan.repo}")
        _ask_about_card(hub, plan.folder / CARD)
        url = api.create_repo(plan.repo, repo_type=_KIND, private=not public, exist_ok=True)
        if not public and api.repo_info(plan.repo, repo_type=_KIND).private is not True:
            raise NvfairError(
                "this repository is public",
                where=str(url),
                remedy="`--public` sends the set there; or make the repository private, or name another",
            )
        deleted = _delete_others(hub, api, plan, step)
        folder = _links(plan, Path(staging))
        step(f"sending {count_text(len(plan.files), 'file')}, {size_text(plan.size)}")
        ends = [META, CARD]
        common = {"repo_id": plan.repo, "repo_type": _KIND, "folder_path": folder, "commit_message": message}
        api.upload_folder(**common, ignore_patterns=list(ends))
        api.upload_folder(**common, allow_patterns=list(ends))
    return SentReport(str(url), len(plan.files), plan.size, deleted)


def _ask_about_card(hub: Any, card: Path) -> None:
    """Raises NvfairError where the Hub's own validator does not take the card."""
    try:
        hub.DatasetCard.load(card).validate(repo_type=_KIND)
    except ValueError as error:
        raise NvfairError(
            f"the Hub refuses the card: {' '.join(str(error).split())}", where=card, remedy="edit it, or build again"
        ) from error


def _check_hashes(plan: PushPlan, progress: Callable[[int, int], None]) -> None:
    changed = []
    for number, file in enumerate(plan.files):
        progress(number, len(plan.files))
        if file.sha256 and sha256_of(file.place) != file.sha256:
            changed.append(f"{file.path}: its SHA-256 is not the one that is stated of it")
    if changed:
        raise Problems(plan.folder, changed, remedy="`nvfair dataset repair` may mend it")
    progress(len(plan.files), len(plan.files))


def _delete_others(hub: Any, api: Any, plan: PushPlan, step: Callable[[str], None]) -> tuple[str, ...]:
    """Deletes the files of the repository that stand in a place of the set and are not in it any more."""
    sent = {file.path for file in plan.files}
    there = api.list_repo_files(plan.repo, repo_type=_KIND)
    others = sorted(
        path
        for path in there
        if path not in sent and (path.startswith(_FOLDERS) or ("/" not in path and path.endswith(".parquet")))
    )
    if others:
        step(f"deleting {count_text(len(others), 'file')} that the set does not have any more")
    for first in range(0, len(others), _DELETED_AT_ONCE):
        some = [hub.CommitOperationDelete(path) for path in others[first : first + _DELETED_AT_ONCE]]
        api.create_commit(plan.repo, some, commit_message="Files that left the data set", repo_type=_KIND)
    return tuple(others)


def _links(plan: PushPlan, staging: Path) -> Path:
    """A folder of links to the files and to nothing else, so that nothing else can be sent."""
    for file in plan.files:
        link = staging / file.path
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(file.place.resolve())
    return staging
