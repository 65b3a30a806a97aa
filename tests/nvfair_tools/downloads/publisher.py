"""A local server that answers as Zenodo's records API, GitHub's API and Git LFS do, and misbehaves on request."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import threading
import zipfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

Fault = Callable[["Handler"], bool]  # True: the request is answered
COMMIT = "c0ffee" + "0" * 34


class Publisher:
    """What the server holds, and what it was asked. faults: {path: answers to the next requests, one each}."""

    def __init__(self) -> None:
        self.records: dict[str, dict[str, bytes]] = {}
        self.stated: dict[tuple[str, str], Mapping[str, object]] = {}  # (record, name) -> keys that differ in the list
        self.repository: dict[str, bytes] = {}  # path -> content of the commit's blobs
        self.objects: dict[str, bytes] = {}  # oid -> content
        self.faults: dict[str, list[Fault]] = defaultdict(list)
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.url = ""
        self.ranges = True
        self.tickets: set[str] = set()  # signatures of addresses that hold

    def add_record(self, record: str, files: Mapping[str, bytes]) -> None:
        self.records[record] = dict(files)

    def add_lfs_file(self, path: str, content: bytes) -> str:
        """Keeps a file as GitHub does with Git LFS: a pointer in the commit, the content apart. Returns its oid."""
        oid = hashlib.sha256(content).hexdigest()
        self.objects[oid] = content
        self.repository[path] = (
            f"version https://git-lfs.github.com/spec/v1\noid sha256:{oid}\nsize {len(content)}\n".encode()
        )
        return oid

    def paths(self, method: str = "GET") -> list[str]:
        return [path for requested, path, _ in self.requests if requested == method]

    def arguments(self) -> list[str]:
        """Options of `nvfair get` by which it asks this server."""
        places = {"zenodo": "", "github-api": "", "github-raw": "/raw", "github": ""}
        return [word for name, path in places.items() for word in ("--server", f"{name}={self.url}{path}")]


class Handler(BaseHTTPRequestHandler):
    """Answers one request."""

    protocol_version = "HTTP/1.1"
    publisher: Publisher

    def do_GET(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("content-length", 0)))
        self._answer("POST")

    def log_message(self, *_: object) -> None:
        pass

    def _answer(self, method: str) -> None:
        path = unquote(urlsplit(self.path).path)
        self.publisher.requests.append((method, path, {key.lower(): text for key, text in self.headers.items()}))
        faults = self.publisher.faults[path]
        if faults and faults.pop(0)(self):
            return
        for pattern, answer in _ROUTES:
            if match := re.fullmatch(pattern, path):
                answer(self, *match.groups())
                return
        self.send(404, b"no such thing")

    def send(self, status: int, body: bytes, kind: str = "application/octet-stream", **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.end_headers()
        self.wfile.write(body)

    def send_json(self, content: object, status: int = 200) -> None:
        self.send(status, json.dumps(content).encode(), "application/json")

    def send_file(self, content: bytes) -> None:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("range", ""))
        if match is None or not self.publisher.ranges:
            self.send(200, content)
        elif int(match[1]) >= len(content):
            self.send(416, b"", Content_Range=f"bytes */{len(content)}")
        else:
            start = int(match[1])
            text = f"bytes {start}-{len(content) - 1}/{len(content)}"
            self.send(206, content[start:], Content_Range=text)


def _record(handler: Handler, record: str) -> None:
    publisher = handler.publisher
    if record not in publisher.records:
        handler.send_json({"status": 404, "message": "The persistent identifier does not exist."}, 404)
        return
    files = [
        {
            "id": f"id-{number}",
            "key": name,
            "size": len(content),
            "checksum": f"md5:{hashlib.md5(content).hexdigest()}",
            "links": {"self": f"https://zenodo.org/api/records/{record}/files/{name}/content"},
        }
        | dict(publisher.stated.get((record, name), {}))
        for number, (name, content) in enumerate(publisher.records[record].items())
    ]
    handler.send_json({"id": int(record), "revision": 3, "files": files, "metadata": {"title": "A record"}})


def _record_file(handler: Handler, record: str, name: str) -> None:
    handler.send_file(handler.publisher.records[record][name])


def _commit(handler: Handler, ref: str) -> None:
    handler.send_json({"sha": COMMIT, "commit": {"message": "one"}})


def _tree(handler: Handler, sha: str) -> None:
    publisher = handler.publisher
    folders = sorted({path.split("/")[0] for path in publisher.repository if "/" in path})
    shas = {folder: hashlib.sha1(folder.encode()).hexdigest() for folder in folders}
    if sha == COMMIT:
        tree = [{"path": folder, "mode": "040000", "type": "tree", "sha": shas[folder]} for folder in folders]
        inside = {path: content for path, content in publisher.repository.items() if "/" not in path}
    else:
        folder = next(folder for folder in folders if shas[folder] == sha)
        tree = []
        inside = {
            path.split("/", 1)[1]: content
            for path, content in publisher.repository.items()
            if path.startswith(f"{folder}/")
        }
    tree += [
        {"path": path, "mode": "100644", "type": "blob", "sha": git_id(content), "size": len(content)}
        for path, content in sorted(inside.items())
    ]
    handler.send_json({"sha": sha, "tree": tree, "truncated": False})


def _raw(handler: Handler, path: str) -> None:
    handler.send_file(handler.publisher.repository[path])


def _batch(handler: Handler) -> None:
    publisher = handler.publisher
    request = json.loads(handler.body)
    assert request["operation"] == "download"
    answers = []
    for wish in request["objects"]:
        if wish["oid"] not in publisher.objects:
            answers.append({**wish, "error": {"code": 404, "message": "Object does not exist on the server"}})
            continue
        ticket = f"ticket-{len(publisher.requests)}"
        publisher.tickets.add(ticket)
        action = {
            "href": f"{publisher.url}/lfs/{wish['oid']}?signature={ticket}",
            "header": {"X-Given": base64.b64encode(wish["oid"].encode()).decode()},
            "expires_in": 3600,
        }
        answers.append({**wish, "authenticated": True, "actions": {"download": action}})
    handler.send(200, json.dumps({"transfer": "basic", "objects": answers}).encode(), "application/vnd.git-lfs+json")


def _lfs_object(handler: Handler, oid: str) -> None:
    signature = urlsplit(handler.path).query.partition("=")[2]
    if signature not in handler.publisher.tickets or "X-Given" not in handler.headers:
        handler.send(403, b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>")
        return
    handler.send_file(handler.publisher.objects[oid])


_ROUTES: tuple[tuple[str, Callable[..., None]], ...] = (
    (r"/api/records/(\d+)", _record),
    (r"/api/records/(\d+)/files/(.+)/content", _record_file),
    (r"/repos/[^/]+/[^/]+/commits/(.+)", _commit),
    (r"/repos/[^/]+/[^/]+/git/trees/(.+)", _tree),
    (rf"/raw/[^/]+/[^/]+/{COMMIT}/(.+)", _raw),
    (r"/[^/]+/[^/]+\.git/info/lfs/objects/batch", _batch),
    (r"/lfs/([0-9a-f]+)", _lfs_object),
)


def git_id(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def status(code: int, body: bytes = b"", kind: str = "text/plain", **headers: str) -> Fault:
    """A fault that answers with a status."""

    def answer(handler: Handler) -> bool:
        handler.send(code, body, kind, **headers)
        return True

    return answer


def cut_after(count: int) -> Fault:
    """A fault that ends the connection after so many bytes of what it has promised."""

    def answer(handler: Handler) -> bool:
        path = urlsplit(handler.path).path
        record, name = re.fullmatch(r"/api/records/(\d+)/files/(.+)/content", path).groups()  # type: ignore[union-attr]
        content = handler.publisher.records[record][name]
        match = re.fullmatch(r"bytes=(\d+)-", handler.headers.get("range", ""))
        start = int(match[1]) if match else 0
        handler.send_response(206 if match else 200)
        handler.send_header("Content-Length", str(len(content) - start))
        if match:
            handler.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        handler.end_headers()
        handler.wfile.write(content[start : start + count])
        handler.wfile.flush()
        handler.close_connection = True
        handler.connection.shutdown(2)
        return True

    return answer


def zip_of(members: Mapping[str, bytes]) -> bytes:
    """A zip file with these members."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file.getvalue()


@contextmanager
def serving() -> Iterator[Publisher]:
    """A publisher behind a server on this machine."""
    publisher = Publisher()
    handler = type("BoundHandler", (Handler,), {"publisher": publisher})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    publisher.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield publisher
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
