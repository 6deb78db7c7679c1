"""Input no client should send, over the native API and a dialect: refused in one shape, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.e2e.faulty import Desk
from tests.e2e.server import KillableServer

DeskAt = Callable[[KillableServer], Desk]
SHAPE = {"code", "message", "details", "request_id", "timestamp"}
TASKS = "/api/v1/tasks"
MISSION = "/api/tasks"
GHOST = "tsk_0dq3m8x1c7w00"
DEEP = b"[" * 100_000 + b"]" * 100_000


@dataclass(frozen=True)
class Bad:
    """A request, and the statuses it may be refused with."""

    name: str
    body: bytes
    paths: tuple[str, ...] = (TASKS, MISSION)
    method: str = "POST"
    statuses: tuple[int, ...] = (400, 422)


def task(**fields: Any) -> bytes:
    """A task of both dialects with these fields."""
    return json.dumps({"title": "bad", **fields}).encode()


def native(name: str, **fields: Any) -> Bad:
    return Bad(name, task(**fields), (TASKS,))


UNREADABLE = [
    Bad("no JSON", b"{nonsense"),
    Bad("half a document", b'{"title": "half'),
    Bad("empty", b""),
    Bad("only white space", b"  \n"),
    Bad("two documents", b'{"title": "a"} {"title": "b"}'),
    Bad("not UTF-8", b'{"title": "\xff\xfe"}'),
    Bad("a byte order mark", b'\xef\xbb\xbf{"title": "x"}'),
    Bad("not a number", b'{"title": "x", "estimated_cost_usd": NaN}'),
    Bad("without end", b'{"title": "x", "estimated_cost_usd": Infinity}'),
    Bad("NUL as it is", b'{"title": "a\x00b"}'),
    Bad("NUL escaped", rb'{"title": "a\u0000b"}'),
    Bad("NUL in a free field", rb'{"title": "x", "payload": {"a\u0000": "\u0000"}}'),
    Bad("a lone surrogate", rb'{"title": "\ud800"}'),
    Bad("a lone surrogate deep down", rb'{"title": "x", "payload": {"a": ["\udfff"]}}'),
    Bad("100,000 nested arrays", DEEP),
    Bad("100,000 nested arrays in a free field", b'{"title": "x", "payload": {"a": ' + DEEP + b"}}"),
    Bad("100,000 nested objects", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    Bad("an array", b"[]"),
    Bad("a text", b'"title"'),
    Bad("null", b"null"),
    Bad("a title of 10 MB", task(title="x" * 10_000_000), statuses=(413,)),
    Bad("a title of 1,000 characters", task(title="x" * 1_000)),
    Bad("no title", b"{}"),
    Bad("a number for a title", task(title=7)),
    Bad("an object for a title", task(title={"a": 1})),
    Bad("an empty title", task(title="")),
    Bad("an unknown field", task(nonsense=1)),
    Bad("a huge integer", b'{"title": "x", "payload": {"n": ' + b"9" * 5_000 + b"}}"),
    Bad("an integer of 65 bits", b'{"title": "x", "payload": {"n": 36893488147419103232}}'),
]
WRONG = [
    native("a negative cost", estimated_cost_usd=-1),
    native("a cost beyond all money", estimated_cost_usd=1e300),
    native("a text for a cost", estimated_cost_usd="much"),
    native("a negative timeout", timeout_seconds=-1),
    native("an unknown kind", kind="magic"),
    native("an unknown priority", priority="whenever"),
    native("a text for tags", tags="a,b"),
    native("negative retries", retry={"max_attempts": -1}),
    native("endless retries", retry={"max_attempts": 10**12}),
    native("a working directory that leads upwards", working_dir="/srv/../etc"),
    native("a working directory that is relative", working_dir="../secrets"),
    native("a working directory with NUL", working_dir="/tmp/\x00"),
    native("a required file outside", required_files=["../../etc/passwd"]),
    native("a required file from the root", required_files=["/etc/passwd"]),
    native("a script outside", kind="bash", payload={"path": "../../etc/passwd"}),
    native("a script that is no text", kind="bash", payload={"script": 7}),
    native("a command that is no list", kind="command", payload={"argv": "rm -rf /"}),
    native("a schema that is none", output_schema={"type": "nonsense"}),
    native("a schema that fetches", output_schema={"$ref": "file:///etc/passwd"}),
    Bad("a dependency on no id", task(depends_on=["nonsense"]), (TASKS,), statuses=(404,)),
    Bad("a negative cost there", task(estimatedCost=-1), (MISSION,)),
    Bad("a text for a cost there", task(estimatedCost="much"), (MISSION,)),
    Bad("an unknown priority there", task(priority="whenever"), (MISSION,)),
    Bad("a negative budget", b'{"name": "p", "budget_usd": -5}', ("/api/v1/projects",)),
    Bad("nothing allocated", b'{"amount_usd": "all"}', ("/api/v1/projects/default/allocate",)),
    Bad("a claim for nobody", b'{"agent_id": ""}', ("/api/v1/claims",)),
    Bad("a claim without end", b'{"agent_id": "a", "wait_seconds": 1e9}', ("/api/v1/claims",)),
    Bad("a claim of everything", b'{"agent_id": "a", "max_tasks": 100000}', ("/api/v1/claims",)),
    Bad("a claim by a number", b'{"agentId": 7}', ("/api/tasks/claim",)),
    Bad("a claim by NUL", rb'{"agentId": "a\u0000b"}', ("/api/tasks/claim",)),
    Bad("a bulk of no list", b'{"tasks": {}}', ("/api/v1/tasks/bulk",)),
    Bad("one bad task in a bulk", b'{"tasks": [{"title": "good"}, {"title": 7}]}', ("/api/v1/tasks/bulk",)),
    Bad(
        "a cycle in a bulk",
        b'{"tasks": [{"title": "a", "ref": "a", "depends_on": ["b"]},'
        b' {"title": "b", "ref": "b", "depends_on": ["a"]}]}',
        ("/api/v1/tasks/bulk",),
    ),
]
UNKNOWN = [
    Bad("an unknown dependency", task(depends_on=[GHOST]), (TASKS,), statuses=(404, 422)),
    Bad("an unknown parent", task(parent_id=GHOST), (TASKS,), statuses=(404, 422)),
    Bad("an unknown queue", task(queue="nowhere"), (TASKS,), statuses=(404, 422)),
    Bad("an unknown task", b"{}", (f"{TASKS}/{GHOST}/cancel",), statuses=(404,)),
    Bad("a path for an id", b"{}", (f"{TASKS}/..%2F..%2Fetc%2Fpasswd/cancel",), statuses=(404,)),
    Bad(
        "an unknown attempt",
        b'{"token": "7"}',
        ("/api/v1/attempts/att_0dq3m8x1c7w00/complete",),
        statuses=(404, 409),
    ),
    Bad(
        "an unknown task completed",
        json.dumps({"taskId": GHOST, "agentId": "a"}).encode(),
        ("/api/tasks/complete",),
        statuses=(404,),
    ),
    Bad(
        "an unknown task patched",
        json.dumps({"id": GHOST, "title": "x"}).encode(),
        (MISSION,),
        "PATCH",
        (404,),
    ),
    Bad("an unknown script", b"{}", ("/api/v1/scripts/..%2F..%2Fetc%2Fpasswd/enqueue",), statuses=(404,)),
    Bad("no route", b"{}", ("/api/v1/nonsense",), statuses=(404,)),
    Bad("a wrong method", b"{}", ("/api/v1/claims",), "PUT", (405,)),
]
CASES = [(bad, path) for bad in [*UNREADABLE, *WRONG, *UNKNOWN] for path in bad.paths]


@pytest.fixture
async def desk(server: KillableServer, desk_at: DeskAt) -> AsyncIterator[Desk]:
    """A desk at a running server, whose last word is that nothing was logged as a crash."""
    await server.start()
    yield desk_at(server)
    assert "Traceback" not in (server.folder / "server.log").read_text()


async def position(desk: Desk) -> int:
    """The head of the log."""
    return int((await desk.client.get("/status"))["event_position"])


async def test_bad_input_is_refused_in_one_shape_and_nothing_is_written(desk: Desk) -> None:
    """OD-42, MC-5: every case over each dialect; the log's head is where it was."""
    before = await position(desk)
    wrong: list[str] = []
    for bad, path in CASES:
        answer = await desk.raw(bad.method, path, bad.body)
        shaped = isinstance(answer.body, dict) and set(answer.body) == SHAPE and answer.body["message"]
        if answer.status not in bad.statuses or not shaped:
            wrong.append(f"{bad.name} at {path}: {answer.status} {str(answer.body)[:200]}")
        elif len(str(answer.body)) > 5_000:
            wrong.append(f"{bad.name} at {path}: the refusal repeats what was sent")
        now = await position(desk)
        if now != before:
            wrong.append(f"{bad.name} at {path}: wrote {now - before} events")
            before = now
    assert not wrong, "\n".join(wrong)


async def test_a_cycle_made_by_an_edit_is_refused_and_named(desk: Desk) -> None:
    """MC-4"""
    await desk.queue()
    first = await desk.submit(title="first")
    second = await desk.submit(title="second", depends_on=[first])
    before = await position(desk)
    body = json.dumps({"depends_on": [second]}).encode()
    answer = await desk.raw("PATCH", f"{TASKS}/{first}", body)
    assert (answer.status, answer.body["code"]) == (422, "dependency_cycle")
    assert first in answer.body["message"]
    assert second in answer.body["message"]
    assert await position(desk) == before


async def test_queries_that_make_no_sense_are_refused(desk: Desk) -> None:
    """OD-42"""
    for query in (
        "limit=0", "limit=1000000", "limit=x", "limit=1&limit=2", "cursor=nonsense", "state=asleep", "nonsense=1",
        "created_after=yesterday", "q=%00", "queue=%ff%fe", "project=" + "x" * 20_000,
    ):  # fmt: skip
        answer = await desk.raw("GET", f"{TASKS}?{query}")
        assert answer.status in (400, 404, 414, 422), (query[:60], answer)
        assert set(answer.body) == SHAPE


async def test_the_server_serves_on_after_all_that(desk: Desk) -> None:
    """OD-42: many at once, from connections that are dropped at once."""
    await desk.queue()
    for bad, path in CASES[:: len(CASES) // 20]:
        await desk.raw(bad.method, path, bad.body)
    made = await desk.submit()
    claimed = await desk.claim("ann")
    assert claimed is not None
    assert claimed.task_id == made
