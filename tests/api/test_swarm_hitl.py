"""Swarm's people in the loop and its machines, on the rows of the native API (SW-10, SW-1a, SW-1e)."""

from __future__ import annotations

from typing import Any

import pytest

from muster.commands.sandboxes import OpenSandbox, record_sandboxes
from muster.commands.sessions import create_session
from muster.commands.workers import Presence, record_presence
from muster.domain import ids
from muster.domain.session import Session
from muster.store.database import Store
from tests.api.asgi import Api, Reply
from tests.api.live import LiveServer

BASH = {
    "tool": "Bash",
    "command": "make deploy",
    "options": [
        {"id": "allow", "label": "Allow once", "kind": "allow_once"},
        {"id": "reject", "label": "Reject", "kind": "reject_once"},
    ],
}
COLOURS = {
    "text": "Which colour?",
    "options": [{"id": name, "label": name, "kind": "choice"} for name in ("red", "green")],
}


class Held:
    """An attempt in a claimer's hands."""

    def __init__(self, api: Api, claim: dict[str, Any]) -> None:
        self.api = api
        self.task, self.attempt, self.token = claim["task_id"], claim["attempt_id"], claim["token"]

    async def ask(self, kind: str, document: dict[str, Any], key: str = "k") -> dict[str, Any]:
        body = {"token": self.token, "key": key, "kind": kind, "title": "A request", "document": document}
        reply = await self.api.post(f"/api/v1/attempts/{self.attempt}/approvals", body)
        assert reply.status == 200, reply.json
        return reply.json

    async def told(self) -> list[dict[str, Any]]:
        """What the agent hears on its next heartbeat."""
        reply = await self.api.post(f"/api/v1/attempts/{self.attempt}/heartbeat", {"token": self.token})
        return reply.json["directives"]


async def held(api: Api, **fields: Any) -> Held:
    await api.post("/api/v1/tasks", {"title": "work", "kind": "prompt", "queue": "inbox"} | fields)
    claims = (await api.post("/api/v1/claims", {"agent_id": "ann"})).json["claims"]
    return Held(api, claims[0])


async def waiting(api: Api) -> list[dict[str, Any]]:
    return (await api.get("/api/hitl/approvals")).json["approvals"]


async def decide(api: Api, approval: str, word: str, **body: Any) -> Reply:
    return await api.post(f"/api/hitl/approvals/{approval}/{word}", body)


class TestApprovals:
    async def test_leave_is_approved_once_and_reaches_the_agent(self, api: Api) -> None:
        """SW-1a: the same rows as the native approvals; a second decision names who made the first."""
        agent = await held(api)
        await agent.ask("permission", BASH)
        (asked,) = await waiting(api)
        assert (asked["type"], asked["status"], asked["ticket_id"]) == ("permission", "pending", agent.task)
        assert asked["request"]["command"] == "make deploy"
        reply = await decide(api, asked["id"], "approve", by="bob", seen=asked["digest"])
        assert (reply.status, reply.json["status"], reply.json["resolved_by"]) == (200, "approved", "bob")
        late = await decide(api, asked["id"], "reject", by="eve")
        assert late.status == 409
        assert "bob" in late.json["message"]
        assert await waiting(api) == []
        (word,) = await agent.told()
        assert (word["kind"], word["key"], word["option_kind"]) == ("answer", "k", "allow_once")
        native = (await api.get(f"/api/v1/approvals/{asked['id']}")).json
        assert (native["state"], native["answered_by"]) == ("answered", "bob")

    async def test_what_is_rejected_is_told_with_its_reason(self, api: Api) -> None:
        agent = await held(api)
        made = await agent.ask("permission", BASH)
        reply = await decide(api, made["approval_id"], "reject", reason="Not on a Friday.")
        assert (reply.json["status"], reply.json["response"]) == ("rejected", "Not on a Friday.")
        (word,) = await agent.told()
        assert (word["option_kind"], word["text"]) == ("reject_once", "Not on a Friday.")

    async def test_people_ask_back_and_the_agent_may_ask_again(self, api: Api) -> None:
        """SW-1a: clarify is neither yes nor no, and is shown as what it is."""
        agent = await held(api)
        first = await agent.ask("permission", BASH)
        reply = await decide(api, first["approval_id"], "clarify", message="Which host?")
        assert reply.json["status"] == "clarify"
        assert "Which host?" in (await agent.told())[0]["text"]
        second = await agent.ask("permission", BASH | {"command": "make deploy HOST=test"}, key="k2")
        assert (await decide(api, second["approval_id"], "approve")).json["status"] == "approved"

    async def test_a_question_is_answered_by_option_or_in_words(self, api: Api) -> None:
        agent = await held(api)
        first = await agent.ask("question", COLOURS)
        chosen = await decide(api, first["approval_id"], "approve", option="green")
        assert (chosen.status, chosen.json["status"]) == (200, "answered")
        second = await agent.ask("question", COLOURS, key="k2")
        said = await decide(api, second["approval_id"], "clarify", message="Blue, please.")
        assert (said.json["status"], said.json["response"]) == ("answered", "Blue, please.")
        words = await agent.told()
        assert [(word.get("option"), word.get("text", "")) for word in words] == [
            ("green", ""),
            (None, "Blue, please."),
        ]

    async def test_what_was_not_seen_is_not_approved(self, api: Api) -> None:
        agent = await held(api)
        made = await agent.ask("permission", BASH)
        assert (await decide(api, made["approval_id"], "approve", seen="another")).status == 409
        assert (await decide(api, made["approval_id"], "clarify", message="")).status == 422
        assert (await decide(api, "apr_0000000000000", "approve")).status == 404
        assert len(await waiting(api)) == 1

    async def test_all_of_a_ticket_are_listed_by_pages_newest_first(self, api: Api) -> None:
        agent = await held(api)
        made = [(await agent.ask("permission", BASH, key=f"k{at}"))["approval_id"] for at in range(3)]
        await decide(api, made[0], "approve")
        path = f"/api/hitl/approvals?status=all&ticket_id={agent.task}&limit=2"
        first = (await api.get(path)).json
        assert [one["id"] for one in first["approvals"]] == [made[2], made[1]]
        rest = (await api.get(f"{path}&cursor={first['next_cursor']}")).json
        assert [(one["id"], one["status"]) for one in rest["approvals"]] == [(made[0], "approved")]
        assert rest["next_cursor"] is None


class TestRooms:
    async def test_rooms_hear_of_requests_and_their_ends(
        self, live: LiveServer, api: Api, store: Store
    ) -> None:
        """SW-1e: approvalRequested and approvalResolved, by the names of the contract."""
        session = await store.execute(create_session(Session(name="talk")))
        room = f"session:{ids.encode(ids.SESSION, session)}"
        async with live.socket() as client:
            await client.greeted()
            await client.say(type="subscribe", room=room)
            agent = await held(api, session_id=room.partition(":")[2])
            made = await agent.ask("permission", BASH)
            await decide(api, made["approval_id"], "approve", by="bob")
            heard: list[dict[str, Any]] = []
            while not heard or heard[-1]["type"] != "approvalResolved":
                heard.append(await client.next())
        asked = next(one for one in heard if one["type"] == "approvalRequested")
        assert (asked["room"], asked["data"]["data"]["approval_id"]) == (room, made["approval_id"])
        assert heard[-1]["data"]["data"]["by"] == "bob"
        assert {"type", "room", "data", "seq", "timestamp"} == set(asked)


class TestTalks:
    async def test_people_talk_with_the_agent_at_work_in_a_session(self, api: Api, store: Store) -> None:
        session = ids.encode(ids.SESSION, await store.execute(create_session(Session(name="talk"))))
        shown = (await api.get("/api/hitl/sessions")).json["sessions"]
        assert [(one["id"], one["title"], one["status"]) for one in shown] == [(session, "talk", "active")]
        assert (await api.get(f"/api/hitl/sessions/{session}")).json == shown[0]
        path = f"/api/hitl/sessions/{session}/messages"
        assert (await api.get(path)).json == {"messages": []}
        nobody = await api.post(path, {"content": "Anybody?"})
        assert nobody.status == 409
        assert "ticket" in nobody.json["message"]
        agent = await held(api, session_id=session)
        said = await api.post(path, {"content": "Use tabs.", "by": "bob"})
        assert (said.status, said.json["ticket_id"]) == (201, agent.task)
        assert [word["text"] for word in await agent.told()] == ["Use tabs."]
        attempt = f"/api/v1/attempts/{agent.attempt}"
        await api.post(f"{attempt}/run", {"token": agent.token, "agent": "claude"})
        entries = [
            {"kind": "message", "text": "Use tabs.", "role": "user"},
            {"kind": "thinking", "text": "hm"},
            {"kind": "message", "text": "Tabs it is.", "role": "agent"},
        ]
        kept = await api.post(
            f"{attempt}/transcript", {"token": agent.token, "position": 0, "entries": entries}
        )
        assert kept.status == 200, kept.json
        messages = (await api.get(path)).json["messages"]
        assert [(one["role"], one["content"]) for one in messages] == [
            ("user", "Use tabs."),
            ("agent", "Tabs it is."),
        ]


@pytest.fixture
async def machine(api: Api, store: Store) -> tuple[str, Held]:
    """An open sandbox of a claimed task."""
    await store.execute(record_presence(Presence(worker_id="w1", host="h1")))
    agent = await held(api)
    report = OpenSandbox(
        name="box-1",
        attempt_id=ids.decode(ids.ATTEMPT, agent.attempt),
        level="bubblewrap",
        state="running",
        limits={"memory_bytes": 1e9},
        samples=[[1_000, 1.5, 2_097_152, 3, 1_048_576]],
    )
    await store.execute(record_sandboxes("w1", [report]))
    return "box-1", agent


class TestMachines:
    async def test_open_sandboxes_are_listed_with_what_they_use(
        self, api: Api, machine: tuple[str, Held]
    ) -> None:
        """SW-10, SW-4h"""
        name, agent = machine
        (vm,) = (await api.get("/api/vms")).json["vms"]
        assert (vm["id"], vm["ticket_id"], vm["host"]) == (name, agent.task, "h1")
        assert (vm["status"], vm["isolation"], vm["limits"]) == (
            "running",
            "bubblewrap",
            {"memory_bytes": 1e9},
        )
        assert (vm["cpu_seconds"], vm["memory_mb"], vm["disk_mb"], vm["processes"]) == (1.5, 2.0, 1.0, 3)
        assert (await api.get(f"/api/vms/{name}")).json == vm
        health = (await api.get(f"/api/vms/{name}/health")).json
        assert (health["healthy"], health["processes"]) == (True, 3)
        assert (await api.post("/api/vms", {"ticket_id": agent.task})).json == vm
        assert (await api.get("/api/vms/ghost")).status == 404

    async def test_a_sandbox_is_made_by_its_ticket_alone(self, api: Api) -> None:
        made = (await api.post("/api/tickets", {"title": "t"})).json
        reply = await api.post("/api/vms", {"ticket_id": made["id"]})
        assert (reply.status, reply.json["code"]) == (409, "made_by_ticket")

    async def test_a_restarted_one_gives_its_ticket_back(self, api: Api, machine: tuple[str, Held]) -> None:
        name, agent = machine
        assert (await api.post(f"/api/vms/{name}/restart", {})).json == {"id": name, "done": "restarted"}
        task = (await api.get(f"/api/v1/tasks/{agent.task}")).json
        assert task["state"] in ("ready", "backoff")
        assert (
            await agent.api.post(f"/api/v1/attempts/{agent.attempt}/heartbeat", {"token": agent.token})
        ).status == 409

    async def test_a_deleted_one_cancels_its_ticket(self, api: Api, machine: tuple[str, Held]) -> None:
        name, agent = machine
        assert (await api.call("DELETE", f"/api/vms/{name}")).json == {"id": name, "done": "deleted"}
        assert (await api.get(f"/api/v1/tasks/{agent.task}")).json["state"] == "cancelled"
        assert [word["kind"] for word in await agent.told()] == ["cancel"]
