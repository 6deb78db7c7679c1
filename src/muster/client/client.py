"""The typed client of muster's API: structs for the hot calls, JSON for the rest."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote

import msgspec

from muster.client import wire, wire_approvals, wire_consoles, wire_runs
from muster.client.directives import Directives
from muster.client.errors import ApiError, BadAnswer, Unreachable
from muster.client.events import EventParser, ServerEvent
from muster.client.transport import DEFAULT_SECONDS, Query, Response, StreamingTransport, Transport
from muster.domain.transcript import Entry
from muster.domain.transcript_json import document_of, fitted

API: Final = "/api/v1"
SLACK_SECONDS: Final = 15.0
"""How much longer than its own waiting time a long-poll may take."""
RECONNECT_SECONDS: Final = 1.0
MOST_ENTRIES: Final = 1_000
PORTION_BYTES: Final = 4 * 1_048_576
"""Entries of a transcript that go into one request."""

T = TypeVar("T")
QueryValue = str | int | float | bool | None


class Client:
    """Calls to one server. Every call raises ApiError when refused, Unreachable when there was no answer."""

    def __init__(self, transport: Transport, *, token: str | None = None) -> None:
        self._transport = transport
        self._headers = {"authorization": f"Bearer {token}"} if token else {}
        self._encoder = msgspec.json.Encoder()
        self._directives = Directives()

    @property
    def address(self) -> str:
        """Where the server is, for messages."""
        return self._transport.address

    async def close(self) -> None:
        """Let connections go."""
        await self._transport.close()

    async def claim(self, request: wire.ClaimRequest) -> wire.ClaimAnswer:
        """Claim tasks, waiting up to `wait_seconds` for one. Not repeated when the answer is lost."""
        return await self._hot("/claims", request, wire.ClaimAnswer, request.wait_seconds, idempotent=False)

    async def claim_task(self, task_id: str, request: wire.ClaimRequest) -> wire.ClaimAnswer:
        """Claim that very task."""
        path = f"/tasks/{quote(task_id, safe='')}/claim"
        return await self._hot(path, request, wire.ClaimAnswer, request.wait_seconds, idempotent=False)

    async def heartbeat(self, attempt_id: str, request: wire.HeartbeatRequest) -> wire.HeartbeatAnswer:
        """Keep one lease alive. Directives of a kind that is not known here are left out."""
        response = await self._ask(_attempt(attempt_id, "heartbeat"), request)
        return self._read(response, lambda body: self._directives.read(body, wire.HeartbeatAnswer))

    async def worker_heartbeat(
        self, worker_id: str, request: wire.WorkerHeartbeatRequest
    ) -> wire.WorkerHeartbeatAnswer:
        """Keep all leases of a worker alive, waiting up to `wait_seconds` for a directive.

        Those of a kind that is not known here are left out.
        """
        path = f"/workers/{quote(worker_id, safe='')}/heartbeat"
        response = await self._ask(path, request, request.wait_seconds)
        return self._read(response, lambda body: self._directives.read(body, wire.WorkerHeartbeatAnswer))

    async def record(self, attempt_id: str, request: wire.RecordRequest) -> wire.RecordAnswer:
        """Append output lines; safe to repeat, the position tells."""
        return await self._hot(f"/attempts/{quote(attempt_id, safe='')}/record", request, wire.RecordAnswer)

    async def complete(self, attempt_id: str, request: wire.CompleteRequest) -> wire.FinishAnswer:
        """The attempt succeeded; safe to repeat."""
        return await self._hot(f"/attempts/{quote(attempt_id, safe='')}/complete", request, wire.FinishAnswer)

    async def fail(self, attempt_id: str, request: wire.FailRequest) -> wire.FinishAnswer:
        """The attempt failed; safe to repeat."""
        return await self._hot(f"/attempts/{quote(attempt_id, safe='')}/fail", request, wire.FinishAnswer)

    async def describe_run(self, attempt_id: str, request: wire_runs.RunRequest) -> wire_runs.RunAnswer:
        """Say what is known of a run; the first call names the agent and comes before everything else of it."""
        return await self._hot(_attempt(attempt_id, "run"), request, wire_runs.RunAnswer)

    async def send_transcript(
        self, attempt_id: str, token: str, position: int, entries: Sequence[Entry]
    ) -> wire_runs.TranscriptAnswer:
        """Append entries, in as many requests as their size takes; safe to repeat, the position tells. Texts that are
        too long are cut."""
        answer = wire_runs.TranscriptAnswer(position=position)
        encoded = [self._encoder.encode(fitted(document_of(entry))) for entry in entries]
        for part in _portions(encoded):
            request = wire_runs.EncodedTranscript(token=token, position=position, entries=part)
            answer = await self._hot(_attempt(attempt_id, "transcript"), request, wire_runs.TranscriptAnswer)
            position += len(part)
        return answer

    async def send_calls(self, attempt_id: str, request: wire_runs.CallsRequest) -> wire_runs.CallsAnswer:
        """Keep and count calls to models; safe to repeat, their keys tell."""
        return await self._hot(_attempt(attempt_id, "calls"), request, wire_runs.CallsAnswer)

    async def send_files(self, attempt_id: str, request: wire_runs.FilesRequest) -> wire_runs.FilesAnswer:
        """Say which files the attempt changed; replaces what was said before."""
        return await self._hot(_attempt(attempt_id, "files"), request, wire_runs.FilesAnswer)

    async def ask(self, attempt_id: str, request: wire_approvals.AskRequest) -> wire_approvals.AskAnswer:
        """Ask people for leave or for an answer; safe to repeat, the key tells."""
        return await self._hot(_attempt(attempt_id, "approvals"), request, wire_approvals.AskAnswer)

    async def console_output(
        self, console_id: str, request: wire_consoles.ConsoleOutput
    ) -> wire_consoles.ConsoleTaken:
        """Bring what a console's shell said; safe to repeat, the position tells."""
        path = f"/consoles/{quote(console_id, safe='')}/output"
        return await self._hot(path, request, wire_consoles.ConsoleTaken, request.wait_seconds)

    async def console_input(
        self, console_id: str, request: wire_consoles.ConsoleInput
    ) -> wire_consoles.ConsoleTyped:
        """Get what was typed into a console, waiting for some."""
        path = f"/consoles/{quote(console_id, safe='')}/input"
        return await self._hot(path, request, wire_consoles.ConsoleTyped, request.wait_seconds)

    async def put_blob(self, attempt_id: str, token: str, content: bytes) -> str:
        """Keep a content for calls and files to refer to; its name, the SHA-256. Safe to repeat."""
        name = hashlib.sha256(content).hexdigest()
        fence = {"x-muster-attempt": attempt_id, "x-muster-token": token}
        headers = {**self._headers, **fence, "content-type": "application/octet-stream"}
        response = await self._transport.request(
            "PUT", f"{API}/blobs/{name}", body=content, headers=headers, timeout=SLACK_SECONDS
        )
        self._accepted(response)
        return name

    async def _hot(
        self,
        path: str,
        request: msgspec.Struct,
        answer: type[T],
        wait: float = 0,
        *,
        idempotent: bool = True,
    ) -> T:
        response = await self._ask(path, request, wait, idempotent=idempotent)
        return self._read(response, lambda body: msgspec.json.decode(body, type=answer))

    async def _ask(
        self, path: str, request: msgspec.Struct, wait: float = 0, *, idempotent: bool = True
    ) -> Response:
        return await self._transport.request(
            "POST",
            API + path,
            body=self._encoder.encode(request),
            headers={**self._headers, "content-type": "application/json"},
            timeout=wait + SLACK_SECONDS,
            idempotent=idempotent,
        )

    def _read(self, response: Response, decode: Callable[[bytes], T]) -> T:
        try:
            return decode(self._accepted(response).body)
        except msgspec.DecodeError as error:
            raise BadAnswer(address=self.address, problem=str(error)) from error

    async def get(self, path: str, *, timeout: float = DEFAULT_SECONDS, **query: QueryValue) -> Any:
        """GET below /api/v1 (or from the root, when `path` starts with `//`); queries that are None are left out."""
        return await self._json("GET", path, None, query, timeout)

    async def post(
        self, path: str, json: Any = None, *, timeout: float = DEFAULT_SECONDS, **query: QueryValue
    ) -> Any:
        """POST with a JSON body."""
        return await self._json("POST", path, {} if json is None else json, query, timeout)

    async def put(self, path: str, json: Any, *, timeout: float = DEFAULT_SECONDS) -> Any:
        """PUT with a JSON body."""
        return await self._json("PUT", path, json, {}, timeout)

    async def patch(self, path: str, json: Any, *, timeout: float = DEFAULT_SECONDS) -> Any:
        """PATCH with a JSON body."""
        return await self._json("PATCH", path, json, {}, timeout)

    async def delete(self, path: str, *, timeout: float = DEFAULT_SECONDS, **query: QueryValue) -> Any:
        """DELETE."""
        return await self._json("DELETE", path, None, query, timeout)

    async def _json(
        self, method: str, path: str, json: Any, query: Mapping[str, QueryValue], timeout: float
    ) -> Any:
        body = None if json is None else self._encoder.encode(json)
        headers = self._headers if body is None else {**self._headers, "content-type": "application/json"}
        response = await self._transport.request(
            method, _full(path), query=_query(query), body=body, headers=headers, timeout=timeout
        )
        return self._decoded(self._accepted(response).body)

    def _accepted(self, response: Response) -> Response:
        if response.status < 300:
            return response
        raise self._refusal(response)

    def _refusal(self, response: Response) -> ApiError:
        try:
            body: Any = msgspec.json.decode(response.body)
        except msgspec.DecodeError:
            body = None
        if not isinstance(body, dict) or "message" not in body:
            text = response.body[:300].decode(errors="replace").strip()
            message = f"{self.address} answered HTTP {response.status}: {text or 'nothing'}"
            return ApiError(response.status, f"http_{response.status}", message, {}, None)
        fields = cast(dict[str, Any], body)
        return ApiError(
            response.status,
            str(fields.get("code", f"http_{response.status}")),
            str(fields["message"]),
            fields.get("details") or {},
            fields.get("request_id") or response.headers.get("x-request-id"),
        )

    def _decoded(self, body: bytes) -> Any:
        if not body:
            return None
        try:
            return msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise BadAnswer(address=self.address, problem=str(error)) from error

    async def events(
        self, *, after: int | None = None, reconnect: bool = True, **query: QueryValue
    ) -> AsyncIterator[ServerEvent]:
        """Events of the log as they happen, from after that position (None: from now on).

        A lost connection is made again where it broke, unless `reconnect` is false: then Unreachable.
        """
        transport = self._transport
        if not isinstance(transport, StreamingTransport):
            raise BadAnswer(address=self.address, problem="it cannot stream")
        last = None if after is None else str(after)
        while True:
            try:
                async for event in self._connected(transport, last, query):
                    last = event.id or last
                    yield event
            except Unreachable:
                if not reconnect:
                    raise
            if not reconnect:
                return
            await asyncio.sleep(RECONNECT_SECONDS)

    async def _connected(
        self, transport: StreamingTransport, last: str | None, query: Mapping[str, QueryValue]
    ) -> AsyncIterator[ServerEvent]:
        parser = EventParser()
        headers = {**self._headers, "accept": "text/event-stream"}
        if last is not None:
            headers["last-event-id"] = last
        async for part in transport.stream(
            f"{API}/events", query=_query({**query, "after": last}), headers=headers
        ):
            if isinstance(part, Response):
                self._accepted(part)
                continue
            for event in parser.feed(part):
                yield event


def _portions(entries: Sequence[bytes]) -> Iterator[list[msgspec.Raw]]:
    part: list[msgspec.Raw] = []
    size = 0
    for entry in entries:
        if part and (len(part) == MOST_ENTRIES or size + len(entry) > PORTION_BYTES):
            yield part
            part, size = [], 0
        part.append(msgspec.Raw(entry))
        size += len(entry)
    if part:
        yield part


def _attempt(attempt_id: str, noun: str) -> str:
    return f"/attempts/{quote(attempt_id, safe='')}/{noun}"


def _full(path: str) -> str:
    return path[1:] if path.startswith("//") else API + path


def _query(values: Mapping[str, QueryValue]) -> Query:
    return [(name, _text(value)) for name, value in values.items() if value is not None]


def _text(value: QueryValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
