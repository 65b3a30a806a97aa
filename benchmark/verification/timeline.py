"""A picture of a verification: the score of each window over time, the threshold, and where there is no score."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Literal

from benchmark.verification.results import VerificationResult
from nvfair_tools.errors import MissingExtra, NvfairError
from nvfair_tools.files import write_bytes

_FORMATS = (".png", ".svg", ".pdf")
_COLOURS = {  # text, line, threshold, gap
    "light": ("#1f2328", "#0b63c5", "#b3261e", "#d0d4da"),
    "dark": ("#e6e8eb", "#6cb2ff", "#ff8a80", "#4a5058"),
}
_REASONS = {
    "no_face": "no face",
    "lost": "face lost",
    "out_of_frame": "face out of the picture",
    "several_faces": "several faces",
    "cut": "a cut",
}


def write_timeline(path: str | Path, result: VerificationResult) -> None:
    """Writes the picture as PNG, SVG or PDF, by the name's ending; NvfairError for another ending."""
    path = Path(path)
    if path.suffix.lower() not in _FORMATS:
        raise NvfairError(f"a picture named {path.name}", expected=f"a name that ends in {', '.join(_FORMATS)}")
    write_bytes(path, timeline_picture(result, path.suffix.lower().removeprefix(".")))


def timeline_picture(
    result: VerificationResult, kind: str = "png", theme: Literal["light", "dark"] = "light", *, narrow: bool = False
) -> bytes:
    """The picture's bytes. kind: "png", "svg" or "pdf". theme: colours for a light or a dark page. narrow: for a phone.

    A window's score stands at the window's middle; a line joins windows that follow each other. Raises MissingExtra
    where matplotlib is not installed.
    """
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtra("matplotlib", "verify", str(error)) from error
    text, line, mark, gap = _COLOURS[theme]
    figure = Figure(figsize=(4, 3.6) if narrow else (8, 3.2), dpi=120, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    labelled: set[str] = set()
    for window in result.windows:
        if window.score is None:
            label = _REASONS.get(window.reason, window.reason)
            axes.axvspan(
                window.start, window.end, color=gap, alpha=0.5, lw=0, label=None if label in labelled else label
            )
            labelled.add(label)
    times, scores = _line(result)
    axes.plot(times, scores, "o-", color=line, ms=4, lw=1.5, label="each window")
    if result.score is not None:
        axes.axhline(result.score, color=line, lw=1, ls=":", label=f"whole video: {result.score:.3f}")
    if result.threshold is not None:
        value, fmr = result.threshold.value, result.threshold.fmr
        axes.axhline(value, color=mark, lw=1.5, ls="--", label=f"threshold at FMR {fmr:.3g}: {value:.3f}")
    axes.set_xlim(0, max(result.seconds, result.window_seconds, 1.0))
    axes.set_xlabel("time in the video (seconds)", color=text)
    axes.set_ylabel(f"likeness to {result.person}\n(score; higher: more alike)", color=text)
    if not narrow:
        axes.set_title(f"{result.video}: {result.headline}", color=text, fontsize=10, loc="left", wrap=True)
    axes.tick_params(colors=text)
    for spine in axes.spines.values():
        spine.set_color(gap)
    legend = figure.legend(loc="outside lower center", ncols=1 if narrow else 3, fontsize=8, frameon=False)
    for label_text in legend.get_texts():
        label_text.set_color(text)
    picture = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else None
    figure.savefig(picture, format=kind, transparent=theme == "dark" or kind == "svg", metadata=metadata)
    return picture.getvalue()


def _line(result: VerificationResult) -> tuple[list[float], list[float]]:
    """Times and scores, with NaN where the line breaks."""
    times: list[float] = []
    scores: list[float] = []
    for window in result.windows:
        times.append((window.start + window.end) / 2)
        scores.append(float("nan") if window.score is None else window.score)
    return times, scores
