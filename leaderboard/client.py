"""A Python client of a board's API."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter, ValidationError

from leaderboard.api_models import (
    AcceptedAnswer,
    AccountAnswer,
    PhaseAnswer,
    SubmissionAnswer,
    SubmissionsAnswer,
    TableAnswer,
)
from leaderboard.submission.archive import pack
from nvfair_tools.errors import NvfairError, Problems

TOKEN_VARIABLE = "NVFAIR_TOKEN"
_FINAL_STATES = ("done", "failed")  # of a job
_Answer = TypeVar("_Answer", bound=BaseModel)


class Client:
    """Talks to the board at `url`.

    token: of your account; without one only public things can be read. seconds: how long to wait for an answer.

    Every method raises NvfairError that says what the board answered and what to do, and Problems where the board
    lists several.

        with Client("https://board.example.org", token) as client:
            accepted = client.submit("my-submission", phase="development")
            scored = client.wait_until_scored(accepted.digest)
    """

    def __init__(self, url: str, token: str | None = None, *, seconds: float = 300) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._url = url.rstrip("/")
        try:
            address = httpx.URL(f"{self._url}/api/v1")
        except (httpx.InvalidURL, UnicodeError) as error:
            raise NvfairError(
                f"not the address of a board: {error}", where=url, expected="such as https://host"
            ) from error
        if address.scheme not in ("http", "https") or not address.host:
            raise NvfairError("not the address of a board", where=url, expected="such as https://host")
        self._http = httpx.Client(base_url=address, headers=headers, timeout=seconds)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connection to the board."""
        self._http.close()

    def submit(self, path: str | Path, *, phase: str = "", private: bool = False) -> AcceptedAnswer:
        """Sends a submission: its folder, or a zip file of it. The board checks it at once and queues it to be scored.

        phase: needed where the board has several. private: makes a draft, which only you see until you publish it.
        Raises Problems with everything that the check finds; a refused submission costs nothing of your quota.
        """
        path = Path(path)
        fields = {"private": "true" if private else "false"} | ({"phase": phase} if phase else {})
        with tempfile.TemporaryDirectory() as scratch:
            archive = path if path.is_file() else pack(path, Path(scratch) / "submission.zip")
            with open(archive, "rb") as file:
                files = {"file": (archive.name, file)}
                return self._request(AcceptedAnswer, "POST", "/submissions", data=fields, files=files)

    def get_submission(self, digest: str) -> SubmissionAnswer:
        """A submission with its results; of your own also the jobs that score it."""
        return self._request(SubmissionAnswer, "GET", f"/submissions/{digest}")

    def list_own_submissions(self, *, page: int = 1, size: int = 50) -> SubmissionsAnswer:
        """One page of your account's submissions, the newest first."""
        return self._request(SubmissionsAnswer, "GET", "/submissions", params={"page": page, "size": size})

    def wait_until_scored(self, digest: str, *, seconds: float = 600, poll_seconds: float = 1.0) -> SubmissionAnswer:
        """The submission once all its jobs have ended. Raises NvfairError where that takes longer than `seconds`."""
        end = time.monotonic() + seconds
        while True:
            submission = self.get_submission(digest)
            if submission.jobs and all(job.state in _FINAL_STATES for job in submission.jobs):
                return submission
            if time.monotonic() > end:
                raise NvfairError(
                    f"not scored after {seconds:g} s", where=digest, remedy="it stays queued; ask again later"
                )
            time.sleep(poll_seconds)

    def publish(self, digest: str) -> SubmissionAnswer:
        """Makes your draft public, for good."""
        return self._request(SubmissionAnswer, "POST", f"/submissions/{digest}/publish")

    def get_account(self) -> AccountAnswer:
        """The name and quotas of your account."""
        return self._request(AccountAnswer, "GET", "/account")

    def list_phases(self) -> list[PhaseAnswer]:
        """The board's rounds of submissions."""
        content, where = self._send("GET", "/phases")
        try:
            return TypeAdapter(list[PhaseAnswer]).validate_python(content)
        except ValidationError as error:
            raise _other_version(error, where) from error

    def get_table(
        self,
        *,
        protocol: str = "",
        dataset: str = "",
        generator: str = "",
        sort: Literal["auc_mean", "auc_pooled", "method", "created"] = "auc_mean",
        descending: bool = True,
        page: int = 1,
        size: int = 50,
    ) -> TableAnswer:
        """One page of the table: a row for each entry and test generator. An empty filter matches every row."""
        parameters = {
            "protocol": protocol,
            "dataset": dataset,
            "generator": generator,
            "sort": sort,
            "descending": "true" if descending else "false",
            "page": page,
            "size": size,
        }
        return self._request(TableAnswer, "GET", "/table", params=parameters)

    def _request(self, model: type[_Answer], method: str, path: str, **options: Any) -> _Answer:
        content, where = self._send(method, path, **options)
        try:
            return model.model_validate(content)
        except ValidationError as error:
            raise _other_version(error, where) from error

    def _send(self, method: str, path: str, **options: Any) -> tuple[Any, str]:
        """The content of a successful answer, and the address that gave it."""
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
            raise NvfairError(
                f"the answer (status {response.status_code}) is not a board's: it is no JSON",
                where=where,
                remedy="check that the address is the one at which `nvfair board serve` or its proxy answers",
            ) from error
        if response.is_success:
            return content, where
        raise _refusal(response, content if isinstance(content, dict) else {}, where)


def token_from_environment() -> str:
    """The token in the environment variable NVFAIR_TOKEN. Raises NvfairError where it is empty or not set."""
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise NvfairError(
            "there is no token", remedy=f"export {TOKEN_VARIABLE}=nvf_... (the board's maintainer gives you one)"
        )
    return token


def _refusal(response: httpx.Response, content: dict[str, Any], where: str) -> NvfairError:
    """The error for an answer that refuses the request. content: as in `api_models.Problem`."""
    remedy = str(content.get("remedy", ""))
    if content.get("problems"):
        return Problems(where, [str(problem) for problem in content["problems"]], remedy=remedy)
    message = f"{content.get('error', 'refused')} (status {response.status_code})"
    return NvfairError(message, where=where, remedy=remedy or _status_remedy(response))


def _status_remedy(response: httpx.Response) -> str:
    if response.status_code == 401:
        return f"set {TOKEN_VARIABLE} to a valid token; the board's maintainer makes them"
    if response.status_code == 404:
        return "check the digest; a draft or a queued submission is shown to its owner alone, by the owner's token"
    wait_seconds = response.headers.get("retry-after")
    return f"try again in {wait_seconds} s" if wait_seconds else ""


def _other_version(error: ValidationError, where: str) -> NvfairError:
    detail = error.errors()[0]
    key = ".".join(map(str, detail["loc"]))
    return NvfairError(
        f"this client does not understand the answer: {key}: {detail['msg']}",
        where=where,
        expected="a board of the same version as this client",
        remedy="pip install --upgrade nvfair-tools",
    )
