"""`nvfair compare`: two methods on the same trials, with the paired interval of their difference."""

from __future__ import annotations

from pathlib import Path

import click

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("dataset", type=click.Path(path_type=Path, file_okay=False))
@click.argument("first")
@click.argument("second")
@click.option("--protocol", "names", multiple=True, help="Name, or a .json file. [default: nvfair-seen, nvfair-unseen]")
@click.option("--generators", "-g", multiple=True, help="Test generators; repeatable. [default: all]")
@click.option(
    "--declaration", multiple=True, type=click.Path(path_type=Path, dir_okay=False), help="Of FIRST, of SECOND."
)
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the differences to this JSON file.")
@click.option("--allow-overlap", is_flag=True, help="Compare in spite of overlapping people or generators.")
@click.option("--device", default="auto", show_default=True)
def compare(
    dataset: Path,
    first: str,
    second: str,
    names: tuple[str, ...],
    generators: tuple[str, ...],
    declaration: tuple[Path, ...],
    out: Path | None,
    allow_overlap: bool,
    device: str,
) -> None:
    """FIRST less SECOND on DATASET's test people: checkpoints, installed methods, or files of embeddings or scores."""
    import json

    from rich.console import Console
    from rich.table import Table

    from benchmark import protocols
    from benchmark.evaluation.compare import compare as run
    from benchmark.methods.candidates import as_candidate
    from nvfair_tools.cli.benchmark.evaluate import needs_torch, split_names, torch_device
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.files import write_text

    needs_torch()
    declared = [*declaration, None, None][:2]
    pair = [
        as_candidate(text, device=torch_device(device), declaration=said)
        for text, said in zip((first, second), declared, strict=True)
    ]
    rules = [one for name in names or ("nvfair-seen", "nvfair-unseen") for one in protocols.load_all(name)]
    rows = run(
        Dataset.open(dataset),
        pair[0],
        pair[1],
        rules,
        generators=split_names(generators),
        allow_overlap=allow_overlap,
        progress=click.echo,
    )
    table = Table("protocol", "tested on", pair[0].name, pair[1].name, "difference", "95 % interval", "decided")
    for row in rows:
        auc = row.auc_mean
        interval = auc.reason if auc.low is None else f"{auc.low:+.3f} to {auc.high:+.3f}"
        relations = list(dict.fromkeys([row.first.relation, row.second.relation]))
        table.add_row(
            row.protocol,
            f"{row.generator} ({' / '.join(relations)})",
            f"{auc.first:.3f}",
            f"{auc.second:.3f}",
            f"{auc.difference:+.3f}",
            interval,
            "yes" if auc.decided else "no",
        )
    Console().print(table)
    click.echo("Mean AUC over people; one weight a person serves both methods. Where it says no, they are not ranked.")
    if out is not None:
        write_text(out, json.dumps([row.to_json() for row in rows], indent=1, sort_keys=True, allow_nan=False) + "\n")
