"""Tasks over the native API."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from muster.domain import ids
from muster.store.database import Store
from tests.api.asgi import Api, Reply
from tests.waiting import eventually

BASH = {"title": "work", "kind": "bash", "payload": {"script": "true"}}
GHOSTS = [
    "tsk_0000000000001",
    "nonsense",
    "que_0000000000001",
    "tsk_" + "z" * 13,
    "tsk_..%2F..",
    "%F0%9F%92%A9",
]


async def make(api: Api, **more: Any) -> dict[str, Any]:
    reply = await api.post("/api/v1/tasks", BASH | more)
    assert reply.status == 201, reply.json
    return reply.json


async def claim(api: Api, **more: Any) -> dict[str, Any]:
    reply = await api.post(
        "/api/v1/claims", {"agent_id": "ann", "modes": ["auto", "external", "manual"], **more}
    )
    assert reply.status == 200, reply.json
    return reply.json["claims"][0]


async def end(api: Api, claimed: dict[str, Any], verb: str = "complete", **more: Any) -> Reply:
    reply = await api.post(
        f"/api/v1/attempts/{claimed['attempt_id']}/{verb}", {"token": claimed["token"], **more}
    )
    assert reply.status == 200, reply.json
    return reply


async def finished(api: Api, **more: Any) -> dict[str, Any]:
    task = await make(api, **more)
    await end(api, await claim(api))
    return task


async def listed(api: Api, query: str = "") -> list[str]:
    reply = await api.get(f"/api/v1/tasks?{query}")
    assert reply.status == 200, reply.json
    return [task["id"] for task in reply.json["items"]]


async def count(api: Api) -> int:
    return len(await listed(api))


class TestQueueing:
    async def test_a_task_comes_back_as_it_was_asked_for(self, api: Api) -> None:
        """SQ-8, OD-1"""
        wanted = {
            "title": "Run the tests",
            "description": "all of them",
            "kind": "command",
            "payload": {"argv": ["make", "test"], "env": {"CI": "1"}},
            "type": "bug_fix",
            "priority": "high",
            "tags": ["ci", "night"],
            "task_class": "FAST_SCRIPT",
            "requires": ["gpu"],
            "working_dir": "/srv/work",
            "network": True,
            "output_schema": {"type": "object"},
            "required_files": ["report.xml"],
            "acceptance_command": "make check",
            "max_test_fix_cycles": 2,
            "retry": {
                "max_attempts": 5,
                "base_seconds": 1.0,
                "factor": 3.0,
                "max_seconds": 60.0,
                "jitter": 0.0,
            },
            "estimated_cost_usd": 0.75,
        }
        reply = await api.post("/api/v1/tasks", wanted)
        assert reply.status == 201
        made = reply.json
        assert {name: made[name] for name in wanted} == wanted
        assert (made["state"], made["queue"], made["project"], made["timeout_seconds"]) == (
            "ready",
            "default",
            "default",
            30,
        )
        assert made["waiting"]["code"] == "no_worker"
        assert (await api.get(f"/api/v1/tasks/{made['id']}")).json == made

    @pytest.mark.parametrize(
        ("kind", "queue"),
        [("bash", "default"), ("prompt", "inbox"), ("llm", "agents"), ("manual", "by-hand")],
    )
    async def test_a_task_without_a_queue_goes_where_its_kind_is_worked(
        self, api: Api, kind: str, queue: str
    ) -> None:
        """SQ-8"""
        payload = {} if kind == "llm" else BASH["payload"]
        assert (await make(api, kind=kind, payload=payload))["queue"] == queue

    async def test_a_task_for_one_agent_waits_in_that_agents_queue(self, api: Api) -> None:
        """SA-2a"""
        made = await make(api, assigned_to="bob", kind="prompt")
        assert (made["queue"], made["assigned_to"], made["waiting"]["code"]) == (
            "agent-bob",
            "bob",
            "assigned_to",
        )
        claims = (await api.post("/api/v1/claims", {"agent_id": "ann"})).json["claims"]
        assert claims == []
        assert (await claim(api, agent_id="bob"))["task_id"] == made["id"]

    async def test_a_later_time_is_waited_for(self, api: Api) -> None:
        """SW-4b"""
        made = await make(api, ready_at="2099-01-01T00:00:00+01:00")
        assert (made["state"], made["ready_at"]) == ("backoff", "2098-12-31T23:00:00.000Z")
        assert made["waiting"]["code"] == "scheduled"

    async def test_dependencies_are_waited_for_and_named(self, api: Api) -> None:
        """SW-4a"""
        first = await make(api)
        second = await make(api, depends_on=[first["id"]])
        assert (second["state"], second["depends_on"]) == ("blocked", [first["id"]])
        assert second["waiting"]["code"] == "blocked_by"
        await end(api, await claim(api))
        assert (await api.get(f"/api/v1/tasks/{second['id']}")).json["state"] == "ready"

    async def test_the_same_idempotency_key_makes_one_task(self, api: Api) -> None:
        """SW-4a"""
        body = {**BASH, "idempotency_key": "k1"}
        first, second = await api.post("/api/v1/tasks", body), await api.post("/api/v1/tasks", body)
        assert (first.status, second.status) == (201, 200)
        assert first.json["id"] == second.json["id"]
        other = await api.post("/api/v1/tasks", {**body, "title": "else"})
        assert (other.status, other.json["code"]) == (409, "idempotency_mismatch")

    async def test_many_tasks_are_queued_in_their_order_and_may_name_each_other(self, api: Api) -> None:
        """SQ-20"""
        tasks = [BASH | {"title": f"t{n}"} for n in range(50)]
        tasks[3] |= {"key": "a"}
        tasks[1] |= {"depends_on": ["#a"]}
        reply = await api.post("/api/v1/tasks/bulk", {"tasks": tasks})
        assert reply.status == 201
        assert [task["title"] for task in reply.json["items"]] == [f"t{n}" for n in range(50)]
        assert reply.json["items"][1]["depends_on"] == [reply.json["items"][3]["id"]]

    async def test_a_cycle_is_refused_and_named_and_nothing_is_queued(self, api: Api) -> None:
        """SW-5b"""
        tasks = [BASH | {"key": "a", "depends_on": ["#b"]}, BASH | {"key": "b", "depends_on": ["#a"]}]
        reply = await api.post("/api/v1/tasks/bulk", {"tasks": tasks})
        assert (reply.status, reply.json["code"]) == (422, "dependency_cycle")
        assert reply.json["details"]["path"] == ["#a", "#b", "#a"]
        assert await count(api) == 0

    async def test_of_a_bulk_with_one_wrong_task_none_is_queued(self, api: Api) -> None:
        """OD-42"""
        for wrong, status in (({"depends_on": ["tsk_0000000000001"]}, 404), ({"queue": "none"}, 404)):
            reply = await api.post("/api/v1/tasks/bulk", {"tasks": [BASH, BASH | wrong]})
            assert reply.status == status
        assert await count(api) == 0

    async def test_what_is_wrong_with_one_of_a_bulk_names_its_place(self, api: Api) -> None:
        """OD-42"""
        for wrong, words in (
            (
                {"payload": {"code": "x"}},
                "tasks.1.payload: needs `script` (its text) or `path` (its file); it has code",
            ),
            ({"task_class": "NOPE"}, "tasks.1: There is no task class NOPE"),
        ):
            reply = await api.post("/api/v1/tasks/bulk", {"tasks": [BASH, BASH | wrong]})
            assert reply.json["message"].startswith(words)

    async def test_a_wrong_word_in_a_question_is_named_by_its_parameter(self, api: Api) -> None:
        """OD-42"""
        reply = await api.get("/api/v1/tasks?state=weird")
        assert reply.json["message"].startswith("state: must be 'blocked'")


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"title": ""}, "title"),
    ({"title": None}, "title"),
    ({"title": 5}, "title"),
    ({"title": "x" * 501}, "title"),
    ({"title": "a\x00b"}, "body"),
    ({"description": "x" * 262_145}, "description"),
    ({"kind": "magic"}, "kind"),
    ({"payload": []}, "payload"),
    ({"payload": {}}, "payload"),
    ({"payload": {"script": 5}}, "payload.script"),
    ({"payload": {"path": "../../etc/passwd"}}, "payload.path"),
    ({"payload": {"path": "a\\..\\b"}}, "payload.path"),
    ({"kind": "command", "payload": {"argv": "make"}}, "payload.argv"),
    ({"kind": "command", "payload": {"argv": []}}, "payload.argv"),
    ({"type": "poem"}, "type"),
    ({"priority": 1}, "priority"),
    ({"priority": "asap"}, "priority"),
    ({"tags": "ci"}, "tags"),
    ({"tags": ["x" * 101]}, "tags.0"),
    ({"tags": ["x"] * 51}, "tags"),
    ({"timeout_seconds": 0}, "timeout_seconds"),
    ({"timeout_seconds": -5}, "timeout_seconds"),
    ({"timeout_seconds": "5"}, "timeout_seconds"),
    ({"estimated_cost_usd": -0.01}, "estimated_cost_usd"),
    ({"estimated_cost_usd": True}, "estimated_cost_usd"),
    ({"retry": {"max_attempts": 0}}, "retry.max_attempts"),
    ({"retry": {"jitter": 2}}, "retry.jitter"),
    ({"retry": 3}, "retry"),
    ({"working_dir": "relative/dir"}, "working_dir"),
    ({"working_dir": "/srv/../etc"}, "working_dir"),
    ({"required_files": ["/etc/passwd"]}, "required_files"),
    ({"required_files": ["a/../../b"]}, "required_files"),
    ({"required_files": ["C:\\secret"]}, "required_files"),
    ({"output_schema": {"type": "nothing"}}, "output_schema.type"),
    ({"output_schema": {"$ref": "https://example.com/x"}}, "output_schema"),
    ({"output_schema": {"pattern": "("}}, "output_schema.pattern"),
    ({"requires": ["a b"]}, "requires.0"),
    ({"depends_on": "tsk_1"}, "depends_on"),
    ({"depends_on": ["#nobody"]}, "depends_on"),
    ({"depends_on": ["x"] * 1001}, "depends_on"),
    ({"ready_at": "tomorrow"}, "ready_at"),
    ({"ready_at": "2099-01-01T00:00:00"}, "ready_at"),
    ({"network": 1}, "network"),
    ({"surprise": 1}, "surprise"),
    ({"max_test_fix_cycles": -1}, "max_test_fix_cycles"),
]


class TestBadInput:
    @pytest.mark.parametrize(("wrong", "field"), WRONG)
    async def test_a_wrong_field_is_named_and_nothing_is_queued(
        self, api: Api, wrong: dict[str, Any], field: str
    ) -> None:
        """OD-42"""
        reply = await api.post("/api/v1/tasks", BASH | wrong)
        assert reply.status == 422, reply.json
        details = reply.json["details"]
        assert field in (details.get("field"), *(one["field"] for one in details.get("errors", ())))
        assert await count(api) == 0

    @pytest.mark.parametrize(
        "wrong",
        [
            {"queue": "nobody"},
            {"task_class": "HUGE"},
            {"queue": "que_0000000000001"},
            {"project": "nobody"},
            {"session_id": "ses_0000000000001"},
            {"session_id": "nonsense"},
            {"parent_id": "tsk_0000000000001"},
            {"depends_on": ["tsk_0000000000001"]},
            {"depends_on": ["nonsense"]},
            {"depends_on": ["tsk_!!!!!!!!!!!!!"]},
        ],
    )
    async def test_what_it_refers_to_must_exist(self, api: Api, wrong: dict[str, Any]) -> None:
        """OD-42"""
        reply = await api.post("/api/v1/tasks", BASH | wrong)
        assert (reply.status, reply.json["code"]) == (404, "not_found")
        assert await count(api) == 0

    async def test_a_title_of_ten_megabytes_is_413(self, api: Api) -> None:
        """OD-42"""
        reply = await api.post("/api/v1/tasks", BASH | {"title": "x" * 10_000_000})
        assert (reply.status, reply.json["code"]) == (413, "too_large")

    @pytest.mark.parametrize("task", GHOSTS)
    @pytest.mark.parametrize(
        ("method", "path"),
        [
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/cancel"),
            ("POST", "/requeue"),
            ("POST", "/rerun"),
            ("POST", "/archive"),
            ("POST", "/unarchive"),
            ("GET", "/events"),
            ("GET", "/attempts"),
            ("GET", "/logs"),
        ],
    )
    async def test_an_unknown_task_is_404(self, api: Api, task: str, method: str, path: str) -> None:
        """OD-42"""
        body = {"title": "x"} if method == "PATCH" else None
        reply = await api.call(method, f"/api/v1/tasks/{task}{path}", body)
        assert reply.status == 404

    @pytest.mark.parametrize(
        ("query", "status"),
        [
            ("limit=0", 422),
            ("limit=201", 422),
            ("limit=x", 422),
            ("limit=1&limit=2", 422),
            ("cursor=nonsense", 400),
            ("cursor=", 422),
            ("order=random", 422),
            ("state=done", 422),
            ("archived=perhaps", 422),
            ("created_after=yesterday", 422),
            ("queue=nobody", 404),
            ("project=nobody", 404),
            ("session=x", 404),
            ("parent=x", 404),
            ("parent=tsk_0dq3m8x1c7w00", 404),
            ("depends_on=tsk_0dq3m8x1c7w00", 404),
            ("session=ses_0dq3m8x1c7w00", 404),
            ("sort=title", 422),
            ("q=" + "x" * 201, 422),
        ],
    )
    async def test_a_wrong_query_is_refused(self, api: Api, query: str, status: int) -> None:
        """OD-42"""
        assert (await api.get(f"/api/v1/tasks?{query}")).status == status


class TestListing:
    async def test_pages_give_every_task_once(self, api: Api) -> None:
        """OD-40"""
        made = [(await make(api, title=f"t{n}"))["id"] for n in range(7)]
        for order, expected in (("newest", made[::-1]), ("oldest", made), ("queue", made)):
            found: list[str] = []
            cursor = ""
            while True:
                page = (await api.get(f"/api/v1/tasks?order={order}&limit=3{cursor}")).json
                found += [task["id"] for task in page["items"]]
                if page["next_cursor"] is None:
                    break
                cursor = f"&cursor={page['next_cursor']}"
            assert found == expected

    async def test_filters_narrow(self, api: Api) -> None:
        """OD-21, SQ-2"""
        one = await make(api, kind="prompt", type="bug_fix", tags=["red"], priority="low")
        two = await make(api, queue="by-hand", tags=["red", "blue"], parent_id=one["id"])
        await claim(api, queues=["inbox"])
        for query, expected in (
            ("kind=prompt", [one]),
            ("type=bug_fix", [one]),
            ("tag=red", [two, one]),
            ("tag=blue", [two]),
            ("queue=by-hand", [two]),
            (f"queue={two['queue_id']}", [two]),
            ("project=default", [two, one]),
            (f"parent={one['id']}", [two]),
            ("agent=ann", [one]),
            ("state=running", [one]),
            ("state=running&state=ready", [two, one]),
            ("state=failed", []),
            ("created_before=2020-01-01T00:00:00Z", []),
            ("created_after=2020-01-01T00:00:00Z", [two, one]),
            ("archived=true", []),
        ):
            assert await listed(api, query) == [task["id"] for task in expected], query

    async def test_archived_tasks_are_shown_when_asked_for(self, api: Api) -> None:
        """OD-3"""
        task = await finished(api)
        archived = await api.post(f"/api/v1/tasks/{task['id']}/archive", {"reason": "old"})
        assert archived.json["archived_at"] is not None
        assert await listed(api) == []
        assert await listed(api, "archived=true") == [task["id"]]
        assert (await api.post(f"/api/v1/tasks/{task['id']}/unarchive")).json["archived_at"] is None
        assert await listed(api) == [task["id"]]


class TestChanging:
    async def test_a_waiting_task_can_change_in_every_field(self, api: Api) -> None:
        """SQ-3"""
        target = await make(api)
        task = await make(api)
        changes: dict[str, Any] = {
            "title": "new",
            "description": "d",
            "type": "code_review",
            "priority": "urgent",
            "tags": ["t"],
            "kind": "python",
            "payload": {"script": "print()"},
            "queue": "by-hand",
            "depends_on": [target["id"]],
            "task_class": "FAST_SCRIPT",
            "timeout_seconds": 12.0,
            "assigned_to": "bob",
            "requires": ["gpu"],
            "working_dir": "/srv",
            "network": True,
            "output_schema": {"type": "object"},
            "required_files": ["x"],
            "acceptance_command": "true",
            "max_test_fix_cycles": 1,
            "estimated_cost_usd": 1.5,
            "parent_id": target["id"],
        }
        reply = await api.patch(f"/api/v1/tasks/{task['id']}", changes)
        assert reply.status == 200, reply.json
        assert {name: reply.json[name] for name in changes} == changes
        assert reply.json["state"] == "blocked"
        cleared = await api.patch(
            f"/api/v1/tasks/{task['id']}",
            {"assigned_to": None, "working_dir": None, "timeout_seconds": None, "depends_on": []},
        )
        assert (cleared.json["assigned_to"], cleared.json["working_dir"]) == (None, None)
        assert (cleared.json["timeout_seconds"], cleared.json["state"]) == (30, "ready")

    async def test_a_change_that_closes_a_cycle_is_refused_and_named(self, api: Api) -> None:
        """SW-5b"""
        one = await make(api)
        two = await make(api, depends_on=[one["id"]])
        reply = await api.patch(f"/api/v1/tasks/{one['id']}", {"depends_on": [two["id"]]})
        assert (reply.status, reply.json["code"]) == (422, "dependency_cycle")
        assert set(reply.json["details"]["path"]) == {one["id"], two["id"]}
        assert (await api.get(f"/api/v1/tasks/{one['id']}")).json["depends_on"] == []

    async def test_while_it_runs_only_its_words_may_change(self, api: Api) -> None:
        """SW-4a"""
        task = await make(api)
        await claim(api)
        path = f"/api/v1/tasks/{task['id']}"
        assert (await api.patch(path, {"title": "new", "priority": "low"})).status == 200
        assert (await api.patch(path, {"payload": {"script": "false"}})).status == 409

    @pytest.mark.parametrize(
        "wrong",
        [
            {"title": None},
            {"kind": "command"},
            {"payload": {}},
            {"retry": None},
            {"estimated_cost_usd": -1},
            {"state": "succeeded"},
            {"working_dir": "x"},
        ],
    )
    async def test_a_wrong_change_changes_nothing(self, api: Api, wrong: dict[str, Any]) -> None:
        """OD-42"""
        task = await make(api)
        assert (await api.patch(f"/api/v1/tasks/{task['id']}", {"title": "new"} | wrong)).status == 422
        assert (await api.get(f"/api/v1/tasks/{task['id']}")).json == task

    async def test_a_cancelled_task_is_over_at_once(self, api: Api) -> None:
        """OD-2"""
        task = await make(api)
        claimed = await claim(api)
        for _ in range(2):
            reply = await api.post(f"/api/v1/tasks/{task['id']}/cancel", {"reason": "changed my mind"})
            assert (reply.status, reply.json["state"]) == (200, "cancelled")
        late = await api.post(
            f"/api/v1/attempts/{claimed['attempt_id']}/complete", {"token": claimed["token"]}
        )
        assert late.status == 409

    async def test_a_finished_task_can_be_requeued_rerun_and_deleted(self, api: Api) -> None:
        """SW-4b, OD-2"""
        task = await finished(api)
        path = f"/api/v1/tasks/{task['id']}"
        assert (await api.post(f"{path}/cancel")).status == 409
        again = await api.post(f"{path}/rerun")
        assert (again.status, again.json["state"]) == (201, "ready")
        assert again.json["id"] != task["id"]
        assert (await api.post(f"{path}/requeue")).json["state"] == "ready"
        assert (await api.delete(path)).status == 409
        await api.post(f"{path}/cancel")
        assert (await api.delete(path)).json == {"id": task["id"], "done": "deleted"}
        assert (await api.get(path)).status == 404
        assert (await api.get(f"{path}/events")).json["items"][-1]["kind"] == "task.removed"

    async def test_purging_counts_first_and_removes_then(self, api: Api) -> None:
        """SQ-6"""
        await finished(api)
        cancelled = await make(api)
        await api.post(f"/api/v1/tasks/{cancelled['id']}/cancel")
        await make(api, depends_on=[cancelled["id"]])
        assert (await api.post("/api/v1/purge")).json == {"purged": 0, "dry_run": False}
        dry = await api.post("/api/v1/purge", {"older_than_days": 0, "dry_run": True})
        assert dry.json == {"purged": 1, "dry_run": True}
        assert (await api.post("/api/v1/purge", {"older_than_days": 0})).json["purged"] == 1
        assert await count(api) == 2


class TestHistory:
    async def test_attempts_and_events_tell_what_happened(self, api: Api) -> None:
        """SW-4a, SW-4b"""
        task = await make(api)
        await end(api, await claim(api), "fail", code="released", message="bye")
        await end(api, await claim(api), output="fine", cost_usd=0.25, exit_code=0, result={"n": 1})
        one, two = (await api.get(f"/api/v1/tasks/{task['id']}/attempts")).json["items"]
        assert (one["number"], one["state"], one["code"], one["error"]) == (1, "failed", "released", "bye")
        assert (two["state"], two["output"], two["cost_usd"], two["result"]) == (
            "succeeded",
            "fine",
            0.25,
            {"n": 1},
        )
        detail = (await api.get(f"/api/v1/tasks/{task['id']}")).json
        assert (detail["attempt"], detail["output"], detail["actual_cost_usd"]) == (two, "fine", 0.25)
        kinds: list[str] = []
        after = "0"
        while after is not None:
            page = (await api.get(f"/api/v1/tasks/{task['id']}/events?after={after}&limit=2")).json
            kinds += [event["kind"] for event in page["items"]]
            after = page["next_cursor"]
        assert kinds == [
            "task.submitted",
            "attempt.started",
            "attempt.failed",
            "attempt.started",
            "attempt.succeeded",
        ]


class TestOutput:
    async def test_lines_are_read_from_a_position_or_from_the_end(self, api: Api) -> None:
        """OD-8"""
        task = await make(api)
        claimed = await claim(api)
        lines = [{"text": f"line {n}"} for n in range(10)]
        await end(api, claimed, "record", position=0, lines=lines)
        path = f"/api/v1/tasks/{task['id']}/logs"
        page = (await api.get(f"{path}?limit=4")).json
        assert [line["position"] for line in page["items"]] == [0, 1, 2, 3]
        assert (page["next_after"], page["total"], page["finished"], page["attempt"]) == (4, 10, False, 1)
        rest = (await api.get(f"{path}?after={page['next_after']}")).json
        assert [line["text"] for line in rest["items"]] == [f"line {n}" for n in range(4, 10)]
        tail = (await api.get(f"{path}?tail=2&attempt=1")).json
        assert [line["position"] for line in tail["items"]] == [8, 9]

    async def test_a_reader_that_waits_gets_the_line_when_it_comes(self, api: Api, store: Store) -> None:
        """SQ-20"""
        task = await make(api)
        claimed = await claim(api)
        topic = f"output:{ids.decode(ids.ATTEMPT, claimed['attempt_id'])}"
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(api.get(f"/api/v1/tasks/{task['id']}/logs?wait_seconds=30"))
            await eventually(lambda: topic in store.signals._topics)
            await end(api, claimed, "record", position=0, lines=[{"text": "hello"}])
        assert [line["text"] for line in reading.result().json["items"]] == ["hello"]

    async def test_a_reader_that_waits_is_told_of_the_end(self, api: Api, store: Store) -> None:
        """SQ-20"""
        task = await make(api)
        claimed = await claim(api)
        topic = f"attempt:{ids.decode(ids.ATTEMPT, claimed['attempt_id'])}"
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(api.get(f"/api/v1/tasks/{task['id']}/logs?wait_seconds=30"))
            await eventually(lambda: topic in store.signals._topics)
            await end(api, claimed)
        assert reading.result().json["finished"] is True

    async def test_a_reader_may_come_before_the_attempt(self, api: Api, store: Store) -> None:
        """SQ-20"""
        task = await make(api)
        async with asyncio.TaskGroup() as group:
            reading = group.create_task(api.get(f"/api/v1/tasks/{task['id']}/logs?attempt=1&wait_seconds=30"))
            await eventually(lambda: store.feed._waiters)
            claimed = await claim(api)
            await end(api, claimed, "record", position=0, lines=[{"text": "first"}])
        assert [line["text"] for line in reading.result().json["items"]] == ["first"]

    async def test_a_task_that_never_ran_has_no_output(self, api: Api) -> None:
        """SQ-20"""
        task = await make(api)
        page = (await api.get(f"/api/v1/tasks/{task['id']}/logs")).json
        assert page == {"attempt": 0, "items": [], "next_after": 0, "total": 0, "finished": False}


class TestScripts:
    async def test_scripts_are_listed_shown_and_reloaded(self, api: Api) -> None:
        """SQ-7"""
        assert [script["name"] for script in (await api.get("/api/v1/scripts")).json["items"]] == ["echo"]
        assert (await api.get("/api/v1/scripts?q=says&tag=demo")).json["items"]
        assert (await api.get("/api/v1/scripts?q=nothing")).json["items"] == []
        assert (await api.get("/api/v1/scripts/echo")).json["inputs"][0]["name"] == "text"
        assert (await api.get("/api/v1/scripts/ecko")).status == 404
        assert (await api.post("/api/v1/scripts/reload")).json == {"count": 1, "problems": []}

    async def test_a_script_is_queued_by_name_with_checked_inputs(self, api: Api) -> None:
        """SQ-7"""
        reply = await api.post(
            "/api/v1/scripts/echo/enqueue", {"inputs": {"text": "hi"}, "priority": "high", "tags": ["mine"]}
        )
        assert reply.status == 201, reply.json
        made = reply.json
        assert (made["title"], made["kind"], made["priority"], made["tags"]) == (
            "echo",
            "bash",
            "high",
            ["demo", "script:echo", "mine"],
        )
        assert made["payload"]["inputs"] == {"text": "hi"}
        assert await listed(api, "tag=script:echo") == [made["id"]]
        wrong = await api.post("/api/v1/scripts/echo/enqueue", {"inputs": {}})
        assert (wrong.status, wrong.json["details"]["field"]) == (422, "inputs.text")


async def test_many_tasks_are_archived_together_or_not_at_all(api: Api) -> None:
    """OD-3"""
    done = [(await finished(api))["id"] for _ in range(2)]
    still_open = (await make(api))["id"]
    refused = await api.post("/api/v1/tasks/archive", {"task_ids": [*done, still_open]})
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    assert sorted(await listed(api)) == sorted([*done, still_open])
    reply = await api.post("/api/v1/tasks/archive", {"task_ids": [*done, done[0]], "reason": "tidy"})
    assert (reply.status, reply.json) == (200, {"archived": 2})
    assert await listed(api) == [still_open]
    assert sorted(await listed(api, "archived=true")) == sorted(done)


async def test_many_tasks_are_requeued_together_or_not_at_all(api: Api) -> None:
    """SW-4b"""
    done = [(await finished(api))["id"] for _ in range(2)]
    still_open = (await make(api))["id"]
    refused = await api.post("/api/v1/tasks/requeue", {"task_ids": [*done, still_open]})
    assert (refused.status, refused.json["code"]) == (409, "wrong_state")
    reply = await api.post("/api/v1/tasks/requeue", {"task_ids": [*done, done[0]], "reason": "again"})
    assert (reply.status, reply.json) == (200, {"requeued": 2})
    assert sorted(await listed(api, "state=ready")) == sorted([*done, still_open])


async def test_a_waiting_task_is_put_elsewhere_in_its_queue(api: Api) -> None:
    """SW-8a"""
    a, b, c = [(await make(api, title=name))["id"] for name in "abc"]
    moved = await api.post(f"/api/v1/tasks/{c}/move", {"before": a})
    assert (moved.status, moved.json["id"]) == (200, c)
    assert await listed(api, "order=queue") == [c, a, b]
    await api.post(f"/api/v1/tasks/{c}/move", {"after": a})
    assert await listed(api, "order=queue") == [a, c, b]
    assert (await api.post(f"/api/v1/tasks/{c}/move", {})).status == 422
    assert (await api.post(f"/api/v1/tasks/{c}/move", {"before": a, "after": b})).status == 422
    assert (await api.post(f"/api/v1/tasks/{c}/move", {"before": "tsk_0000000000000"})).status == 404


async def test_tasks_are_found_by_when_an_attempt_of_them_ended(api: Api) -> None:
    """SW-8a"""
    done = (await finished(api))["id"]
    await make(api)
    assert await listed(api, "ended_after=2024-06-01T00:00:00Z") == [done]
    assert await listed(api, "ended_after=2024-06-01T00:00:00Z&state=failed") == []
    assert await listed(api, "ended_after=2990-01-01T00:00:00Z") == []
    assert await listed(api, "ended_after=2024-06-01T00:00:00Z&order=queue") == [done]
