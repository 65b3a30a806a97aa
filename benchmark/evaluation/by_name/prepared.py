"""An evaluation or a stress test before its first step: everything named is opened and checked, nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from benchmark.evaluation.by_name.inputs import (
    MethodLike,
    Progress,
    ProtocolLike,
    normalised_candidates,
    opened_dataset,
    optional_path,
    several_methods,
    several_protocols,
)
from benchmark.evaluation.run import EvaluationOptions, EvaluationPlan, plan_evaluation
from benchmark.methods.candidates import Candidate, as_candidate
from benchmark.methods.device import resolve_device
from benchmark.protocols.schema import Protocol
from benchmark.stress import ALL_TESTS, RatePlan, StressPlan
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

Stress = Literal["none", "quick", "full"]


@dataclass(frozen=True)
class PreparedEvaluation:
    """The opened data set, methods and protocols of an evaluation. options: without folders to write to."""

    dataset: Dataset
    candidates: tuple[Candidate, ...]
    protocols: tuple[Protocol, ...]
    options: EvaluationOptions

    def plan(self) -> EvaluationPlan:
        """What would be scored. Raises what `benchmark.evaluate` raises before it scores anything."""
        return plan_evaluation(self.dataset, self.candidates, self.protocols, self.options)


def prepare_evaluation(
    data: Dataset | str | Path,
    methods: MethodLike | Sequence[MethodLike],
    *,
    protocols: ProtocolLike | Sequence[ProtocolLike],
    generators: Sequence[str] = (),
    stress: Stress = "none",
    allow_overlap: bool = False,
    leave_out_overlap: bool = False,
    declaration: str | Path | None = None,
    normalise_by: Dataset | str | Path | None = None,
    cohort_split: str = "train",
    nearest: int = 0,
    device: str = "auto",
    progress: Progress = lambda message: None,
) -> PreparedEvaluation:
    """Opens what `benchmark.evaluate` is given; the arguments are its own. A cohort is embedded here."""
    plans = {"none": None, "quick": StressPlan.quick(), "full": StressPlan()}
    rate_plans = {"none": None, "quick": RatePlan.quick(), "full": RatePlan()}
    if stress not in plans:
        raise NvfairError(f"stress is {stress!r}", expected=f"one of {', '.join(plans)}")
    dataset, device = opened_dataset(data), resolve_device(device)
    candidates = [
        as_candidate(method, device=device, declaration=optional_path(declaration))
        for method in several_methods(methods)
    ]
    rules = several_protocols(protocols)
    if normalise_by is not None:
        candidates += normalised_candidates(candidates, normalise_by, rules[0], cohort_split, nearest, progress)
    options = EvaluationOptions(
        generators=tuple(generators),
        allow_overlap=allow_overlap,
        leave_out_overlap=leave_out_overlap,
        device=device,
        stress=plans[stress],
        rates=rate_plans[stress],
    )
    return PreparedEvaluation(dataset, tuple(candidates), tuple(rules), options)


@dataclass(frozen=True)
class PreparedStress:
    """The opened data set, methods and protocol of stress tests, and which tests they are."""

    dataset: Dataset
    candidates: tuple[Candidate, ...]
    protocol: Protocol
    plan: RatePlan


def prepare_stress(
    data: Dataset | str | Path,
    methods: MethodLike | Sequence[MethodLike],
    *,
    protocol: ProtocolLike = "nvfair-unseen",
    tests: Sequence[str] = (),
    quick: bool = False,
    faces: int | None = None,
    clips: int | None = None,
    device: str = "auto",
) -> PreparedStress:
    """Opens what `benchmark.stress_test` is given; the arguments are its own."""
    chosen = tuple(tests) or ALL_TESTS
    plan = RatePlan.quick(chosen) if quick else RatePlan(chosen)
    plan = replace(plan, faces=plan.faces if faces is None else faces, clips=plan.clips if clips is None else clips)
    dataset, device = opened_dataset(data), resolve_device(device)
    candidates = [as_candidate(method, device=device) for method in several_methods(methods)]
    (rule,) = several_protocols(protocol)
    return PreparedStress(dataset, tuple(candidates), rule, plan)
