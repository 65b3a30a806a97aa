"""The study of better methods: its plan, its tables by hand, and the command at a tiny size, run twice."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmark.methods.checkpoint import load_checkpoint
from examples.studies.better_methods.__main__ import main
from examples.studies.better_methods.plan import (
    CENTRED,
    OURS,
    PLAIN,
    SIZES,
    SPARE_GENERATORS,
    VARIANTS,
    Run,
    Variant,
    pretraining_options,
    spare_world,
    study_runs,
)
from examples.studies.better_methods.runs import TEST, VALIDATION, Cell, read_cells
from examples.studies.better_methods.tables import BEGIN, END, people_of, variant_table
from examples.studies.convergence.plan import read_world

WORLD = """
name: tiny-world
seed: 5
difficulty: 0.2
clips: 3
cross: 2
lengths: {0: 75, 100: 110}
generators: [sim-latent, sim-spline]
motion_modes: {sim-latent: relative, sim-spline: relative}
sources:
  - {name: sim-tiny, train: 4, validation: 3, test: 6, texts: 3}
"""


def test_a_variant_differs_from_the_unchanged_method_in_what_it_is_named_for_alone() -> None:
    small, settings = SIZES["small"], read_world("life-mixed")
    plain, changed, pretrained, _ = (
        Run("w", settings, variant, 1, small).options.to_json() for variant in VARIANTS if variant.method == CENTRED
    )
    assert changed["augmentation"].pop("re_rendering")["tracking"] == 1.0
    assert changed == plain == pretrained
    ours, copies = (
        Run("w", settings, variant, 1, small).options.to_json() for variant in VARIANTS if variant.method == OURS
    )
    assert copies["sizes"].pop("distortions") == "re-rendering"
    assert copies == ours


def test_the_spare_cohort_shares_neither_people_nor_unseen_generators_with_its_world() -> None:
    for name in ("life-mixed", "life-six"):
        settings = read_world(name)
        spare = spare_world(settings, SIZES["small"])
        assert not {source.name for source in spare.sources} & {source.name for source in settings.sources}
        assert spare.seed != settings.seed
        assert set(spare.generators) & set(settings.generators) == {settings.generators[0]}
        assert not set(SPARE_GENERATORS) & set(settings.generators)
    options = pretraining_options(SIZES["small"], 0)
    assert (options.positives, options.generators, options.drivers) == ("clip", SPARE_GENERATORS, 16)


def test_all_variants_come_with_the_first_seed_first() -> None:
    runs = list(study_runs(["life-mixed"], SIZES["tiny"], 2, [CENTRED]))
    assert [(run.seed, run.variant.title) for run in runs[:4]] == [
        (0, "centred distances"),
        (0, "centred distances + re-rendering"),
        (0, "centred distances + pretraining"),
        (0, "centred distances + re-rendering + pretraining"),
    ]
    assert len({run.key for run in runs}) == 8


def cell(title: str, seed: int, aucs: list[float], *, split: str = TEST, seen: bool = False, name: str = "g") -> Cell:
    people = {f"p{number}": (auc, auc) for number, auc in enumerate(aucs)}
    return Cell("w", title, seed, split, PLAIN, "pairs", name, seen, people)


def test_figures_are_means_over_seeds_generators_and_people_and_differences_are_paired() -> None:
    base, more = OURS, Variant(OURS, re_rendering=True).title
    aucs = [0.5, 0.6, 0.7, 0.8, 0.6, 0.7]
    cells = [cell(base, seed, aucs, name=name) for seed in (0, 1) for name in "gh"]
    cells += [cell(more, 0, [auc + 0.1 for auc in aucs]), cell(more, 1, [auc + 0.3 for auc in aucs])]
    cells += [cell(base, 0, [0.9], split=VALIDATION, seen=True)]
    assert people_of(cells[-3:-1], TEST, False)["p0"] == pytest.approx((0.7, 0.7))
    lines = variant_table(cells).splitlines()
    assert lines[2].startswith("| ours | plain | 2 | 0.900 | not run | 0.650 (")
    assert lines[3].startswith("| ours + re-rendering | plain | 2 | – | not run | 0.850 (")
    # Each person gains the same, so that the interval has no width.
    assert lines[3].endswith("| +0.200 (+0.200, +0.200) |")


def test_the_command_makes_runs_once_and_writes_its_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "tiny.yaml").write_text(WORLD)
    page = tmp_path / "page.md"
    page.write_text(f"above\n{BEGIN}\nold\n{END}\nbelow\n")
    words = [str(tmp_path / "s"), "--worlds", str(tmp_path / "tiny.yaml"), "--size", "tiny", "--seeds", "1"]
    words += ["--methods", CENTRED, "--write", str(page)]
    assert main(words) == 0
    assert "4 of 4" in capsys.readouterr().out
    text = page.read_text()
    assert text.startswith("above\n")
    assert text.endswith("below\n")
    assert "old" not in text
    assert "| centred distances + pretraining | normalised, nearest | 1 |" in text
    files = sorted((tmp_path / "s" / "results").glob("*.json"))
    before = [file.read_bytes() for file in files]
    assert main(words) == 0
    assert capsys.readouterr().out.count("finished before") == 4
    assert [file.read_bytes() for file in files] == before
    cells = read_cells(tmp_path / "s")
    assert {(c.split, c.generator) for c in cells} == {
        (VALIDATION, "sim-latent"), (TEST, "sim-latent"), (TEST, "sim-spline"),
    }  # fmt: skip
    assert all(np.isfinite(list(c.people.values())).all() for c in cells)
    # The pretrained variant declares the spare people and generators, and nobody of them is tested.
    run = "tiny-world-centred-distances-+-pretraining-tiny-0"
    declaration = load_checkpoint(tmp_path / "s" / "runs" / run).declaration
    assert {"sim-latent", *SPARE_GENERATORS} == declaration.training.generators
    assert any(person.startswith("tiny-world-spare:") for person in declaration.training.people or ())
    assert json.loads(files[0].read_text())["seconds"] > 0


def test_mistakes_are_explained(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(tmp_path), "--worlds", "no-such-world"]) == 2
    assert "no-such-world" in capsys.readouterr().err
    (tmp_path / "page.md").write_text("no markers")
    assert main([str(tmp_path), "--tables", "--write", str(tmp_path / "page.md")]) == 2
    assert "lacks the markers" in capsys.readouterr().err
