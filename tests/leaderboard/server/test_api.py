"""The API of a real server with a real worker, on SQLite and on PostgreSQL."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from leaderboard.client import Client
from leaderboard.store.accounts import revoke_token
from leaderboard.store.database import write_session
from leaderboard.store.tables import AuditRow
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.leaderboard.board_process import Board, Server, copy_with_method, dump_database, wait_until, zip_folder

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE results; --",
    '" OR ""="',
    "1; SELECT pg_sleep(5)",
    "\\'; UPDATE accounts SET name='x",
    "%' UNION SELECT hash FROM tokens --",
]


@dataclass
class Site:
    """A running board."""

    board: Board
    server: Server
    ann: str
    bob: str

    def client(self, token: str | None = None) -> Client:
        return Client(self.server.url, token)

    def get(self, path: str, token: str | None = None, **options) -> httpx.Response:
        return httpx.get(f"{self.server.url}{path}", headers=bearer(token), timeout=30, **options)

    def post(self, path: str, token: str | None = None, headers: dict | None = None, **options) -> httpx.Response:
        return httpx.post(
            f"{self.server.url}{path}", headers={**bearer(token), **(headers or {})}, timeout=60, **options
        )


def bearer(token: str | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"} if token is not None else {}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, fresh_url: Callable[[], str]) -> Iterator[Site]:
    board = Board(tmp_path_factory.mktemp("site") / "board", fresh_url(), dataset)
    tokens = board.token("ann"), board.token("bob")
    server = Server(board, "--with-worker")
    yield Site(board, server, *tokens)
    assert server.stop() == 0


@pytest.fixture(scope="module")
def scored(site: Site, valid_submission: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of a public scored submission of Ann's."""
    folder = copy_with_method(valid_submission, tmp_path_factory.mktemp("scored") / "s", "scored in public")
    with site.client(site.ann) as client:
        accepted = client.submit(folder, phase="development")
        done = client.wait_until_scored(accepted.digest, seconds=60, poll_seconds=0.1)
    assert [job.state for job in done.jobs] == ["done"]
    return accepted.digest


def test_a_submission_goes_from_the_client_to_the_table(site: Site, scored: str) -> None:
    with site.client(site.ann) as client:
        found = client.get_submission(scored)
        assert [(r.protocol, list(r.figures["generators"])) for r in found.results] == [
            ("nvfair-seen", ["alpha"]),
            ("nvfair-unseen", ["beta"]),
        ]
        rows = wait_until(lambda: [row for row in client.get_table().rows if row.submission == scored], 30)
        assert sorted(row.generator for row in rows) == ["alpha", "beta"]
        assert scored in [own.digest for own in client.list_own_submissions().submissions]
        assert client.get_account().quotas["development"].used >= 1
        assert {phase.name: phase.open for phase in client.list_phases()} == {
            "development": True,
            "tight": True,
            "over": False,
        }
    assert "private@example.org" not in site.get(f"/api/v1/submissions/{scored}").text
    assert "scored in public" in site.get("/").text


def test_an_invalid_upload_lists_every_problem_and_costs_nothing(
    site: Site, valid_submission: Path, tmp_path: Path
) -> None:
    folder = copy_with_method(valid_submission, tmp_path / "bad", "bad")
    (folder / "embeddings" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    with site.client(site.bob) as client:
        before = client.get_account().quotas
        with pytest.raises(Problems) as caught:
            client.submit(folder, phase="tight")
        assert len(caught.value.problems) == 1  # two entries, one file
        assert "not a whole Parquet file" in caught.value.problems[0]
        assert client.get_account().quotas == before


def test_the_same_upload_again_is_the_same_submission(
    site: Site, scored: str, valid_submission: Path, tmp_path: Path
) -> None:
    archive = zip_folder(
        copy_with_method(valid_submission, tmp_path / "again", "scored in public"), tmp_path / "again.zip"
    )
    before = site.get("/api/v1/account", site.ann).json()
    answer = site.post(
        "/api/v1/submissions", site.ann, data={"phase": "development"}, files={"file": ("s.zip", archive.read_bytes())}
    )
    assert answer.status_code == 200
    assert (answer.json()["digest"], answer.json()["new"], answer.json()["state"]) == (scored, False, "done")
    assert site.get("/api/v1/account", site.ann).json() == before
    taken = site.post(
        "/api/v1/submissions", site.bob, data={"phase": "development"}, files={"file": ("s.zip", archive.read_bytes())}
    )
    assert taken.status_code == 409


def test_a_quota_that_is_used_is_told_with_when_to_come_back(
    site: Site, valid_submission: Path, tmp_path: Path
) -> None:
    token = site.board.token("carol")
    with site.client(token) as client:
        for n in range(2):
            client.submit(copy_with_method(valid_submission, tmp_path / f"c{n}", f"carol {n}"), phase="tight")
        with pytest.raises(NvfairError, match="your 2 submissions to phase 'tight' are used"):
            client.submit(copy_with_method(valid_submission, tmp_path / "c2", "carol 2"), phase="tight")


@pytest.mark.parametrize("kind", ["none", "forged", "expired", "revoked", "basic"])
def test_without_a_valid_token_nothing_of_an_account_is_reached(site: Site, scored: str, kind: str) -> None:
    store = site.board.store()
    token = {
        "none": None,
        "forged": site.ann[:-2] + "zz",
        "expired": site.board.token("ann", days=0),
        "revoked": site.board.token("ann"),
        "basic": site.ann,
    }[kind]
    if kind == "revoked":
        revoke_token(store.engine, token)
    store.close()
    headers = {"Authorization": f"Basic {token}"} if kind == "basic" else bearer(token)
    for method, path in [
        ("GET", "/api/v1/account"),
        ("GET", "/api/v1/submissions"),
        ("POST", "/api/v1/submissions"),
        ("POST", f"/api/v1/submissions/{scored}/publish"),
    ]:
        answer = httpx.request(method, site.server.url + path, headers=headers)
        assert answer.status_code == 401, (path, answer.text)
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "token" in answer.json()["error"]


def test_a_draft_is_its_owners_alone_until_it_is_published(site: Site, valid_submission: Path, tmp_path: Path) -> None:
    with site.client(site.ann) as client:
        folder = copy_with_method(valid_submission, tmp_path / "draft", "a secret draft")
        digest = client.submit(folder, phase="development", private=True).digest
        client.wait_until_scored(digest, seconds=60, poll_seconds=0.1)
        others = [site.get(f"/api/v1/submissions/{digest}", token) for token in (None, site.bob)]
        nothing = site.get(f"/api/v1/submissions/{'0' * 64}", site.bob)
        # Not 403: whether it exists is nobody's business.
        assert [(o.status_code, o.text) for o in others] == [(404, nothing.text)] * 2
        assert site.post(f"/api/v1/submissions/{digest}/publish", site.bob).status_code == 404
        assert "a secret draft" not in site.get("/api/v1/table?size=200").text + site.get("/").text
        assert not client.publish(digest).private
        for path in ("/api/v1/table?size=200", "/board.json"):
            wait_until(lambda path=path: "a secret draft" in site.get(path).text, 30)
        assert site.get(f"/api/v1/submissions/{digest}", site.bob).status_code == 200


def test_somebody_elses_unscored_submission_and_list_are_not_seen(site: Site, scored: str) -> None:
    theirs = site.get("/api/v1/submissions", site.bob).json()
    assert scored not in json.dumps(theirs)
    public = site.get(f"/api/v1/submissions/{scored}", site.bob).json()
    assert public["jobs"] == []  # whose turn it is, and what failed, is the owner's
    assert len(public["results"]) == 2


@pytest.mark.parametrize("text", SQL)
def test_sql_in_any_parameter_is_only_text(
    site: Site, scored: str, valid_submission: Path, tmp_path: Path, text: str
) -> None:
    store = site.board.store()
    before = len(list(store.results()))
    for name in ("protocol", "dataset", "generator", "sort", "page", "size", "descending"):
        answer = site.get("/api/v1/table", params={name: text})
        assert answer.status_code in (200, 422), answer.text
        assert answer.json().get("total", 0) == 0
    assert site.get(f"/api/v1/submissions/{text}").status_code in (404, 422)
    assert site.get("/api/v1/submissions", site.ann, params={"page": text}).status_code == 422
    assert site.get("/api/v1/account", text.encode().decode("latin-1")).status_code == 401
    folder = copy_with_method(valid_submission, tmp_path / "sql", text)
    archive = zip_folder(folder, tmp_path / "sql.zip")
    wrong = site.post(
        "/api/v1/submissions", site.ann, data={"phase": text}, files={"file": ("s.zip", archive.read_bytes())}
    )
    assert wrong.status_code == 422
    assert "is unknown" in wrong.json()["error"]
    kept = site.post(
        "/api/v1/submissions",
        site.ann,
        data={"phase": "development", "private": text},
        files={"file": (text, archive.read_bytes(), text.replace("\n", " "))},
    )
    assert kept.status_code == 201, kept.text
    assert kept.json()["method"] == text
    assert len(list(store.results())) >= before > 0
    store.close()


def test_other_bodies_than_a_file_are_refused_in_words(site: Site) -> None:
    path = "/api/v1/submissions"
    cases = [
        ({"json": {"file": "x"}}, 400, "multipart"),
        ({"data": {"phase": "development"}, "files": {"other": b"x"}}, 400, "file is missing"),
        ({"data": {"phase": "development"}, "files": [("file", b"x"), ("file", b"y")]}, 400, "Too many files"),
        ({"data": {f"f{n}": "x" for n in range(20)}, "files": {"file": b"x"}}, 400, "Too many fields"),
        ({"content": b"--x\r\nbroken", "headers": {"content-type": "multipart/form-data; boundary=x"}}, 400, ""),
        ({"content": b"broken", "headers": {"content-type": "multipart/form-data"}}, 400, "boundary"),
        ({"data": {"phase": "development"}, "files": {"file": b"no zip"}}, 422, "zip"),
    ]
    for options, status, word in cases:
        answer = site.post(path, site.ann, **options)
        assert answer.status_code == status, answer.text
        assert word in answer.text


def test_a_body_that_is_too_large_is_refused_early_whether_or_not_it_says_so(site: Site) -> None:
    def endless():
        for _ in range(1000):
            yield b"x" * 65536

    told = site.post("/api/v1/submissions", site.ann, content=b"x" * 5_000_000)
    assert told.status_code == 413
    try:
        silent = site.post(
            "/api/v1/submissions",
            site.ann,
            content=endless(),
            headers={"content-type": "multipart/form-data; boundary=x"},
        )
    except httpx.WriteError:  # the server hung up on us, as it may
        return
    assert silent.status_code in (400, 413)


def test_health_readiness_and_numbers_are_told(site: Site, scored: str) -> None:
    assert site.get("/healthz").json() == {"status": "ok", "problems": []}
    assert site.get("/readyz").json() == {"status": "ok", "problems": []}
    numbers = dict(
        line.rsplit(" ", 1) for line in site.get("/metrics").text.splitlines() if line and not line.startswith("#")
    )
    assert float(numbers['nvfair_jobs{state="done"}']) >= 1
    assert float(numbers['nvfair_uploads_total{outcome="accepted"}']) >= 1
    created = 'nvfair_requests_total{method="POST",route="/api/v1/submissions",status="201"}'
    assert float(numbers[created]) >= 1
    assert not any(scored in name for name in numbers)  # names of routes, not addresses without end


def test_every_answer_says_how_a_browser_is_to_treat_it(site: Site) -> None:
    for path in ("/", "/submit", "/api/v1/table", "/nowhere", "/healthz"):
        headers = site.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 16


def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, scored: str) -> None:
    wait_until(lambda: scored in site.get("/api/v1/table").text, 30)
    first = site.get("/api/v1/table?size=1")
    again = httpx.get(f"{site.server.url}/api/v1/table?size=1", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code, again.content) == (200, 304, b"")


def test_no_token_is_written_to_the_logs_or_the_database(site: Site, scored: str) -> None:
    log = site.server.log.read_text()
    assert '"path": "/api/v1/submissions"' in log
    assert all(isinstance(json.loads(line), dict) for line in log.splitlines() if line.startswith("{"))
    store = site.board.store()
    with write_session(store.engine) as session:
        assert session.query(AuditRow).count() > 0
    for token in (site.ann, site.bob):
        assert token.split("_", 2)[2] not in log + dump_database(store)
    store.close()


def test_a_browser_that_loses_its_way_gets_a_page_and_a_program_gets_json(site: Site) -> None:
    for path in ("/nowhere", "/no/where"):
        page = httpx.get(f"{site.server.url}{path}", headers={"Accept": "text/html,*/*"})
        assert (page.status_code, page.headers["content-type"]) == (404, "text/html; charset=utf-8")
        assert f'href="{"../" * (path.count("/") - 1)}static/board.css"' in page.text
        assert site.get(path).json()["error"] == "Not Found"
    api = httpx.get(f"{site.server.url}/api/v1/nowhere", headers={"Accept": "text/html"})
    assert api.json()["error"] == "Not Found"
    assert site.get("/favicon.ico").status_code == 200


# ---- the form


def form(site: Site, browser: httpx.Client, archive: Path, **changes: str | None) -> httpx.Response:
    """Opens the form and sends it as a browser does."""
    text = browser.get(f"{site.server.url}/submit").text
    token = text.split('name="csrf" value="')[1].split('"')[0]
    fields = {"csrf": token, "token": site.ann, "phase": "development", **changes}
    headers = {"Origin": fields.pop("origin", None) or site.server.url}
    data = {name: value for name, value in fields.items() if value is not None}
    with open(archive, "rb") as file:
        return browser.post(f"{site.server.url}/submit", data=data, files={"file": file}, headers=headers, timeout=60)


def test_a_submission_by_form_is_the_same_as_by_the_api(site: Site, valid_submission: Path, tmp_path: Path) -> None:
    archive = zip_folder(copy_with_method(valid_submission, tmp_path / "form", "by <b>form</b>"), tmp_path / "form.zip")
    with httpx.Client() as browser:
        answer = form(site, browser, archive)
    assert answer.status_code == 201, answer.text
    assert "by &lt;b&gt;form&lt;/b&gt; was checked" in answer.text
    assert site.ann not in answer.text


def test_the_form_explains_an_invalid_submission_and_a_wrong_token(site: Site, tmp_path: Path) -> None:
    (tmp_path / "bad.zip").write_bytes(b"no zip")
    with httpx.Client() as browser:
        bad = form(site, browser, tmp_path / "bad.zip")
        wrong = form(site, browser, tmp_path / "bad.zip", token="nvf_wrong")
    assert (bad.status_code, wrong.status_code) == (422, 401)
    assert "cost nothing of your quota" in bad.text
    assert "token is not valid" in wrong.text


def test_a_form_from_another_site_is_refused(site: Site, valid_submission: Path, tmp_path: Path) -> None:
    archive = zip_folder(copy_with_method(valid_submission, tmp_path / "csrf", "forged form"), tmp_path / "csrf.zip")
    with httpx.Client() as browser:
        assert form(site, browser, archive, csrf=None).status_code == 403
        assert form(site, browser, archive, csrf="A" * 43).status_code == 403
        assert form(site, browser, archive, origin="https://evil.example").status_code == 403
    with httpx.Client() as stranger:  # who knows a value of their own, but has not this browser's cookie
        value = httpx.get(f"{site.server.url}/submit").text.split('name="csrf" value="')[1].split('"')[0]
        fields = {"csrf": value, "token": site.ann, "phase": "development"}
        with open(archive, "rb") as file:
            answer = stranger.post(f"{site.server.url}/submit", data=fields, files={"file": file})
    assert answer.status_code == 403
    assert "did not come from this board" in answer.text
    store = site.board.store()
    assert "forged form" not in dump_database(store)
    store.close()


def test_the_forms_cookie_is_kept_from_scripts_and_other_sites(site: Site) -> None:
    cookie = site.get("/submit").headers["set-cookie"]
    policy = site.get("/submit").headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "script-src 'none'" in policy
    assert all(word in cookie for word in ("HttpOnly", "SameSite=Strict", "Path=/submit"))
