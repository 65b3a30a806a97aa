"""Mends the files of a data set that are missing or damaged: first its record, then its tables, then all others.

A file counts as mended when its SHA-256 is the promised one, and only then takes the damaged one's place. What was
there is moved to `.repair/damaged` meanwhile, and deleted at the end. After an interruption the same call goes on.
"""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.checking import CheckReport, check_dataset
from nvfair_tools.dataset.checking.check import Progress
from nvfair_tools.dataset.repairing.record import RECORD, TABLES, evidence_of, whole_record
from nvfair_tools.dataset.repairing.single_bit import corrected_record
from nvfair_tools.dataset.repairing.sources import Copy, FileSource, HashedFiles, OwnColumns, SingleBit, put_in_place
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, sha256_of
from nvfair_tools.quantities import count_text

WORK = ".repair"  # the folder, in the data set, of what a repair needs
# What describes the others, and is written from them.
_DESCRIPTIONS = ("README.md", "croissant.json", "datasheet.md", "datacite.json", ".zenodo.json")
_UNPROVEN = "no hash of it is known"
_NO_SOURCE = "nothing here has or gives its content"

# Gives more sources, from the data set's folder and the content of its dataset.json; called once the tables are whole.
MoreSources = Callable[[Path, Mapping[str, Any]], Sequence[FileSource]]


@dataclass(frozen=True)
class RepairReport:
    """What a repair has done. mended: by file, where the content came from, in words. unmended: by file, why not.
    promised: by file that is not mended, the hash that it must have. remarks: sentences. whole: whether the check at
    the end found no fault; None where there was none, in a dry run."""

    mended: Mapping[str, str] = field(default_factory=dict)
    unmended: Mapping[str, str] = field(default_factory=dict)
    promised: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()
    whole: bool | None = None

    def counts(self) -> Counter[str]:
        """How many files were mended from each source."""
        return Counter(self.mended.values())


def repair_dataset(
    folder: str | Path,
    *,
    copies: Iterable[Path] = (),
    more_sources: MoreSources = lambda folder, meta: (),
    dry_run: bool = False,
    progress: Progress = lambda *_: None,
) -> RepairReport:
    """Mends what a full check finds fault with in the data set in `folder`, and ends with a check of what it touched.

    copies: folders of other copies of the set. more_sources: asked last. dry_run: finds out what could be mended, and
    changes nothing. Raises NvfairError where the folder is none or cannot be written.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise NvfairError("there is no such folder", where=folder)
    if not dry_run:
        check_writable(folder)
    with _Repair.begun(folder, [Copy(Path(copy)) for copy in copies], dry_run) as repair:
        return repair.run(more_sources, progress)


def promised_hashes(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """The files that a record or a row of videos.parquet, which must be whole, names: {path: SHA-256}."""
    videos = pq.read_table(folder / "videos.parquet", columns=["path", "sha256"], partitioning=None)
    rows = zip(videos.column("path").to_pylist(), videos.column("sha256").to_pylist(), strict=True)
    return {path: digest for path, digest in rows if path and digest} | dict(record["files"])


class _Repair:
    """One run of a repair. scratch: a folder for what is not verified."""

    def __init__(self, folder: Path, copies: list[Copy], scratch: Path, dry_run: bool) -> None:
        self.folder, self.copies, self.scratch, self.dry_run = folder, copies, scratch, dry_run
        self.mended: dict[str, str] = {}
        self.unmended: dict[str, str] = {}
        self.promised: dict[str, str] = {}
        self.remarks: list[str] = []
        aside = [path for path in (folder / WORK).rglob("*") if path.is_file()]
        self.misplaced = HashedFiles("from another place in this folder", aside)

    @classmethod
    @contextmanager
    def begun(cls, folder: Path, copies: list[Copy], dry_run: bool) -> Iterator[_Repair]:
        """A repair with a folder for its work, which is gone afterwards unless it holds damaged files."""
        if dry_run:
            with tempfile.TemporaryDirectory() as elsewhere:
                yield cls(folder, copies, Path(elsewhere), dry_run)
            return
        scratch = folder / WORK / "new"
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir(parents=True)
        try:
            yield cls(folder, copies, scratch, dry_run)
        finally:
            shutil.rmtree(scratch, ignore_errors=True)
            remove_empty_folders(folder / WORK)

    def run(self, more_sources: MoreSources, progress: Progress) -> RepairReport:
        """Mends the record, the tables and the other files, in this order."""
        record = self._mended_record()
        if record is None:
            return self._report(None if self.dry_run else False)
        simple: list[FileSource] = [self.misplaced, *self.copies, SingleBit(self.folder)]
        for name in TABLES:
            self._mend(name, record["files"].get(name), simple)
        if self.unmended or (self.dry_run and self.mended):
            self.remarks.append("other files were not looked at: which there must be, the tables say")
            return self._report(None if self.dry_run else False)
        damage = check_dataset(self.folder, full=True, progress=progress)
        promised = promised_hashes(self.folder, record)
        files = self._damaged_files(damage, promised)
        # Damaged files may be each other's: they were swapped, or renamed.
        self.misplaced.add(self.folder / file for file in files if (self.folder / file).is_file())
        sources = [*simple, OwnColumns(self.folder, record), *more_sources(self.folder, record)] if files else []
        for number, file in enumerate(files):
            progress("repair", number, len(files))
            self._mend(file, promised[file], sources)
        if self.dry_run:
            return self._report(None)
        return self._report(self._is_whole(progress))

    def _damaged_files(self, damage: CheckReport, promised: Mapping[str, str]) -> list[str]:
        """The files with a fault that have another content than was promised; what is wrong with others is said."""
        files: dict[str, None] = {}
        for fault in damage.faults:
            path = self.folder / fault.file
            if fault.file not in promised:
                self.unmended.setdefault(fault.file, f"{fault.what}; {_UNPROVEN}")
            elif path.is_file() and sha256_of(path) == promised[fault.file]:
                self.unmended.setdefault(
                    fault.file, f"{fault.what}; the file is as it was written, so the fault is older"
                )
            else:
                files[fault.file] = None
        return sorted(files, key=lambda file: (file in _DESCRIPTIONS or file.startswith("card/"), file))

    def _mended_record(self) -> dict[str, Any] | None:
        """The content of dataset.json, which is mended first where it is damaged; None where it cannot be."""
        path = self.folder / RECORD
        if (record := whole_record(path)) is not None:
            return record
        candidates = [("as an interrupted repair left it aside", self.folder / WORK / "promised" / RECORD)]
        candidates += [(copy.name, copy.folder / RECORD) for copy in self.copies]
        reasons = []
        if path.is_file() and (content := corrected_record(path.read_bytes())) is not None:
            corrected = self.scratch / RECORD
            corrected.write_bytes(content)
            candidates.insert(0, (SingleBit.name, corrected))
        for name, candidate in candidates:
            if (record := whole_record(candidate)) is None:
                if candidate.exists():
                    reasons.append(f"{candidate} is damaged too")
            elif name != SingleBit.name and not (proof := evidence_of(self.folder, record)):
                reasons.append(f"nothing proves that {candidate} is of this very data set")
            else:
                source = name if name == SingleBit.name else f"{name}: {proof}"
                self._place(RECORD, candidate.read_bytes(), source)
                return record
        state = "is damaged" if path.is_file() else "is missing"
        self.unmended[RECORD] = "; ".join([state, *(reasons or [_NO_SOURCE])])
        return None

    def _place(self, file: str, content: bytes, source: str) -> None:
        self.mended[file] = source
        if not self.dry_run:
            candidate = self.scratch / "candidate"
            candidate.write_bytes(content)
            put_in_place(candidate, self.folder / file, self._aside(file))

    def _mend(self, file: str, digest: str | None, sources: Sequence[FileSource]) -> None:
        """Mends one file from the first source that has it, unless it is as promised."""
        path = self.folder / file
        if digest is None:
            self.unmended[file] = _UNPROVEN
            return
        if path.is_file() and sha256_of(path) == digest:
            return
        candidate = self.scratch / f"candidate{path.suffix}"
        for source in sources:
            try:
                offered = source.offer(file, digest, candidate) and sha256_of(candidate) == digest
            except (NvfairError, pa.ArrowException, OSError, ValueError, KeyError):
                offered = False  # what is damaged cannot always be read
            if offered:
                self.mended[file] = source.name
                if not self.dry_run:
                    aside = self._aside(file)
                    self.misplaced.moved(path, aside)
                    put_in_place(candidate, path, aside)
                return
            candidate.unlink(missing_ok=True)
        self.promised[file] = digest
        self.unmended[file] = f"{'is damaged' if path.is_file() else 'is missing'}; {_NO_SOURCE}"

    def _aside(self, file: str) -> Path:
        """A place for a damaged file that no other has."""
        place = self.folder / WORK / "damaged" / file
        number = 1
        while place.exists():
            number += 1
            place = place.with_name(f"{place.stem}.{number}{place.suffix}")
        return place

    def _is_whole(self, progress: Progress) -> bool:
        """Whether the set is whole, by a check that reads every byte of what was mended; damaged files then go."""
        if self.unmended:
            return False
        final = check_dataset(self.folder, also=frozenset(self.mended), progress=progress)
        for fault in final.faults:
            self.unmended.setdefault(fault.file, fault.what)
        if not final.faults:
            shutil.rmtree(self.folder / WORK, ignore_errors=True)
        return not final.faults

    def _report(self, whole: bool | None) -> RepairReport:
        if whole is False:
            waiting = sum(path.is_file() for path in (self.folder / WORK / "damaged").rglob("*"))
            if waiting:
                self.remarks.append(
                    f"{count_text(waiting, 'damaged file waits', 'damaged files wait')} in {WORK}/damaged until the "
                    "data set is whole"
                )
        report = RepairReport(self.mended, self.unmended, self.promised)
        return replace(report, remarks=tuple(self.remarks), whole=whole)


def remove_empty_folders(folder: Path) -> None:
    """Removes a folder and those below it where nothing is in them."""
    for path in sorted([folder, *folder.rglob("*")], reverse=True):
        if path.is_dir() and not any(path.iterdir()):
            path.rmdir()
