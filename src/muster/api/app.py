"""Puts the API together: the router with its nouns, the hot table, and the shell around both."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.convertors import register_url_convertor
from starlette.exceptions import HTTPException
from starlette.responses import Response as PlainResponse
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from muster.api.compat.dispatch import Dialects
from muster.api.errors import INTERNAL, Refusal, of_http, of_validation, refusal_of
from muster.api.hot import HotRoute
from muster.api.mounts import Mounts
from muster.api.openapi import build_document
from muster.api.routing import SLASH, NameConvertor, Route, add_routes
from muster.api.services import Services
from muster.api.shell import Shell
from muster.api.stream_hub import StreamHub
from muster.api.stream_socket import Sockets
from muster.domain.errors import MusterError

TITLE: Final = "muster"
ABOUT: Final = (
    "Control plane for fleets of coding agents. Times are ISO-8601 UTC, money is US dollars, durations are "
    "seconds. Lists answer `{items, next_cursor}`; errors `{code, message, details, request_id, timestamp}`. "
    "Texts must not contain NUL characters; bodies are limited in size and nesting; unknown fields and query "
    "parameters are refused. Ids that cannot be ids are unknown ids: 404."
)
Nouns = Sequence[tuple[str, Sequence[Route]]]


class App:
    """The ASGI callable. `router` is the FastAPI app behind the shell; it answers for one App at a time."""

    def __init__(self, services: Services, hot: Sequence[HotRoute[Any, Any]], router: FastAPI) -> None:
        self.services = services
        self.router = router
        self.router.state.services = services
        self._hot = tuple(hot)
        self.router.state.streams = streams = StreamHub(services.store)
        self._mounts = Mounts(Dialects(self.router))
        self._shell = Shell(services, self._hot, self._mounts, Sockets(services, streams))
        self._document: dict[str, Any] | None = None
        self.router.state.document = self.document

    def mount(self, path: str, app: ASGIApp) -> None:
        """Let another application answer at a path, behind the shell's guards."""
        self._mounts.add(path, app)

    def document(self) -> dict[str, Any]:
        """The OpenAPI document, made when first asked for."""
        if self._document is None:
            self._document = build_document(self.router, self._hot)
        return self._document

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer."""
        await self._shell(scope, receive, send)


def create_app(services: Services, hot: Sequence[HotRoute[Any, Any]], nouns: Nouns) -> App:
    """The shell and a router around the given tables of routes."""
    return App(services, hot, create_router(services.settings.version, nouns))


def create_router(version: str, nouns: Nouns) -> FastAPI:
    """The router of these tables of routes. Making it takes a tenth of a second; it knows nothing of any services."""
    register_url_convertor("name", NameConvertor())
    router = FastAPI(
        title=TITLE,
        description=ABOUT,
        version=version,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    for tag, routes in nouns:
        add_routes(router, tag, routes)
    router.add_exception_handler(MusterError, _on_muster_error)
    router.add_exception_handler(RequestValidationError, _on_validation_error)
    router.add_exception_handler(HTTPException, _on_http_error)
    router.add_exception_handler(Exception, _on_anything)
    return router


def _answer(request: Request, refusal: Refusal) -> Response:
    services: Services = request.app.state.services
    request_id = str(getattr(request.state, "request_id", ""))
    body = refusal.body(request_id, services.store.now())
    return PlainResponse(body, refusal.status, dict(refusal.headers), "application/json")


async def _on_muster_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, MusterError)
    return _answer(request, refusal_of(error))


async def _on_validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    return _answer(request, of_validation(error))


async def _on_http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    allow = ", ".join(sorted(_methods_at(request))) if error.status_code == 405 else ""
    return _answer(
        request, of_http(error, request.method, request.scope["path"].replace(SLASH, "%2F"), allow)
    )


async def _on_anything(request: Request, _: Exception) -> Response:
    return _answer(request, INTERNAL)


def _methods_at(request: Request) -> set[str]:
    path: str = request.scope["path"]
    matching = [
        route for route in request.app.router.routes if route.matches(request.scope)[0] is not Match.NONE
    ]
    # `/scripts/reload` is that, and not the script of that name.
    literal = [route for route in matching if getattr(route, "path", None) == path]
    return {method for route in literal or matching for method in getattr(route, "methods", None) or ()}
