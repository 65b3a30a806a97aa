"""What a release needs that a person would forget: the version in its few places, the notes, the frozen surface.

    python .ci/release.py prepare 0.2.0     write the version, close the changelog's section, freeze the public surface
    python .ci/release.py check [v0.2.0]    whether all places agree (and with the tag); exit status 1 where not
    python .ci/release.py notes [0.2.0]     print the changelog's section of a version, the present one by default

The version is written in nvfair_tools/__init__.py; pyproject.toml reads it there, CITATION.cff repeats it.
"""

from __future__ import annotations

import argparse
import re
import shutil
import sys
from datetime import date
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Numbers with at most one of a, b, rc: what PyPI calls a release or a pre-release, in its normal form.
VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)((a|b|rc)(0|[1-9]\d*))?")
HEADING = re.compile(r"^## \[(?P<version>[^\]]+)\](?: - (?P<day>\S+))?$", re.MULTILINE)


class ReleaseError(Exception):
    """A release cannot be made as things are; the message says why, in words."""


def main(words: list[str]) -> int:
    """Runs one of the commands; 1 where a release cannot be made, with the reasons."""
    parser = argparse.ArgumentParser(description="Prepares and checks a release.")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("prepare").add_argument("version")
    commands.add_parser("check").add_argument("tag", nargs="?", default="")
    commands.add_parser("notes").add_argument("version", nargs="?", default="")
    options = parser.parse_args(words)
    try:
        if options.command == "prepare":
            prepare(ROOT, options.version, date.today())
            print(f"Now: git commit -am 'Release {options.version}', then git tag v{options.version}.")
        elif options.command == "check":
            if problems := list(problems_of(ROOT, options.tag)):
                raise ReleaseError("\n".join(problems))
        else:
            print(notes(ROOT, options.version or version_of(ROOT)))
    except ReleaseError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def version_of(root: Path) -> str:
    """The version that nvfair_tools/__init__.py has."""
    text = (root / "nvfair_tools" / "__init__.py").read_text("utf-8")
    match = re.search(r'^__version__ = "([^"]+)"$', text, re.MULTILINE)
    if match is None:
        raise ReleaseError('nvfair_tools/__init__.py has no line like __version__ = "0.1.0"')
    return match[1]


def problems_of(root: Path, tag: str = "") -> list[str]:
    """Every place that does not agree with the version of nvfair_tools, and with the tag where there is one."""
    version = version_of(root)
    problems = []
    if not VERSION.fullmatch(version):
        problems.append(f"the version {version!r} is none that PyPI takes as it stands, such as 0.2.0 or 0.2.0rc1")
    cited = re.search(r"^version: (.+)$", (root / "CITATION.cff").read_text("utf-8"), re.MULTILINE)
    if cited is None or cited[1] != version:
        problems.append(f"CITATION.cff has the version {cited[1] if cited else 'nowhere'}, the package {version}")
    if not tag:
        return problems
    if tag != f"v{version}":
        problems.append(f"the tag is {tag}, but the version {version} is tagged v{version}")
    try:
        notes(root, version)
    except ReleaseError as error:
        problems.append(str(error))
    surfaces = [(root / "docs" / name).read_text("utf-8") for name in ("public_api.txt", "public_api_released.txt")]
    if surfaces[0] != surfaces[1]:
        problems.append(
            "docs/public_api_released.txt is not the surface of this version; `release.py prepare` copies it"
        )
    return problems


def prepare(root: Path, version: str, day: date) -> None:
    """Writes the version, closes the unreleased section of the changelog and freezes the public surface."""
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version!r} is no version; expected one such as 0.2.0 or 0.2.0rc1")
    changelog = root / "CHANGELOG.md"
    text = changelog.read_text("utf-8")
    if version in versions(text):
        raise ReleaseError(f"CHANGELOG.md has a section of {version} already")
    if not notes(root, "Unreleased"):
        raise ReleaseError("the unreleased section of CHANGELOG.md is empty: there is nothing to release")
    changelog.write_text(text.replace("## [Unreleased]\n", f"## [Unreleased]\n\n## [{version}] - {day}\n", 1), "utf-8")
    _replace(root / "nvfair_tools" / "__init__.py", r'^__version__ = ".*"$', f'__version__ = "{version}"')
    _replace(root / "CITATION.cff", r"^version: .*$", f"version: {version}")
    _replace(root / "CITATION.cff", r"^date-released: .*\n", "")
    _replace(root / "CITATION.cff", r"^(version: .*)$", rf"\1\ndate-released: {day}")
    shutil.copyfile(root / "docs" / "public_api.txt", root / "docs" / "public_api_released.txt")


def versions(changelog: str) -> list[str]:
    """The names in the changelog's headings, such as Unreleased and 0.1.0, the newest first."""
    return [match["version"] for match in HEADING.finditer(changelog)]


def notes(root: Path, version: str) -> str:
    """The text below a version's heading in the changelog."""
    text = (root / "CHANGELOG.md").read_text("utf-8")
    headings = list(HEADING.finditer(text))
    for place, heading in enumerate(headings):
        if heading["version"] == version:
            end = headings[place + 1].start() if place + 1 < len(headings) else len(text)
            return text[heading.end() : end].strip()
    raise ReleaseError(f"CHANGELOG.md has no section of {version}; it has {', '.join(versions(text)) or 'none'}")


def _replace(path: Path, pattern: str, replacement: str) -> None:
    text = path.read_text("utf-8")
    path.write_text(re.sub(pattern, replacement, text, flags=re.MULTILINE), "utf-8")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
