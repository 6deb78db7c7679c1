"""The work a load puts on a server: one project with money, one external queue, tasks with an estimate.

It is queued by muster's own commands before the server starts, so that only what is measured goes over HTTP.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import uvloop

from benchmarks.child import Parameters, fresh_directory

PROJECT, QUEUE = "bench", "bench"
ESTIMATE_USD = 0.02


def task(number: int) -> dict[str, Any]:
    """The body of one task."""
    return {
        "title": f"job {number}",
        "queue": QUEUE,
        "project": PROJECT,
        "kind": "command",
        "payload": {"argv": ["true"]},
        "estimated_cost_usd": ESTIMATE_USD,
        "tags": ["bench"],
    }


def prepared(parameters: Parameters, *, jobs: int = 0) -> Path | None:
    """A data directory with project, queue and `jobs` ready tasks; None for the reference server, which has no data."""
    if parameters["server"] == "raw":
        return None
    data = fresh_directory(parameters) / "data"
    data.mkdir()
    uvloop.run(_fill(data / "muster.db", jobs))
    return data


async def _fill(path: Path, jobs: int) -> None:
    from benchmarks.opening import fill, open_new

    store = await open_new(path, "relaxed")
    await fill(store, jobs)
    await store.close()
