"""What the documentation site adds to the pages that GitHub shows: navigation, and references of commands and names.

Nothing here is needed to read the pages as plain Markdown. docs/README.md lists every page under headings, and these
are the groups of the navigation; docs/commands.md and docs/api.md list commands and names, and the site shows each in
full.
"""

from __future__ import annotations

import re
from typing import Any

HOME = "docs/README"
# Pages whose links to pages in the named folder are their children in the navigation.
PARENTS = {"docs/experiments": "experiments/", "docs/extending/README": ""}
COMMANDS, NAMES = "docs/commands", "docs/api"

PAGE_LINK = re.compile(r"\]\(((?:\.\./)?[\w./-]+)\.md\)")
# A link that shows the name of its page's file.
NAMED_LINK = re.compile(r"\[[\w./-]+\.md\]\(([\w./-]+\.md(?:#[\w-]+)?)\)")
COMMAND_ITEM = re.compile(r"^\* `nvfair ([\w -]+)`.*\n", re.MULTILINE)
NAME_ITEM = re.compile(r"^\* `([\w.]+)`: (.*)\n", re.MULTILINE)


def toctree(pages: list[str], caption: str = "") -> str:
    """A hidden toctree of the pages, which are relative to the page that it is added to."""
    head = f":caption: {caption}\n" if caption else ""
    return "\n```{toctree}\n:hidden:\n" + head + "\n" + "\n".join(pages) + "\n```\n"


def navigation(text: str) -> dict[str, list[str]]:
    """The pages listed under each heading of the home page; headings without such a list are left out."""
    groups = {}
    for section in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        heading, _, body = section.partition("\n")
        groups[heading.strip()] = [page for line in body.splitlines() if line.startswith("* ")
                                   for page in PAGE_LINK.findall(line)[:1]]  # fmt: skip
    return {heading: pages for heading, pages in groups.items() if pages}


def children(text: str, folder: str) -> list[str]:
    """Pages in `folder` to which a page links, in order; "" stands for the page's own folder."""
    links = PAGE_LINK.findall(text)
    return list(dict.fromkeys(link for link in links if link.startswith(folder) and not link.startswith("..")))


def with_commands(text: str) -> str:
    """The page of commands with each command's help, arguments and options in place of its line."""
    from nvfair_tools.cli import COMMANDS as ENTRIES

    def full(match: re.Match[str]) -> str:
        place = ENTRIES[match[1]].place
        return f"```{{eval-rst}}\n.. click:: {place}\n   :prog: nvfair {match[1]}\n   :nested: full\n```\n"

    return COMMAND_ITEM.sub(full, re.sub(r"^  \* .*\n", "", text, flags=re.MULTILINE))


def with_names(text: str) -> str:
    """The page of Python names with each name's signature and docstring in place of its line."""

    def full(match: re.Match[str]) -> str:
        name = match[1].rpartition(".")[2]
        if name.isupper():
            return f"```{{eval-rst}}\n.. py:data:: {match[1]}\n\n   {match[2]}\n```\n"
        if name[0].isupper():
            return f"```{{eval-rst}}\n.. autoclass:: {match[1]}\n   :members:\n```\n"
        return f"```{{eval-rst}}\n.. autofunction:: {match[1]}\n```\n"

    return NAME_ITEM.sub(full, text)


def add_to_page(app: Any, name: str, source: list[str]) -> None:
    """Sphinx's event `source-read`: changes `source[0]`, the text of the page `name`, before it is parsed."""
    text = source[0]
    if name == HOME:
        text += "".join(toctree(pages, caption) for caption, pages in navigation(text).items())
    elif name in PARENTS:
        text += toctree(children(text, PARENTS[name]))
    elif name == COMMANDS:
        text = with_commands(text)
    elif name == NAMES:
        text = with_names(text)
    source[0] = NAMED_LINK.sub(r"[](\1)", text)  # the title of the page in place of its file's name


def convert_docstring(app: Any, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
    """Sphinx's event `autodoc-process-docstring`: docstrings are Markdown, what Sphinx reads is reStructuredText.

    Indented paragraphs are code. A paragraph whose lines hang is a list with an item for each line that does not.
    Outside `code`, what reStructuredText takes for markup is written as it stands.
    """
    result: list[str] = []
    in_code = False
    for paragraph in re.split(r"\n\s*\n", "\n".join(lines).strip("\n")):
        rows = paragraph.split("\n")
        was_in_code, in_code = in_code, rows[0].startswith("    ")
        if in_code:
            result += rows if was_in_code else [".. code-block:: python", "", *rows]
        elif any(row.startswith("    ") for row in rows):
            result += [f"  {escaped(row.strip())}" if row.startswith(" ") else f"* {escaped(row)}" for row in rows]
        else:
            result += [escaped(row) for row in rows]
        result.append("")
    lines[:] = result


def escaped(line: str) -> str:
    """A line of prose in which only `code` is markup."""
    pieces = re.split(r"(`+[^`]+`+)", line)
    pieces[::2] = [re.sub(r"([*|]|_(?=\W|$))", r"\\\1", piece) for piece in pieces[::2]]
    pieces[1::2] = [f"``{piece.strip('`')}``" for piece in pieces[1::2]]
    return "".join(pieces)
