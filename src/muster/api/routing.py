"""Native routes are tables of endpoint functions; this turns them into FastAPI routes that refuse what is undocumented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args, get_origin, get_type_hints
from urllib.parse import quote, unquote

from fastapi import Depends, FastAPI, Request
from fastapi.params import Query
from pydantic import BaseModel
from starlette.convertors import Convertor
from starlette.responses import JSONResponse, PlainTextResponse, Response

from muster.domain.errors import InvalidInput

PREFIX: Final = "/api/v1"
SLASH: Final = "\x00"
"""Stands for an escaped slash inside a part of a path; a NUL cannot occur there otherwise."""
REASONS: Final = {
    400: "The body is no JSON, or the address, a cursor or the nesting is broken.",
    401: "A bearer token is wanted.",
    403: "The host name or the origin is not allowed.",
    404: "There is no such thing.",
    409: "The change does not fit the present state. Nothing was changed.",
    413: "The body is too large.",
    415: "The body is not declared as JSON.",
    422: "Fields are missing, unknown or wrong; `details.errors` names them.",
    429: "Too much work is queued up; try again after `Retry-After` seconds.",
    500: "Something went wrong in the server; its log has the request id.",
    503: "The database cannot take the change now.",
}
ALWAYS: Final = (400, 401, 403, 422, 500, 503)
_TEXT_CONTENT: Final[dict[str, Any]] = {"schema": {"type": "string"}}
_BINARY_BODY: Final[dict[str, Any]] = {
    "required": True,
    "content": {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}},
}
WITH_BODY: Final = (413, 415, 429)


@dataclass(frozen=True, slots=True)
class Route:
    """One native route. `errors` are the statuses besides those every route has."""

    method: str
    path: str
    endpoint: Callable[..., Any]
    errors: tuple[int, ...] = ()
    status: int = 200
    prefix: str = PREFIX
    other: tuple[tuple[int, type[BaseModel]], ...] = ()
    """Answers of another status and shape."""
    text: bool = False
    """The answer is plain text."""
    answer: type[Response] | None = None
    """The class of an answer that is neither JSON nor plain text."""
    model: type[BaseModel] | None = None
    """The shape of a JSON answer, where the endpoint may answer in another form too."""
    also: str | None = None
    """The media type of that other form."""
    takes_binary: bool = False
    """The body is bytes of any kind."""


def error_statuses(method: str, errors: Sequence[int]) -> list[int]:
    """All error statuses a route documents."""
    return sorted({*ALWAYS, *(WITH_BODY if method != "GET" else ()), *errors})


def add_routes(app: FastAPI, tag: str, routes: Sequence[Route]) -> None:
    """Register a noun's routes. Summary and description come from the endpoint's docstring.

    The shape of errors is left to `build_document`: FastAPI would make a validator for each status of each route.
    """
    for route in routes:
        more: dict[str, Any] = {} if route.model is None else {"response_model": route.model}
        if route.takes_binary:
            more["openapi_extra"] = {"requestBody": _BINARY_BODY}
        summary, _, rest = (route.endpoint.__doc__ or "").strip().partition("\n")
        statuses = error_statuses(route.method, route.errors)
        app.router.add_api_route(
            route.prefix + route.path,
            route.endpoint,
            methods=[route.method],
            status_code=route.status,
            tags=[tag],
            summary=summary.rstrip("."),
            description=" ".join(rest.split()) or None,
            operation_id=route.endpoint.__name__,
            responses={
                **{status: {"description": REASONS[status]} for status in statuses},
                **{status: {"model": model, "description": model.__doc__} for status, model in route.other},
                **({} if route.also is None else {200: {"content": {route.also: _TEXT_CONTENT}}}),
            },
            response_class=route.answer or (PlainTextResponse if route.text else JSONResponse),
            dependencies=[Depends(QueryNames.of(route.endpoint))],
            **more,
        )


class NameConvertor(Convertor[str]):
    """A part of a path that is a name of somebody's choosing: it may hold escaped slashes."""

    regex = "[^/]+"

    def convert(self, value: str) -> str:
        """The name as it was meant."""
        return value.replace(SLASH, "/")

    def to_string(self, value: str) -> str:
        """The name as it stands in a path."""
        return quote(value, safe="")


def split_path(raw_path: bytes) -> str:
    """The path of a request in which escaped slashes are kept apart from those that separate."""
    return "/".join(unquote(part).replace("/", SLASH) for part in raw_path.decode("latin-1").split("/"))


@dataclass(frozen=True, slots=True)
class QueryNames:
    """Refuses query parameters that are unknown, or given twice where one is meant."""

    known: frozenset[str]
    many: frozenset[str]

    @staticmethod
    def of(endpoint: Callable[..., Any]) -> QueryNames:
        """The names an endpoint declares: fields of parameters annotated as `Annotated[Model, Query()]`."""
        known: set[str] = set()
        many: set[str] = set()
        for hint in get_type_hints(endpoint, include_extras=True).values():
            model, *marks = get_args(hint) or (None,)
            if isinstance(model, type) and any(isinstance(mark, Query) for mark in marks):
                for name, info in (model.model_fields if issubclass(model, BaseModel) else {}).items():
                    known.add(name)
                    if _is_list(info.annotation):
                        many.add(name)
        return QueryNames(frozenset(known), frozenset(many))

    async def __call__(self, request: Request) -> None:
        """Raise InvalidInput for the first parameter that is not right."""
        counts = Counter(name for name, _ in request.query_params.multi_items())
        for name, count in counts.items():
            shown = name[:100]
            if name not in self.known:
                allowed = ", ".join(sorted(self.known)) or "none"
                raise InvalidInput(
                    field=shown, problem=f"is not a query parameter of this call (known: {allowed})"
                )
            if count > 1 and name not in self.many:
                raise InvalidInput(field=shown, problem="is given more than once")


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is list or any(get_origin(part) is list for part in get_args(kind))
