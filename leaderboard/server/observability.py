"""How the maintainer observes a board: metrics for Prometheus, and logs with one JSON object a line."""

from __future__ import annotations

import logging
import sys

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Engine
from structlog.typing import Processor

from leaderboard.store.job_queue import count_jobs, oldest_unfinished_seconds


class Metrics:
    """Counts of one server process, and the state of the queue, which all processes share."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("method", "route", "status")
        self.requests = Counter("nvfair_requests", "Requests answered.", labels, registry=self.registry)
        self.seconds = Histogram(
            "nvfair_request_seconds", "Time to an answer.", ("method", "route"), registry=self.registry
        )
        self.uploads = Counter(
            "nvfair_uploads", "Uploads by what became of them.", ("outcome",), registry=self.registry
        )
        self._jobs = Gauge("nvfair_jobs", "Jobs in each state.", ("state",), registry=self.registry)
        self._oldest_job_seconds = Gauge(
            "nvfair_oldest_job_seconds", "Age of the oldest unfinished job.", registry=self.registry
        )

    def prometheus_text(self, engine: Engine) -> bytes:
        """The present values in Prometheus' text format."""
        for state, count in count_jobs(engine).items():
            self._jobs.labels(state).set(count)
        self._oldest_job_seconds.set(oldest_unfinished_seconds(engine))
        return generate_latest(self.registry)


def configure_logging() -> None:
    """Sets up the logs of this process, on the standard error. The commands `serve` and `worker` call it."""
    shared_processors: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared_processors, structlog.processors.format_exc_info, structlog.processors.JSONRenderer()],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    # Messages of other libraries go through the standard library's logging; they get the same form.
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processor=structlog.processors.JSONRenderer(),
            foreign_pre_chain=[
                structlog.stdlib.add_logger_name,
                *shared_processors,
                structlog.processors.format_exc_info,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers, root.level = [handler], logging.WARNING
    logging.getLogger("uvicorn.error").setLevel(logging.INFO)
