"""What the board tells those who watch over it: numbers for Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from sqlalchemy import Engine

from leaderboard.store import job_queue as queue


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
        self._wait = Gauge("nvfair_oldest_job_seconds", "Age of the oldest unfinished job.", registry=self.registry)

    def text(self, engine: Engine) -> bytes:
        """The numbers now, in Prometheus' text format."""
        for state, count in queue.count_jobs(engine).items():
            self._jobs.labels(state).set(count)
        self._wait.set(queue.oldest_unfinished_seconds(engine))
        return generate_latest(self.registry)
