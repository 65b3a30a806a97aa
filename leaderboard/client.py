"""A Python client of a board's API."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import httpx

from leaderboard.api_models import AcceptedAnswer, AccountAnswer, PhaseAnswer, SubmissionAnswer, TableAnswer
from leaderboard.submission.archive import pack
from nvfair_tools.errors import NvfairError, Problems

TOKEN_VARIABLE = "NVFAIR_TOKEN"
_STATES = ("done", "failed")


class Client:
    """Talks to the board at `url`. `token`: of your account; without one only public things can be read.

    Every method raises NvfairError that says what the board answered, and Problems where it lists several.
    """

    def __init__(self, url: str, token: str | None = None, *, seconds: float = 300) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        try:
            self._http = httpx.Client(base_url=f"{self._url}/api/v1", headers=headers, timeout=seconds)
        except (httpx.InvalidURL, UnicodeError) as error:
            raise NvfairError(f"no address of a board: {error}", where=url, expected="such as https://host") from error

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the connection."""
        self._http.close()

    def submit(self, path: Path, *, phase: str = "", private: bool = False) -> AcceptedAnswer:
        """Sends a submission: its folder, or a zip file of it."""
        fields = {"private": "true" if private else "false"} | ({"phase": phase} if phase else {})
        with tempfile.TemporaryDirectory() as scratch:
            archive = path if path.is_file() else pack(path, Path(scratch) / "submission.zip")
            with open(archive, "rb") as file:
                answer = self._ask("POST", "/submissions", data=fields, files={"file": (archive.name, file)})
        return AcceptedAnswer.model_validate(answer)

    def get_submission(self, digest: str) -> SubmissionAnswer:
        """A submission of yours, or the results of a public one."""
        return SubmissionAnswer.model_validate(self._ask("GET", f"/submissions/{digest}"))

    def wait_until_scored(self, digest: str, *, seconds: float = 600, poll_seconds: float = 1.0) -> SubmissionAnswer:
        """The submission once all its jobs have ended. Raises NvfairError when that takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while True:
            found = self.get_submission(digest)
            if found.jobs and all(job.state in _STATES for job in found.jobs):
                return found
            if time.monotonic() > end:
                raise NvfairError(
                    f"not scored after {seconds:g} s", where=digest, remedy="it stays queued; ask again later"
                )
            time.sleep(poll_seconds)

    def publish(self, digest: str) -> SubmissionAnswer:
        """Makes your draft public."""
        return SubmissionAnswer.model_validate(self._ask("POST", f"/submissions/{digest}/publish"))

    def get_account(self) -> AccountAnswer:
        """Your name and quotas."""
        return AccountAnswer.model_validate(self._ask("GET", "/account"))

    def list_phases(self) -> list[PhaseAnswer]:
        """The board's rounds."""
        return [PhaseAnswer.model_validate(one) for one in self._ask("GET", "/phases")]

    def get_table(self, **parameters: Any) -> TableAnswer:
        """One page of the table; parameters as in the API's description: protocol, dataset, sort, page, size, ..."""
        return TableAnswer.model_validate(self._ask("GET", "/table", params=parameters))

    def _ask(self, method: str, path: str, **options: Any) -> Any:
        where = f"{self._url}/api/v1{path}"
        try:
            response = self._http.request(method, path, **options)
        except httpx.HTTPError as error:
            raise NvfairError(
                f"the board does not answer: {error or type(error).__name__}",
                where=where,
                remedy="check the address and that `nvfair board serve` runs there",
            ) from error
        try:
            content = response.json()
        except ValueError as error:
            raise NvfairError(f"answered {response.status_code}, but not as a board does", where=where) from error
        if response.is_success:
            return content
        told = content if isinstance(content, dict) else {}
        remedy = str(told.get("remedy", ""))
        if told.get("problems"):
            raise Problems(where, [str(one) for one in told["problems"]], remedy=remedy)
        raise NvfairError(
            f"{told.get('error', 'refused')} (status {response.status_code})",
            where=where,
            remedy=remedy or _remedy(response),
        )


def token_from_environment() -> str:
    """The token in NVFAIR_TOKEN. Raises NvfairError where there is none."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise NvfairError(
            "there is no token", remedy=f"export {TOKEN_VARIABLE}=nvf_... (the board's maintainer gives you one)"
        )
    return token


def _remedy(response: httpx.Response) -> str:
    if response.status_code == 401:
        return f"set {TOKEN_VARIABLE} to a valid token; the board's maintainer makes them"
    wait = response.headers.get("retry-after")
    return f"try again in {wait} s" if wait else ""
