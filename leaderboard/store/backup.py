"""Backup and restore: the whole board in one tar file, while it runs.

    manifest.json            format, time, revision of the tables, rows of each table, sha256 of each member
    tables/NAME.jsonl        every row, one JSON object a line
    submissions/DIGEST/...   the files

All tables are read in one transaction, so they show one state of the database. They are written as plain rows, so a
backup of SQLite can be restored into PostgreSQL and the reverse. The files are read afterwards: files are only ever
added, so every submission of that state still has its files.
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
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.files import SubmissionFiles, folder_in
from leaderboard.store.private_files import create_private
from leaderboard.store.tables import Base, UtcDateTime, utc_now
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output, folder_bytes, sha256_of

FORMAT: Literal[1] = 1
_MANIFEST = "manifest.json"
_ROWS_PER_INSERT = 500
_BLOCK_BYTES = 1 << 20
_SUBMISSION_FILE_PATTERN = re.compile(r"submissions/[0-9a-f]{64}/[^\\]+")
_MAX_MANIFEST_BYTES = 256 * 2**20


class Manifest(BaseModel):
    """The contents of a backup: rows of each table, and sha256 of each member of the tar file."""

    format: Literal[1]
    created: datetime
    revision: str
    rows: dict[str, int]
    members: dict[str, str]


def write_backup(engine: Engine, submission_files: SubmissionFiles, path: Path) -> Manifest:
    """Writes a backup to `path`, which only its owner may read. The file appears complete or not at all.

    Raises NvfairError where the database's tables are not of this program's revision.
    """
    with atomic_output(path) as unfinished:
        create_private(unfinished)
        return _write_tar(engine, submission_files, unfinished)


def _write_tar(engine: Engine, submission_files: SubmissionFiles, path: Path) -> Manifest:
    members: dict[str, str] = {}
    rows: dict[str, int] = {}
    with tarfile.open(path, "w") as tar:
        digests: list[str] = []
        with engine.connect().execution_options(**_snapshot_options(engine)) as connection, connection.begin():
            revision = _checked_revision(engine)
            for table in Base.metadata.sorted_tables:
                lines = [json.dumps(row, sort_keys=True) for row in _table_rows(connection, table)]
                rows[table.name] = len(lines)
                _add_member(tar, f"tables/{table.name}.jsonl", "".join(f"{line}\n" for line in lines).encode(), members)
                if table.name == "submissions":
                    digests = [json.loads(line)["digest"] for line in lines]
        for digest in digests:
            folder = submission_files.folder_of(digest)
            if not folder.is_dir():  # added by `nvfair board add`, which stores no files
                continue
            for file in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
                name = f"submissions/{digest}/{file.relative_to(folder).as_posix()}"
                members[name] = sha256_of(file)
                tar.add(file, name, recursive=False, filter=_without_owner_and_time)
        manifest = Manifest(format=FORMAT, created=utc_now(), revision=revision, rows=rows, members=members)
        _add_member(tar, _MANIFEST, manifest.model_dump_json(indent=1).encode(), {})
    return manifest


def planned_backup(engine: Engine, files: Path) -> tuple[dict[str, int], int]:
    """(rows of each table, bytes of the submissions' files, which lie in the folder `files`). Raises what
    `write_backup` raises before it writes."""
    _checked_revision(engine)
    with read_session(engine) as session:
        rows = {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
        digests = session.scalars(select(Base.metadata.tables["submissions"].c.digest)).all()
    return rows, sum(folder_bytes(folder_in(files, digest)) for digest in digests)


def _checked_revision(engine: Engine) -> str:
    """The revision of the database's tables. Raises NvfairError where it is not this program's."""
    revision = schema.database_revision(engine)
    if revision != schema.newest_revision():
        raise NvfairError(
            f"the database has tables of revision {revision}, not this program's ({schema.newest_revision()})",
            remedy="back it up with the release that made it, or copy the file while nothing runs",
        )
    return revision


def check_backup(path: Path) -> Manifest:
    """The manifest of an undamaged backup.

    Raises Problems with every member that is missing, changed or not in the manifest, and NvfairError where the file
    cannot be read.
    """
    try:
        with tarfile.open(path, "r:") as tar:
            names = tar.getnames()
            manifest = _read_manifest(tar, path)
            expected_names = {*manifest.members, _MANIFEST}
            problems = [f"{name}: is not in the manifest" for name in names if name not in expected_names]
            problems += [f"{name}: is there twice" for name, count in Counter(names).items() if count > 1]
            members = {member.name: member for member in tar.getmembers()}
            for name, digest in manifest.members.items():
                problems += _member_problems(tar, name, members.get(name), digest)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise NvfairError(f"cannot be read: {error}", where=path, expected="a file of `board admin backup`") from error
    if problems:
        raise Problems(path, problems, remedy="use another backup: this one is damaged")
    return manifest


def restore_backup(engine: Engine, submission_files: SubmissionFiles, path: Path) -> Manifest:
    """Fills an empty board from a backup: first the files, then all rows in one transaction.

    Raises NvfairError where the board is not empty, or the backup is damaged or of another revision.
    """
    manifest = check_backup(path)
    if manifest.revision != schema.newest_revision():
        raise NvfairError(
            f"the backup has tables of revision {manifest.revision}, this program {schema.newest_revision()}",
            where=path,
            remedy="restore it with the release that made it, then `nvfair board admin upgrade`",
        )
    schema.prepare_tables(engine)
    _refuse_filled_board(engine)
    with tarfile.open(path, "r:") as tar:
        _restore_files(tar, manifest, submission_files)
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            for table in Base.metadata.sorted_tables:
                _fill_table(connection, table, tar)
    with write_session(engine) as session:
        record_action(session, "admin", "restored", path.name, details={"backup of": manifest.created.isoformat()})
    return manifest


def _snapshot_options(engine: Engine) -> dict[str, Any]:
    """Options of a connection whose transaction sees one state of the database. SQLite's transactions always do."""
    return {"isolation_level": "REPEATABLE READ"} if engine.dialect.name == "postgresql" else {}


def _table_rows(connection: Connection, table: Table) -> Iterator[dict[str, Any]]:
    for row in connection.execute(select(table).order_by(*table.primary_key)).mappings():
        yield {name: value.isoformat() if isinstance(value, datetime) else value for name, value in row.items()}


def _fill_table(connection: Connection, table: Table, tar: tarfile.TarFile) -> None:
    time_columns = {column.name for column in table.columns if isinstance(column.type, UtcDateTime)}
    file = tar.extractfile(f"tables/{table.name}.jsonl")
    assert file is not None
    batch: list[dict[str, Any]] = []
    for line in file:
        row = json.loads(line)
        batch.append(
            {
                name: datetime.fromisoformat(value) if name in time_columns and value else value
                for name, value in row.items()
            }
        )
        if len(batch) == _ROWS_PER_INSERT:
            connection.execute(insert(table), batch)
            batch = []
    if batch:
        connection.execute(insert(table), batch)
    if connection.dialect.name == "postgresql" and "id" in table.c and isinstance(table.c.id.type, Integer):
        _advance_sequence(connection, table, "id")


def _advance_sequence(connection: Connection, table: Table, key: str) -> None:
    """Sets PostgreSQL's counter of new ids to the largest id that was restored."""
    sequence = connection.scalar(text("SELECT pg_get_serial_sequence(:table, :key)"), {"table": table.name, "key": key})
    if sequence:
        newest = connection.scalar(select(func.max(table.c[key])))
        if newest is not None:
            connection.execute(text("SELECT setval(:sequence, :newest)"), {"sequence": sequence, "newest": newest})


def _refuse_filled_board(engine: Engine) -> None:
    with engine.connect() as connection:
        filled_tables = [
            table.name
            for table in Base.metadata.sorted_tables
            if inspect(connection).has_table(table.name) and connection.execute(select(table).limit(1)).first()
        ]
    if filled_tables:
        raise NvfairError(
            f"the board is not empty: there are rows in {', '.join(filled_tables)}",
            remedy="restore into a new database and folder (`store` and `files` of the settings)",
        )


def _restore_files(tar: tarfile.TarFile, manifest: Manifest, submission_files: SubmissionFiles) -> None:
    names_by_digest: dict[str, list[str]] = {}
    members = {member.name: member for member in tar.getmembers()}
    for name in manifest.members:
        parts = PurePosixPath(name).parts
        if parts[0] == "submissions":
            names_by_digest.setdefault(parts[1], []).append(name)
    for digest, names in names_by_digest.items():
        with submission_files.scratch_folder() as scratch:
            for name in names:
                target = scratch / "plain" / PurePosixPath(name).relative_to(f"submissions/{digest}")
                target.parent.mkdir(parents=True, exist_ok=True)
                source = tar.extractfile(members[name])
                assert source is not None
                with open(target, "wb") as out:
                    while block := source.read(_BLOCK_BYTES):
                        out.write(block)
            submission_files.add(scratch / "plain", digest)


def _read_manifest(tar: tarfile.TarFile, path: Path) -> Manifest:
    try:
        member = tar.getmember(_MANIFEST)
        file = tar.extractfile(member)
        if file is None or member.size > _MAX_MANIFEST_BYTES:
            raise KeyError(_MANIFEST)
        manifest = Manifest.model_validate_json(file.read())
    except (KeyError, ValidationError) as error:
        raise NvfairError(
            "has no manifest that this program reads", where=path, expected=f"a backup of format {FORMAT}"
        ) from error
    table_names = {f"tables/{table.name}.jsonl" for table in Base.metadata.sorted_tables}
    names = set(manifest.members)
    foreign_names = [name for name in names - table_names if not _is_submission_file(name)]
    if table_names - names or foreign_names:
        missing = [f"{name}: is missing" for name in sorted(table_names - names)]
        raise Problems(path, [*missing, *(f"{name!r}: is not a name of a backup" for name in foreign_names)])
    return manifest


def _is_submission_file(name: str) -> bool:
    return _SUBMISSION_FILE_PATTERN.fullmatch(name) is not None and ".." not in PurePosixPath(name).parts


def _member_problems(tar: tarfile.TarFile, name: str, member: tarfile.TarInfo | None, expected: str) -> list[str]:
    if member is None:
        return [f"{name}: is missing"]
    file = tar.extractfile(member) if member.isreg() else None
    if file is None:
        return [f"{name}: is not a regular file"]
    digest = hashlib.sha256()
    while block := file.read(_BLOCK_BYTES):
        digest.update(block)
    return [] if digest.hexdigest() == expected else [f"{name}: is not what was backed up"]


def _add_member(tar: tarfile.TarFile, name: str, content: bytes, members: dict[str, str]) -> None:
    """Adds a file to the tar file, and its sha256 to `members`."""
    member = tarfile.TarInfo(name)
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    members[name] = hashlib.sha256(content).hexdigest()


def _without_owner_and_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
    plain = tarfile.TarInfo(member.name)
    plain.size = member.size
    return plain
