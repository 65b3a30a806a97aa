"""`nvfair dataset metadata`: the files that describe a data set, written anew."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET, INPUT_FILE


@click.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option(
    "--publication",
    type=INPUT_FILE,
    help="A YAML file with the keys of a recipe's `publication`, in place of what DATASET states.",
)
@dry_run_option
@reports
def metadata(data: Path, publication: Path | None, dry_run: bool) -> dict[str, Any]:
    """Write croissant.json, datasheet.md, datacite.json and .zenodo.json of the finished DATASET anew, from its tables.

    Their hashes in dataset.json change with them, and nothing else. Says what is missing for a DOI.
    """
    from nvfair_tools.curate.footage.cautions import footage_cautions
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.dataset.publication import load_publication
    from nvfair_tools.dataset.segments import read_segments
    from nvfair_tools.leakage.audit import audit_tables
    from nvfair_tools.metadata.datacite import missing_for_doi
    from nvfair_tools.metadata.writing import METADATA_FILES, metadata_texts, rewrite_metadata
    from nvfair_tools.metadata.zenodo import missing_for_zenodo
    from nvfair_tools.pipeline.progress_lines import task_progress

    stated = None if publication is None else load_publication(publication)
    dataset = Dataset.open(data)
    cautions = [*dataset.meta.get("cautions", ()), *footage_cautions(read_segments(data), dataset.videos)]
    with task_progress("landmarks") as report:
        audit = audit_tables(data, dataset.meta, dataset.identities, dataset.videos, report)
    described = rewrite_metadata(dataset, publication=stated, audit=audit, cautions=cautions, writes=not dry_run)
    if not dry_run:
        click.echo(f"{data}: wrote {', '.join(METADATA_FILES)}; access: {described.access.level}")
    if missing := [*missing_for_doi(described), *missing_for_zenodo(described)]:
        click.echo(f"for a DOI there is missing: {', '.join(missing)}")
    content = {"dataset": data, "files": METADATA_FILES, "access": described.access.level, "missing": missing}
    if dry_run:
        sizes = map(len, map(str.encode, metadata_texts(described)))
        files = [Output(data / name, "written anew", size) for name, size in zip(METADATA_FILES, sizes, strict=True)]
        return would_write([*files, Output(data / "dataset.json", "their hashes")], **content)
    return content
