"""Reads an uploaded submission from a request, for the API and for the form alike."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from fastapi import HTTPException, Request
from python_multipart.exceptions import FormParserError
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from leaderboard.server.accept_submission import AcceptedSubmission, SubmissionAcceptor
from leaderboard.server.limits.disk_space import require_space
from leaderboard.server.limits.upload_slots import UploadSlots
from leaderboard.server.observability import Metrics
from leaderboard.server.request_guard import client_address
from leaderboard.settings import Settings
from leaderboard.store.accounts import Account
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import StorageError, storage_errors

# Of a form's body, before its sender is known: room for the text fields, which stand before the file.
_BYTES_BEFORE_ADMISSION = 64 * 1024
_MAX_FIELDS = 8
_COPIES = 3  # of an upload on the disk at a time: as it arrived, the archive, its files
FORM_SCHEMA = {
    "type": "object",
    "required": ["file"],
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "a zip file of the submission's folder"},
        "phase": {"type": "string", "description": "may be left out where the board has one phase"},
        "private": {"type": "string", "enum": ["true", "false"], "description": "true: a draft that only you see"},
    },
}


Authenticate = Callable[[dict[str, str]], Awaitable[Account]]


@dataclass(frozen=True)
class UploadForm:
    """One posted form: its text fields, its file where it has one, and the account that sent it."""

    fields: dict[str, str]
    file: UploadFile | None
    account: Account

    @property
    def private(self) -> bool:
        """Whether the submission is a draft."""
        return self.fields.get("private", "").lower() in ("true", "on", "1", "yes")


class UploadReceiver:
    """Receives uploads, keeping no byte of a file before it is known who sends it and that there is room."""

    def __init__(self, settings: Settings, acceptor: SubmissionAcceptor, metrics: Metrics) -> None:
        self._settings, self._acceptor, self._metrics = settings, acceptor, metrics
        self._slots = UploadSlots(settings.rates.uploads_at_once)

    async def receive(self, request: Request, authenticate: Authenticate) -> AcceptedSubmission:
        """Receives, checks and queues an upload.

        authenticate: finds the account by the text fields that came before the file; it raises where there is none.
        Raises what it raises and what `SubmissionAcceptor.accept` raises, and HTTPException: 400 where the form is
        none or has no file, 429 where the account has too many uploads under way.
        """
        with ExitStack() as slot:

            async def admit(fields: dict[str, str]) -> Account:
                account = await authenticate(fields)
                slot.enter_context(self._slots.count_upload(account.id))
                if "phase" in fields:
                    self._acceptor.open_phase(self._phase(fields))
                await asyncio.to_thread(self._require_space, request)
                return account

            with storage_errors():
                upload = await _read_form(request, admit)
            try:
                return await self._accept(upload, client_address(request.scope))
            finally:
                if upload.file is not None:
                    await upload.file.close()

    async def _accept(self, upload: UploadForm, address: str) -> AcceptedSubmission:
        file, acceptor = upload.file, self._acceptor
        if file is None:
            raise HTTPException(400, "the field file is missing: a zip file of the submission's folder")

        def accept_file() -> AcceptedSubmission:
            with storage_errors(), acceptor.submission_files.scratch_folder() as scratch:
                archive = scratch / "upload.zip"
                _copy(file, archive)
                phase = self._phase(upload.fields)
                return acceptor.accept(archive, scratch, upload.account, phase, private=upload.private, address=address)

        try:
            accepted = await asyncio.to_thread(accept_file)
        except NvfairError as error:
            self._metrics.uploads.labels("no room" if isinstance(error, StorageError) else "refused").inc()
            raise
        self._metrics.uploads.labels("accepted" if accepted.is_new else "repeated").inc()
        return accepted

    def _phase(self, fields: dict[str, str]) -> str:
        phases = self._settings.phases
        return fields.get("phase", "") or (next(iter(phases)) if len(phases) == 1 else "")

    def _require_space(self, request: Request) -> None:
        declared = request.headers.get("content-length", "")
        upload_bytes = int(declared) if declared.isdigit() else self._settings.limits.upload_bytes
        free_bytes = self._settings.limits.free_disk_bytes + _COPIES * upload_bytes
        require_space(self._acceptor.submission_files.folder, free_bytes)


async def _read_form(request: Request, admit: Authenticate) -> UploadForm:
    """Reads a multipart form. Large files go to the disk while they arrive. Raises HTTPException (400).

    admit: called with the text fields that came within the first bytes, before more is read.
    """
    if not request.headers.get("content-type", "").startswith("multipart/form-data"):
        raise HTTPException(400, "send multipart/form-data with the fields file, phase and private")
    accounts: list[Account] = []

    async def stream() -> AsyncGenerator[bytes, None]:
        free_bytes = _BYTES_BEFORE_ADMISSION
        async for chunk in request.stream():
            if not accounts and len(chunk) > free_bytes:
                yield chunk[:free_bytes]
                chunk = chunk[free_bytes:]
                accounts.append(await admit(_text_fields(parser.items)))
            free_bytes -= len(chunk)
            yield chunk

    parser = MultiPartParser(
        request.headers, stream(), max_files=1, max_fields=_MAX_FIELDS, max_part_size=_BYTES_BEFORE_ADMISSION
    )
    try:
        form = await parser.parse()
        account = accounts[0] if accounts else await admit(_text_fields(parser.items))
    except MultiPartException as error:
        raise HTTPException(400, error.message) from error
    except FormParserError as error:  # which earlier releases of starlette let through
        raise HTTPException(400, str(error)) from error
    except BaseException:
        for _, value in parser.items:
            if isinstance(value, UploadFile):
                await value.close()
        raise
    file = form.get("file")
    return UploadForm(_text_fields(parser.items), None if isinstance(file, str) else file, account)


def _text_fields(items: list[tuple[str, str | UploadFile]]) -> dict[str, str]:
    return {name: value for name, value in items if isinstance(value, str)}


def _copy(file: UploadFile, path: Path) -> None:
    with open(path, "wb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
