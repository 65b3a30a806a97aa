"""The running application: health, metrics, headers, logs, and what it answers to requests that lead nowhere."""

import json

import httpx

from leaderboard.store.database import write_session
from leaderboard.store.tables import AuditRow
from tests.leaderboard.board_process import dump_database
from tests.leaderboard.server.conftest import Site
from tests.waiting import wait_until


def test_a_body_that_is_too_large_is_refused_early_whether_or_not_it_says_so(site: Site) -> None:
    def endless():
        for _ in range(1000):
            yield b"x" * 65536

    declared = site.post("/api/v1/submissions", site.ann, content=b"x" * 5_000_000)
    assert declared.status_code == 413
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


def test_health_readiness_and_metrics_are_answered(site: Site, scored: str) -> None:
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


def test_every_answer_has_the_security_headers(site: Site) -> None:
    for path in ("/", "/submit", "/api/v1/table", "/nowhere", "/healthz"):
        headers = site.get(path).headers
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert len(headers["x-request-id"]) == 16


def test_a_page_that_has_not_changed_is_not_sent_again(site: Site, scored: str) -> None:
    wait_until(lambda: scored in site.get("/api/v1/table").text)
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
