"""The pages on a server: whatever is in a declaration or in an address, they show text."""

import json
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from leaderboard.ranking.board_state import board_state
from leaderboard.server.page_routes import page_router
from leaderboard.store.results import StoredResult
from tests.leaderboard.example_results import example_board, example_result

EVIL = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


def client(results: Sequence[StoredResult]) -> TestClient:
    app, state = FastAPI(), board_state(results)
    app.include_router(page_router(lambda: state, phases=("development",)))
    return TestClient(app)


class Page(HTMLParser):
    """Tags with their attributes, and ids."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def crawl(ask: TestClient) -> dict[str, str]:
    """Every page that links lead to from the front page."""
    texts: dict[str, str] = {}
    left = ["http://testserver/"]
    while left:
        address = left.pop()
        if address in texts or urlsplit(address).netloc != "testserver" or len(texts) > 400:
            continue
        answer = ask.get(address)
        assert answer.status_code == 200, f"{address}: {answer.status_code}"
        texts[address] = answer.text
        if "html" in answer.headers["content-type"]:
            page = Page(answer.text)
            links = [tag["href"] for tag in (*page.all("a"), *page.all("link"))]
            left += [urljoin(address, link).partition("#")[0] for link in links if link]
    return texts


def test_every_link_of_every_page_leads_to_a_page() -> None:
    texts = crawl(client(example_board()))
    kinds = {urlsplit(address).path.split("/")[1] for address in texts}
    assert {
        "",
        "method",
        "compare",
        "submit",
        "rules",
        "data",
        "static",
        "board.json",
        "board.csv",
        "protocol",
    } <= kinds
    assert all("private@example.org" not in text for text in texts.values())


def test_every_page_is_one_document_without_inline_styles_or_scripts() -> None:
    for address, text in crawl(client(example_board())).items():
        if not text.startswith("<!doctype html>"):
            continue
        page = Page(text)
        ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
        assert len(ids) == len(set(ids)), address
        assert len(page.all("h1")) == len(page.all("main")) == 1, address
        assert not page.all("style"), address
        assert not page.all("script"), address
        assert all(not any(name == "style" or name.startswith("on") for name in tag) for _, tag in page.tags), address
        assert all("scope" in tag for tag in page.all("th")), address
        for name in ("aria-labelledby", "aria-describedby", "for"):
            named = [attributes[name] for _, attributes in page.tags if name in attributes]
            assert all(set((value or "").split()) <= set(ids) for value in named), (address, name)


def test_markup_in_every_text_field_is_shown_as_text() -> None:
    unchecked = {
        "method": EVIL,
        "authors": (EVIL,),
        "description": EVIL,
        "links": {EVIL: "javascript:alert(3)", "data": "data:text/html,<b>", "good": 'https://example.org/?q="<b>'},
        "hardware": EVIL,
        "contact": "secret " + EVIL,
        "training": {"datasets": (EVIL,), "people": (f"x:{EVIL}",), "generators": (EVIL,)},
        "entries": {"embeddings": EVIL, "trained_on_generators": (EVIL,), "reproduce": (EVIL,)},
    }
    evil = [
        example_result(
            "m", {EVIL: 0.8}, number=n, unchecked=unchecked, dataset=EVIL, reason=EVIL, method_digest=str(n) * 64
        )
        for n in (1, 2)
    ]
    areas = evil[0].figures["generators"][EVIL]
    areas["per_target"] = {f"{EVIL}{who}": value for who, value in areas["per_target"].items()}
    areas["subgroups"] = {EVIL: {EVIL: {"auc": 0.8, "people": 3}}}
    for address, text in crawl(client(evil)).items():
        if text.startswith("<!doctype html>"):
            page = Page(text)
            assert not page.all("script"), address
            assert not page.all("img"), address
            assert "49" not in [part.strip() for part in re.findall(r">([^<]*)<", text)], address
            assert all(urlsplit(tag["href"] or "").scheme in ("", "http", "https") for tag in page.all("a")), address
        assert "secret" not in text


def test_only_web_addresses_are_links() -> None:
    links = {"bad": "javascript:alert(1)", "odd": "ftp://example.org/x", "good": "https://example.org/code"}
    result = example_result("a", {"alpha": 0.8}, unchecked={"links": links})
    text = client([result]).get(f"/method/{result.digest}").text
    hrefs = {link["href"] for link in Page(text).all("a")}
    assert "https://example.org/code" in hrefs
    assert "javascript:alert(1)" not in hrefs
    assert "ftp://example.org/x" not in hrefs
    assert "ftp://example.org/x" in text


def test_formulas_in_names_are_text_in_the_csv_file() -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx"]
    results = [
        example_result("m", {"alpha": 0.8}, number=n, unchecked={"method": name}) for n, name in enumerate(names, 1)
    ]
    results = [replace(result, method_digest=result.digest) for result in results]
    text = client(results).get("/board.csv").text
    assert all(f"'{name}" in text for name in names)
    assert not re.search(r"(^|,)\"?[=+@\t]", text, flags=re.MULTILINE)


@pytest.mark.parametrize(
    "address",
    [
        "/method/" + "0" * 64,
        "/method/' OR 1=1 --",
        "/method/x.json",
        "/method/..%2f..%2fetc%2fpasswd",
        "/protocol/x.json",
        "/protocol/..%2fpublished.json",
        "/static/..%2fweb.py",
        "/static/nothing",
        "/compare?a=x&b=y",
    ],
)
def test_what_is_not_there_is_not_found(address: str) -> None:
    assert client(example_board()).get(address).status_code == 404


def kept_files(tmp_path: Path) -> tuple[TestClient, str]:
    """A board with a submission that names two files to reproduce it by, one of which is stored; its digest."""
    folder = tmp_path / "kept"
    (folder / "reproduce").mkdir(parents=True)
    (folder / "reproduce" / "page.md").write_bytes(b"<script>alert(1)</script>")
    (folder / "embeddings.parquet").write_bytes(b"not for others")
    (tmp_path / "secret.json").write_bytes(b"secret")
    (folder / "reproduce" / "link.json").symlink_to(tmp_path / "secret.json")
    entry = {
        "embeddings": "embeddings.parquet",
        "reproduce": ("reproduce/page.md", "reproduce/gone.json", "reproduce/link.json", "../secret.json"),
    }
    result = example_result("m", {"alpha": 0.8}, unchecked={"entries": entry})
    app = FastAPI()
    app.include_router(page_router(lambda: board_state([result]), folder_of=lambda digest: folder))
    return TestClient(app), result.digest


def test_files_to_reproduce_by_are_given_as_attachments_and_never_as_pages(tmp_path: Path) -> None:
    ask, digest = kept_files(tmp_path)
    hrefs = [link["href"] for link in Page(ask.get(f"/method/{digest}").text).all("a")]
    assert f"../files/{digest}/reproduce/page.md" in hrefs
    assert not any("gone.json" in (href or "") for href in hrefs)
    answer = ask.get(f"/files/{digest}/reproduce/page.md")
    assert answer.content == b"<script>alert(1)</script>"
    assert answer.headers["content-type"] == "application/octet-stream"
    assert answer.headers["content-disposition"] == 'attachment; filename="page.md"'


@pytest.mark.parametrize(
    "name",
    [
        "embeddings.parquet",
        "submission.yaml",
        "reproduce/gone.json",
        "reproduce/link.json",
        "../secret.json",
        "..%2fsecret.json",
        "reproduce/..%2f..%2fsecret.json",
        "%2fetc%2fpasswd",
        "reproduce/page.md%00.json",
        "",
    ],
)
def test_no_other_file_of_a_submission_is_given(tmp_path: Path, name: str) -> None:
    ask, digest = kept_files(tmp_path)
    assert ask.get(f"/files/{digest}/{name}").status_code == 404
    assert ask.get(f"/files/{'0' * 64}/reproduce/page.md").status_code == 404
    assert ask.get("/files/..%2fkept/reproduce/page.md").status_code == 404


def test_without_stored_files_the_page_says_who_has_them() -> None:
    result = example_result(
        "m", {"alpha": 0.8}, unchecked={"entries": {"embeddings": "x", "reproduce": ("reproduce/a.md",)}}
    )
    text = client([result]).get(f"/method/{result.digest}").text
    assert "reproduce/a.md" in text
    assert "on request" in text


def test_a_comparison_needs_two_different_entries() -> None:
    ask, digest = client(example_board()), example_board()[0].digest
    assert "Choose two different entries; 1 were chosen" in ask.get(f"/compare?m={digest}").text
    assert "1 were chosen" in ask.get(f"/compare?a={digest}&b={digest}").text
    assert "3 were chosen" in ask.get("/compare?m=a&m=b&m=c").text


def test_hidden_labels_stay_hidden_on_every_page() -> None:
    hidden = [replace(result, feedback="coarse") for result in example_board()]
    exact = {
        f"{v:.3f}"
        for result in example_board()
        for g in result.figures["generators"].values()
        for v in g["per_target"].values()
    }
    for address, text in crawl(client(hidden)).items():
        if "/static/" in address or "/protocol/" in address:
            continue
        ours = text.partition('<section class="published"')[0]
        assert "toy:0" not in ours, address
        assert not exact & set(re.findall(r"0\.\d{3}\b", ours)), address


def test_a_method_page_without_curves_people_and_times_says_so() -> None:
    result = example_result("plain", {"alpha": 0.8}, created=None)
    bare = result.figures["generators"]["alpha"]
    for key in ("curve", "bands", "worst_decile", "min_dcf", "per_target", "eer"):
        bare.pop(key)
    text = client([result]).get(f"/method/{result.digest}").text
    assert "This result was stored without curves" in text
    assert "no figures of single people" in text


def test_an_empty_board_says_so() -> None:
    ask = client([])
    assert "No submission has been scored yet" in ask.get("/").text
    assert ask.get("/board.json").json() == []
    for address in ("/compare", "/data", "/rules", "/submit", "/board.csv"):
        assert ask.get(address).status_code == 200


def test_published_figures_are_marked_and_stand_apart() -> None:
    text = client(example_board()).get("/").text
    ours, theirs = text.split('<section class="published"')
    assert "reported by its authors" not in ours
    assert theirs.count("reported by its authors") == len(re.findall("<table", theirs))
    assert "AVAPrintDB" in theirs
    assert "0.952" in theirs
    assert theirs.count("Left out by its rule: ") == len(re.findall("<table", theirs))


def test_the_json_of_a_submission_is_its_declaration_and_figures() -> None:
    result = example_board()[0]
    content = client(example_board()).get(f"/method/{result.digest}.json").json()
    assert content["declaration"]["method"] == "motion graph"
    assert "contact" not in content["declaration"]
    assert content["results"][0]["figures"] == json.loads(json.dumps(result.figures))


def test_sorted_columns_say_so_to_assistive_technology() -> None:
    heads = Page(client(example_board()).get("/?sort=worst&order=asc").text).all("th")
    assert next(head["aria-sort"] for head in heads if "aria-sort" in head) == "ascending"


def test_a_table_of_ten_thousand_is_one_page_of_a_hundred_made_quickly() -> None:
    result = example_result("m", {"alpha": 0.7}, people=6)
    many = [replace(result, digest=f"{n:064x}", method_digest=f"{n:064x}", id=n) for n in range(10_000)]
    ask = client(many)
    ask.get("/")  # what is done once after a change
    start = time.perf_counter()
    text = ask.get("/?page=7").text
    assert time.perf_counter() - start < 2.0  # 10 ms on an idle core; the limit tells a page from all of them
    assert len(Page(text.partition('class="published"')[0]).all("tr")) == 1 + 100
