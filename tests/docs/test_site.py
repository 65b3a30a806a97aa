"""The documentation site: every page has one place in its navigation, and what the site adds to the pages is right."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType

import pytest

from nvfair_tools.cli import COMMANDS
from tests.docs.guide_script import ROOT

DOCS = ROOT / "docs"


def load(name: str) -> ModuleType:
    """A script of docs/, imported without running it."""
    spec = importlib.util.spec_from_file_location(name, DOCS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


site_pages = load("site_pages")


def listed_pages() -> list[Path]:
    """The pages of the navigation: of the home page's lists, and below those that have children."""
    home = ROOT / f"{site_pages.HOME}.md"
    groups = site_pages.navigation(home.read_text(encoding="utf-8"))
    pages = [home.parent / f"{link}.md" for links in groups.values() for link in links]
    for parent, folder in site_pages.PARENTS.items():
        text = (ROOT / f"{parent}.md").read_text(encoding="utf-8")
        pages += [(ROOT / parent).parent / f"{link}.md" for link in site_pages.children(text, folder)]
    return [page.resolve() for page in pages]


def test_every_page_has_exactly_one_place_in_the_navigation() -> None:
    pages = [*DOCS.rglob("*.md"), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", ROOT / "SECURITY.md"]
    assert sorted(listed_pages()) == sorted(page for page in pages if page != DOCS / "README.md")


def test_a_heading_without_a_list_is_no_group() -> None:
    text = (
        "# Home\n\n* [x](x.md)\n\n## A\n\n* [b](b.md): as in [c](c.md)\n* [d](../D.md)\n\n## Text\n\nSee [e](e.md).\n"
    )
    assert site_pages.navigation(text) == {"A": ["b", "../D"]}


def test_the_lists_of_commands_and_names_are_those_of_the_code() -> None:
    reference = load("make_reference")
    for name, text in {"commands.md": reference.commands_page(), "api.md": reference.names_page()}.items():
        assert (DOCS / name).read_text(encoding="utf-8") == text, "run: python docs/make_reference.py"
        assert not re.search(r": $", text, re.MULTILINE), "a name has no sentence"


def test_each_listed_command_and_name_is_shown_in_full_on_the_site() -> None:
    commands = (DOCS / "commands.md").read_text(encoding="utf-8")
    full = site_pages.with_commands(commands)
    assert full.count(".. click::") == len(re.findall(r"^\* `nvfair", commands, re.MULTILINE)) == len(COMMANDS)
    assert ".. click:: nvfair_tools.cli.benchmark.train:train\n   :prog: nvfair train\n" in full
    names = site_pages.with_names((DOCS / "api.md").read_text(encoding="utf-8"))
    assert ".. autofunction:: benchmark.train\n" in names
    assert ".. autoclass:: nvfair_tools.Dataset\n   :members:\n" in names
    assert ".. py:data:: generators.MESH_POINTS\n\n   " in names
    assert not re.search(r"^\* `", full + names, re.MULTILINE)


def test_links_that_name_a_file_show_the_title_of_its_page() -> None:
    source = ["As in [metrics.md](../metrics.md#a-b) and [extending/network.md](extending/network.md), [x](y.md)."]
    site_pages.add_to_page(None, "docs/page", source)
    assert source == ["As in [](../metrics.md#a-b) and [](extending/network.md), [x](y.md)."]


def test_docstrings_become_what_sphinx_reads() -> None:
    text = "Scores *all*, with `x_`.\n\n    run(**options)\n\n    run()\n\ndata_: a | b.\n    goes on\nout: c.\n\nEnd."
    lines = text.split("\n")
    site_pages.convert_docstring(None, "function", "f", None, None, lines)
    code = [".. code-block:: python", "", "    run(**options)", "", "    run()", ""]
    items = [r"* data\_: a \| b.", "  goes on", "* out: c.", ""]
    assert lines == [r"Scores \*all\*, with ``x_``.", "", *code, *items, "End.", ""]


class References(HTMLParser):
    """What a page loads while it is read: scripts, styles, fonts, pictures."""

    def __init__(self) -> None:
        super().__init__()
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in ("script", "img", "iframe", "source", "video"):
            self.loaded.append(values.get("src") or "")
        elif tag == "link" and values.get("rel") not in ("next", "prev", "index", "search", "genindex", "canonical"):
            self.loaded.append(values.get("href") or "")


@pytest.mark.soak
def test_the_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    for name in ("sphinx", "furo", "myst_parser", "sphinx_click"):
        pytest.importorskip(name, reason="builds the site: pip install 'nvfair-tools[docs]'")
    site = tmp_path / "site"
    words = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-c", "docs", ".", str(site)]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 60
    elsewhere = []
    for page in pages:
        references = References()
        references.feed(page.read_text(encoding="utf-8"))
        elsewhere += [(page.name, name) for name in references.loaded if re.match(r"(https?:)?//", name)]
    elsewhere += [
        (path.name, name)
        for path in site.rglob("*.css")
        for name in re.findall(r"url\(['\"]?((?:https?:)?//[^)]*)|@import", path.read_text(encoding="utf-8"))
    ]
    assert elsewhere == []
    assert "--validate-every" in (site / "docs" / "commands.html").read_text(encoding="utf-8")
    assert "Raises NvfairError" in (site / "docs" / "api.html").read_text(encoding="utf-8")
