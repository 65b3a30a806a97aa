"""Draws docs/images/pipeline.svg: the whole job in one picture, readable on light and dark pages."""

from html import escape
from pathlib import Path

OUT = Path(__file__).parent / "images" / "pipeline.svg"
WIDTH, ROW, BOX_W, BOX_H, GAP = 1006, 130, 128, 54, 50
CURATOR = ["source videos", "clips", "pairs", "reenactments", "tracks", "data set"]
CURATOR_STEPS = ["ingest", "plan", "render", "landmarks", "shards"]
AUTHOR = ["data set", "checkpoint", "embeddings", "scores", "report", "leaderboard"]
AUTHOR_STEPS = ["train", "embed", "score", "report", "submit"]
NOTES = {
    "clips": "states, reasons",
    "pairs": "every driver × target",
    "reenactments": "one encoder for all",
    "tracks": "478-point mesh",
    "data set": "Parquet, 126 points",
    "checkpoint": "people, generators",
    "embeddings": "per window",
    "scores": "trials by rule",
    "report": "seen, unseen, controls",
    "leaderboard": "scored here",
    "source videos": "consent, licence",
}


def row(names, steps, y, colour, title):
    """One row of boxes joined by labelled arrows."""
    yield f'<text x="24" y="{y - 16}" class="title" fill="{colour}">{escape(title)}</text>'
    for n, name in enumerate(names):
        x = 24 + n * (BOX_W + GAP - 6)
        yield f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="8" fill="{colour}" fill-opacity=".12" '
        yield f'stroke="{colour}" stroke-width="1.5"/>'
        yield f'<text x="{x + BOX_W / 2}" y="{y + 24}" class="name">{escape(name)}</text>'
        yield f'<text x="{x + BOX_W / 2}" y="{y + 41}" class="note">{escape(NOTES[name])}</text>'
        if n < len(steps):
            start, end = x + BOX_W + 3, x + BOX_W + GAP - 10
            yield f'<path d="M{start} {y + BOX_H / 2} H{end}" stroke="{colour}" stroke-width="1.6" '
            yield 'marker-end="url(#a)"/>'
            yield f'<text x="{(start + end) / 2}" y="{y - 4}" class="step">{escape(steps[n])}</text>'


def draw():
    """The figure as SVG text."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH + 18} 252" role="img" '
        'aria-label="Pipeline from source videos to leaderboard">',
        "<style>text{font-family:system-ui,sans-serif;fill:#57606a}.title{font-size:14px;font-weight:600}"
        ".name{font-size:14px;font-weight:600;text-anchor:middle;fill:#24292f}.note{font-size:10.5px;text-anchor:middle}"
        ".step{font-size:11px;text-anchor:middle;font-style:italic}"
        "@media(prefers-color-scheme:dark){text{fill:#a3adb8}.name{fill:#e6edf3}}</style>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#888"/></marker></defs>',
        *row(CURATOR, CURATOR_STEPS, 48, "#1f883d", "Curators: nvfair build recipe.yaml"),
        *row(AUTHOR, AUTHOR_STEPS, 48 + ROW, "#0969da", "Authors: nvfair train, evaluate, submit"),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(draw(), encoding="utf-8")
    print(OUT)
