"""Everything that a folder says: names, bytes, and the texts of its tables."""

from pathlib import Path

import pyarrow.parquet as pq

_NUMBERS = ("landmarks", "distances", "embedding")


def all_texts(folder: Path) -> str:
    """Names and bytes of everything in a folder; of its tables every value but long numbers, and the metadata."""
    texts = []
    for path in folder.rglob("*"):
        texts.append(path.relative_to(folder).as_posix())
        if path.is_file():
            texts.append(path.read_bytes().decode("latin-1"))
        if path.suffix == ".parquet":
            table = pq.read_table(path, partitioning=None)
            texts.append(str(table.schema.metadata))
            texts.append(
                table.drop_columns([name for name in table.column_names if name in _NUMBERS]).to_pandas().to_csv()
            )
    return "\n".join(texts)


def folder_state(folder: Path) -> dict[str, tuple[int, int, bytes] | None]:
    """Every file below a folder, with its size, its time of change (ns) and its bytes; None for a folder."""
    return {
        path.relative_to(folder).as_posix(): (
            (path.stat().st_size, path.stat().st_mtime_ns, path.read_bytes()) if path.is_file() else None
        )
        for path in folder.rglob("*")
    }
