"""Backup and restore: the whole board in one tar file, while it runs.

    manifest.json            format, time, revision of the tables, rows of each table, sha256 of each member
    tables/NAME.jsonl        every row, one JSON object a line
    submissions/DIGEST/...   the files

The tables are read in one transaction, which sees one moment of the database; they are written as plain rows, so that a
backup of SQLite restores into PostgreSQL and the reverse. The files are read afterwards: they are only ever added, so
that every submission of that moment has its own.
"""

from __future__ import annotations

import hashlib
import io
import json
import re
import tarfile
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection, Engine, Integer, Table, func, insert, inspect, select, text

from leaderboard.store import schema
from leaderboard.store.audit_log import note
from leaderboard.store.database import writing
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.tables import Base, Moment, now
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output

FORMAT: Literal[1] = 1
_MANIFEST = "manifest.json"
_BATCH = 500
_FILE = re.compile(r"submissions/[0-9a-f]{64}/[^\\]+")
_MANIFEST_BYTES = 256 * 2**20


class Manifest(BaseModel):
    """What a backup holds."""

    format: Literal[1]
    created: datetime
    revision: str
    rows: dict[str, int]
    members: dict[str, str]  # name -> sha256


def backup(engine: Engine, submission_files: SubmissionFiles, path: Path) -> Manifest:
    """Writes a backup to `path`, which appears whole or not at all."""
    members: dict[str, str] = {}
    rows: dict[str, int] = {}
    with atomic_output(path) as aside, tarfile.open(aside, "w") as tar:
        submissions: list[str] = []
        with engine.connect().execution_options(**_one_moment(engine)) as connection, connection.begin():
            revision = schema.revision(engine)
            if revision != schema.head():
                raise NvfairError(
                    f"the database has tables of revision {revision}, not this program's ({schema.head()})",
                    remedy="back it up with the release that made it, or copy the file while nothing runs",
                )
            for table in Base.metadata.sorted_tables:
                lines = [json.dumps(row, sort_keys=True) for row in _rows(connection, table)]
                rows[table.name] = len(lines)
                _add(tar, f"tables/{table.name}.jsonl", "".join(f"{line}\n" for line in lines).encode(), members)
                if table.name == "submissions":
                    submissions = [json.loads(line)["digest"] for line in lines]
        for digest in submissions:
            folder = submission_files.folder_of(digest)  # none: added by `nvfair board add`, which keeps no files
            for file in sorted(one for one in folder.rglob("*") if one.is_file()) if folder.is_dir() else ():
                name = f"submissions/{digest}/{file.relative_to(folder).as_posix()}"
                members[name] = _sha256(file)
                tar.add(file, name, recursive=False, filter=_plain)
        manifest = Manifest(format=FORMAT, created=now(), revision=revision, rows=rows, members=members)
        _add(tar, _MANIFEST, manifest.model_dump_json(indent=1).encode(), {})
    return manifest


def check(path: Path) -> Manifest:
    """The manifest of a whole backup. Raises NvfairError or Problems where anything is missing, changed or surplus."""
    try:
        with tarfile.open(path, "r:") as tar:
            names = tar.getnames()
            manifest = _manifest(tar, path)
            known = {*manifest.members, _MANIFEST}
            problems = [f"{name}: is not in the manifest" for name in names if name not in known]
            problems += [f"{name}: is there twice" for name, count in Counter(names).items() if count > 1]
            held = {member.name: member for member in tar.getmembers()}
            for name, expected in manifest.members.items():
                problems += _changed(tar, name, held.get(name), expected)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise NvfairError(f"cannot be read: {error}", where=path, expected="a file of `board admin backup`") from error
    if problems:
        raise Problems(path, problems, remedy="use another backup: this one is damaged")
    return manifest


def restore(engine: Engine, submission_files: SubmissionFiles, path: Path) -> Manifest:
    """Fills an empty board from a backup: first the files, then all rows in one transaction.

    Raises NvfairError where the board is not empty, or the backup is damaged or of another revision.
    """
    manifest = check(path)
    if manifest.revision != schema.head():
        raise NvfairError(
            f"the backup has tables of revision {manifest.revision}, this program {schema.head()}",
            where=path,
            remedy="restore it with the release that made it, then `nvfair board admin upgrade`",
        )
    schema.prepare(engine)
    _refuse_full(engine)
    with tarfile.open(path, "r:") as tar:
        _restore_files(tar, manifest, submission_files)
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            for table in Base.metadata.sorted_tables:
                _fill(connection, table, tar)
    with writing(engine) as session:
        note(session, "admin", "restored", path.name, details={"backup of": manifest.created.isoformat()})
    return manifest


def _one_moment(engine: Engine) -> dict[str, Any]:
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def _rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).order_by(*table.primary_key)).mappings():
        yield {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _fill(connection: Connection, table: Table, tar: tarfile.TarFile) -> None:
    moments = {column.name for column in table.columns if isinstance(column.type, Moment)}
    file = tar.extractfile(f"tables/{table.name}.jsonl")
    assert file is not None
    batch: list[dict[str, Any]] = []
    for line in file:
        row = json.loads(line)
        batch.append({k: datetime.fromisoformat(v) if k in moments and v else v for k, v in row.items()})
        if len(batch) == _BATCH:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql" and "id" in table.c and isinstance(table.c.id.type, Integer):
        _advance(connection, table, "id")


def _advance(connection: Connection, table: Table, key: str) -> None:
    """PostgreSQL counts rows by itself, and must go on after those that were put in with their numbers."""
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": key})
    if sequence:
        newest = connection.scalar(select(func.max(table.c[key])))
        if newest is not None:
            connection.execute(text("SELECT setval(:sequence, :newest)"), {"sequence": sequence, "newest": newest})


def _refuse_full(engine: Engine) -> None:
    with engine.connect() as connection:
        full = [
            table.name
            for table in Base.metadata.sorted_tables
            if inspect(connection).has_table(table.name) and connection.execute(select(table).limit(1)).first()
        ]
    if full:
        raise NvfairError(
            f"the board is not empty: there are rows in {', '.join(full)}",
            remedy="restore into a new database and folder (`store` and `files` of the settings)",
        )


def _restore_files(tar: tarfile.TarFile, manifest: Manifest, submission_files: SubmissionFiles) -> None:
    folders: dict[str, list[str]] = {}
    held = {member.name: member for member in tar.getmembers()}
    for name in manifest.members:
        parts = PurePosixPath(name).parts
        if parts[0] == "submissions":
            folders.setdefault(parts[1], []).append(name)
    for digest, names in folders.items():
        with submission_files.scratch_folder() as aside:
            for name in names:
                target = aside / "plain" / PurePosixPath(name).relative_to(f"submissions/{digest}")
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(held[name])
                assert source is not None
                with open(target, "wb") as out:
                    while block := source.read(1 << 20):
                        out.write(block)
            submission_files.add(aside / "plain", digest)


def _manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    try:
        member = tar.getmember(_MANIFEST)
        file = tar.extractfile(member)
        if file is None or member.size > _MANIFEST_BYTES:
            raise KeyError(_MANIFEST)
        manifest = Manifest.model_validate_json(file.read())
    except (KeyError, ValidationError) as error:
        raise NvfairError(
            "has no manifest that this program reads", where=path, expected=f"a backup of format {FORMAT}"
        ) from error
    expected = {f"tables/{table.name}.jsonl" for table in Base.metadata.sorted_tables}
    names = set(manifest.members)
    strange = [name for name in names - expected if not _is_file_name(name)]
    if expected - names or strange:
        missing = [f"{name}: is missing" for name in sorted(expected - names)]
        raise Problems(path, [*missing, *(f"{name!r}: is no name of ours" for name in strange)])
    return manifest


def _is_file_name(name: str) -> bool:
    return _FILE.fullmatch(name) is not None and ".." not in PurePosixPath(name).parts


def _changed(tar: tarfile.TarFile, name: str, member: tarfile.TarInfo | None, expected: str) -> list[str]:
    if member is None:
        return [f"{name}: is missing"]
    file = tar.extractfile(member) if member.isreg() else None
    if file is None:
        return [f"{name}: is no plain file"]
    digest = hashlib.sha256()
    while block := file.read(1 << 20):
        digest.update(block)
    return [] if digest.hexdigest() == expected else [f"{name}: is not what was backed up"]


def _add(tar: tarfile.TarFile, name: str, content: bytes, members: dict[str, str]) -> None:
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    members[name] = hashlib.sha256(content).hexdigest()


def _plain(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Without whose the file was, and when."""
    plain = tarfile.TarInfo(member.name)
    plain.size = member.size
    return plain


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
