"""Stored results with invented figures, for tests of the pages. Nothing here is scored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import numpy as np

from benchmark import protocols
from leaderboard.store.results import StoredResult
from leaderboard.submission.submission import Submission

START = datetime(2026, 5, 1, tzinfo=UTC)


def auc_of_people(seed: int, mean: float, people: int = 12, spread: float = 0.04) -> dict[str, float]:
    """AUC of each person: a part that all methods share, and a part that differs between methods (by `seed`)."""
    person_part = np.random.default_rng(99).normal(0, 0.05, people)
    method_part = np.random.default_rng(seed).normal(0, spread, people)
    values = np.clip(mean + person_part - person_part.mean() + method_part - method_part.mean(), 0.02, 0.999)
    return {f"toy:{n:02d}": float(v) for n, v in enumerate(values)}


def figures(per_target: dict[str, float], *, curves: bool = True) -> dict[str, Any]:
    """Figures of one generator, with the keys that `benchmark.trial_scores.figures` writes."""
    mean = float(np.mean(list(per_target.values())))
    fmr = np.concatenate([[0.0], np.geomspace(1e-3, 1, 60)])
    tpr = np.clip(fmr ** (1 / max(mean / (1 - mean), 1.01)), 0, 1)
    values: dict[str, Any] = {
        "auc_mean": {"value": mean, "low": mean - 0.03, "high": min(1.0, mean + 0.03), "people": len(per_target)},
        "auc_pooled": {"value": mean - 0.01, "low": None, "high": None, "people": len(per_target)},
        "eer": {"value": 1 - mean, "low": 1 - mean, "high": 1 - mean},
        "tpr_at_fmr": {"0.1": float(tpr[40])},
        "per_target": per_target,
        "trials": {"genuine": 1200, "impostor": 24000, "targets": len(per_target)},
    }
    if curves:
        values["curve"] = {"fmr": fmr.tolist(), "tpr": tpr.tolist()}
        grid = np.geomspace(1e-3, 0.95, 20)
        middle = np.interp(grid, fmr, tpr)
        values["bands"] = {
            "fmr": grid.tolist(),
            "low": np.clip(middle - 0.06, 0, 1).tolist(),
            "high": np.clip(middle + 0.06, 0, 1).tolist(),
        }
        values["worst_decile"] = float(min(per_target.values()))
        values["min_dcf"] = 0.7
    return values


def example_result(
    name: str,
    means: dict[str, float],
    *,
    protocol: str = "nvfair-seen",
    overlap: list[str] | str = (),  # type: ignore[assignment]
    number: int = 1,
    people: int = 12,
    spread: float = 0.04,
    declared: dict[str, Any] | None = None,
    data: str = "unknown",
    unchecked: dict[str, Any] | None = None,
    **changes: Any,
) -> StoredResult:
    """A result of the method `name` on test generators with these mean AUCs.

    unchecked: parts of the declaration that no check has seen, for pages that must not rely on one.
    """
    content = {
        "format_version": 1,
        "method": name,
        "authors": ["A. Author", "B. Writer"],
        "contact": "private@example.org",
        "training": {"datasets": [], "people": [], "generators": ["alpha"], "data": data},
        "entries": [{"protocol": protocol, "embeddings": "e.parquet", "trained_on_generators": ["alpha"]}],
    }
    content.update(declared or {})
    per_generator = {
        generator: figures(auc_of_people(number * 10 + n, mean, people, spread))
        for n, (generator, mean) in enumerate(means.items())
    }
    parts = dict(unchecked or {})
    submission = Submission.model_validate(content)
    for inner in ("training", "entries"):
        if inner in parts:
            checked = getattr(submission, inner)
            raw = parts[inner]
            parts[inner] = (
                checked.model_copy(update=raw) if inner == "training" else (checked[0].model_copy(update=raw),)
            )
    values: dict[str, Any] = {
        "submission": submission.model_copy(update=parts),
        "digest": sha256(f"{name}{number}".encode()).hexdigest(),
        "protocol": protocol,
        "protocol_digest": protocols.load(protocol).digest,
        "dataset_digest": "d" * 64,
        "scorer": "1",
        "entry": 0,
        "figures": {"generators": per_generator, "overlap": overlap if isinstance(overlap, str) else list(overlap)},
        "created": START + timedelta(days=number),
        "method_digest": sha256(name.encode()).hexdigest(),
        "phase": "development",
        "dataset": "toy people",
        "id": number,
    }
    return StoredResult(**{**values, **changes})


def example_board() -> list[StoredResult]:
    """Results of a board with methods, a control, a baseline, and methods that are not comparable."""
    results = []
    plain = [
        ("motion graph", 0.86, 0.82, "open"),
        ("temporal net", 0.85, 0.80, "closed"),
        ("tiny net", 0.74, 0.69, "open"),
    ]
    for number, (name, seen, unseen, data) in enumerate(plain, start=1):
        size = {
            "parameters": 530_000 * number,
            "description": f"{name}, as in the paper.\nSecond line.",
            "hardware": "one GPU",
        }
        links = {"links": {"code": "https://example.org/code"}}
        entries = [{"protocol": p, "embeddings": "e.parquet", "trained_on_generators": ["alpha"]} for p in
               ("nvfair-seen", "nvfair-unseen")]  # fmt: skip
        declared = {**size, **links, "entries": entries}
        results.append(example_result(name, {"alpha": seen}, number=number, declared=declared, data=data))
        unseen_result = example_result(
            name, {"beta": unseen}, protocol="nvfair-unseen", number=number, declared=declared, data=data
        )
        results.append(unseen_result)
    results.append(example_result("mean face shape", {"alpha": 0.66}, number=5, declared={"kind": "control"}, phase=""))
    results.append(
        example_result("landmark spread", {"alpha": 0.70}, number=6, declared={"kind": "baseline"}, phase="")
    )
    results.append(example_result("has seen them", {"alpha": 0.99}, overlap=["toy:01", "toy:02"], number=7))
    results.append(example_result("says nothing", {"alpha": 0.97}, overlap="unknown", number=8))
    return results
