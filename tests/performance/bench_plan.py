"""Planning at the size of a large data set: seconds and peak memory, each part in a process of its own.

python -m tests.performance.bench_plan --pairs 10_000_000 --finished 1_000_000

`plan`: pairs and ids of all videos, and the batches of the first tile. `resume`: a plan whose videos are all in the
journal, each with a file, and what a second run does before it finds that nothing is left.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import numpy as np

PEOPLE = 500  # in one source and split


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=lambda text: int(text.replace("_", "")), default=1_000_000)
    parser.add_argument("--finished", type=lambda text: int(text.replace("_", "")), default=100_000)
    parser.add_argument("--part", choices=("plan", "resume"), help="run one part in this process")
    options = parser.parse_args()
    if options.part:
        figures = plan_part(options.pairs) if options.part == "plan" else resume_part(options.finished)
        # On a machine with other work, the seconds of the processor say more than those of the clock.
        figures["process_s"] = round(time.process_time(), 2)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print(json.dumps({"part": options.part, **figures, "peak_gb": round(peak, 3)}), flush=True)
        return
    for part in ("plan", "resume"):
        sizes = ["--pairs", str(options.pairs), "--finished", str(options.finished)]
        subprocess.run([sys.executable, "-m", "tests.performance.bench_plan", "--part", part, *sizes], check=True)


def plan_part(pairs: int) -> dict[str, float]:
    """Figures of planning `pairs` videos."""
    from nvfair_tools.curate.reenactments import batches

    with tempfile.TemporaryDirectory() as folder:
        start = time.perf_counter()
        plan, pair_seconds = _plan(Path(folder), pairs, None)
        planned = time.perf_counter() - start
        some = list(islice(batches(plan, 0, np.ones(len(plan), bool)), 100))
        ready = time.perf_counter() - start
    assert len(plan) == pairs
    assert all(batch.items for batch in some)
    return {
        "videos": len(plan),
        "pairs_s": pair_seconds,
        "planned_s": round(planned, 2),
        "first_batches_s": round(ready, 2),
    }


def resume_part(finished: int) -> dict[str, float]:
    """Figures of finding that `finished` videos are done."""
    from nvfair_tools.curate.reenactments import render_reenactments
    from nvfair_tools.pipeline.engines.local import LocalEngine
    from nvfair_tools.pipeline.items import ok
    from nvfair_tools.pipeline.journal import Journal
    from nvfair_tools.pipeline.progress import Silent
    from nvfair_tools.pipeline.stage import StageRunner

    with tempfile.TemporaryDirectory() as folder, Journal(Path(folder) / "journal.sqlite") as journal:
        runner = StageRunner(Path(folder), journal, LocalEngine(0), Silent(), 60.0)
        plan, _ = _plan(Path(folder), finished, runner)
        made: set[str] = set()
        for rendering in plan:
            path = Path(folder) / rendering.path
            if str(path.parent) not in made:
                path.parent.mkdir(parents=True)
                made.add(str(path.parent))
            os.close(os.open(path, os.O_CREAT))
            facts = {"bytes": 0, "sha256": "0" * 64, "frames": 90, "width": 256, "height": 256}
            journal.record("render", rendering.id, ok(path=rendering.path, **facts))
        start, cpu = time.perf_counter(), time.process_time()
        plan, _ = _plan(Path(folder), finished, runner)
        results = render_reenactments(plan)
        taken, cpu = time.perf_counter() - start, time.process_time() - cpu
        assert results.is_ok.all()
    return {"videos": len(plan), "resumed_s": round(taken, 2), "resumed_process_s": round(cpu, 2)}


def _plan(folder: Path, pairs: int, runner):  # type: ignore[no-untyped-def]
    """The plan of one generator for that many pairs, and the seconds that the pairs took."""
    from nvfair_tools.curate.ingest import Clip
    from nvfair_tools.curate.pairs import Driver, Target, plan_pairs
    from nvfair_tools.curate.plans.renderings import plan_renderings
    from nvfair_tools.curate.portraits import Portrait
    from nvfair_tools.curate.session import Session
    from nvfair_tools.pipeline.items import item_id, ok
    from nvfair_tools.pipeline.workspace import Workspace
    from nvfair_tools.recipe.clip_list import ClipRow
    from nvfair_tools.recipe.recipe import Recipe
    from tests.nvfair_tools.curate.plain_generator import dense_warp

    recipe = Recipe.model_validate(
        {
            "name": "Plan",
            "output": str(folder),
            "sources": [{"csv": "clips.csv"}],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
        }
    )
    facts = {"frames": 90, "fps_num": 30, "fps_den": 1, "flags": []}
    clips, portraits = {}, {}
    for person in range(PEOPLE):
        identity = f"x:{person:04d}"
        portraits[identity] = Portrait(item_id("portrait", identity=identity), identity, f"{person}.png", "", (), ok())
        for number in range(-(-pairs // PEOPLE**2)):
            row = ClipRow(
                Path(f"{person}/{number}.mp4"), f"{person}/{number}.mp4", identity, "x", "CC0", "yes", "research", ""
            )
            id = item_id("clip", content=row.name)
            clips[id] = Clip(id, row, "train", ok(), id, item_id("track", content=id), facts)
    drivers = [Driver(clip.id, clip.row.identity, "x", "train", clip.row.name) for clip in clips.values()]
    generator = dense_warp()
    start = time.perf_counter()
    table = plan_pairs(drivers, [Target(identity, "x", "train") for identity in portraits])[:pairs]
    taken = time.perf_counter() - start
    session = Session(recipe, Workspace(folder), runner)
    names = {id: Path(clip.row.name).stem for id, clip in clips.items()}
    return plan_renderings(session, table, [generator], clips, names, portraits), round(taken, 2)


if __name__ == "__main__":
    main()
