"""Reading an upload: the same for the API and for the form."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from fastapi import HTTPException, Request, UploadFile

from leaderboard.server.intake import Accepted, Intake
from leaderboard.server.monitoring import Metrics
from leaderboard.server.request_guard import address
from leaderboard.settings import Settings
from leaderboard.store.accounts import Account
from nvfair_tools.errors import NvfairError

FIELDS = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "a zip file of the submission's folder"},
        "phase": {"type": "string", "description": "may be left out where the board has one phase"},
        "private": {"type": "string", "enum": ["true", "false"], "description": "true: a draft that only you see"},
    },
}


class Upload:
    """The fields of one posted form."""

    def __init__(self, fields: dict[str, str], file: UploadFile | None) -> None:
        self.fields, self.file = fields, file

    @classmethod
    async def read(cls, request: Request) -> Upload:
        """Reads a multipart form; large files go to the disk as they come. Raises HTTPException (400)."""
        if not request.headers.get("content-type", "").startswith("multipart/form-data"):
            raise HTTPException(400, "send multipart/form-data with the fields file, phase and private")
        form = await request.form(max_files=1, max_fields=8)
        texts = {name: value for name, value in form.multi_items() if isinstance(value, str)}
        file = form.get("file")
        return cls(texts, None if file is None or isinstance(file, str) else file)  # type: ignore[arg-type]

    @property
    def private(self) -> bool:
        """Whether it is to be a draft."""
        return self.fields.get("private", "").lower() in ("true", "on", "1", "yes")


async def receive(
    upload: Upload, account: Account, request: Request, *, settings: Settings, intake: Intake, metrics: Metrics
) -> Accepted:
    """Checks and queues an upload. Raises what `Intake.accept` raises, and HTTPException (400) without a file."""
    file = upload.file
    if file is None:
        raise HTTPException(400, "the field file is missing: a zip file of the submission's folder")
    only = next(iter(settings.phases)) if len(settings.phases) == 1 else ""
    phase = upload.fields.get("phase", "") or only

    def work() -> Accepted:
        with intake.submission_files.scratch_folder() as aside:
            archive = aside / "upload.zip"
            _copy(file, archive)
            return intake.accept(archive, aside, account, phase, private=upload.private, address=address(request.scope))

    try:
        accepted = await asyncio.to_thread(work)
    except NvfairError:
        metrics.uploads.labels("refused").inc()
        raise
    finally:
        await file.close()
    metrics.uploads.labels("accepted" if accepted.new else "repeated").inc()
    return accepted


def _copy(file: UploadFile, path: Path) -> None:
    with open(path, "wb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
