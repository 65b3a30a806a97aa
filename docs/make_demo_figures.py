"""Makes the README's pictures from a finished demo: python docs/make_demo_figures.py [demo]

images/contact_sheet.jpg: drivers above, portraits on the left, what the dense warp makes of each pair between them.
images/matrix.svg: the report's AUCs, beside the shortcuts on the same trials.
The people are simulated, from two portraits in the public domain (see docs/simulation.md).
"""

import sys
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from benchmark.evaluation.results import EvaluationResults, read_results
from nvfair_tools.dataset import Dataset
from nvfair_tools.landmarks.scheme import measure_length
from nvfair_tools.media import decode

IMAGES = Path(__file__).parent / "images"
SIDE, LABEL, GENERATOR = 160, 18, "warp-dense"
GREEN, BLUE, GREY = "#1f883d", "#0969da", "#6e7781"


def frame_of(path: Path, number: int) -> Image.Image:
    """One frame of a video."""
    picture = next(frame.image for frame in decode(path) if frame.index == number)
    return Image.fromarray(picture).resize((SIDE, SIDE), Image.Resampling.LANCZOS)


def contact_sheet(dataset: Dataset) -> Image.Image:
    """Up to four drivers on up to four targets among the test people."""
    videos = dataset.usable()
    test = videos[videos["split"] == "test"]
    people = sorted(test["target"].unique())[:4]
    clip = {person: test[(test["kind"] == "real") & (test["driver"] == person)].iloc[0] for person in people}
    # Where each driver's mouth is open widest: the frame that shows best whether it came over.
    tracks = dataset.tracks([row["video"] for row in clip.values()])
    widest = {
        person: int(measure_length(track, "mouth_open").argmax())
        for person, (_, track, _, _) in zip(clip, tracks, strict=True)
    }
    size = (len(people) + 1) * SIDE, (len(people) + 1) * SIDE + LABEL
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((6, 3), "portrait \\ driver", fill=GREY)
    for column, driver in enumerate(people, start=1):
        draw.text((column * SIDE + 6, 3), f"driver {driver}", fill=GREEN)
        sheet.paste(frame_of(dataset.folder / clip[driver]["path"], widest[driver]), (column * SIDE, LABEL))
    rendered = test[test["generator"] == GENERATOR].set_index(["target", "clip"])["path"]
    portraits = dataset.identities.set_index("identity")["portrait"]
    for row, target in enumerate(people, start=1):
        top = row * SIDE + LABEL
        portrait = Image.open(dataset.folder / portraits[target]).convert("RGB").resize((SIDE, SIDE))
        sheet.paste(portrait, (0, top))
        for column, driver in enumerate(people, start=1):
            picture = frame_of(dataset.folder / rendered[target, clip[driver]["clip"]], widest[driver])
            sheet.paste(picture, (column * SIDE, top))
            message = "synthetic, self" if driver == target else "synthetic, cross"
            draw.rectangle((column * SIDE, top, column * SIDE + 92, top + 15), fill="#9a1a1a")
            draw.text((column * SIDE + 4, top + 2), message, fill="white")
    return sheet


def matrix(results: EvaluationResults) -> str:
    """The AUCs of the two networks and of the shortcuts, on each test generator, as SVG."""
    generators = sorted({cell.generator for cell in results.cells})
    rows = []
    for method in dict.fromkeys(cell.method for cell in results.cells):
        cells = [cell for cell in results.cells if cell.method == method]
        rows.append((method, True, {cell.generator: (cell.figures.auc_mean, cell.relation) for cell in cells}))
    for name in dict.fromkeys(shortcut.name for shortcut in results.shortcuts):
        aucs = {row.generator: (row.figures.auc_mean, "") for row in results.shortcuts if row.name == name}
        rows.append((f"shortcut: {name}", False, aucs))
    width, left, cell, height = 760, 330, 140, 46
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height * (len(rows) + 1) + 8}" role="img" '
        'aria-label="Simulated people: AUC by test generator">',
        '<text class="v" x="4" y="28">simulated people</text>',
        "<style>text{font-family:system-ui,sans-serif;font-size:14px;fill:#57606a}.v{font-weight:600;fill:#24292f}"
        ".s{font-size:11px}.m{text-anchor:middle}@media(prefers-color-scheme:dark){text{fill:#a3adb8}.v{fill:#e6edf3}}"
        "</style>",
    ]
    for n, name in enumerate(generators):
        lines.append(f'<text class="m" x="{left + cell * n + cell / 2}" y="28">{escape(name)}</text>')
    for number, (name, main, aucs) in enumerate(rows, start=1):
        top = number * height
        lines.append(
            f'<text x="4" y="{top + 28}"{" class=" + chr(34) + "v" + chr(34) if main else ""}>{escape(name)}</text>'
        )
        for n, generator in enumerate(generators):
            auc, relation = aucs[generator]
            strength = float(np.clip((auc.value - 0.5) * 2, 0, 1)) * 0.55
            x = left + cell * n
            colour = BLUE if main else GREY
            lines.append(
                f'<rect x="{x + 3}" y="{top + 3}" width="{cell - 6}" height="{height - 6}" rx="6" fill="{colour}" '
                f'fill-opacity="{strength:.2f}" stroke="{colour}" stroke-opacity=".35"/>'
            )
            lines.append(f'<text class="v m" x="{x + cell / 2}" y="{top + 21}">{auc.value:.3f}</text>')
            interval = "" if auc.low is None else f"{auc.low:.2f} to {auc.high:.2f}"
            lines.append(
                f'<text class="s m" x="{x + cell / 2}" y="{top + 36}">{f"{relation} {interval}".strip()}</text>'
            )
    return "\n".join([*lines, "</svg>", ""])


if __name__ == "__main__":
    demo = Path(sys.argv[1] if len(sys.argv) > 1 else "demo")
    IMAGES.mkdir(exist_ok=True)
    contact_sheet(Dataset.open(demo / "dataset")).save(IMAGES / "contact_sheet.jpg", quality=88)
    results = read_results(demo / "report" / "results.json")
    (IMAGES / "matrix.svg").write_text(matrix(results), encoding="utf-8")
