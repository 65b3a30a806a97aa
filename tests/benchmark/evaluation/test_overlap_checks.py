"""Networks of AVAPrintDB are tested only on the people of NVFAIR's split whom they have not met."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from benchmark.evaluation.overlap_checks import find_overlaps, leave_out_people
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.protocols.schema import Relation
from nvfair_tools.dataset import Dataset
from nvfair_tools.identity import resolve_alias
from nvfair_tools.recipe.splits import official_split


def test_eleven_of_the_25_public_test_people_are_development_people_of_avaprintdb(shared: Path) -> None:
    plans = pd.concat(
        pd.read_csv(shared / "protocols" / f"avaprintdb_{name}_plan.csv") for name in ("cremad", "ravdess")
    )
    development = plans[plans["split"] == "DEV"]
    known = frozenset(resolve_alias(name) or "" for name in {*development["driver_id"], *development["target_id"]})
    public = {person: split for person, split in official_split().items() if not person.startswith("nvidia-vc:")}
    test_people = [person for person, split in public.items() if split == "test"]
    assert len(test_people) == 25
    touched = RoleExposure(people=known, generators=frozenset())
    untouched = RoleExposure(people=frozenset(), generators=frozenset())
    declaration = Declaration(training=touched, selection=untouched, thresholds=untouched, cohorts=untouched)
    problems = find_overlaps(declaration, test_people, (), Relation.ANY)
    assert [problem.partition(" were")[0] for problem in problems] == ["11 test people"]
    videos = pd.DataFrame(
        [
            {"split": split, "driver": person, "target": other, "generator": "lia"}
            for person, split in public.items()
            for other, other_split in public.items()
            if other_split == split
        ]
    )
    dataset, left_out = leave_out_people(Dataset(Path(), {}, pd.DataFrame(), videos), known, {"test"})
    assert len(left_out) == 11
    remaining = dataset.videos[dataset.videos["split"] == "test"]
    assert len({*remaining["driver"], *remaining["target"]}) == 14
    assert len(remaining) == 14 * 14
    assert (dataset.videos["split"] == "train").sum() == 79 * 79, "other splits stay as they are"
