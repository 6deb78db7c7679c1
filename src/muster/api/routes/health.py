"""Health, readiness, metrics and the OpenAPI document."""

from __future__ import annotations

from typing import Any, Final

from fastapi import Request, Response
from starlette.responses import JSONResponse

from muster.api.metrics import CONTENT_TYPE
from muster.api.routing import PREFIX, Route
from muster.api.schemas.health import Check, Health, Readiness
from muster.api.services import Services, ServicesHere
from muster.domain.errors import MusterError
from muster.projections.status import counts_by_state


async def _task_counts(services: Services) -> dict[str, int]:
    counts = await counts_by_state(services.store)
    return {state: getattr(counts, state) for state in counts.__slots__}


async def get_health(services: ServicesHere) -> Health:
    """Whether the server is alive.

    Needs no token.
    """
    counts = await _task_counts(services)
    return Health(
        version=services.settings.version,
        uptime_seconds=max(services.store.now() - services.started_at, 0) / 1_000_000,
        database=services.store.name,
        queue_depth=counts["ready"],
    )


async def get_ready(services: ServicesHere, response: Response) -> Readiness:
    """Whether the server takes work: 503 while a check fails or it shuts down.

    Needs no token.
    """
    checks = [Check(name="accepting", ok=not services.drain.started, problem=_draining(services))]
    checks.append(await _database(services))
    for check in services.checks:
        problem = await check.probe()
        checks.append(Check(name=check.name, ok=problem is None, problem=problem))
    ready = all(check.ok for check in checks)
    response.status_code = 200 if ready else 503
    return Readiness(ready=ready, checks=checks)


def _draining(services: Services) -> str | None:
    return "the server shuts down" if services.drain.started else None


async def _database(services: Services) -> Check:
    try:
        await _task_counts(services)
    except MusterError as error:
        return Check(name="database", ok=False, problem=error.message)
    return Check(name="database", ok=True)


async def get_metrics(services: ServicesHere) -> Response:
    """Figures for Prometheus."""
    metrics = services.metrics
    metrics.set_tasks(await _task_counts(services))
    metrics.set_log_position(services.store.feed.head)
    metrics.set_batches(services.store.batches, services.store.batched)
    metrics.parked.set(services.store.signals.parked)
    return Response(metrics.text(), media_type=CONTENT_TYPE)


async def get_openapi(request: Request) -> JSONResponse:
    """This document."""
    document: dict[str, Any] = request.app.state.document()
    return JSONResponse(document)


ROUTES: Final = (
    Route("GET", "/health", get_health, prefix=""),
    Route("GET", "/ready", get_ready, prefix="", other=((503, Readiness),)),
    Route("GET", "/metrics", get_metrics, prefix="", text=True),
    Route("GET", "/openapi.json", get_openapi, prefix=PREFIX),
)
