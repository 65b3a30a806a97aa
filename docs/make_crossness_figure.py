"""What a detector of "not driven by its owner" reaches, under NVFAIR's rule and on cross-cross trials.

    python docs/make_crossness_figure.py SIMULATED_DATA_SET OUT.json

It knows no driver; whatever it reaches, a method may have reached in the same way. All other shortcuts stand beside it.
Prints a Markdown table, and writes the whole rows.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from benchmark import protocols
from benchmark.controls import shortcut_rows, shortcut_scorers, unavailable_shortcuts
from benchmark.controls.null_controls import null_warnings, trial_null_rows, with_verdicts
from benchmark.trial_scores.figure_values import IntervalFigure
from benchmark.trials.trials import make_trials
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset


def main(folder: str, out: str) -> None:
    """Figures of every shortcut on every generator of the test people."""
    dataset, protocol = Dataset.open(folder), protocols.load("nvfair-seen")
    videos = dataset.usable()
    videos = videos[videos["generator"].notna()]
    test = read_windows(dataset, protocol, videos=videos.loc[videos["split"] == protocol.split.test, "video"])
    learned = videos[videos["split"] == protocol.split.train].sort_values("video")
    train = read_windows(dataset, protocol, videos=learned.sample(min(len(learned), 1500), random_state=0)["video"])
    rules = {
        name: list(make_trials(test.videos, name, protocol.trials))
        for name in sorted(test.videos["generator"].unique())
    }
    rows = shortcut_rows(shortcut_scorers(dataset, test, train), test.videos, rules, protocol)
    nulls = with_verdicts([row for result in rules.values() for row in trial_null_rows(result, test.videos, protocol)])
    print("| shortcut | generator | NVFAIR's rule | cross-cross |\n|---|---|---|---|")
    for row in rows:
        cross_cross = row.figures.cross_cross
        aucs = [row.figures.auc_mean] if cross_cross is None else [row.figures.auc_mean, cross_cross.auc_mean]
        print(f"| {row.control} | {row.generator} | {' | '.join(_with_interval(auc) for auc in aucs)} |")
    for name, why in unavailable_shortcuts(dataset, test, train).items():
        print(f"| {name} | | {why} | |")
    print("\n".join(null_warnings(nulls)) or f"\n{len(nulls)} null controls of the trials: all at chance.")
    Path(out).write_text(json.dumps({"rows": [row.to_json() for row in rows], "null_controls": nulls}, indent=1))


def _with_interval(auc: IntervalFigure) -> str:
    if auc.low is None or auc.high is None:
        return f"{auc.value:.3f}"
    return f"{auc.value:.3f} ({auc.low:.3f}–{auc.high:.3f})"


if __name__ == "__main__":
    main(*sys.argv[1:])
