"""The networks' time of a processor a frame beside the published order's, frame by frame in turn, on one thread.

    python -m tests.performance.bench_ratios                             all three, float32
    python -m tests.performance.bench_ratios lia tps --rounds 5 --dtypes float32 bfloat16

Both orders take turns in one process, and what is counted is the time that the processor worked for it: on a machine
with other work wall-clock times mean little, and these ratios stay. *Published order*: for each pair and frame
everything is computed again, as the authors' demo does, by the plain networks in float32. *Ours*: a frame, and its
share of the encodings that 8 targets and 16 frames of a clip use together. Weights are seeded noise.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

from generators import Face, Generator, MotionMode
from generators.device import inference
from tests.performance import bench_face_vid2vid, bench_lia, bench_tps
from tests.performance.measure import convolution_operations, machine, matmul_rate

NETWORKS = {"lia": bench_lia, "tps": bench_tps, "face-vid2vid": bench_face_vid2vid}
TARGETS, FRAMES = 8, 16


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON object a line: the machine, then each network and format."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", metavar="NETWORK", help=", ".join(NETWORKS))
    parser.add_argument("--rounds", type=int, default=3, help="of both orders in turn; medians are printed")
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "bfloat16"), default=["float32"])
    options = parser.parse_args(arguments)
    if unknown := sorted(set(options.networks) - set(NETWORKS)):
        parser.error(f"no network is called {unknown}; there are {list(NETWORKS)}")
    torch.set_num_threads(1)
    print(json.dumps(machine()), flush=True)
    for name in options.networks or NETWORKS:
        published, generators = NETWORKS[name].both_orders(options.dtypes)
        for line in compared(published, generators, options.rounds):
            print(json.dumps({"network": name, **line}), flush=True)


def compared(
    published: Callable[[], Any], generators: dict[str, tuple[Generator, list[Face]]], rounds: int
) -> list[dict[str, object]]:
    """A line for each format: processor seconds of both orders, medians of `rounds` turns.

    published: renders one frame. generators: by format, with two faces, the target's and a driving frame.
    """
    encoded = {}
    for dtype, (generator, faces) in generators.items():
        encoded[dtype] = generator.encode_source(faces[0]), generator.encode_motion(faces[1:])
        _rendered(generator, *encoded[dtype])
    with inference():
        published()
    base: list[float] = []
    taken: dict[str, dict[str, list[float]]] = {
        dtype: {"render": [], "encode_source": [], "encode_motion": []} for dtype in generators
    }
    for _ in range(rounds):
        with inference():
            base.append(processor_seconds(published))
        for dtype, (generator, faces) in generators.items():
            parts = taken[dtype]
            parts["render"].append(processor_seconds(lambda g=generator, e=encoded[dtype]: _rendered(g, *e)))
            parts["encode_source"].append(processor_seconds(lambda g=generator, f=faces: g.encode_source(f[0])))
            parts["encode_motion"].append(processor_seconds(lambda g=generator, f=faces: g.encode_motion(f[1:])))
    lines = []
    for dtype, (generator, _) in generators.items():
        parts = {part: statistics.median(seconds) for part, seconds in taken[dtype].items()}
        ours = parts["render"] + parts["encode_source"] / FRAMES + parts["encode_motion"] / TARGETS
        seconds = statistics.median(base)
        operations = convolution_operations(lambda g=generator, e=encoded[dtype]: _rendered(g, *e))
        lines.append(
            {
                "dtype": dtype,
                "published_order": round(seconds, 3),
                "ours": round(ours, 3),
                "ratio": round(seconds / ours, 2),
                "parts": {part: round(value, 3) for part, value in parts.items()},
                "gigaoperations_rendered": round(operations / 1e9, 1),
                "matmul_gigaoperations_a_second": round(
                    matmul_rate(getattr(torch, dtype), clock=time.process_time) / 1e9, 1
                ),
            }
        )
    return lines


def processor_seconds(work: Callable[[], Any]) -> float:
    """Seconds that the processor worked for `work()`, whatever else the machine did meanwhile."""
    start = time.process_time()
    work()
    return time.process_time() - start


def _rendered(generator: Generator, source: Any, motion: Any) -> None:
    for _ in generator.render(source, motion, MotionMode("absolute")):
        pass


if __name__ == "__main__":
    main()
