"""A server that answers as the Hub does, as far as a push asks: card, repository, list of files, commits.

Every file is called small, so that its content comes within the commit; the transfer of large files is the library's
own business with another server, and is not stood in for.
"""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOKEN = "hf_stand_in"


@dataclass
class StandIn:
    """What the server has. files: {path: content} of its only repository; commits: (paths added, paths deleted) of
    each. private: None until the repository is made. fails_at: number of the commit that is answered by an error.
    refused_card: what it says against the card; "" for nothing. requests: method and path of each."""

    url: str = ""
    private: bool | None = None
    files: dict[str, bytes] = field(default_factory=dict)
    commits: list[tuple[list[str], list[str]]] = field(default_factory=list)
    fails_at: int = -1
    refused_card: str = ""
    requests: list[str] = field(default_factory=list)


def git_hash(content: bytes) -> str:
    """The name of a blob in git: SHA-1 of its length and content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextmanager
def hub_stand_in(repo: str) -> Iterator[StandIn]:
    """Serves the repository on a free port of this machine."""
    state = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: Any) -> None:
            """Writes nothing."""

        def answer(self, content: Any, status: int = 200) -> None:
            text = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def is_known(self) -> bool:
            if self.headers.get("Authorization") == f"Bearer {TOKEN}":
                return True
            self.answer({"error": "Invalid username or password."}, 401)
            return False

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            state.requests.append(f"GET {path}")
            if not self.is_known():
                return
            if path in (f"/api/datasets/{repo}", f"/api/datasets/{repo}/revision/main") and state.private is not None:
                self.answer({"id": repo, "private": state.private, "sha": "0" * 40, "tags": [], "downloads": 0})
            elif path == f"/api/datasets/{repo}/tree/main":
                rows = [
                    {"type": "file", "path": name, "size": len(content), "oid": git_hash(content)}
                    for name, content in state.files.items()
                ]
                self.answer(rows)
            else:
                self.answer({"error": "not found"}, 404)

        def do_POST(self) -> None:
            path = urlsplit(self.path).path
            state.requests.append(f"POST {path}")
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if path == "/api/validate-yaml":
                if state.refused_card:
                    self.answer({"error": state.refused_card, "errors": [{"message": state.refused_card}]}, 400)
                else:
                    self.answer({"errors": [], "warnings": []})
                return
            if not self.is_known():
                return
            if path == "/api/repos/create":
                if state.private is None:
                    state.private = json.loads(body)["visibility"] == "private"
                    state.files[".gitattributes"] = b"*.parquet filter=lfs\n"
                    self.answer({"url": f"{state.url}/datasets/{repo}", "name": repo, "id": "1"})
                else:
                    place = f"{state.url}/datasets/{repo}"
                    self.answer({"error": "You already created this dataset repo", "url": place}, 409)
            elif path == f"/api/datasets/{repo}/preupload/main":
                names = [file["path"] for file in json.loads(body)["files"]]
                self.answer({"files": [self.mode_of(name) for name in names]})
            elif path == f"/api/datasets/{repo}/commit/main":
                self.commit(body)
            else:
                self.answer({"error": "not found"}, 404)

        def mode_of(self, name: str) -> dict[str, Any]:
            oid = git_hash(state.files[name]) if name in state.files else None
            return {"path": name, "uploadMode": "regular", "shouldIgnore": False, "oid": oid}

        def commit(self, body: bytes) -> None:
            if len(state.commits) == state.fails_at:
                self.answer({"error": "the server is tired"}, 400)
                return
            added: list[str] = []
            deleted: list[str] = []
            for line in body.splitlines():
                operation = json.loads(line)
                value = operation["value"]
                if operation["key"] == "file":
                    state.files[value["path"]] = base64.b64decode(value["content"])
                    added.append(value["path"])
                elif operation["key"] == "deletedFile":
                    del state.files[value["path"]]
                    deleted.append(value["path"])
            state.commits.append((added, deleted))
            number = f"{len(state.commits):040x}"
            self.answer({"commitUrl": f"{state.url}/datasets/{repo}/commit/{number}", "commitOid": number})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
