"""An in-memory server of the calls a worker makes: honest about tokens and positions, nothing else."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
from collections.abc import Callable
from typing import Any

import msgspec

from muster.client.wire import (
    ClaimAnswer,
    ClaimedTask,
    ClaimRequest,
    CompleteRequest,
    Directive,
    FailRequest,
    FinishAnswer,
    RecordAnswer,
    RecordLine,
    RecordRequest,
    WorkerHeartbeatAnswer,
    WorkerHeartbeatRequest,
)


class Refused(Exception):
    def __init__(self, status: int, code: str) -> None:
        self.status, self.code = status, code


class FakeServer:
    """`trouble` may raise for a path before it is answered; `tasks` are handed out in order."""

    def __init__(self) -> None:
        self.numbers = itertools.count(secrets.randbelow(10**12))
        self.ready: list[ClaimedTask] = []
        self.running: dict[str, ClaimedTask] = {}
        self.finished: dict[str, CompleteRequest | FailRequest] = {}
        self.cancelled: set[str] = set()
        self.lines: dict[str, list[RecordLine]] = {}
        self.calls: list[str] = []
        self.heartbeats: list[WorkerHeartbeatRequest] = []
        self.most_running = 0
        self.changed = asyncio.Condition()
        self.trouble: Callable[[str], None] = lambda _: None
        self.drain_asked = False
        self.also: list[Directive] = []

    async def submit(self, kind: str = "bash", *, number: int = 1, **fields: Any) -> str:
        """A ready task; its attempt's id."""
        count = next(self.numbers)
        values: dict[str, Any] = {
            "task_id": f"tsk_{count:013d}",
            "attempt_id": f"att_{count:013d}",
            "token": f"token-{count}",
            "number": number,
            "max_attempts": 3,
            "lease_seconds": 60.0,
            "timeout_seconds": 20.0,
            "claimed_at": "2026-01-01T00:00:00.000Z",
            "title": "a task",
            "description": "",
            "kind": kind,
            "type": "custom",
            "task_class": "MEDIUM_SCRIPT",
            "priority": "medium",
            "project_id": "prj_1",
            "project": "default",
            "queue_id": "que_1",
            "queue": "main",
            "instructions": "",
        }
        claim = ClaimedTask(**values | fields)
        async with self.changed:
            self.ready.append(claim)
            self.changed.notify_all()
        return claim.attempt_id

    async def end(self, attempt_id: str) -> CompleteRequest | FailRequest:
        """Wait for the end of an attempt."""
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(lambda: attempt_id in self.finished)
        return self.finished[attempt_id]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20), self.changed:
            await self.changed.wait_for(condition)

    async def cancel(self, attempt_id: str) -> None:
        async with self.changed:
            del self.running[attempt_id]
            self.cancelled.add(attempt_id)
            self.changed.notify_all()

    async def take_back(self, attempt_id: str) -> None:
        async with self.changed:
            del self.running[attempt_id]
            self.changed.notify_all()

    async def ask_to_drain(self) -> None:
        async with self.changed:
            self.drain_asked = True
            self.changed.notify_all()

    def text(self, attempt_id: str, stream: str | None = None) -> str:
        lines = self.lines.get(attempt_id, [])
        return "\n".join(line.text for line in lines if stream in {None, line.stream})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        path = scope["path"].removeprefix("/api/v1/")
        self.calls.append(path)
        status, answer = 200, b""
        try:
            self.trouble(path)
            answer = await self.answer(path, body, receive)
        except Refused as refused:
            status = refused.status
            answer = json.dumps({"code": refused.code, "message": refused.code, "details": {}}).encode()
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": answer})

    async def answer(self, path: str, body: bytes, receive: Any) -> bytes:
        noun, _, rest = path.partition("/")
        if noun == "claims":
            request = msgspec.json.decode(body, type=ClaimRequest)
            return msgspec.json.encode(await self.claim(request, receive))
        if noun == "workers":
            beat = msgspec.json.decode(body, type=WorkerHeartbeatRequest)
            return msgspec.json.encode(await self.heartbeat(beat, receive))
        attempt_id, _, verb = rest.partition("/")
        if verb == "record":
            return msgspec.json.encode(
                await self.record(attempt_id, msgspec.json.decode(body, type=RecordRequest))
            )
        types: dict[str, type[CompleteRequest | FailRequest]] = {
            "complete": CompleteRequest,
            "fail": FailRequest,
        }
        return msgspec.json.encode(await self.finish(attempt_id, msgspec.json.decode(body, type=types[verb])))

    async def claim(self, request: ClaimRequest, receive: Any) -> ClaimAnswer:
        if request.wait_seconds and not self.ready:
            await self.wait(lambda: bool(self.ready), request.wait_seconds, receive)
        taken = [claim for claim in self.ready if claim.kind in (request.kinds or [])][: request.max_tasks]
        for claim in taken:
            self.ready.remove(claim)
            self.running[claim.attempt_id] = claim
        self.most_running = max(self.most_running, len(self.running))
        async with self.changed:
            self.changed.notify_all()
        return ClaimAnswer(claims=taken)

    async def wait(self, condition: Callable[[], bool], seconds: float, receive: Any) -> None:
        """Until the condition holds, the time is over, or the caller is gone."""

        async def holds() -> None:
            async with self.changed:
                await self.changed.wait_for(condition)

        async with asyncio.TaskGroup() as group:
            tasks = {group.create_task(holds()), group.create_task(receive())}
            await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()

    def directives(self, request: WorkerHeartbeatRequest) -> list[Directive]:
        found = [Directive(kind="drain")] if self.drain_asked else []
        found = [*self.also, *found]
        for lease in request.leases:
            if lease.attempt_id in self.cancelled:
                found.append(Directive(kind="cancel", attempt_id=lease.attempt_id, reason="by a person"))
            elif lease.attempt_id not in self.running and lease.attempt_id not in self.finished:
                found.append(Directive(kind="lost", attempt_id=lease.attempt_id))
        return found

    async def heartbeat(self, request: WorkerHeartbeatRequest, receive: Any) -> WorkerHeartbeatAnswer:
        self.heartbeats.append(request)
        if request.wait_seconds:
            await self.wait(lambda: bool(self.directives(request)), request.wait_seconds, receive)
        return WorkerHeartbeatAnswer(directives=self.directives(request))

    async def record(self, attempt_id: str, request: RecordRequest) -> RecordAnswer:
        if attempt_id not in self.running and attempt_id not in self.cancelled:
            raise Refused(409, "lease_lost")
        if attempt_id in self.running and self.running[attempt_id].token != request.token:
            raise Refused(409, "lease_lost")
        kept = self.lines.setdefault(attempt_id, [])
        if request.position > len(kept):
            raise Refused(400, "gap")
        kept.extend(request.lines[len(kept) - request.position :])
        async with self.changed:
            self.changed.notify_all()
        return RecordAnswer(position=len(kept))

    async def finish(self, attempt_id: str, request: CompleteRequest | FailRequest) -> FinishAnswer:
        claim = self.running.get(attempt_id)
        if claim is None and attempt_id not in self.finished:
            raise Refused(409, "lease_lost")
        if claim is not None:
            if claim.token != request.token:
                raise Refused(409, "lease_lost")
            del self.running[attempt_id]
            self.finished[attempt_id] = request
        following = await self.claim(request.next, None) if request.next else None
        async with self.changed:
            self.changed.notify_all()
        state = "succeeded" if isinstance(request, CompleteRequest) else "failed"
        return FinishAnswer(task_id="tsk", state=state, next=following)
