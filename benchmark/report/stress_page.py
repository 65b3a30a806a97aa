"""The folder of `nvfair stress`: stress.json, stress.html and stress.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from benchmark.protocols.schema import Protocol
from benchmark.report.markdown import escaped, stress_lines
from benchmark.report.stress_tables import stress_tables
from benchmark.report.templates import template
from benchmark.stress.rates import StressRate
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import make_folder, sha256_of, write_text

STRESS_VERSION = 1


def write_stress_folder(folder: Path, rows: Sequence[StressRate], dataset: Dataset, protocol: Protocol) -> None:
    """Writes rows of stress tests as JSON, as a page that needs nothing else, and as Markdown.

    stress.json comes first, so that nothing is lost where a page cannot be made.
    """
    make_folder(folder)
    facts = {
        "name": dataset.name,
        "sha256": sha256_of(dataset.folder / "dataset.json"),
        "simulated": bool(dataset.meta.get("simulated", False)),
        "protocol": f"{protocol.name}, {protocol.digest}",
    }
    content = {"format_version": STRESS_VERSION, **facts, "rows": [row.to_json() for row in rows]}
    write_text(folder / "stress.json", json.dumps(content, indent=1, sort_keys=True, allow_nan=False) + "\n")
    write_text(folder / "stress.html", template("stress_page.html.j2").render(tables=stress_tables(rows), **facts))
    lines = [f"# {escaped(dataset.name)}: error rates under stress", "", *stress_lines(rows, level=2)]
    write_text(folder / "stress.md", "\n".join(lines) + "\n")
