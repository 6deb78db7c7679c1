"""Calls to the server. Blocking and from the standard library: a command makes a few calls and should start at once."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast
from urllib.parse import quote, urlencode, urlsplit

from muster.cli.exits import ServerUnreachable
from muster.client.errors import ApiError, BadAnswer
from muster.client.events import EventParser

PREFIX: Final = "/api/v1"
Answer = dict[str, Any]


def path(*parts: str) -> str:
    """A path of the native API; each part is quoted."""
    return PREFIX + "".join(f"/{quote(part, safe='')}" for part in parts)


class Connection:
    """Talks to one server; the connection is kept between calls and made anew when it broke."""

    def __init__(self, url: str, *, token: str | None = None, timeout: float = 30, advice: str = "") -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._timeout = timeout
        self._advice = advice
        self._http: http.client.HTTPConnection | None = None

    def close(self) -> None:
        """Close the connection."""
        if self._http is not None:
            self._http.close()
            self._http = None

    def get(self, target: str, *, wait: float = 0, **query: object) -> Answer:
        """The answer of a GET; query values that are None are left out. `wait` as for `post`."""
        return self._call("GET", target, query, None, self._timeout + wait)

    def document(self, target: str, **query: object) -> bytes:
        """The body of an answer that is not JSON."""
        response = self._send("GET", _with_query(target, query), None, self._timeout)
        try:
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error
        if response.status >= 400:
            raise self._refused(response.status, content)
        return content

    def stream(self, target: str, **query: object) -> Iterator[bytes]:
        """The body of an answer that is not JSON, piece by piece; what went wrong is raised before the first one."""
        response = self._send("GET", _with_query(target, query), None, self._timeout)
        try:
            if response.status >= 400:
                raise self._refused(response.status, response.read())
            while chunk := response.read1(262_144):
                yield chunk
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            self.close()

    def post(self, target: str, body: object = None, *, wait: float = 0) -> Answer:
        """The answer of a POST; `wait` is how long the server may take on purpose, in seconds."""
        return self._call("POST", target, {}, {} if body is None else body, self._timeout + wait)

    def patch(self, target: str, body: object) -> Answer:
        """The answer of a PATCH."""
        return self._call("PATCH", target, {}, body, self._timeout)

    def put(self, target: str, body: object) -> Answer:
        """The answer of a PUT."""
        return self._call("PUT", target, {}, body, self._timeout)

    def delete(self, target: str, **query: object) -> Answer:
        """The answer of a DELETE."""
        return self._call("DELETE", target, query, None, self._timeout)

    def ready(self) -> bool:
        """Whether a server answers and can take work."""
        try:
            return self._send("GET", "/ready", None, 2).status == 200
        except ServerUnreachable:
            return False
        finally:
            self.close()

    def pages(self, target: str, *, limit: int, **query: object) -> Iterator[Answer]:
        """Items of a list, page after page, `limit` at most."""
        cursor: str | None = None
        left = limit
        while left > 0:
            page = self._call(
                "GET", target, {**query, "cursor": cursor, "limit": min(left, 200)}, None, self._timeout
            )
            items = cast(list[Answer], page["items"])
            yield from items[:left]
            left -= len(items)
            cursor = page.get("next_cursor")
            if cursor is None or not items:
                return

    def events(self, target: str, *, timeout: float, **query: object) -> Iterator[None]:
        """One item for each server-sent event from now on, until the server ends the stream.

        The stream is open when this returns. `timeout` seconds without a byte are ServerUnreachable.
        This connection is of no other use meanwhile.
        """
        response = self._send("GET", _with_query(target, query), None, timeout)
        if response.status != 200:
            raise self._refused(response.status, response.read())
        return self._stream(response)

    def _stream(self, response: http.client.HTTPResponse) -> Iterator[None]:
        parser = EventParser()
        try:
            while chunk := response.read1(65_536):
                for _ in parser.feed(chunk):
                    yield None
        except (OSError, http.client.HTTPException) as error:
            raise self._unreachable(error) from error
        finally:
            self.close()

    def _call(
        self, method: str, target: str, query: Mapping[str, object], body: object, timeout: float
    ) -> Answer:
        payload = None if body is None else json.dumps(body).encode()
        response = self._send(method, _with_query(target, query), payload, timeout)
        try:
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error
        if response.status >= 400:
            raise self._refused(response.status, content)
        return self._decoded(content, response.status)

    def _send(
        self,
        method: str,
        target: str,
        payload: bytes | None,
        timeout: float,
        *,
        accept: str = "application/json",
    ) -> http.client.HTTPResponse:
        headers = {"Accept": "application/json, text/event-stream"}
        if payload is not None:
            headers["Content-Type"] = "application/json"
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        kept = self._http is not None
        try:
            return self._try(method, target, payload, headers, timeout)
        except (ConnectionError, http.client.BadStatusLine) as error:
            self.close()
            if kept and method == "GET":
                return self._send(method, target, payload, timeout)
            raise self._unreachable(error) from error
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise self._unreachable(error) from error

    def _try(
        self, method: str, target: str, payload: bytes | None, headers: dict[str, str], timeout: float
    ) -> http.client.HTTPResponse:
        if self._http is None:
            parts = urlsplit(self.url)
            kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
            self._http = kind(parts.hostname or "", parts.port, timeout=timeout)
            self._http.connect()
        if self._http.sock is not None:
            self._http.sock.settimeout(timeout)
        self._http.request(method, target, body=payload, headers=headers)
        return self._http.getresponse()

    def _unreachable(self, error: Exception) -> ServerUnreachable:
        problem = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return ServerUnreachable(url=self.url, problem=problem[:1].lower() + problem[1:], advice=self._advice)

    def _refused(self, status: int, content: bytes) -> ApiError:
        body = self._decoded(content, status)
        details = cast(dict[str, Any], body.get("details") or {})
        message = str(body.get("message") or f"{self.url} answered {status}; is it a muster server?")
        return ApiError(status, str(body.get("code") or "error"), message, details, body.get("request_id"))

    def _decoded(self, content: bytes, status: int) -> Answer:
        try:
            body: object = json.loads(content) if content else {}
        except ValueError as error:
            raise BadAnswer(address=self.url, problem=f"status {status}, and the body is not JSON") from error
        return cast(Answer, body) if isinstance(body, dict) else {"items": body}


def _with_query(target: str, query: Mapping[str, object]) -> str:
    pairs = {name: _query_value(value) for name, value in query.items() if value is not None and value != []}
    return f"{target}?{urlencode(pairs, doseq=True)}" if pairs else target


def _query_value(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else value
