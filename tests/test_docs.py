"""What the documentation tells readers to type exists, its recipes are recipes, and its links lead somewhere.

Every Markdown file of the repository is read, and the comments of the example recipes; none is named here, so that a
new page is tested from its first day.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
import yaml

from nvfair_tools.cli import cli
from nvfair_tools.moved import MOVED

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")])
SOURCES = sorted([*PAGES, *(ROOT / "examples").glob("*.yaml")])

FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)|<(?:img|a)\s[^>]*(?:src|href)=\"([^\"]+)\"")
COMMAND = re.compile(r"(?:^|[`$#]|\b\d\. )\s*(?:\$ )?(?:[\w./]*/)?nvfair[ \t]+([^`\n]+)", re.MULTILINE)


def words_of(text: str) -> list[str]:
    """The words of a command line as a page shows it, without comments, remarks set off by spaces, and what follows."""
    line = re.split(r"\s#|\s{2,}|\s[|;&>]|…", text.strip(), maxsplit=1)[0]
    return [word for word in shlex.split(line) if word not in ("...", "\\")]


def commands(path: Path) -> Iterator[list[str]]:
    """Every command line in a file: in fences, in indented blocks, in `code`, in comments."""
    text = re.sub(r"\\\n\s*", "", path.read_text(encoding="utf-8"))  # lines that go on
    for match in COMMAND.finditer(text):
        words = words_of(match[1])
        if words and re.fullmatch(r"-{0,2}[a-z][a-z0-9-]*", words[0]):
            yield words


def problem_of(words: list[str]) -> str:
    """What is wrong with the words after `nvfair`; "" where nothing is."""
    command: click.Command = cli
    rest, name = list(words), "nvfair"
    while isinstance(command, click.Group):
        context = click.Context(command)
        if not rest or rest[0].startswith("-"):
            break
        subcommand = command.get_command(context, rest[0])
        if subcommand is None:
            return f"{name}: there is no command {rest[0]!r}"
        command, name = subcommand, f"{name} {rest.pop(0)}"
    context = click.Context(command)
    known = {opt: param for param in command.get_params(context) for opt in (*param.opts, *param.secondary_opts)}
    if command.context_settings.get("ignore_unknown_options"):  # what it does not know goes to `nvfair train`
        train = cli.get_command(context, "train")
        assert train is not None
        known |= {opt: param for param in train.get_params(context) for opt in (*param.opts, *param.secondary_opts)}
    places = [param for param in command.get_params(context) if isinstance(param, click.Argument)]
    most = float("inf") if any(param.nargs < 0 for param in places) else sum(param.nargs for param in places)
    arguments = 0
    while rest:
        word = rest.pop(0)
        option, _, value = word.partition("=")
        if not word.startswith("-"):
            arguments += 1
        elif option not in known:
            return f"{name}: there is no option {option}"
        elif isinstance(known[option], click.Option) and not known[option].is_flag and known[option].opts != ["--help"]:
            if not value and not rest:
                continue  # the option alone, as a sentence names it
            value = value or rest.pop(0)
            del rest[: known[option].nargs - 1]  # the other values of an option that takes several
            kind = known[option].type
            if isinstance(kind, click.Choice) and value.islower() and value not in kind.choices:
                return f"{name}: {option} {value} is none of {', '.join(kind.choices)}"
    return f"{name}: takes {most} arguments, the page shows {arguments}" if arguments > most else ""


def page_name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("path", SOURCES, ids=page_name)
def test_every_command_and_option_that_is_shown_exists(path):
    # A page of docs/extending may show the command that its own steps add.
    added = set(re.findall(r'^\+@\w+\.command\("([\w-]+)"\)', path.read_text(encoding="utf-8"), re.MULTILINE))
    problems = [
        f"nvfair {' '.join(words)}: {problem}"
        for words in commands(path)
        if not added & set(words) and (problem := problem_of(words))
    ]
    assert problems == []


def test_commands_are_found_in_all_the_forms_that_pages_use(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "Run `nvfair build --prune`.\n\n    nvfair check RECIPE.yaml     what would stop\n\n"
        "```bash\n$ nvfair train DATA OUT \\\n    -g warp-dense   # a comment\n.venv/bin/nvfair demo demo | tail\n```\n"
        "# 2. nvfair status examples/clips.yaml     files\nThe `nvfair` command; nvfair-tools.\n"
    )
    assert list(commands(page)) == [
        ["build", "--prune"],
        ["check", "RECIPE.yaml"],
        ["train", "DATA", "OUT", "-g", "warp-dense"],
        ["demo", "demo"],
        ["status", "examples/clips.yaml"],
    ]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("buld x.yaml", "no command 'buld'"),
        ("board ad x", "nvfair board: there is no command 'ad'"),
        ("build x.yaml --prun", "no option --prun"),
        ("build x.yaml y.yaml", "takes 1 arguments"),
        ("train d o -g g --precision float16", "is none of auto, float32, bfloat16"),
    ],
)
def test_a_command_that_does_not_exist_would_be_noticed(line, problem):
    assert problem in problem_of(line.split())


RELEASES = "releases.md"  # its snippets are the settings of `nvfair import`


def test_the_settings_shown_for_releases_are_settings(tmp_path):
    from nvfair_tools.releases.settings import load_settings

    page = ROOT / "docs" / RELEASES
    (body,) = (body for language, body in FENCE.findall(page.read_text(encoding="utf-8")) if language == "yaml")
    path = tmp_path / "settings.yaml"
    path.write_text(body, encoding="utf-8")
    assert load_settings(path).validation_share == 0.1


def recipes(path: Path) -> Iterator[dict]:
    """YAML snippets whose keys are a recipe's."""
    from nvfair_tools.recipe.recipe import Recipe

    known = {field.alias or name for name, field in Recipe.model_fields.items()}
    for language, body in FENCE.findall(path.read_text(encoding="utf-8")):
        if language in ("yaml", "yml"):
            content = yaml.safe_load(body)
            if isinstance(content, dict) and known & set(content) and path.name != RELEASES:
                yield content


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_every_yaml_snippet_with_a_recipes_keys_is_a_recipe(path, tmp_path):
    from nvfair_tools.recipe.recipe import load_recipe

    smallest = {
        "name": "n",
        "output": "out",
        "sources": [{"csv": "clips.csv"}],
        "rights": {"render_if": ["any"]},
        "generators": [{"name": "warp-dense"}],
    }
    for content in recipes(path):
        file = tmp_path / "recipe.yaml"
        # A page may show some keys alone; what it shows must be right.
        file.write_text(yaml.safe_dump(smallest | content))
        load_recipe(file)


def anchors(page: Path) -> set[str]:
    """The anchors that headings of a page get on GitHub."""
    text = FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+\s+(.+?)\s*$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_every_link_and_picture_leads_somewhere(path):
    text = FENCE.sub("", path.read_text(encoding="utf-8"))
    lost = []
    for match in LINK.finditer(text):
        link = match[1] or match[2]
        if re.match(r"[a-z]+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = (path.parent / name).resolve() if name else path
        there = target.exists() and target.is_relative_to(ROOT)
        if not there or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            lost.append(link)
    assert lost == []


CODE = ("nvfair_tools", "generators", "benchmark", "leaderboard", "tests", "examples", "docs", ".ci")
FILE_NAME = re.compile(r"`([\w./{},-]+\.(?:py|json|yaml|npz|svg|png))`")
DOTTED = re.compile(rf"(?<![\w./-])((?:{'|'.join(CODE[:6])})(?:\.[A-Za-z_]\w*)+)")


def missing_files(text: str) -> list[str]:
    """Files named in `code` that do not exist: paths of the repository, and bare names of Python modules."""
    modules = {path.name for folder in CODE for path in (ROOT / folder).rglob("*.py")}
    return [
        name
        for name in FILE_NAME.findall(text)
        if (name.startswith(tuple(f"{folder}/" for folder in CODE)) and not (ROOT / name).exists())
        or (name.endswith(".py") and "/" not in name and name not in modules)
    ]


def source_of(module: list[str]) -> Path | None:
    """The file of a module or package, its stub where it has one; None where there is none."""
    path = ROOT.joinpath(*module)
    candidates = [path / "__init__.pyi", path / "__init__.py", path.with_suffix(".py")]
    return next((source for source in candidates if source.is_file()), path if path.is_dir() else None)


def file_defining(name: str, source: Path) -> Path | None:
    """The file that defines `name` of a module: its own file, or the one from which it imports the name."""
    text = source.read_text(encoding="utf-8") if source.is_file() else ""
    words = re.escape(name)
    relative = re.search(rf"^\s*from \.([\w.]+) import {words}\b", text, re.MULTILINE)
    if relative:
        return source_of([*source.parent.relative_to(ROOT).parts, *relative[1].split(".")])
    forms = (
        rf"^\s*(?:(?:async )?def|class) {words}\b|^\s*{words}\s*[:=]|^\s*(?:from|import) .*\b{words}\b|^    {words},"
    )
    return source if re.search(forms, text, re.MULTILINE) else None


def missing_names(text: str) -> list[str]:
    """Dotted names of our packages, such as `package.module.function`, that the code does not have."""
    missing = []
    for dotted in DOTTED.findall(text):
        parts = dotted.split(".")
        if parts[-1] in ("md", "py", "json", "yaml"):  # a file beside the page, such as generators.md
            continue
        length = max(length for length in range(1, len(parts) + 1) if length == 1 or source_of(parts[:length]))
        source = source_of(parts[:length])
        for name in parts[length:]:
            source = source and file_defining(name, source)
        if source is None:
            missing.append(dotted)
    return missing


@pytest.mark.parametrize("path", PAGES, ids=page_name)
def test_files_and_names_of_code_that_pages_mention_exist(path):
    text = path.read_text(encoding="utf-8")
    former: tuple[str, ...] = tuple(MOVED) if path.name == "CHANGELOG.md" else ()
    # A page of docs/extending may mention the modules that its own steps add.
    added = [name for name in re.findall(r" file=(\S+)", text) if not (ROOT / name).exists()]
    modules = tuple(name.removesuffix(".py").replace("/", ".") for name in added)
    assert [name for name in missing_files(text) if name not in added] == []
    assert [name for name in missing_names(text) if not name.startswith((*former, *modules))] == []


@pytest.mark.parametrize(
    "text",
    ["`benchmark/metrics.py`", "`no_such_module.py`", "benchmark.metrics.rock", "`nvfair_tools.errors.NvfairErrors`"],
)
def test_a_file_or_name_that_does_not_exist_would_be_noticed(text):
    assert missing_files(text) + missing_names(text) == [text.strip("`")]


def test_names_that_exist_are_accepted():
    text = "`python -m tests.performance`, benchmark.metrics.roc, [x](generators.md), `roc.py`, nvfair_tools.errors"
    assert missing_files(text) + missing_names(text) == []


def test_the_picture_of_the_rooms_has_every_room():
    picture = (ROOT / "docs" / "images" / "rooms.svg").read_text(encoding="utf-8")
    settings = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    layers = re.findall(r'type = "layers"\n.*?layers = \[(.*?)\n\]', settings, re.DOTALL)
    rooms = {room.strip() for text in layers for line in re.findall(r'"(.*?)"', text) for room in line.split("|")}
    assert {"folder_tree", "evaluation", "hidden"} <= rooms
    assert {room for room in rooms if f">{room}</text>" not in picture} == set(), "run docs/make_rooms_figure.py"
