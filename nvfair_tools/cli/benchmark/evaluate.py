"""`nvfair embed`, `nvfair evaluate`: the method author's side."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("dataset", type=_FOLDER)
@click.argument("out", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--checkpoint", "folder", required=True, type=_FOLDER, help="Folder that `nvfair train` wrote, or pretrained:NAME."
)
@click.option("--split", default="test", show_default=True)
@click.option("--generators", "-g", multiple=True, help="Only these generators; repeatable.")
@click.option("--protocol", default="nvfair-seen", show_default=True, help="Name, or a .json file.")
@click.option("--device", default="auto", show_default=True)
def embed(
    dataset: Path, out: Path, folder: Path, split: str, generators: tuple[str, ...], protocol: str, device: str
) -> None:
    """Embed the windows of DATASET's reenactments; write them to OUT, a Parquet file."""
    needs_torch()
    from benchmark import protocols
    from benchmark.methods.checkpoint import load_checkpoint
    from benchmark.methods.embedding_files import write_embeddings
    from benchmark.windows.window_set import read_windows
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.files import make_folder, sha256_of

    rule, checkpoint, data = (
        protocols.load(protocol),
        load_checkpoint(folder, torch_device(device)),
        Dataset.open(dataset),
    )
    videos = data.videos[data.videos["generator"].notna() & (data.videos["split"] == split)]
    if generators:
        videos = videos[videos["generator"].isin(split_names(generators))]
    if videos.empty:
        there = data.videos[data.videos["generator"].notna()]
        raise NvfairError(
            f"no reenactment in split {split!r} by {', '.join(split_names(generators)) or 'any generator'}",
            where=dataset,
            expected=f"splits {', '.join(sorted(there['split'].unique()))}; "
            f"generators {', '.join(sorted(there['generator'].unique()))}",
        )
    make_folder(out.parent)
    windows = read_windows(data, rule, videos=videos["video"], mesh=checkpoint.needs == "mesh")
    meta = {
        "protocol": rule.digest,
        "checkpoint": checkpoint.digest,
        "data": sha256_of(data.folder / "dataset.json"),
    }
    write_embeddings(out, windows, checkpoint.embed_all(windows), meta)
    click.echo(
        f"{out}: {len(windows)} windows of {len(windows.videos)} videos; {len(windows.excluded)} lost some or all"
    )


@click.command()
@click.argument("dataset", type=_FOLDER)
@click.option(
    "--checkpoint",
    "folders",
    multiple=True,
    type=_FOLDER,
    help="Folder that `nvfair train` wrote, or pretrained:NAME; repeatable.",
)
@click.option("--method", "methods", multiple=True, help="Installed method, or package.module:attribute; repeatable.")
@click.option("--embeddings", "files", multiple=True, type=_FILE, help="File of embeddings or scores; repeatable.")
@click.option("--declaration", type=_FILE, help="What the --embeddings were trained on (YAML), where they do not say.")
@click.option("--out", required=True, type=_FOLDER, help="Folder for the report, results.json and the evidence.")
@click.option("--protocol", "names", multiple=True, help="Name, or a .json file. [default: nvfair-seen, nvfair-unseen]")
@click.option("--generators", "-g", multiple=True, help="Test generators; repeatable. [default: all]")
@click.option(
    "--stress", type=click.Choice(["none", "quick", "full"]), default="none", show_default=True, help="Stress sweeps."
)
@click.option("--allow-overlap", is_flag=True, help="Score overlapping people or generators; stamps 'contaminated'.")
@click.option("--device", default="auto", show_default=True)
def evaluate(
    dataset: Path,
    folders: tuple[Path, ...],
    methods: tuple[str, ...],
    files: tuple[Path, ...],
    declaration: Path | None,
    out: Path,
    names: tuple[str, ...],
    generators: tuple[str, ...],
    stress: str,
    allow_overlap: bool,
    device: str,
) -> None:
    """Score methods on DATASET's test people under the protocols; write a report.

    Refuses people, and generators called unseen, that training, selection, thresholds or cohorts have touched.
    """
    needs_torch()
    from benchmark import protocols
    from benchmark.evaluation.run import EvaluationOptions
    from benchmark.evaluation.run import evaluate as run
    from benchmark.methods.candidates import as_candidate
    from benchmark.report import write_report_folder
    from benchmark.stress import StressPlan
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.files import make_folder

    data = Dataset.open(dataset)
    device = torch_device(device)
    candidates = [as_candidate(text, device=device) for text in (*map(str, folders), *methods)]
    candidates += [as_candidate(path, declaration=declaration) for path in files]
    rules = [one for name in names or ("nvfair-seen", "nvfair-unseen") for one in protocols.load_all(name)]
    make_folder(out)
    options = EvaluationOptions(
        generators=split_names(generators),
        allow_overlap=allow_overlap,
        device=device,
        stress={"none": None, "quick": StressPlan.quick(), "full": StressPlan()}[stress],
        evidence=out / "evidence",
    )
    results = run(data, candidates, rules, options, progress=click.echo)
    write_report_folder(out, results, data)
    for cell in results.cells:
        click.echo(f"{cell.title}: {results.headline(cell).value:.3f}")
    for warning in results.warnings:
        click.secho(warning, fg="yellow")
    click.echo(f"report: {out / 'index.html'}")


def split_names(names: tuple[str, ...]) -> tuple[str, ...]:
    """Names given one by one or with commas."""
    return tuple(dict.fromkeys(part for name in names for part in name.split(",") if part))


def needs_torch() -> None:
    """Says which extra to install where torch is missing."""
    try:
        import torch  # noqa: F401
    except ImportError as error:
        from nvfair_tools.errors import MissingExtra

        raise MissingExtra("torch", "train", str(error)) from error


def torch_device(name: str) -> str:
    """The device that `name` (cpu, cuda, cuda:N or auto) means here; NvfairError where there is none."""
    import torch

    from nvfair_tools.errors import NvfairError

    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    if name.startswith("cuda") and not torch.cuda.is_available():
        raise NvfairError("no CUDA device can be used here", remedy="pass --device cpu")
    if name != "cpu" and not name.startswith("cuda"):
        raise NvfairError(f"device {name!r} is unknown", expected="cpu, cuda, cuda:N or auto")
    return name
