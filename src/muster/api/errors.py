"""Every refusal becomes one JSON shape here: `{code, message, details, request_id, timestamp}`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, assert_never

import msgspec
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from muster.api import problems
from muster.api.times import iso
from muster.domain.errors import Category, MusterError

MAX_TEXT: Final = 500
RETRY_AFTER: Final = {"Retry-After": "1"}


class HttpRefusal(MusterError):
    """The request is not one this server answers."""

    status: ClassVar[int] = 400


class BadJson(HttpRefusal):
    """The body is not valid JSON: {problem}"""

    code = "bad_json"


class TooDeep(HttpRefusal):
    """The body is nested too deeply: at most {limit} levels are allowed."""

    code = "too_deep"


class BadUrl(HttpRefusal):
    """The address cannot be read: {problem}"""

    code = "bad_url"


class BadCursor(HttpRefusal):
    """The cursor is not one this list gave out. Start again without it."""

    code = "bad_cursor"


class RouteNotFound(HttpRefusal):
    """There is nothing at {method} {path}. The routes are listed at /api/v1/openapi.json."""

    code = "route_not_found"
    status = 404


class MethodNotAllowed(HttpRefusal):
    """{path} does not answer {method}; it answers {allow}."""

    code = "method_not_allowed"
    status = 405


class UnsupportedMediaType(HttpRefusal):
    """The body must be JSON, sent with the header 'Content-Type: application/json' (got {found})."""

    code = "unsupported_media_type"
    status = 415


class HostNotAllowed(HttpRefusal):
    """The host name {host} is not one this server answers to. Use its own address, or add the name to the settings."""

    code = "host_not_allowed"
    status = 403


class CrossOrigin(HttpRefusal):
    """Web pages of another origin ({origin}) may not change anything here."""

    code = "cross_origin"
    status = 403


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error as it is answered: the status line, the body's fields, further headers."""

    status: int
    code: str
    message: str
    details: Mapping[str, object] = field(default_factory=dict[str, object])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def body(self, request_id: str, now_us: int) -> bytes:
        """The JSON text of the error."""
        return _ENCODER.encode(
            {
                "code": self.code,
                "message": self.message,
                "details": self.details,
                "request_id": request_id,
                "timestamp": iso(now_us),
            }
        )


INTERNAL: Final = Refusal(
    500, "internal_error", "Something went wrong in the server. The request id finds it in the server's log."
)


def status_of(error: MusterError) -> int:
    """The HTTP status of an error."""
    if isinstance(error, HttpRefusal):
        return error.status
    match error.category:
        case Category.INVALID:
            return 422
        case Category.NOT_FOUND:
            return 404
        case Category.CONFLICT:
            return 409
        case Category.FORBIDDEN:
            return 403
        case Category.UNAUTHENTICATED:
            return 401
        case Category.TOO_LARGE:
            return 413
        case Category.LIMITED:
            return 429
        case Category.UNAVAILABLE:
            return 503
        case _:
            assert_never(error.category)


def refusal_of(error: MusterError) -> Refusal:
    """How an error raised on purpose is answered."""
    status = status_of(error)
    headers: dict[str, str] = {}
    if status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    elif status in (429, 503):
        headers.update(RETRY_AFTER)
    elif isinstance(error, MethodNotAllowed):
        headers["Allow"] = str(error.details["allow"])
    return Refusal(status, error.code, _short(error.message), error.details, headers)


def invalid_fields(found: Iterable[tuple[str, str]]) -> Refusal:
    """A well-formed request whose fields are wrong; each problem is a field and what is wrong with it."""
    listed = [{"field": _short(name), "problem": _short(problem)} for name, problem in found][:20]
    first = listed[0] if listed else {"field": "body", "problem": "is invalid"}
    more = f" (and {len(listed) - 1} more)" if len(listed) > 1 else ""
    return Refusal(422, "invalid_input", f"{first['field']}: {first['problem']}{more}", {"errors": listed})


def of_decoding(error: Exception) -> Refusal:
    """A body msgspec refused: 400 when it is not JSON, 422 when it is the wrong JSON."""
    if isinstance(error, msgspec.ValidationError):
        problem, _, path = str(error).partition(" - at `$")
        return invalid_fields([(path.rstrip("`").lstrip(".") or "body", problems.of_decoding(problem))])
    if isinstance(error, RecursionError):
        return refusal_of(BadJson(problem="it is nested too deeply"))
    if isinstance(error, UnicodeDecodeError):
        return refusal_of(BadJson(problem="it is not UTF-8"))
    return refusal_of(BadJson(problem=_short(str(error))))


def of_validation(error: RequestValidationError) -> Refusal:
    """A request pydantic refused."""
    return invalid_fields((_place(item["loc"]), problems.of_item(item)) for item in _items(error.errors()))


def of_http(error: HTTPException, method: str, path: str, allow: str) -> Refusal:
    """What the router itself refuses: unknown paths and methods."""
    shown = _short(path)
    if error.status_code == 404:
        return refusal_of(RouteNotFound(method=method, path=shown))
    if error.status_code == 405:
        return refusal_of(MethodNotAllowed(method=method, path=shown, allow=allow))
    return Refusal(error.status_code, "http_error", _short(str(error.detail)), {}, dict(error.headers or {}))


def _items(errors: Sequence[Any]) -> Sequence[dict[str, Any]]:
    return errors


def _place(location: Sequence[str | int]) -> str:
    if len(location) > 2 and location[0] == "query" and isinstance(location[-1], int):
        # Who gave a parameter once knows of no list.
        location = location[:-1]
    parts = [str(part) for part in location]
    if len(parts) > 1 and parts[0] in ("body", "query", "path", "header"):
        parts = parts[1:]
    return ".".join(parts) or "body"


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 3] + "..."


_ENCODER: Final = msgspec.json.Encoder(enc_hook=str)
