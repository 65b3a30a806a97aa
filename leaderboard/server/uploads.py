"""Reads an uploaded submission from a request, for the API and for the form alike."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from fastapi import HTTPException, Request, UploadFile

from leaderboard.server.accept_submission import AcceptedSubmission, SubmissionAcceptor
from leaderboard.server.observability import Metrics
from leaderboard.server.request_guard import client_address
from leaderboard.settings import Settings
from leaderboard.store.accounts import Account
from nvfair_tools.errors import NvfairError

FORM_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "a zip file of the submission's folder"},
        "phase": {"type": "string", "description": "may be left out where the board has one phase"},
        "private": {"type": "string", "enum": ["true", "false"], "description": "true: a draft that only you see"},
    },
}


class UploadForm:
    """The text fields of one posted form, and its file where it has one."""

    def __init__(self, fields: dict[str, str], file: UploadFile | None) -> None:
        self.fields, self.file = fields, file

    @classmethod
    async def read(cls, request: Request) -> UploadForm:
        """Reads a multipart form. Large files go to the disk while they arrive. Raises HTTPException (400)."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise HTTPException(400, "send multipart/form-data with the fields file, phase and private")
        form = await request.form(max_files=1, max_fields=8)
        fields = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        file = form.get("file")
        return cls(fields, None if file is None or isinstance(file, str) else file)  # type: ignore[arg-type]

    @property
    def private(self) -> bool:
        """Whether the submission is a draft."""
        return self.fields.get("private", "").lower() in ("true", "on", "1", "yes")


async def receive_upload(
    upload: UploadForm,
    account: Account,
    request: Request,
    *,
    settings: Settings,
    acceptor: SubmissionAcceptor,
    metrics: Metrics,
) -> AcceptedSubmission:
    """Checks and queues an upload.

    Raises what `SubmissionAcceptor.accept` raises, and HTTPException (400) where the form has no file.
    """
    file = upload.file
    if file is None:
        raise HTTPException(400, "the field file is missing: a zip file of the submission's folder")
    default_phase = next(iter(settings.phases)) if len(settings.phases) == 1 else ""
    phase = upload.fields.get("phase", "") or default_phase

    def accept_file() -> AcceptedSubmission:
        with acceptor.submission_files.scratch_folder() as scratch:
            archive = scratch / "upload.zip"
            _copy(file, archive)
            address = client_address(request.scope)
            return acceptor.accept(archive, scratch, account, phase, private=upload.private, address=address)

    try:
        accepted = await asyncio.to_thread(accept_file)
    except NvfairError:
        metrics.uploads.labels("refused").inc()
        raise
    finally:
        await file.close()
    metrics.uploads.labels("accepted" if accepted.is_new else "repeated").inc()
    return accepted


def _copy(file: UploadFile, path: Path) -> None:
    with open(path, "wb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
