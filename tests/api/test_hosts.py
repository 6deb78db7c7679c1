"""Sandboxes, hosts and the feed as the operating pages ask for them."""

from __future__ import annotations

from typing import Any

import pytest

from muster.commands.sandboxes import OpenSandbox, record_sandboxes
from muster.domain import ids
from muster.store.database import Store
from tests.api.asgi import Api

V1 = "/api/v1"


async def claimed(api: Api, **fields: Any) -> dict[str, Any]:
    """A claimed task's claim."""
    await api.post(f"{V1}/tasks", {"title": "work", "kind": "prompt", "queue": "inbox"} | fields)
    return (await api.post(f"{V1}/claims", {"agent_id": "ann"})).json["claims"][0]


async def opened(store: Store, claim: dict[str, Any], name: str = "box") -> None:
    """The sandbox of a claimed task, as its worker reports it."""
    attempt = ids.decode(ids.ATTEMPT, claim["attempt_id"])
    report = OpenSandbox(name=name, attempt_id=attempt, level="bubblewrap", state="running")
    await store.execute(record_sandboxes("w1", [report]))


class TestSandboxes:
    @pytest.mark.parametrize(
        ("fields", "network", "hosts"),
        [
            ({"network": False}, "none", []),
            ({"network": True}, "open", []),
            ({"network": True, "payload": {"allow_hosts": ["pypi.org"]}}, "hosts", ["pypi.org"]),
        ],
    )
    async def test_a_sandbox_says_what_it_may_reach(
        self, api: Api, store: Store, fields: dict[str, Any], network: str, hosts: list[str]
    ) -> None:
        """OD-22, SW-4h"""
        labels = ["network:allow-list"]
        await api.post(f"{V1}/tasks", {"title": "work", "kind": "prompt", "queue": "inbox"} | fields)
        answer = await api.post(f"{V1}/claims", {"agent_id": "ann", "capabilities": labels})
        await opened(store, answer.json["claims"][0])
        (row,) = (await api.get(f"{V1}/sandboxes")).json["items"]
        assert (row["network"], row["allow_hosts"]) == (network, hosts)

    async def test_its_samples_tell_what_moved_and_where_it_is_not_counted_why(self, api: Api) -> None:
        """OD-34: never 0 where nobody knows; a worker of before told nothing of it"""
        fields = {"network": True, "payload": {"allow_hosts": ["pypi.org"]}}
        await api.post(f"{V1}/tasks", {"title": "work", "kind": "prompt", "queue": "inbox"} | fields)
        labels = ["network:allow-list"]
        answer = await api.post(f"{V1}/claims", {"agent_id": "ann", "capabilities": labels})
        attempt = answer.json["claims"][0]["attempt_id"]
        samples = [[1_000, 0.5, 10, 2, 3], [3_000, 0.6, 10, 2, 3, 4096, 512]]
        box = {"name": "box", "attempt_id": attempt, "level": "bubblewrap", "samples": samples}
        beat = await api.post(f"{V1}/workers/w1/heartbeat", {"host": "h", "sandboxes": [box]})
        assert beat.status == 200, beat.json
        row = (await api.get(f"{V1}/sandboxes/box")).json
        moved = [(one["rx_bytes"], one["tx_bytes"]) for one in row["samples"]]
        assert moved == [(None, None), (4096, 512)]
        assert row["no_traffic"] is None

    @pytest.mark.parametrize(
        ("network", "words"), [(True, "Not counted at this level"), (False, "no network")]
    )
    async def test_an_open_network_and_none_say_why_nothing_is_counted(
        self, api: Api, store: Store, network: bool, words: str
    ) -> None:
        """OD-34"""
        await api.post(
            f"{V1}/tasks", {"title": "work", "kind": "prompt", "queue": "inbox", "network": network}
        )
        await opened(store, (await api.post(f"{V1}/claims", {"agent_id": "ann"})).json["claims"][0])
        assert words in (await api.get(f"{V1}/sandboxes/box")).json["no_traffic"]

    async def test_a_killed_sandbox_cancels_its_task(self, api: Api, store: Store) -> None:
        """OD-22: what runs in it is told to stop, and nothing takes the task again."""
        claim = await claimed(api)
        await opened(store, claim)
        reply = await api.call("DELETE", f"{V1}/sandboxes/box")
        assert (reply.status, reply.json) == (200, {"id": "box", "done": "killed"})
        assert (await api.get(f"{V1}/tasks/{claim['task_id']}")).json["state"] == "cancelled"
        beat = await api.post(f"{V1}/attempts/{claim['attempt_id']}/heartbeat", {"token": claim["token"]})
        assert [word["kind"] for word in beat.json["directives"]] == ["cancel"]

    async def test_one_that_is_not_open_or_has_no_task_is_not_killed(self, api: Api, store: Store) -> None:
        assert (await api.call("DELETE", f"{V1}/sandboxes/ghost")).status == 404
        report = OpenSandbox(name="stray", attempt_id=None, level="process", state="running")
        await store.execute(record_sandboxes("w1", [report]))
        assert (await api.call("DELETE", f"{V1}/sandboxes/stray")).status == 409


class TestFeed:
    async def test_the_feed_is_narrowed_by_kinds_and_nouns_of_events(self, api: Api) -> None:
        """OD-34"""
        claim = await claimed(api)
        await api.post(f"{V1}/tasks/{claim['task_id']}/cancel", {})
        kinds = [row["kind"] for row in (await api.get(f"{V1}/activities?kind=task")).json["items"]]
        assert kinds == ["task.cancelled", "task.submitted"]
        several = await api.get(f"{V1}/activities?kind=task.cancelled&kind=attempt.started")
        assert [row["kind"] for row in several.json["items"]] == ["task.cancelled", "attempt.started"]
        assert (await api.get(f"{V1}/activities?kind=nothing")).json["items"] == []
        of_task = await api.get(f"{V1}/activities?task={claim['task_id']}&kind=attempt")
        assert [row["kind"] for row in of_task.json["items"]] == ["attempt.started"]

    async def test_an_entry_opens_into_the_event_behind_it(self, api: Api) -> None:
        """OD-34"""
        claim = await claimed(api)
        (entry,) = (await api.get(f"{V1}/activities?kind=attempt.started")).json["items"]
        found = (await api.get(f"{V1}/activities/{entry['id']}")).json
        event = found.pop("event")
        assert found == entry
        assert (event["kind"], event["attempt_id"]) == ("attempt.started", claim["attempt_id"])
        posted = (await api.post(f"{V1}/activities", {"type": "note", "title": "Deployed"})).json
        assert (await api.get(f"{V1}/activities/{posted['id']}")).json["event"]["data"]["title"] == "Deployed"

    async def test_what_is_no_entry_is_not_found(self, api: Api) -> None:
        assert (await api.get(f"{V1}/activities/act_zzzzzzzzzzzzz")).status == 404
        assert (await api.get(f"{V1}/activities/nonsense")).status == 404


async def test_a_host_says_which_agents_it_has_and_which_it_has_not(api: Api) -> None:
    """OD-20: a first page that says what is missing"""
    facts = {
        "agents": [{"name": "claude", "title": "Claude Code", "signs_in_by": ["ANTHROPIC_API_KEY"]}],
        "absent": [{"name": "codex", "title": "Codex", "problem": "codex is not on PATH"}],
    }
    beat = await api.post(f"{V1}/workers/w1/heartbeat", {"host": "h", "facts": facts})
    assert beat.status == 200, beat.json
    told = (await api.get(f"{V1}/workers/w1")).json["facts"]
    assert told["absent"] == facts["absent"]
    (agent,) = told["agents"]
    assert (agent["title"], agent["signed_in"], agent["signs_in_by"]) == (
        "Claude Code",
        False,
        ["ANTHROPIC_API_KEY"],
    )
