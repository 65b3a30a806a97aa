"""Draws docs/images/rooms.svg: the rooms of the four packages, in the layers of pyproject.toml."""

import tomllib
from collections.abc import Iterator
from html import escape
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
OUT = ROOT / "docs" / "images" / "rooms.svg"
COLUMN, GAP, ROW, TOP = 300, 46, 25, 76
COLOURS = {"leaderboard": "#9a6700", "benchmark": "#0969da", "nvfair_tools": "#1f883d", "generators": "#8250df"}
TITLES = {
    "leaderboard": "submission to page",
    "benchmark": "data set to report",
    "nvfair_tools": "recordings to data set",
    "generators": "appearance × motion to frames",
}
# What a room is for, in a few words; single modules have one too.
NOTES = {
    "leaderboard.server": "pages and API, uploads, worker",
    "leaderboard.pages": "HTML, plots, the static site",
    "leaderboard.client": "push to a board from Python",
    "leaderboard.ranking": "results to rows and places",
    "leaderboard.api_models": "what the API answers",
    "leaderboard.migrations": "tables, revision by revision",
    "leaderboard.store": "database, files, queue, accounts",
    "leaderboard.submission": "archive, check, score",
    "leaderboard.hidden": "blind copies of hidden sets",
    "leaderboard.lookalikes": "names that look like others",
    "leaderboard.settings": "a board's board.yaml",
    "benchmark.interface": "evaluate, compare, embed by name",
    "benchmark.evaluation": "a run, compare, reproduce",
    "benchmark.controls": "shortcuts and null controls",
    "benchmark.report": "the HTML report and its charts",
    "benchmark.stress": "what is left when inputs get worse",
    "benchmark.training": "batches, loss, loop, selection",
    "benchmark.methods": "networks, checkpoints, files",
    "benchmark.trial_scores": "embeddings to scores to figures",
    "benchmark.metrics": "AUC, intervals, costs, curves",
    "benchmark.trials": "which videos are compared",
    "benchmark.windows": "tracks cut to a protocol's windows",
    "benchmark.pretrained": "networks that ship",
    "benchmark.protocols": "the protocols and their schema",
    "benchmark.verification": "enrol a person, verify a video",
    "nvfair_tools.__main__": "python -m nvfair_tools",
    "nvfair_tools.cli": "the nvfair command composes all",
    "nvfair_tools.doctor": "whether a machine has all it needs",
    "nvfair_tools.releases": "NVFAIR, AVAPrintDB as released",
    "nvfair_tools.downloads": "public collections, fetched",
    "nvfair_tools.curate": "ingest, pairs, shards, card",
    "nvfair_tools.simulate": "people who do not exist",
    "nvfair_tools.viewer": "the local page of a data set",
    "nvfair_tools.render": "the only room that knows generators",
    "nvfair_tools.metadata": "Croissant, data sheet, DOI",
    "nvfair_tools.leakage": "leaks, copies, shortcuts of metadata",
    "nvfair_tools.marks": "signed manifests, checks of marks",
    "nvfair_tools.quality": "how good renderings are",
    "nvfair_tools.recipe": "recipe, clip list, splits",
    "nvfair_tools.dataset": "the data set on disk",
    "nvfair_tools.governance": "who agreed to what",
    "nvfair_tools.portable_names": "names any disk takes",
    "nvfair_tools.features": "landmark distances",
    "nvfair_tools.landmarks": "mesh, 126 points, tracks",
    "nvfair_tools.media": "decode, encode, probe",
    "nvfair_tools.pipeline": "items, journal, engines",
    "nvfair_tools.faces": "detect, frame, measure faces",
    "nvfair_tools.files": "atomic files, hashes",
    "nvfair_tools.quantities": "counts, bytes, times in words",
    "nvfair_tools.folder_tree": "names in large folders",
    "nvfair_tools.identity": "people's ids and aliases",
    "nvfair_tools.errors": "errors a user can act on",
    "nvfair_tools.bounded_zip": "zip files of strangers",
    "nvfair_tools.schema_problems": "mistakes, in words",
    "nvfair_tools.unique_keys": "keys that may stand once",
    "nvfair_tools.moved": "former module names",
    "generators.warp": "no weights needed",
    "generators.face_vid2vid": "one network",
    "generators.lia": "one network",
    "generators.tps": "one network",
    "generators.external": "any other program",
}


def rooms() -> dict[str, list[list[str]]]:
    """The layers of each package from top to bottom, as import-linter checks them."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"][
        "contracts"
    ]
    layers = {
        contract["containers"][0]: [[name.strip() for name in layer.split("|")] for layer in contract["layers"]]
        for contract in contracts
        if contract["type"] == "layers"
    }
    return layers | {"generators": [["warp", "face_vid2vid", "lia", "tps", "external"]]}


def column(package: str, layers: list[list[str]], x: int) -> Iterator[str]:
    """One package: its title, and a box a layer with a row a room."""
    colour = COLOURS[package]
    yield f'<text x="{x}" y="34" class="title" fill="{colour}">{package}/</text>'
    yield f'<text x="{x}" y="54" class="note">{escape(TITLES[package])}</text>'
    y = TOP
    for layer in layers:
        height = ROW * len(layer) + 6
        yield f'<rect x="{x}" y="{y}" width="{COLUMN}" height="{height}" rx="6" fill="{colour}" fill-opacity=".1" '
        yield f'stroke="{colour}" stroke-opacity=".6"/>'
        for number, room in enumerate(layer):
            baseline = y + 20 + ROW * number
            yield f'<text x="{x + 10}" y="{baseline}" class="name">{room}</text>'
            note = escape(NOTES[f"{package}.{room}"])
            yield f'<text x="{x + COLUMN - 10}" y="{baseline}" class="note end">{note}</text>'
        y += height + 8


def draw() -> str:
    """The figure as SVG text."""
    packages = [(name, rooms()[name]) for name in COLOURS]
    height = TOP + 30 + max(sum(ROW * len(layer) + 14 for layer in layers) for _, layers in packages)
    width = len(packages) * (COLUMN + GAP)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" '
        'aria-label="The rooms of the four packages; a room imports only from rooms below it and to its right">',
        "<style>text{font-family:system-ui,sans-serif;fill:#57606a}.title{font-size:19px;font-weight:700}"
        ".name{font-size:13px;font-weight:600;fill:#24292f}.note{font-size:11.5px}.end{text-anchor:end}"
        "@media(prefers-color-scheme:dark){text{fill:#a3adb8}.name{fill:#e6edf3}}</style>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#888"/></marker></defs>',
    ]
    for number, (package, layers) in enumerate(packages):
        x = 12 + number * (COLUMN + GAP)
        lines += column(package, layers, x)
        if number < len(packages) - 1:
            lines.append(
                f'<path d="M{x + 150} 28 H{x + COLUMN + GAP - 8}" stroke="#888" stroke-width="1.6" '
                'marker-end="url(#a)"/>'
            )
    lines += [
        f'<text x="12" y="{height - 8}" class="note">A room imports only from rooms below its own.</text>',
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(draw(), encoding="utf-8")
    print(OUT)
