"""Addresses of the pages, relative to the page that links them.

So they hold on a server, behind any prefix, and in a folder that is opened from disk.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode, urlsplit

from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.query import Query

SHORT_DIGEST = 16  # digits of a digest in the names of exported files


@dataclass(frozen=True)
class Links:
    """Makes the links of one page.

    depth: number of folders between the page and the root. static: whether the links lead to files of an export rather
    than to a server's routes. front_view: (board, generator) of the view that is the export's front page.
    """

    depth: int = 0
    static: bool = False
    front_view: tuple[str, str] = ("", "")

    @property
    def root(self) -> str:
        """The relative address of the root, with a slash at its end; empty on a page of the root."""
        return "../" * self.depth

    def page(self, name: str) -> str:
        """The page called rules, data, submit or compare."""
        return f"{self.root}{name}.html" if self.static else f"{self.root}{name}"

    def file(self, name: str) -> str:
        """A file that server and export have under the same path, such as static/board.css."""
        return f"{self.root}{name}"

    def home(self) -> str:
        """The front page of the board."""
        return f"{self.root}index.html" if self.static else self.root or "./"

    def table(self, query: Query, **changes: object) -> str:
        """The table of a query with some of its values changed. Only a server has it; an export has `view`."""
        parameters = query.to_parameters(**changes)
        return (self.root or "./") + (f"?{parameters}" if parameters else "")

    def view(self, slug: str, generator: str, page: int = 1) -> str:
        """One page of the table of the board `slug` on a test generator."""
        if not self.static:
            return self.table(Query(board=slug, generator=generator, page=page))
        return self.root + view_file(slug, generator, page, self.front_view)

    def method(self, digest: str) -> str:
        """The page of a submission."""
        return f"{self.root}method/{digest[:SHORT_DIGEST]}.html" if self.static else f"{self.root}method/{digest}"

    def method_data(self, digest: str) -> str:
        """The figures of a submission as JSON."""
        return f"{self.root}method/{digest[:SHORT_DIGEST] if self.static else digest}.json"

    def reproduce(self, digest: str, name: str) -> str:
        """A file of a submission that helps to reproduce it. Only a server has it."""
        return f"{self.root}files/{digest}/{name}"

    def compare(self, first: str, second: str) -> str:
        """The comparison of two submissions."""
        if self.static:
            return f"{self.root}compare/{first[:SHORT_DIGEST]}-{second[:SHORT_DIGEST]}.html"
        return f"{self.root}compare?" + urlencode({"a": first, "b": second})


def view_file(slug: str, generator: str, page: int, front_view: tuple[str, str]) -> str:
    """The path of a view in an export. It has only letters, digits and - . _ whatever the generator's name."""
    suffix = "" if page == 1 else f"-{page}"
    if (slug, generator) == front_view:
        return f"index{suffix}.html"
    name = f"{slug}--{generator}" if generator != ALL_GENERATORS else slug
    safe_name = "".join(c if c.isascii() and (c.isalnum() or c in "-._") else f"_{ord(c):x}" for c in name)
    return f"table/{safe_name}{suffix}.html"


def is_web_address(text: str) -> bool:
    """Whether a page may link this address: http or https with a host, nothing else."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False
