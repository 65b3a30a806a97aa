"""Addresses of the pages, relative to the page that shows them: they hold on a server, behind any prefix, and in a
folder opened from disk."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.query import Query
from leaderboard.ranking.views import BoardView

SHORT = 16  # digits of a digest in the names of static files


@dataclass(frozen=True)
class Links:
    """depth: folders between the page and the root. static: files of an export instead of a server's routes.
    first: of an export the view (board, generator) that is the front page."""

    depth: int = 0
    static: bool = False
    first: tuple[str, str] = ("", "")

    @property
    def root(self) -> str:
        """What leads to the root."""
        return "../" * self.depth

    def page(self, name: str) -> str:
        """rules, data, submit, compare."""
        return f"{self.root}{name}.html" if self.static else f"{self.root}{name}"

    def file(self, name: str) -> str:
        """A file such as static/board.css."""
        return f"{self.root}{name}"

    def home(self) -> str:
        """The front page."""
        return f"{self.root}index.html" if self.static else self.root or "./"

    def table(self, query: Query, **changes: object) -> str:
        """The table with other wishes. Only on a server; an export has `view`."""
        text = query.to_parameters(**changes)
        return (self.root or "./") + (f"?{text}" if text else "")

    def view(self, slug: str, generator: str, page: int = 1) -> str:
        """A board's view."""
        if not self.static:
            return self.table(Query(board=slug, generator=generator, page=page))
        return self.root + view_file(slug, generator, page, self.first)

    def of_view(self, view: BoardView, page: int = 1) -> str:
        """The same, of a view."""
        return self.view(view.board.slug, view.generator, page)

    def method(self, digest: str) -> str:
        """A submission's page."""
        return f"{self.root}method/{digest[:SHORT]}.html" if self.static else f"{self.root}method/{digest}"

    def method_data(self, digest: str) -> str:
        """A submission's figures as JSON."""
        return f"{self.root}method/{digest[:SHORT]}.json" if self.static else f"{self.root}method/{digest}.json"

    def reproduce(self, digest: str, name: str) -> str:
        """A file to reproduce a submission by. Only on a server."""
        return f"{self.root}files/{digest}/{name}"

    def compare(self, first: str, second: str) -> str:
        """Two submissions beside each other."""
        if self.static:
            return f"{self.root}compare/{first[:SHORT]}-{second[:SHORT]}.html"
        return f"{self.root}compare?" + urlencode({"a": first, "b": second})


def view_file(slug: str, generator: str, page: int, first: tuple[str, str]) -> str:
    """The file of a view in an export. Its name holds letters, digits and - . _ alone, however a generator is named."""
    tail = "" if page == 1 else f"-{page}"
    if (slug, generator) == first:
        return f"index{tail}.html"
    name = f"{slug}--{generator}" if generator != ALL_GENERATORS else slug
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else f"_{ord(c):x}" for c in name)
    return f"table/{safe}{tail}.html"


def web_address(text: str) -> bool:
    """Whether it is an address that a reader may be sent to: http or https with a host, nothing else."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
