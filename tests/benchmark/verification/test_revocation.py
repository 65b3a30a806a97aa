"""`nvfair revoke` finds a person's enrolments, and the calibrations that hold trials of the person."""

from pathlib import Path

from benchmark.evaluation.revocation.holder import BenchmarkHolder
from benchmark.verification.enrolment import REVOKED_LIST, read_revoked
from nvfair_tools.governance.curator_key import create_key
from nvfair_tools.governance.revocation import Trace
from nvfair_tools.governance.search.folders import search_folders
from nvfair_tools.governance.search.patterns import Patterns
from tests.benchmark.verification.made import calibration, enrolment


def test_a_persons_enrolments_and_calibrations_are_removed_and_nobody_elses(tmp_path: Path) -> None:
    place = tmp_path / "runs"
    (place / "deep").mkdir(parents=True)
    ann = enrolment(person="other:1").save(place / "deep" / "ann.enrolment")
    enrolment(person="lab:bob", id="f" * 16).save(place / "bob.enrolment")
    calibration([1.0, 0.5, 0.2], [0.0, -1.0, -2.0], people=3).save(place / "with.calibration")
    calibration([1.0], [0.0], people=1).save(place / "without.calibration")
    (place / "damaged.enrolment").write_bytes(b"damaged")
    trace, holder = Trace.of("other:1"), BenchmarkHolder(place)
    assert {finding.what: finding.count for finding in holder.find(trace)} == {"enrolments": 1, "calibrations": 1}
    key = create_key(tmp_path / "key")
    for _ in range(2):  # again, as after an interruption
        holder.remove(trace, key, "2026-07-01")
    left = {path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file()}
    listed = f"deep/{REVOKED_LIST}"
    assert left == {"bob.enrolment", "without.calibration", "damaged.enrolment", listed}
    assert read_revoked(place / listed) == {ann.id: "2026-07-01"}
    assert holder.find(trace) == []
    assert not search_folders([place], Patterns.of(trace)).left
