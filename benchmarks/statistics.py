"""Percentiles and medians, the only statistics the tables use."""

from __future__ import annotations

from collections.abc import Sequence


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` (0..1) of `values` do not exceed."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    rank = max(0, -(-int(share * 1_000_000) * len(ordered) // 1_000_000) - 1)
    return ordered[min(rank, len(ordered) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the middle two."""
    if not values:
        raise ValueError("no values")
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def latency_figures(seconds: Sequence[float], prefix: str = "") -> dict[str, float]:
    """p50, p95, p99 and maximum in milliseconds, each key with `prefix` before it."""
    return {
        f"{prefix}p50_ms": percentile(seconds, 0.50) * 1000,
        f"{prefix}p95_ms": percentile(seconds, 0.95) * 1000,
        f"{prefix}p99_ms": percentile(seconds, 0.99) * 1000,
        f"{prefix}max_ms": max(seconds) * 1000,
    }
