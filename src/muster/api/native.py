"""The tables of everything the server answers."""

from __future__ import annotations

from typing import Final

from muster.api import stream_sse
from muster.api.app import App, Nouns, create_app
from muster.api.claiming import ClaimDesk
from muster.api.presence import worker_route
from muster.api.routes import health
from muster.api.routes.claims import hot_routes
from muster.api.services import Services

NATIVE: Final[Nouns] = (("server", health.ROUTES), ("events", stream_sse.ROUTES))


def create_native_app(services: Services) -> App:
    """The whole API over the given services."""
    desk = ClaimDesk(services)
    return create_app(services, [*hot_routes(services, desk), worker_route(services)], NATIVE)
