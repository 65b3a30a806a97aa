"""Makes docs/images/landmarks_126.png and the table in docs/landmarks.md from the scheme itself.

Run from the repository's root: python docs/make_landmarks_figure.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import skimage.data

from nvfair_tools.landmarks.landmarker import create_landmarker
from nvfair_tools.landmarks.scheme import SCHEME_126

DOCS = Path(__file__).parent
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"


def main() -> None:
    """Writes the figure and the table."""
    figure(DOCS / "images" / "landmarks_126.png")
    page = DOCS / "landmarks.md"
    text = page.read_text(encoding="utf-8")
    before, after = text.split(BEGIN)[0], text.split(END)[1]
    page.write_text(f"{before}{BEGIN}\n{table()}\n{END}{after}", encoding="utf-8")


def table() -> str:
    """The landmarks as Markdown: group, position of each among the 126, its mesh index."""
    rows = ["| part | landmarks | mesh points, in order |", "|---|---|---|"]
    for group, points in SCHEME_126.groups.items():
        place = SCHEME_126.positions[group]
        rows.append(f"| {group.replace('_', ' ')} | {place.start}–{place.stop - 1} | {' '.join(map(str, points))} |")
    return "\n".join(rows)


def figure(path: Path) -> None:
    """The landmarks with their numbers on a public-domain portrait (NASA, in scikit-image)."""
    # Enlarged, so that the numbers find room.
    left, top, side, zoom = 148, 40, 170, 6
    portrait = skimage.data.astronaut()
    landmarker = create_landmarker()
    landmarker.start()
    (mesh,) = landmarker.find(portrait)
    landmarker.close()
    points = SCHEME_126.take(mesh[None])[0] - (left, top)
    plot, axes = plt.subplots(figsize=(side * zoom / 100, side * zoom / 100), dpi=100)
    # In grey, so that only the groups have colours (and the file stays small).
    grey = portrait[top : top + side, left : left + side].mean(axis=2)
    axes.imshow(grey, extent=(0, side, side, 0), interpolation="bicubic", cmap="gray", vmin=0, vmax=255)
    axes.imshow(np.ones((1, 1, 3)), extent=(0, side, side, 0), alpha=0.45)
    colours = plt.get_cmap("tab10").colors
    for (group, place), colour in zip(SCHEME_126.positions.items(), colours, strict=True):
        x, y = points[place].T
        axes.plot(x, y, "o", color=colour, markersize=4, label=group.replace("_", " "))
        for n, (px, py) in enumerate(points[place], start=place.start):
            axes.text(px + 0.5, py - 0.5, str(n), fontsize=7, color="black")
    axes.legend(loc="lower right", fontsize=9, framealpha=0.9)
    axes.set_axis_off()
    axes.set(xlim=(0, side), ylim=(side, 0))
    plot.subplots_adjust(0, 0, 1, 1)
    path.parent.mkdir(exist_ok=True)
    plot.savefig(path, metadata={"Software": None})
    plt.close(plot)


if __name__ == "__main__":
    main()
