"""What a build of many videos costs, stage by stage: videos a second, processor time, context switches.

python -m tests.performance.bench_run --videos 100 1000 --size 256 --frames 50 --workers 2

Simulated people drive each other with `warp-dense`. For each number of videos one line of JSON a stage: items, their
seconds by the clock and of the processor (main process, workers and encoders), and context switches a second of a
worker and its encoder, voluntary and not. On a machine with other work, processor seconds are what can be compared.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import resource
import tempfile
import time
from math import ceil, sqrt
from pathlib import Path

import yaml

from nvfair_tools.curate.build import build
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.simulate.settings import SourceSettings
from nvfair_tools.simulate.videos import CLIP_LIST, PeopleSettings, write_people

MOST_CLIPS = 10  # of a person


def main() -> None:
    """Builds once for each number of videos and prints what each stage cost."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, nargs="+", default=[100], help="planned videos, about")
    parser.add_argument("--size", type=int, default=256, help="side of the pictures (%(default)s)")
    parser.add_argument("--frames", type=int, default=50, help="of a video (%(default)s)")
    parser.add_argument("--workers", type=int, default=len(os.sched_getaffinity(0)), help="processes (%(default)s)")
    options = parser.parse_args()
    shapes = [shape(videos) for videos in options.videos]
    people = max(people for people, _ in shapes)
    settings = PeopleSettings(
        sources=(SourceSettings(name="sim", train=people, validation=0, test=0),),
        clips=max(clips for _, clips in shapes),
        frames=options.frames,
        size=options.size,
    )
    with tempfile.TemporaryDirectory() as folder:
        sources = write_people(Path(folder) / "sources", settings, workers=options.workers)
        for number, (people, clips) in enumerate(shapes):
            recipe = write_recipe(Path(folder) / str(number), sources, people, clips, options)
            meter = Meter(options.workers)
            outcome = build(recipe, reporter=meter)
            meter.end_stage()
            assert outcome.videos is not None
            assert (outcome.videos["state"] == "ok").all()


def shape(videos: int) -> tuple[int, int]:
    """People, and clips of each, whose pairs are about so many videos."""
    people = ceil(sqrt(videos / MOST_CLIPS)) if videos >= MOST_CLIPS**3 else max(2, round(videos ** (1 / 3) * 2))
    return people, max(1, round(videos / people**2))


def write_recipe(folder: Path, sources: Path, people: int, clips: int, options: argparse.Namespace) -> Path:
    """A recipe of the first `people` of a list, with `clips` clips of each."""
    folder.mkdir()
    rows_of: dict[str, list[dict[str, str]]] = {}
    with open(sources, newline="") as file:
        for row in csv.DictReader(file):
            rows_of.setdefault(row["identity"], []).append(row)
    rows = [row for person in list(rows_of)[:people] for row in rows_of[person][:clips]]
    with open(sources.with_name(f"{folder.name}-{CLIP_LIST}"), "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    recipe = {
        "name": "Many videos",
        "output": "dataset",
        "sources": [{"csv": file.name}],
        "rights": {"render_if": [rows[0]["permitted_use"]]},
        "generators": [{"name": "warp-dense", "settings": {"size": options.size}}],
        "features": {"distances": "none"},
        "policy": {"min_frames": 8},
        "workers": options.workers,
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    return folder / "recipe.yaml"


class Meter:
    """A reporter that prints what each stage took."""

    def __init__(self, workers: int) -> None:
        self._workers, self._stage, self._items = workers, "", 0
        self._before = _usage()

    def begin_stage(self, stage: str, total: int, finished: int) -> None:
        """The workers of the stage before have ended, so that what they used is known."""
        self.end_stage()
        self._stage, self._items, self._before = stage, 0, _usage()

    def end_item(self, result: ItemResult) -> None:
        self._items += 1

    def end_stage(self) -> None:
        """Prints the line of the stage that ends now."""
        if not self._items:
            return
        clock, own, workers, waited, interrupted = (
            after - before for after, before in zip(_usage(), self._before, strict=True)
        )
        line = {
            "stage": self._stage,
            "items": self._items,
            "seconds": round(clock, 2),
            "items_a_second": round(self._items / clock, 2),
            "process_ms_an_item": round(1000 * (own + workers) / self._items, 1),
            "of_the_main_process": round(1000 * own / self._items, 2),
            "switches_a_worker_second": [round(count / clock / self._workers) for count in (waited, interrupted)],
            "switches_a_process_second": [round(count / (own + workers)) for count in (waited, interrupted)],
        }
        print(json.dumps(line), flush=True)
        self._items = 0


def _usage() -> tuple[float, float, float, int, int]:
    """Clock; processor seconds of this process, and of those that it waited for; their context switches."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return (
        time.perf_counter(),
        own.ru_utime + own.ru_stime,
        others.ru_utime + others.ru_stime,
        own.ru_nvcsw + others.ru_nvcsw,
        own.ru_nivcsw + others.ru_nivcsw,
    )


if __name__ == "__main__":
    main()
