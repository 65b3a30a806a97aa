"""Evaluation: candidates on test generators under protocols, with shortcuts and null controls on the same trials."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchmark import controls
from benchmark.controls import null_controls
from benchmark.evaluation.cache import EvaluationCache, Progress
from benchmark.evaluation.evidence import Evidence
from benchmark.evaluation.machine import describe_machine
from benchmark.evaluation.method_record import MethodRecord
from benchmark.evaluation.overlap_checks import (
    find_overlaps,
    leave_out_people,
    left_out_warning,
    raise_overlaps,
)
from benchmark.evaluation.published_tables import read_published_tables
from benchmark.evaluation.result_rows import (
    NullResult,
    SkippedSweep,
    StressLevel,
    UnscoredSection,
    stress_row_from_json,
)
from benchmark.evaluation.results import EvaluatedData, EvaluatedProtocol, EvaluationResults
from benchmark.evaluation.section_results import SectionResults, evaluate_section
from benchmark.evaluation.sections import NothingToScore, PlannedSection, Section, make_sections, plan_section
from benchmark.evaluation.seed_spread import seed_spreads
from benchmark.evaluation.validation import compute_validation_scores
from benchmark.evaluation.warnings import evaluation_warnings
from benchmark.methods.candidates import Candidate, MethodCandidate
from benchmark.methods.cohorts import NormalisedCandidate, plain_candidate
from benchmark.protocols.schema import Protocol, Relation
from benchmark.stress import DESCRIPTIONS as STRESS_DESCRIPTIONS
from benchmark.stress import StressPlan, run_sweeps
from benchmark.stress.rate_plan import RatePlan
from benchmark.stress.rate_tests import run_rate_tests
from benchmark.stress.rates import StressRate
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of an evaluation.

    generators: test generators; empty for those that the protocols name, or all there are. allow_overlap: whether to
    score people and generators that a method has touched; its cells are then stamped as contaminated.
    leave_out_overlap: whether to leave out the videos of test people whom any of the methods has touched, as target or
    as driver. device: the torch device that the methods run on, for the record. stress: sweeps to run under the first
    protocol, None for none. rates: stress tests to run under it, None for none; stress_store: a folder from which
    interrupted ones go on. evidence: a folder for the embeddings and tables from which every figure can be recomputed,
    None for none.
    """

    generators: tuple[str, ...] = ()
    allow_overlap: bool = False
    leave_out_overlap: bool = False
    device: str = "cpu"
    stress: StressPlan | None = None
    rates: RatePlan | None = None
    stress_store: Path | None = None
    evidence: Path | None = None


@dataclass(frozen=True)
class EvaluationPlan:
    """An evaluation before anything is read. dataset: without the people who are left out, who are `left_out`.

    unscored: sections under which no method fits, with the reason.
    """

    dataset: Dataset
    sections: tuple[Section, ...]
    planned: tuple[PlannedSection, ...]
    unscored: tuple[UnscoredSection, ...]
    left_out: tuple[str, ...]


def plan_evaluation(
    dataset: Dataset, candidates: Sequence[Candidate], protocols: Sequence[Protocol], options: EvaluationOptions
) -> EvaluationPlan:
    """Plans every section, before hours are spent on the first. Raises what `evaluate` raises."""
    _check_names(candidates)
    sections = make_sections(protocols)
    left_out: list[str] = []
    if options.leave_out_overlap:
        touched = frozenset().union(*(candidate.declaration.named_people for candidate in candidates))
        dataset, left_out = leave_out_people(dataset, touched, {part.protocol.split.test for part in sections})
    planned: list[PlannedSection] = []
    unscored: list[UnscoredSection] = []
    for section in sections:
        try:
            planned.append(plan_section(dataset, candidates, section, options.generators, options.allow_overlap))
        except NothingToScore as error:
            unscored.append(UnscoredSection(section.number, section.title, error.what))
            if len(unscored) == len(sections):
                raise
    return EvaluationPlan(dataset, tuple(sections), tuple(planned), tuple(unscored), tuple(left_out))


def evaluate(
    dataset: Dataset,
    candidates: Sequence[Candidate],
    protocols: Sequence[Protocol],
    options: EvaluationOptions = EvaluationOptions(),
    *,
    progress: Progress = lambda message: None,
) -> EvaluationResults:
    """Figures of every candidate on every test generator.

    protocols: those that share their trials form one section of the results, in which each cell belongs to one of
    them. progress: called with a line of text before each longer step.

    Raises Problems where people or generators overlap and `options.allow_overlap` is False, and NvfairError where no
    candidate or protocol is named, two share a name, or nothing can be scored.
    """
    begun = time.monotonic()
    plan = plan_evaluation(dataset, candidates, protocols, options)
    dataset, sections = plan.dataset, plan.sections
    published = read_published_tables()  # whatever may be amiss here shows before the hours of scoring
    plain = [plain_candidate(candidate) for candidate in candidates]
    mesh = any(isinstance(c, MethodCandidate) and c.method.needs == "mesh" for c in plain)
    evidence = None if options.evidence is None else Evidence(options.evidence)
    cache = EvaluationCache(dataset, progress, evidence, mesh)
    scored: list[SectionResults] = []
    unscored = list(plan.unscored)
    for planned in plan.planned:
        try:
            scored.append(evaluate_section(cache, planned))
        except NothingToScore as error:
            unscored.append(UnscoredSection(planned.section.number, planned.section.title, error.what))
            if len(unscored) == len(sections):
                raise
    unscored.sort(key=lambda section: section.section)
    if evidence is not None:
        evidence.write_rights(dataset)
    null_rows = null_controls.with_verdicts([row for part in scored for row in part.null_rows])
    videos = pd.concat([part.videos for part in scored]).drop_duplicates("video")
    stress = _stress_rows(cache, candidates, sections[0].protocol, options.stress)
    rates: tuple[StressRate, ...] = ()
    if options.rates is not None:
        rates = run_stress_tests(
            dataset,
            candidates,
            sections[0].protocol,
            options.rates,
            generators=options.generators,
            allow_overlap=options.allow_overlap,
            store=options.stress_store,
            progress=progress,
        )
    results = EvaluationResults(
        protocols=_evaluated_protocols(sections),
        data=_evaluated_data(dataset, scored, len(videos)),
        generators={name: _family(videos, name) for name in sorted(videos["generator"].unique())},
        methods={candidate.name: _method_record(candidate) for candidate in candidates},
        cells=tuple(cell for part in scored for cell in part.cells),
        shortcuts=tuple(shortcut for part in scored for shortcut in part.shortcuts),
        nulls=tuple(NullResult.from_json(row) for row in null_rows),
        exclusions=tuple(part.exclusions for part in scored),
        unscored=tuple(unscored),
        stress=stress,
        stress_rates=rates,
        shortcut_descriptions=controls.DESCRIPTIONS,
        null_descriptions=null_controls.DESCRIPTIONS,
        stress_descriptions=STRESS_DESCRIPTIONS,
        published=published,
        machine=describe_machine(options.device, round(time.monotonic() - begun, 1)),
    )
    results = replace(results, seed_spreads=tuple(seed_spreads(results.methods, results.cells)))
    return replace(results, warnings=(*left_out_warning(list(plan.left_out)), *evaluation_warnings(results, dataset)))


def run_stress_tests(
    dataset: Dataset,
    candidates: Sequence[Candidate],
    protocol: Protocol,
    plan: RatePlan,
    *,
    generators: Sequence[str] = (),
    allow_overlap: bool = False,
    store: Path | None = None,
    progress: Progress = lambda message: None,
) -> tuple[StressRate, ...]:
    """Stress tests of every method, with thresholds fixed on validation people where there are any.

    A file of embeddings or scores gives rows that say that it cannot be run again.
    allow_overlap: run methods that have touched test people too. Other arguments are those of
    `benchmark.stress.run_rate_tests`, which says what is raised; Problems where a method has touched test people.
    """
    people = check_stress_tests(dataset, candidates, protocol, allow_overlap=allow_overlap)

    def windows(videos: pd.DataFrame) -> WindowSet:
        return read_windows(dataset, protocol, videos=videos["video"])

    rows: list[StressRate] = []
    for candidate in candidates:
        if not isinstance(candidate, MethodCandidate):
            rows += [StressRate(candidate.name, test, "", skipped=_not_run(candidate)) for test in plan.tests]
            continue
        progress(f"scoring {candidate.name} on validation people")
        validation = compute_validation_scores(candidate, dataset, protocol, people, windows)
        rows += run_rate_tests(
            dataset,
            candidate.method,
            protocol,
            plan,
            generators=generators,
            validation=validation.impostor,
            store=store,
            progress=progress,
        )
    return tuple(rows)


def check_stress_tests(
    dataset: Dataset, candidates: Sequence[Candidate], protocol: Protocol, *, allow_overlap: bool = False
) -> frozenset[str]:
    """Everybody in the test videos. Raises what `run_stress_tests` raises, of every method, before the first is run."""
    test = dataset.videos[dataset.videos["split"] == protocol.split.test]
    people = frozenset(test["driver"]) | frozenset(test["target"])
    for candidate in candidates:
        overlaps = find_overlaps(candidate.declaration, people, (), Relation.ANY)
        if overlaps and not allow_overlap:
            raise_overlaps(candidate.name, overlaps)
        candidate.check_protocol(protocol)
    return people


def _check_names(candidates: Sequence[Candidate]) -> None:
    if not candidates:
        raise NvfairError(
            "no method is named", remedy="pass --checkpoint FOLDER, --method NAME or --embeddings FILE, repeatable"
        )
    names = [candidate.name for candidate in candidates]
    duplicates = sorted({name for name in names if names.count(name) > 1})
    if duplicates:
        raise NvfairError(f"two methods share the name {', '.join(duplicates)}", remedy="rename their folders or files")


def _stress_rows(
    cache: EvaluationCache, candidates: Sequence[Candidate], protocol: Protocol, plan: StressPlan | None
) -> tuple[StressLevel | SkippedSweep, ...]:
    """Rows of every sweep of every method that is run here."""
    if plan is None:
        return ()
    rows: list[StressLevel | SkippedSweep] = []
    for candidate in candidates:
        if isinstance(candidate, MethodCandidate):
            rows += [
                stress_row_from_json({"method": candidate.name, **row})
                for row in run_sweeps(cache.dataset, candidate.method, protocol, plan, progress=cache.progress)
            ]
        else:
            rows += [SkippedSweep(candidate.name, sweep, _not_run(candidate)) for sweep in STRESS_DESCRIPTIONS]
    return tuple(rows)


def _not_run(candidate: Candidate) -> str:
    """Why a candidate is left out of stress tests, for the report."""
    if isinstance(candidate, NormalisedCandidate):
        return "run without the normalisation of its scores alone"
    return "a file cannot be run again"


def _evaluated_protocols(sections: Sequence[Section]) -> tuple[EvaluatedProtocol, ...]:
    return tuple(
        EvaluatedProtocol(section.number, protocol.digest, protocol)
        for section in sections
        for protocol in section.protocols
    )


def _evaluated_data(dataset: Dataset, scored: Sequence[SectionResults], videos: int) -> EvaluatedData:
    return EvaluatedData(
        name=str(dataset.meta.get("name", dataset.folder.name)),
        sha256=sha256_of(dataset.folder / "dataset.json"),
        simulated=bool(dataset.meta.get("simulated", False)),
        test_people=tuple(sorted({person for part in scored for person in part.people})),
        videos=videos,
        windows=max(part.windows for part in scored),
    )


def _family(videos: pd.DataFrame, generator: str) -> str:
    families = videos.loc[videos["generator"] == generator, "generator_family"].dropna().unique()
    return str(families[0]) if len(families) else ""


def _method_record(candidate: Candidate) -> MethodRecord:
    declaration = candidate.declaration
    roles = declaration.roles().items()
    return MethodRecord(
        details=candidate.describe(),
        people={role: None if touched.people is None else len(touched.people) for role, touched in roles},
        generators={
            role: None if touched.generators is None else tuple(sorted(touched.generators)) for role, touched in roles
        },
        unknown_roles=tuple(declaration.unknown_roles),
        data=dict(declaration.data),
    )
