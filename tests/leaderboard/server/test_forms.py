"""The form of the pages, on a real server: it takes what the API takes, and no form of another site."""

from pathlib import Path

import httpx

from tests.leaderboard.board_process import copy_with_method, dump_database, zip_folder
from tests.leaderboard.server.conftest import Site


def form(site: Site, browser: httpx.Client, archive: Path, **changes: str | None) -> httpx.Response:
    """Opens the form and sends it as a browser does."""
    text = browser.get(f"{site.server.url}/submit").text
    token = text.split('name="csrf" value="')[1].split('"')[0]
    fields = {"csrf": token, "token": site.ann, "phase": "development", **changes}
    headers = {"Origin": fields.pop("origin", None) or site.server.url}
    data = {name: value for name, value in fields.items() if value is not None}
    with open(archive, "rb") as file:
        return browser.post(f"{site.server.url}/submit", data=data, files={"file": file}, headers=headers, timeout=300)


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
        invalid = form(site, browser, tmp_path / "bad.zip")
        wrong = form(site, browser, tmp_path / "bad.zip", token="nvf_wrong")
    assert (invalid.status_code, wrong.status_code) == (422, 401)
    assert "cost nothing of your quota" in invalid.text
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
