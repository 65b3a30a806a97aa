"""The API of a real server with a real worker, on SQLite and on PostgreSQL."""

import json
from pathlib import Path

import httpx
import pytest
from click.testing import CliRunner

from leaderboard.store.accounts import revoke_token
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError, Problems
from tests.leaderboard.board_process import copy_with_method, zip_folder
from tests.leaderboard.server.conftest import Site, bearer
from tests.waiting import wait_until

SQL = [
    "' OR '1'='1",
    "'; DROP TABLE results; --",
    '" OR ""="',
    "1; SELECT pg_sleep(5)",
    "\\'; UPDATE accounts SET name='x",
    "%' UNION SELECT hash FROM tokens --",
]


def test_a_submission_goes_from_the_client_to_the_table(site: Site, scored: str) -> None:
    with site.client(site.ann) as client:
        submission = client.get_submission(scored)
        assert [(r.protocol, list(r.figures["generators"])) for r in submission.results] == [
            ("nvfair-seen", ["alpha"]),
            ("nvfair-unseen", ["beta"]),
        ]
        rows = wait_until(lambda: [row for row in client.get_table().rows if row.submission == scored])
        assert sorted(row.generator for row in rows) == ["alpha", "beta"]
        assert scored in [submission.digest for submission in client.list_own_submissions().submissions]
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
        quotas_before = client.get_account().quotas
        with pytest.raises(Problems) as caught:
            client.submit(folder, phase="tight")
        assert len(caught.value.problems) == 1  # two entries, one file
        assert "not a whole Parquet file" in caught.value.problems[0]
        assert client.get_account().quotas == quotas_before


@pytest.mark.parametrize(
    ("phase", "answer"),
    [
        ((), "the board has several phases; expected: --phase with one of development, over, tight"),
        (("--phase", "none"), "phase 'none' is unknown; expected: --phase with one of development, over, tight"),
        (("--phase", "over"), "phase 'over' takes no submissions now"),
        (("--phase", "tight"), "nothing was sent"),
    ],
)
def test_a_dry_run_of_a_push_asks_the_board_for_the_phase(
    site: Site, valid_submission: Path, phase: tuple[str, ...], answer: str
) -> None:
    with site.client(site.bob) as client:
        quotas_before = client.get_account().quotas
        words = ["submit", "push", str(valid_submission), "--url", site.server.url, "--dry-run", *phase]
        done = CliRunner().invoke(cli, words, env={"NVFAIR_TOKEN": site.bob})
        assert answer in f"{done.output}{done.exception}"
        assert done.exit_code == (0 if "tight" in phase else 1)
        assert client.get_account().quotas == quotas_before


def test_the_same_upload_again_is_the_same_submission(
    site: Site, scored: str, valid_submission: Path, tmp_path: Path
) -> None:
    archive = zip_folder(
        copy_with_method(valid_submission, tmp_path / "again", "scored in public"), tmp_path / "again.zip"
    )
    account_before = site.get("/api/v1/account", site.ann).json()
    answer = site.post(
        "/api/v1/submissions", site.ann, data={"phase": "development"}, files={"file": ("s.zip", archive.read_bytes())}
    )
    assert answer.status_code == 200
    assert (answer.json()["digest"], answer.json()["new"], answer.json()["state"]) == (scored, False, "done")
    assert site.get("/api/v1/account", site.ann).json() == account_before
    refused = site.post(
        "/api/v1/submissions", site.bob, data={"phase": "development"}, files={"file": ("s.zip", archive.read_bytes())}
    )
    assert refused.status_code == 409


def test_a_used_quota_says_when_to_come_back(site: Site, valid_submission: Path, tmp_path: Path) -> None:
    token = site.board.token("carol")
    with site.client(token) as client:
        for n in range(2):
            client.submit(copy_with_method(valid_submission, tmp_path / f"c{n}", f"carol {n}"), phase="tight")
        with pytest.raises(NvfairError, match="used: 4 of your 4 entries to phase 'tight';"):
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
        client.wait_until_scored(digest, seconds=1200, poll_seconds=0.1)
        others = [site.get(f"/api/v1/submissions/{digest}", token) for token in (None, site.bob)]
        nothing = site.get(f"/api/v1/submissions/{'0' * 64}", site.bob)
        # Not 403: whether it exists is nobody's business.
        assert [(o.status_code, o.text) for o in others] == [(404, nothing.text)] * 2
        assert site.post(f"/api/v1/submissions/{digest}/publish", site.bob).status_code == 404
        assert "a secret draft" not in site.get("/api/v1/table?size=200").text + site.get("/").text
        assert not client.publish(digest).private
        for path in ("/api/v1/table?size=200", "/board.json"):
            wait_until(lambda path=path: "a secret draft" in site.get(path).text)
        assert site.get(f"/api/v1/submissions/{digest}", site.bob).status_code == 200


def test_unscored_submissions_and_lists_of_others_are_hidden(site: Site, scored: str) -> None:
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
    results_before = len(list(store.results()))
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
    accepted = site.post(
        "/api/v1/submissions",
        site.ann,
        data={"phase": "development", "private": text},
        files={"file": (text, archive.read_bytes(), text.replace("\n", " "))},
    )
    assert accepted.status_code == 201, accepted.text
    assert accepted.json()["method"] == text
    assert len(list(store.results())) >= results_before > 0
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
