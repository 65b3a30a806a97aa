"""The export is a folder that needs no server."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from leaderboard.pages.static_site import export_site
from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.table_rows import to_json
from tests.leaderboard.example_results import example_board, example_result
from tests.leaderboard.server.test_page_routes import EVIL, Page


def addresses(page: Path) -> list[str]:
    page_tags = Page(page.read_text(encoding="utf-8"))
    links = [
        tag_attributes.get("href") or tag_attributes.get("src")
        for tag in ("a", "link", "script")
        for tag_attributes in page_tags.all(tag)
    ]
    return [link for link in links if link]


def test_every_relative_address_is_a_file_of_the_export(tmp_path: Path) -> None:
    export_site(example_board(), tmp_path / "site")
    pages = sorted((tmp_path / "site").rglob("*.html"))
    assert len(pages) > 20
    for page in pages:
        for link in addresses(page):
            parts = urlsplit(link)
            if parts.scheme or not parts.path:
                continue
            assert not parts.path.startswith("/"), f"{page}: {link}"
            assert (page.parent / unquote(parts.path)).resolve().is_file(), f"{page}: {link}"


def test_nothing_comes_from_elsewhere(tmp_path: Path) -> None:
    export_site(example_board(), tmp_path)
    for page in tmp_path.rglob("*.html"):
        page_tags = Page(page.read_text(encoding="utf-8"))
        assert not page_tags.all("style")
        assert not page_tags.all("iframe")
        for tag_attributes in (*page_tags.all("link"), *page_tags.all("script")):
            assert not urlsplit(tag_attributes.get("href") or tag_attributes.get("src") or "").scheme
    assert "http" not in (tmp_path / "static" / "board.css").read_text()


def test_it_is_ready_for_github_pages_and_for_a_static_space(tmp_path: Path) -> None:
    export_site(example_board(), tmp_path, title='A "board": yes')
    assert (tmp_path / ".nojekyll").exists()
    head = (tmp_path / "README.md").read_text().split("---")[1]
    assert "sdk: static" in head
    assert "title: \"A 'board': yes\"" in head


def test_json_and_csv_hold_the_same_rows(tmp_path: Path) -> None:
    export_site(example_board(), tmp_path)
    rows = json.loads((tmp_path / "board.json").read_text())
    table = list(csv.DictReader(io.StringIO((tmp_path / "board.csv").read_text())))
    assert len(rows) == len(table) == 10
    assert [float(row["auc_mean"]) for row in table] == [row["auc_mean"] for row in rows]
    assert {row["method"]: row["place_last"] for row in rows}["motion graph"] == 2


def test_generators_with_any_name_have_files_of_plain_names(tmp_path: Path) -> None:
    export_site([example_result("a", {"../../x": 0.8, EVIL: 0.7})], tmp_path / "site")
    files = [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()]
    assert all(name.startswith("site/") for name in files)
    assert all(character.isascii() and (character.isalnum() or character in "-._/") for n in files for character in n)


def test_a_board_of_several_pages_is_written_whole(tmp_path: Path) -> None:
    export_site([example_result(f"m{n}", {"alpha": 0.5 + n / 1000}, number=n, people=6) for n in range(101)], tmp_path)
    assert "index-2.html" in addresses(tmp_path / "index.html")
    assert "m0" in (tmp_path / "index-2.html").read_text()


def test_an_empty_board_is_a_site_too(tmp_path: Path) -> None:
    assert "No submission has been scored yet" in export_site([], tmp_path).read_text()


def test_the_places_of_hidden_sets_are_those_of_the_server(tmp_path: Path) -> None:
    """After the close by the exact figures, of which nothing else leaves; before it by the answers."""
    closed = [replace(result, feedback="coarse") for result in example_board()]
    sealed = [replace(result, feedback="coarse", sealed=True) for result in example_board()]
    sealed[0], sealed[2] = replace(sealed[0], answer=0.8), replace(sealed[2], answer=0.85)
    for name, results in (("closed", closed), ("sealed", sealed)):
        export_site(results, tmp_path / name)
        exported = json.loads((tmp_path / name / "board.json").read_text())
        assert exported == json.loads(to_json(board_state(results)))
        places = {(row["place_first"], row["place_last"]) for row in exported if row["place_first"]}
        assert len(places) > 1, name
        texts = "".join(page.read_text(encoding="utf-8") for page in (tmp_path / name).rglob("*.html"))
        assert "toy:0" not in texts
    assert {(row["generator"], row["overlap"], row["auc_mean_low"]) for row in exported} == {("hidden", "sealed", None)}
