"""The tables of everything the server answers."""

from __future__ import annotations

from typing import Final

from fastapi import FastAPI

from muster.api import stream_sse
from muster.api.app import App, Nouns, create_router
from muster.api.claiming import ClaimDesk
from muster.api.compat import (
    mission_calls,
    mission_places,
    mission_tasks,
    sparkq_places,
    sparkq_tasks,
    swarm_calls,
    swarm_hitl,
    swarm_tickets,
    swarm_vms,
)
from muster.api.presence import worker_route
from muster.api.routes import (
    activities,
    agents,
    approvals,
    consoles,
    conversations,
    directories,
    downloads,
    estimates,
    fleet,
    health,
    preferences,
    projects,
    providers,
    queues,
    reference,
    roles,
    sandboxes,
    scripts,
    sessions,
    status,
    task_files,
    task_git,
    task_graph,
    task_merge,
    task_review,
    tasks,
    timeline,
    workers,
)
from muster.api.routes.claims import hot_routes
from muster.api.routes.runs import run_routes
from muster.api.services import Services

NATIVE: Final[Nouns] = (
    ("tasks", (*estimates.ROUTES, *tasks.ROUTES)),
    ("directories", directories.ROUTES),
    (
        "runs",
        (
            *conversations.ROUTES,
            *task_files.ROUTES,
            *downloads.ROUTES,
            *task_git.ROUTES,
            *task_merge.ROUTES,
            *task_review.ROUTES,
            *task_graph.ROUTES,
        ),
    ),
    ("projects", projects.ROUTES),
    ("queues", queues.ROUTES),
    ("sessions", sessions.ROUTES),
    ("agents", agents.ROUTES),
    ("approvals", approvals.ROUTES),
    ("workers", workers.ROUTES),
    ("sandboxes", sandboxes.ROUTES),
    ("consoles", consoles.ROUTES),
    ("providers", providers.ROUTES),
    ("activities", activities.ROUTES),
    ("scripts", scripts.ROUTES),
    ("roles", roles.ROUTES),
    ("reference", reference.ROUTES),
    ("preferences", preferences.ROUTES),
    ("server", (*status.ROUTES, *fleet.ROUTES, *timeline.ROUTES)),
    ("mission control", (*mission_tasks.ROUTES, *mission_places.ROUTES)),
    ("swarm", (*swarm_tickets.ROUTES, *swarm_hitl.ROUTES, *swarm_vms.ROUTES)),
    ("sparkq", (*sparkq_tasks.ROUTES, *sparkq_places.ROUTES)),
    ("server", health.ROUTES),
    ("events", stream_sse.ROUTES),
)


def native_router(version: str) -> FastAPI:
    """The router of the whole API, for `create_native_app`."""
    return create_router(version, NATIVE)


def create_native_app(services: Services, router: FastAPI | None = None) -> App:
    """The whole API over the given services. A `router` at hand is taken over from the App that had it."""
    desk = ClaimDesk(services)
    hot = [
        *hot_routes(services, desk),
        *run_routes(services),
        *mission_calls.hot_calls(services, desk),
        *swarm_calls.hot_calls(services, desk),
        worker_route(services),
        approvals.ask_route(services),
        *consoles.console_routes(services),
    ]
    return App(services, hot, router or native_router(services.settings.version))
