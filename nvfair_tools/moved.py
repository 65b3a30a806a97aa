"""The rename table of modules: former dotted names and present ones.

It has two uses. `current_path` translates the dotted paths by which methods are named in scripts and on the command
line, the only ones that an earlier version asked for or wrote. An import of a former module in Python code ends with an
error that names the present module.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

# Dotted name of a module in an earlier version -> its dotted name now.
MOVED = {
    "benchmark.acquisition": "benchmark.metrics.failure_to_acquire",
    "benchmark.augmentation": "benchmark.training.augmentation",
    "benchmark.bands": "benchmark.metrics.curves",
    "benchmark.batches": "benchmark.training.batches",
    "benchmark.calibration": "benchmark.metrics.costs",
    "benchmark.candidates": "benchmark.methods.candidates",
    "benchmark.cells": "benchmark.trial_scores.cells",
    "benchmark.checkpoint": "benchmark.methods.checkpoint",
    "benchmark.compare": "benchmark.evaluation.compare",
    "benchmark.controls.covered": "benchmark.controls.video_vectors",
    "benchmark.coverage": "examples.studies.interval_coverage",
    "benchmark.detection_cost": "benchmark.metrics.costs",
    "benchmark.differences": "benchmark.metrics.paired_differences",
    "benchmark.distances": "benchmark.trial_scores.embedding_distances",
    "benchmark.embedding_files": "benchmark.methods.embedding_files",
    "benchmark.embedding_map": "benchmark.evaluation.embedding_map",
    "benchmark.evaluate": "benchmark.evaluation.run",
    "benchmark.evaluation.notes": "benchmark.evaluation.warnings",
    "benchmark.evaluation.seeds": "benchmark.evaluation.seed_spread",
    "benchmark.evidence": "benchmark.evaluation.evidence",
    "benchmark.exchange": "benchmark.controls.driver_permutation",
    "benchmark.figures": "benchmark.trial_scores.figures",
    "benchmark.frames": "benchmark.windows.device_frames",
    "benchmark.graph_network": "benchmark.methods.avaprintdb.graph_network",
    "benchmark.histograms": "benchmark.metrics.curves",
    "benchmark.inputs": "benchmark.methods.inputs",
    "benchmark.intervals": "benchmark.metrics.intervals",
    "benchmark.loss": "benchmark.training.fingerprint_loss",
    "benchmark.machine": "benchmark.evaluation.machine",
    "benchmark.margin": "benchmark.metrics.margin",
    "benchmark.method": "benchmark.methods.method",
    "benchmark.methods.graph_network": "benchmark.methods.avaprintdb.graph_network",
    "benchmark.methods.published_graph": "benchmark.methods.avaprintdb.published_graph",
    "benchmark.metric_losses": "benchmark.training.metric_losses",
    "benchmark.metrics": "benchmark.metrics.roc",
    "benchmark.metrics.bands": "benchmark.metrics.curves",
    "benchmark.metrics.calibration": "benchmark.metrics.costs",
    "benchmark.metrics.detection_cost": "benchmark.metrics.costs",
    "benchmark.metrics.histograms": "benchmark.metrics.curves",
    "benchmark.metrics.support": "benchmark.metrics.thresholds",
    "benchmark.motion_signature": "benchmark.methods.motion_signature",
    "benchmark.network": "benchmark.methods.network",
    "benchmark.notes": "benchmark.evaluation.warnings",
    "benchmark.null_controls": "benchmark.controls.null_controls",
    "benchmark.operating_points": "benchmark.metrics.thresholds",
    "benchmark.pair_products": "benchmark.trials.pair_sets",
    "benchmark.permutation": "benchmark.metrics.permutation",
    "benchmark.plan": "benchmark.evaluation.sections",
    "benchmark.processes": "benchmark.training.distributed",
    "benchmark.provenance": "benchmark.evaluation.overlap_checks",
    "benchmark.published_graph": "benchmark.methods.avaprintdb.published_graph",
    "benchmark.report.embedding_map": "benchmark.evaluation.embedding_map",
    "benchmark.reproduce": "benchmark.evaluation.reproduce",
    "benchmark.resample": "benchmark.windows.resample",
    "benchmark.running": "benchmark.methods.embed",
    "benchmark.score_files": "benchmark.methods.score_files",
    "benchmark.scored_trials": "benchmark.trial_scores.scored_trials",
    "benchmark.scores": "benchmark.trial_scores.scores",
    "benchmark.seeds": "benchmark.evaluation.seed_spread",
    "benchmark.selection": "benchmark.training.selection",
    "benchmark.shared_work": "benchmark.evaluation.cache",
    "benchmark.stress.recompression": "benchmark.stress.reencoding",
    "benchmark.subgroups": "benchmark.metrics.subgroups",
    "benchmark.support": "benchmark.metrics.thresholds",
    "benchmark.temporal_cnn": "benchmark.methods.temporal_cnn",
    "benchmark.train": "benchmark.training.loop",
    "benchmark.training_log": "benchmark.training.log",
    "benchmark.training_options": "benchmark.methods.train_options",
    "benchmark.training_state": "benchmark.training.state",
    "benchmark.trial_rules": "benchmark.trials.rules",
    "benchmark.trials": "benchmark.trials.trials",
    "benchmark.validation": "benchmark.evaluation.validation",
    "benchmark.windows": "benchmark.windows.window_set",
    "leaderboard.accounts": "leaderboard.store.accounts",
    "leaderboard.answers": "leaderboard.api_models",
    "leaderboard.api": "leaderboard.server.api",
    "leaderboard.app": "leaderboard.server.app",
    "leaderboard.archive": "leaderboard.submission.archive",
    "leaderboard.audit": "leaderboard.store.audit_log",
    "leaderboard.backup": "leaderboard.store.backup",
    "leaderboard.check": "leaderboard.submission.check",
    "leaderboard.check_rows": "leaderboard.submission.row_problems",
    "leaderboard.comparison": "leaderboard.ranking.comparison",
    "leaderboard.csrf": "leaderboard.server.csrf",
    "leaderboard.csv_rows": "leaderboard.submission.csv_rows",
    "leaderboard.database": "leaderboard.store.database",
    "leaderboard.datasets": "leaderboard.store.datasets",
    "leaderboard.examiner": "leaderboard.submission.examiner",
    "leaderboard.expected": "leaderboard.submission.test_set",
    "leaderboard.feedback": "leaderboard.ranking.redaction",
    "leaderboard.first_content": "leaderboard.submission.example_entries",
    "leaderboard.forms": "leaderboard.server.forms",
    "leaderboard.guard": "leaderboard.server.request_guard",
    "leaderboard.intake": "leaderboard.server.accept_submission",
    "leaderboard.ladder": "leaderboard.ranking.shared_ranks",
    "leaderboard.limits": "leaderboard.submission.sandbox",
    "leaderboard.links": "leaderboard.pages.links",
    "leaderboard.listing": "leaderboard.ranking.table_rows",
    "leaderboard.logs": "leaderboard.server.observability",
    "leaderboard.method_page": "leaderboard.pages.method_page",
    "leaderboard.monitoring": "leaderboard.server.observability",
    "leaderboard.page_cache": "leaderboard.server.page_cache",
    "leaderboard.pages": "leaderboard.pages.static_site",
    "leaderboard.pages.static_files": "leaderboard.pages.static_site",
    "leaderboard.parquet_rows": "leaderboard.submission.parquet_rows",
    "leaderboard.plain_text": "leaderboard.submission.untrusted_text",
    "leaderboard.plots": "leaderboard.pages.plots",
    "leaderboard.query": "leaderboard.ranking.query",
    "leaderboard.queue": "leaderboard.store.job_queue",
    "leaderboard.quota": "leaderboard.store.quota",
    "leaderboard.rates": "leaderboard.server.rate_limit",
    "leaderboard.records": "leaderboard.ranking.records",
    "leaderboard.ranking.listing": "leaderboard.ranking.table_rows",
    "leaderboard.ranking.tabular": "leaderboard.ranking.table_rows",
    "leaderboard.recovery": "examples.studies.label_recovery",
    "leaderboard.refusals": "leaderboard.server.error_responses",
    "leaderboard.render": "leaderboard.pages.render",
    "leaderboard.rescore": "leaderboard.store.rescore",
    "leaderboard.rows": "leaderboard.submission.row_file",
    "leaderboard.schema": "leaderboard.store.schema",
    "leaderboard.scoring": "leaderboard.submission.scoring",
    "leaderboard.serve": "leaderboard.server.serve",
    "leaderboard.server.intake": "leaderboard.server.accept_submission",
    "leaderboard.server.logs": "leaderboard.server.observability",
    "leaderboard.server.monitoring": "leaderboard.server.observability",
    "leaderboard.service": "leaderboard.server.service",
    "leaderboard.snapshot": "leaderboard.server.snapshot",
    "leaderboard.standing": "leaderboard.ranking.board_state",
    "leaderboard.static_files": "leaderboard.pages.static_site",
    "leaderboard.store": "leaderboard.store.results",
    "leaderboard.submission": "leaderboard.submission.submission",
    "leaderboard.submissions": "leaderboard.server.api_submissions",
    "leaderboard.tables": "leaderboard.store.tables",
    "leaderboard.tabular": "leaderboard.ranking.table_rows",
    "leaderboard.uploads": "leaderboard.server.uploads",
    "leaderboard.vault": "leaderboard.store.files",
    "leaderboard.web": "leaderboard.server.page_routes",
    "leaderboard.worker": "leaderboard.server.worker",
    "leaderboard.yaml_text": "leaderboard.submission.untrusted_yaml",
    "nvfair_tools.atomic": "nvfair_tools.files",
    "nvfair_tools.audit": "nvfair_tools.leakage.table_checks",
    "nvfair_tools.blind": "leaderboard.hidden.blind_copy",
    "nvfair_tools.build": "nvfair_tools.curate.build",
    "nvfair_tools.card": "nvfair_tools.curate.card",
    "nvfair_tools.cli.benchmark": "nvfair_tools.cli.benchmark.evaluate",
    "nvfair_tools.cli.board": "nvfair_tools.cli.board.groups",
    "nvfair_tools.cli.board_admin": "nvfair_tools.cli.board.admin",
    "nvfair_tools.cli.board_demo": "nvfair_tools.cli.board.demo",
    "nvfair_tools.cli.board_pack": "nvfair_tools.cli.board.pack",
    "nvfair_tools.cli.board_push": "nvfair_tools.cli.board.push",
    "nvfair_tools.cli.board_service": "nvfair_tools.cli.board.service",
    "nvfair_tools.cli.card": "nvfair_tools.cli.dataset.card",
    "nvfair_tools.cli.compare": "nvfair_tools.cli.benchmark.compare",
    "nvfair_tools.cli.curate": "nvfair_tools.cli.curate.build",
    "nvfair_tools.cli.dataset": "nvfair_tools.cli.dataset.group",
    "nvfair_tools.cli.matrix": "nvfair_tools.cli.benchmark.matrix",
    "nvfair_tools.cli.media": "nvfair_tools.cli.curate.probe",
    "nvfair_tools.cli.protocols": "nvfair_tools.cli.benchmark.protocols",
    "nvfair_tools.cli.releases": "nvfair_tools.cli.curate.import_release",
    "nvfair_tools.cli.reproduce": "nvfair_tools.cli.benchmark.reproduce",
    "nvfair_tools.cli.simulate": "nvfair_tools.cli.curate.simulate",
    "nvfair_tools.cli.training": "nvfair_tools.cli.benchmark.train",
    "nvfair_tools.cli.weights": "nvfair_tools.cli.curate.weights",
    "nvfair_tools.clip_list": "nvfair_tools.recipe.clip_list",
    "nvfair_tools.curate.leakage_audit": "nvfair_tools.leakage.table_checks",
    "nvfair_tools.dataset.blind_key": "leaderboard.hidden.blind_key",
    "nvfair_tools.dataset.card_check": "nvfair_tools.dataset.checking.card_check",
    "nvfair_tools.engine": "nvfair_tools.pipeline.engines.local",
    "nvfair_tools.faces.framed": "nvfair_tools.landmarks.framed_landmarker",
    "nvfair_tools.faces.identity": "nvfair_tools.curate.clip_checks.same_person",
    "nvfair_tools.frame_store": "nvfair_tools.curate.frame_store",
    "nvfair_tools.ingest": "nvfair_tools.curate.ingest",
    "nvfair_tools.items": "nvfair_tools.pipeline.items",
    "nvfair_tools.journal": "nvfair_tools.pipeline.journal",
    "nvfair_tools.landmark_stage": "nvfair_tools.curate.landmark_tracks",
    "nvfair_tools.layout": "nvfair_tools.curate.video_paths",
    "nvfair_tools.original_stage": "nvfair_tools.curate.originals",
    "nvfair_tools.plan": "nvfair_tools.curate.pairs",
    "nvfair_tools.portrait": "nvfair_tools.curate.portraits",
    "nvfair_tools.preflight": "nvfair_tools.curate.preflight",
    "nvfair_tools.progress": "nvfair_tools.pipeline.progress",
    "nvfair_tools.protocol": "benchmark.protocols.schema",
    "nvfair_tools.recipe": "nvfair_tools.recipe.recipe",
    "nvfair_tools.render.stage": "nvfair_tools.curate.reenactments",
    "nvfair_tools.shard_stage": "nvfair_tools.curate.shards",
    "nvfair_tools.simulate.calibration": "nvfair_tools.simulate.calibration.fit",
    "nvfair_tools.simulate.noise_measurement": "nvfair_tools.simulate.calibration.noise_measurement",
    "nvfair_tools.splits": "nvfair_tools.recipe.splits",
    "nvfair_tools.stage": "nvfair_tools.pipeline.stage",
    "nvfair_tools.tables": "nvfair_tools.curate.tables",
    "nvfair_tools.tracker": "nvfair_tools.recipe.landmarker_spec",
    "nvfair_tools.unique_yaml": "nvfair_tools.unique_keys",
    "nvfair_tools.workspace": "nvfair_tools.pipeline.workspace",
}


def current_path(dotted: str) -> str:
    """The present form of `module`, `module.attribute` or `module:attribute`; other paths are returned unchanged."""
    module, colon, attribute = dotted.partition(":")
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        present = MOVED.get(".".join(parts[:length]))
        if present is not None:
            return ".".join([present, *parts[length:]]) + colon + attribute
    return dotted


class MovedModuleFinder(MetaPathFinder):
    """An import finder that refuses a former module with an error that names the present one.

    Python calls it last, when no other finder knows the module.
    """

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        present = MOVED.get(fullname)
        if present is None:
            return None
        raise ModuleNotFoundError(
            f"the module {fullname} is now {present}; change the import (docs/architecture.md has the map)",
            name=fullname,
        )


def explain_moved_imports() -> None:
    """Installs the finder after Python's own finders; a second call changes nothing."""
    if not any(isinstance(finder, MovedModuleFinder) for finder in sys.meta_path):
        sys.meta_path.append(MovedModuleFinder())


def former_attributes(package: str) -> Callable[[str], Any]:
    """Makes the module-level `__getattr__` of a package that has the name of a former module.

    A public name of the former module raises ImportError with its present place; any other name raises AttributeError.
    """

    def missing_attribute(name: str) -> Any:
        present = MOVED.get(package)
        # Python calls this before it looks for a submodule of this name.
        is_submodule = importlib.util.find_spec(f"{package}.{name}") is not None
        if present is not None and not name.startswith("_") and not is_submodule:
            module = importlib.import_module(present)
            if hasattr(module, name):
                raise ImportError(f"{package}.{name} is now {present}.{name}; change the import", name=package)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return missing_attribute
