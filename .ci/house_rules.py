"""Checks of the house that no linter has: plain names, docstrings that a stranger understands, files of one idea.

    python .ci/house_rules.py [FOLDER ...]

Every breach is printed with its file and line. Exit status 1 where there is one. CONTRIBUTING.md has the rules.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("nvfair_tools", "generators", "benchmark", "leaderboard")
FOLDERS = (*PACKAGES, "tests", "examples", "docs", ".ci")

# Words that say where a value came from, or nothing, in place of what it is.
RETIRED = frozenset(
    ("told", "said", "found", "kept", "mine", "whoever", "kin", "sure", "beside", "door", "shown")
    + ("one", "asked", "wanted", "given", "hold", "thing", "things", "stuff")
)
MOST_LINES = 350
MOST_MODULES = 20
FEWEST_WORDS = 5  # of a docstring
COUNTED = re.compile(r" (people|videos|clips|files|problems|rows|windows|pairs|results|submissions)\b")
EITHER = re.compile(r"[a-z]\(s\)(?![a-z(])")  # "1 file(s)", but not f(s)(x)


def main(folders: list[str]) -> int:
    """Prints every breach in `folders`, by default in the whole project; 1 where there is any."""
    breaches = list(breaches_in([ROOT / folder for folder in folders or FOLDERS]))
    for breach in breaches:
        print(breach)
    return 1 if breaches else 0


def breaches_in(folders: list[Path]) -> Iterator[str]:
    """What breaks a rule in the Python files of `folders`, in words with file and line."""
    modules: Counter[Path] = Counter()
    for folder in folders:
        for path in sorted(folder.rglob("*.py")):
            modules[path.parent] += 1
            text = path.read_text(encoding="utf-8")
            place = path.relative_to(ROOT) if path.is_relative_to(ROOT) else path
            lines = text.count("\n")
            if lines > MOST_LINES:
                yield f"{place}: {lines} lines; at most {MOST_LINES}, one idea a file"
            tree = ast.parse(text)
            for line, name in sorted(retired_names(tree)):
                yield f"{place}:{line}: the name {name!r}; say what the value is"
            if "tests" not in place.parts:
                for line, problem in docstring_problems(tree):
                    yield f"{place}:{line}: {problem}"
            if place.parts[0] not in FOLDERS or place.parts[0] in PACKAGES:
                for line, problem in plural_problems(tree):
                    yield f"{place}:{line}: {problem}"
    for folder, count in sorted(modules.items()):
        if count > MOST_MODULES and "tests" not in folder.parts:
            yield f"{folder}: {count} modules; at most {MOST_MODULES} a folder"


def retired_names(tree: ast.AST) -> set[tuple[int, str]]:
    """(line, name) of every definition, argument, attribute or variable that has a retired word for a name."""
    names: set[tuple[int, str]] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            names.add((node.lineno, node.name))
        elif isinstance(node, ast.arg):
            names.add((node.lineno, node.arg))
        elif isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Store):
            names.add((node.lineno, node.id if isinstance(node, ast.Name) else node.attr))
        elif isinstance(node, ast.alias) and node.asname:
            names.add((node.lineno, node.asname))
    return {(line, name) for line, name in names if name.strip("_").lower() in RETIRED}


def docstring_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of docstrings that are too short for a sentence, or do not begin or end like one."""
    for node in ast.walk(tree):
        if not isinstance(node, (ast.Module, ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        docstring = ast.get_docstring(node)
        if docstring is None:
            continue
        line = 1 if isinstance(node, ast.Module) else node.lineno
        name = "module" if isinstance(node, ast.Module) else node.name
        first = docstring.partition("\n\n")[0]
        if len(docstring.split()) < FEWEST_WORDS:
            yield line, f"{name}: the docstring {docstring!r} is too short for a sentence"
        elif name.startswith("_") or name == "forward":
            continue  # of a private function or a forward pass, shapes alone may be enough
        elif not (
            first[0].isupper()
            or first[0] in "`\"'(_"
            or first[0].isdigit()
            or first.startswith(("nvfair", "face-vid2vid"))
        ):
            yield line, f"{name}: the docstring does not begin like a sentence: {first[:60]!r}"
        elif first.rstrip()[-1] not in ".:?!)`\"'" and not first.rstrip().endswith("]"):
            yield line, f"{name}: the docstring's first paragraph does not end like a sentence: {first[-60:]!r}"


def plural_problems(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(line, what is wrong) of f-strings such as `{len(names)} files`, which would say "1 files", and of "file(s)"."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and EITHER.search(node.value):
            yield node.lineno, "a noun with (s): count_text(...) says which form"
        for value, text in pairwise(node.values) if isinstance(node, ast.JoinedStr) else ():
            if (
                isinstance(value, ast.FormattedValue)
                and isinstance(value.value, ast.Call)
                and ast.unparse(value.value.func) == "len"
                and isinstance(text, ast.Constant)
                and (noun := COUNTED.match(str(text.value)))
            ):
                yield node.lineno, f"a number before {noun[1]!r}, which may be 1: count_text(...) says which form"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
