"""The content of files whose bytes do not show it: compressed pages, packed members, tags, tables of databases.

Each decoder yields (place, bytes) for what a file holds; what cannot be decoded raises `Undecodable`, and is reported.
"""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import sqlite3
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.media.container import open_input, tags_of

_MOST_MEMBER_BYTES = 2 << 30
_ROWS_AT_ONCE = 50_000
_DAMAGED = (pa.ArrowException, zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, ValueError, EOFError,
            tarfile.TarError, NotImplementedError, RuntimeError, sqlite3.Error)  # fmt: skip
_PICTURE_STARTS = (b"\x89PNG\r\n\x1a\n",)
# The first bytes of containers whose tags PyAV reads: Matroska and WebM, Ogg, FLV, ASF, MPEG.
_VIDEO_STARTS = (b"\x1aE\xdf\xa3", b"OggS", b"FLV", b"0&\xb2u", b"\x00\x00\x01\xba")


class Undecodable(Exception):
    """A file or member that says what it is and cannot be read."""


def decoded(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yields what is inside a file, beyond its plain bytes. Raises Undecodable where it is damaged."""
    with open(path, "rb") as file:
        start = file.read(512)
        file.seek(0)
        try:
            if start.startswith(b"SQLite format 3\0"):
                yield from _sqlite(path)
            elif start[4:8] == b"ftyp" or start.startswith(_VIDEO_STARTS) or start[8:12] in (b"AVI ", b"WAVE"):
                yield from _tags(path)
            else:
                yield from _members(file, start, path.stat().st_size)
        except _DAMAGED as error:
            raise Undecodable(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}") from error


def decoded_member(name: str, content: bytes) -> Iterator[tuple[str, bytes]]:
    """Yields what is inside a packed member, beyond its plain bytes. Raises Undecodable where it is damaged."""
    try:
        for place, inner in _members(io.BytesIO(content), content[:512], len(content)):
            yield f"{name}, {place}", inner
    except _DAMAGED as error:
        raise Undecodable(f"{name}: {type(error).__name__}: {error}") from error


def _members(file: BinaryIO, start: bytes, size: int) -> Iterator[tuple[str, bytes]]:
    """By the first bytes: Parquet, Arrow, zip (and .npz, .pt, .xlsx), gzip, bzip2, xz, tar, PNG, numpy."""
    if start.startswith(b"PAR1"):
        yield from _parquet(file)
    elif start.startswith(b"PK\x03\x04"):
        yield from _zip(file)
    elif start.startswith((b"\x1f\x8b", b"BZh", b"\xfd7zXZ\0")):
        unpack: Any = {b"\x1f": gzip.open, b"B": bz2.open, b"\xfd": lzma.open}[start[:1]]
        with unpack(file) as packed:
            content = packed.read(_MOST_MEMBER_BYTES + 1)
        if len(content) > _MOST_MEMBER_BYTES:
            raise Undecodable(f"it unpacks to more than {_MOST_MEMBER_BYTES} bytes")
        yield "unpacked", content
    elif start[257:262] == b"ustar":
        yield from _tar(file)
    elif start.startswith(_PICTURE_STARTS):
        yield from _png(file)
    elif start.startswith(b"\x93NUMPY"):
        array = np.lib.format.read_array(file, allow_pickle=False)
        if array.dtype.kind in "US":
            yield "texts", "\n".join(map(str, np.unique(array).tolist())).encode()
    elif start.startswith(b"ARROW1\0\0"):
        with pa.ipc.open_file(file) as reader:
            for number in range(reader.num_record_batches):
                yield from _columns(reader.get_batch(number), f"batch {number}")
    elif start.startswith(b"\xff\xff\xff\xff") and size > 8:  # a stream of Arrow, as `datasets` keeps
        try:
            stream = pa.ipc.open_stream(file)
        except pa.ArrowException:
            return  # other files may begin like this
        with stream:
            for number, batch in enumerate(stream):
                yield from _columns(batch, f"batch {number}")


def _parquet(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with pq.ParquetFile(file) as table:
        metadata = table.schema_arrow.metadata or {}
        yield "metadata of the table", b"\n".join(part for pair in metadata.items() for part in pair)
        names = [field.name for field in table.schema_arrow if _holds_text(field.type)]
        if not names:
            return
        for group in range(table.num_row_groups):
            for batch in table.iter_batches(_ROWS_AT_ONCE, row_groups=[group], columns=names):
                yield from _columns(batch, f"row group {group}")


def _columns(batch: pa.RecordBatch, where: str) -> Iterator[tuple[str, bytes]]:
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if _holds_text(column.type):
            yield f"column {name}, {where}", b"\n".join(sorted(_texts(column)))


def _holds_text(type_: pa.DataType) -> bool:
    if pa.types.is_nested(type_):
        return any(_holds_text(type_.field(number).type) for number in range(type_.num_fields))
    if pa.types.is_dictionary(type_):
        return _holds_text(type_.value_type)
    return any(
        check(type_)
        for check in (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_large_binary,
                      pa.types.is_fixed_size_binary)
    )  # fmt: skip


def _texts(column: pa.Array) -> set[bytes]:
    """The different texts of a column, those of a dictionary included that no row uses."""
    if pa.types.is_dictionary(column.type):
        return _texts(column.dictionary)
    if pa.types.is_struct(column.type):
        fields = (column.field(number) for number in range(column.type.num_fields))
        return set().union(*(_texts(field) for field in fields if _holds_text(field.type)))
    if pa.types.is_map(column.type):
        return _texts(column.keys) | _texts(column.items)
    if pa.types.is_nested(column.type):
        return _texts(column.flatten())
    if not _holds_text(column.type):
        return set()
    values = column.unique().drop_null().to_pylist()
    return {value if isinstance(value, bytes) else value.encode() for value in values}


def _zip(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(file) as archive:
        yield "comment of the archive", archive.comment
        for member in archive.infolist():
            if member.file_size > _MOST_MEMBER_BYTES:
                raise Undecodable(f"{member.filename} has {member.file_size} bytes")
            yield f"name {member.filename}", member.filename.encode() + member.comment + member.extra
            if not member.is_dir():
                yield f"member {member.filename}", archive.read(member)


def _tar(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            yield f"name {member.name}", f"{member.name}\n{member.linkname}".encode()
            source = archive.extractfile(member)
            if source is not None:
                yield f"member {member.name}", source.read()


def _png(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """The text chunks of a PNG, which may be compressed."""
    file.seek(8)
    while len(header := file.read(8)) == 8:
        length, name = int.from_bytes(header[:4], "big"), header[4:]
        content = file.read(length)
        file.seek(4, io.SEEK_CUR)
        if name == b"zTXt":
            keyword, _, rest = content.partition(b"\0")
            yield f"text {keyword.decode('latin-1')}", zlib.decompress(rest[1:])
        elif name == b"iTXt":
            keyword, _, rest = content.partition(b"\0")
            is_packed, rest = rest[:1] == b"\1", rest[2:].split(b"\0", 2)[-1]
            yield f"text {keyword.decode('latin-1')}", zlib.decompress(rest) if is_packed else rest


def _tags(path: Path) -> Iterator[tuple[str, bytes]]:
    """The tags of a container and of its streams, as PyAV reads them."""
    try:
        import av
    except ImportError as error:
        raise Undecodable("its tags are read with PyAV: pip install 'nvfair-tools[media]'") from error
    try:
        with open_input(str(path)) as container:
            holders = [("container", tags_of(container))]
            holders += [(f"stream {stream.index}", tags_of(stream)) for stream in container.streams]
            for name, tags in holders:
                yield f"tags of the {name}", "\n".join(f"{key}={value}" for key, value in tags.items()).encode()
    except av.FFmpegError as error:
        raise Undecodable(f"its tags cannot be read: {error}") from error


def _sqlite(path: Path) -> Iterator[tuple[str, bytes]]:
    """All texts of all tables: a long one lies in pieces in the file's pages. Free pages are among the plain bytes."""
    log = path.with_name(f"{path.name}-wal")
    # Without a log, nothing is changed by this look at the file, not even the files that SQLite puts beside it.
    options = "mode=ro" if log.is_file() and log.stat().st_size else "mode=ro&immutable=1"
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, timeout=30)) as database:
        database.text_factory = bytes
        tables = [name.decode() for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        for table in tables:
            quoted = table.replace('"', '""')
            cursor = database.execute(f'SELECT * FROM "{quoted}"')
            while rows := cursor.fetchmany(_ROWS_AT_ONCE):
                yield f"table {table}", b"\n".join(value for row in rows for value in row if isinstance(value, bytes))
