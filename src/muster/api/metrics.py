"""Figures for Prometheus, in a registry of this app alone."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"


class RouteFigures:
    """Requests of one route: counts by status, time by bucket."""

    __slots__ = ("_label", "buckets", "seconds", "statuses")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.statuses: dict[int, int] = {}

    def observe(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds
        self.statuses[status] = self.statuses.get(status, 0) + 1


class RequestFigures(Collector):
    """All routes. Plain integers instead of the library's locked ones: everything is on the loop thread."""

    def __init__(self) -> None:
        self._routes: dict[tuple[str, str], RouteFigures] = {}

    def of(self, method: str, route: str) -> RouteFigures:
        """The figures of a route, kept for the life of the app."""
        figures = self._routes.get((method, route))
        if figures is None:
            figures = self._routes[(method, route)] = RouteFigures()
        return figures

    def collect(self) -> Iterator[Metric]:
        """What Prometheus reads."""
        counts = CounterMetricFamily(
            "muster_http_requests", "Requests answered.", labels=["method", "route", "status"]
        )
        times = HistogramMetricFamily(
            "muster_http_request_seconds",
            "Time to answer a request, waits of long-polls included.",
            labels=["method", "route"],
        )
        for (method, route), figures in self._routes.items():
            for status, count in figures.statuses.items():
                counts.add_metric([method, route, str(status)], count)
            total = 0
            steps: list[tuple[str, float]] = []
            for bound, count in zip((*BUCKETS, float("inf")), figures.buckets, strict=True):
                total += count
                steps.append(("+Inf" if bound == float("inf") else str(bound), total))
            times.add_metric([method, route], steps, figures.seconds)
        yield counts
        yield times


class Metrics:
    """Everything the API counts itself; what lives in the database is set right before it is read."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry(auto_describe=False)
        self.requests = RequestFigures()
        self._registry.register(self.requests)
        self.claims = Counter("muster_claims", "Tasks handed out.", registry=self._registry)
        self.completions = Counter("muster_completions", "Attempts that succeeded.", registry=self._registry)
        self.failures = Counter(
            "muster_failures", "Attempts that failed, by code.", ["code"], registry=self._registry
        )
        self.ws_clients = Gauge("muster_ws_clients", "Connected WebSocket clients.", registry=self._registry)
        self.sse_clients = Gauge(
            "muster_sse_clients", "Connected event-stream clients.", registry=self._registry
        )
        self.parked = Gauge("muster_parked_claimers", "Claimers that wait for work.", registry=self._registry)
        self._tasks = Gauge("muster_tasks", "Tasks by state.", ["state"], registry=self._registry)
        self._log = Gauge(
            "muster_event_log_position", "Position of the newest event.", registry=self._registry
        )
        self._batches = Gauge("muster_store_batches", "Transactions so far.", registry=self._registry)
        self._commands = Gauge("muster_store_commands", "Commands in them.", registry=self._registry)

    def set_tasks(self, counts: Mapping[str, int]) -> None:
        """Queue depth by state."""
        for state, count in counts.items():
            self._tasks.labels(state).set(count)

    def set_log_position(self, position: int) -> None:
        """Position of the newest event."""
        self._log.set(position)

    def set_batches(self, batches: int, commands: int) -> None:
        """Transactions so far and the commands in them: their ratio is the size of a batch."""
        self._batches.set(batches)
        self._commands.set(commands)

    def text(self) -> bytes:
        """The page Prometheus reads."""
        return generate_latest(self._registry)
