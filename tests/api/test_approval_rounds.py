"""What people see before they decide, more time, asking back, asking again, and requests that change (SW-1)."""

from __future__ import annotations

from typing import Any

from muster.api.services import Services
from muster.commands.leases import StaleRules, patrol
from tests.api.asgi import Api
from tests.api.test_swarm_hitl import BASH, COLOURS, Held, held

PUSH = BASH | {"command": "git push origin main", "input": {"description": "Publish the branch"}}


async def one(api: Api, ident: str) -> dict[str, Any]:
    return (await api.get(f"/api/v1/approvals/{ident}")).json


async def asked(agent: Held, **fields: Any) -> dict[str, Any]:
    """A request with a time of its own."""
    body = {
        "token": agent.token,
        "key": "k",
        "kind": "permission",
        "title": "A request",
        "document": BASH,
    } | fields
    reply = await agent.api.post(f"/api/v1/attempts/{agent.attempt}/approvals", body)
    assert reply.status == 200, reply.json
    return reply.json


async def expired(api: Api, services: Services, agent: Held) -> str:
    made = (await asked(agent, expires_in_seconds=0.000_001))["approval_id"]
    await services.store.execute(patrol(StaleRules()))
    assert (await one(api, made))["outcome"] == "expired"
    return str(made)


class TestRisk:
    async def test_a_request_is_graded_when_it_is_asked(self, api: Api) -> None:
        """SW-1b"""
        agent = await held(api)
        made = await agent.ask("permission", PUSH)
        (listed,) = (await api.get("/api/v1/approvals")).json["items"]
        assert listed["risk"] == {"level": "high", "reasons": ["sends commits away"], "target": "main"}
        told = await one(api, made["approval_id"])
        assert (told["reason"], told["subject"]) == ("Publish the branch", "git push origin main")
        assert told["place"]["network"] in (None, "none", "open")
        assert (told["project"], told["outcome"]) == ("default", "pending")

    async def test_what_has_no_name_of_its_own_is_called_by_its_task(self, api: Api) -> None:
        agent = await held(api)
        made = await agent.ask("permission", BASH)
        risk = (await one(api, made["approval_id"]))["risk"]
        assert (risk["level"], risk["target"]) == ("medium", agent.task[-8:])

    async def test_a_question_has_no_risk(self, api: Api) -> None:
        agent = await held(api)
        made = await agent.ask("question", COLOURS)
        assert (await one(api, made["approval_id"]))["risk"] is None

    async def test_the_rule_by_which_it_is_asked_is_named(self, api: Api) -> None:
        payload = {"prompt": "x", "permissions": "ask"}
        agent = await held(api, payload=payload)
        made = await agent.ask("permission", BASH)
        place = (await one(api, made["approval_id"]))["place"]
        assert (place["permissions"], place["rule_from"]) == ("ask", None)


class TestTime:
    async def test_a_request_is_given_more_time_and_never_more_than_a_week(self, api: Api) -> None:
        """SW-1d"""
        agent = await held(api)
        made = (await asked(agent, expires_in_seconds=600))["approval_id"]
        before = await one(api, made)
        reply = await api.post(f"/api/v1/approvals/{made}/extend", {"seconds": 1800})
        assert reply.json["expires_at"] > before["expires_at"]
        reply = await api.post(f"/api/v1/approvals/{made}/extend", {"seconds": 604_800})
        assert reply.json["expires_at"] == before["latest_expiry"]
        reply = await api.post(f"/api/v1/approvals/{made}/extend", {})
        assert (reply.status, reply.json["code"]) == (409, "cannot_wait_longer")
        events = (await api.get(f"/api/v1/tasks/{agent.task}/events?limit=500")).json
        assert [event["kind"] for event in events["items"]].count("approval.extended") == 2

    async def test_what_never_expires_or_is_over_is_given_no_time(self, api: Api) -> None:
        agent = await held(api)
        made = (await agent.ask("permission", BASH))["approval_id"]
        assert (await api.post(f"/api/v1/approvals/{made}/extend", {})).json["code"] == "cannot_wait_longer"
        await api.post(f"/api/v1/approvals/{made}/answer", {"verdict": "allow", "by": "ann"})
        reply = await api.post(f"/api/v1/approvals/{made}/extend", {})
        assert (reply.status, reply.json["code"]) == (409, "already_settled")

    async def test_a_second_decision_hears_what_the_first_was_whose_and_when(self, api: Api) -> None:
        """SW-1a"""
        agent = await held(api)
        made = (await agent.ask("permission", BASH))["approval_id"]
        await api.post(f"/api/v1/approvals/{made}/answer", {"verdict": "allow", "by": "ann"})
        late = await api.post(
            f"/api/v1/approvals/{made}/answer", {"verdict": "deny", "text": "no", "by": "bob"}
        )
        details = late.json["details"]
        assert (late.status, details["word"], details["answered_by"]) == (409, "approved", "ann")
        assert details["finished_at"] == (await one(api, made))["finished_at"]


class TestRounds:
    async def test_asking_back_decides_nothing_and_is_remembered(self, api: Api) -> None:
        """SW-1e"""
        agent = await held(api)
        made = (await agent.ask("permission", BASH))["approval_id"]
        assert (await api.post(f"/api/v1/approvals/{made}/answer", {"verdict": "ask"})).status == 422
        body = {"verdict": "ask", "text": "Which branch?", "by": "ann"}
        assert (await api.post(f"/api/v1/approvals/{made}/answer", body)).json["outcome"] == "asked back"
        (word,) = await agent.told()
        assert "Which branch?" in word["text"]
        again = (await agent.ask("permission", BASH, key="again"))["approval_id"]
        told = await one(api, again)
        assert (told["question"], told["question_by"]) == ("Which branch?", "ann")

    async def test_an_allowance_does_not_hold_for_a_changed_request(self, api: Api) -> None:
        """SW-1b: a decision is bound to what was seen."""
        agent = await held(api)
        made = (await agent.ask("permission", BASH))["approval_id"]
        await api.post(f"/api/v1/approvals/{made}/answer", {"verdict": "allow", "by": "ann"})
        other = await agent.ask("permission", PUSH)
        assert (other["state"], other.get("answer")) == ("pending", None)
        assert await agent.told() == []
        told = await one(api, other["approval_id"])
        assert told["voids"] == made
        assert (told["voided"]["outcome"], told["voided"]["answered_by"]) == ("approved", "ann")
        assert told["voided"]["subject"] == "make deploy"
        assert (await agent.ask("permission", PUSH))["approval_id"] == other["approval_id"]

    async def test_a_request_that_changes_while_it_waits_is_withdrawn(self, api: Api) -> None:
        agent = await held(api)
        made = (await agent.ask("permission", BASH))["approval_id"]
        other = (await agent.ask("permission", PUSH))["approval_id"]
        assert (await one(api, made))["state"] == "withdrawn"
        (listed,) = (await api.get("/api/v1/approvals")).json["items"]
        assert (listed["id"], listed["voids"]) == (other, made)

    async def test_what_expired_is_asked_again_by_the_agent_at_work(
        self, api: Api, services: Services
    ) -> None:
        """SW-1d"""
        agent = await held(api)
        waits = (await agent.ask("permission", BASH, key="waits"))["approval_id"]
        assert (await api.post(f"/api/v1/approvals/{waits}/ask-again", {})).status == 409
        made = await expired(api, services, agent)
        reply = await api.post(f"/api/v1/approvals/{made}/ask-again", {"by": "ann"})
        assert (reply.json["done"], reply.json["task_id"]) == ("told", agent.task)
        words = [word["text"] for word in await agent.told() if word["kind"] == "say"]
        assert len(words) == 1
        assert "A request" in words[0]

    async def test_what_expired_in_a_task_that_is_over_is_asked_again_by_queueing_it(
        self, api: Api, services: Services
    ) -> None:
        agent = await held(api)
        made = await expired(api, services, agent)
        await api.post(f"/api/v1/tasks/{agent.task}/cancel", {"reason": "nobody was there"})
        assert (await api.post(f"/api/v1/approvals/{made}/ask-again", {})).json["done"] == "requeued"
        waiting = await api.post(f"/api/v1/approvals/{made}/ask-again", {})
        assert (waiting.status, waiting.json["code"]) == (409, "wrong_state")

    async def test_what_was_done_without_leave_is_not_asked_again(self, api: Api, services: Services) -> None:
        agent = await held(api)
        made = await expired(api, services, agent)
        done = await api.post(f"/api/v1/attempts/{agent.attempt}/complete", {"token": agent.token})
        assert done.status == 200
        assert (await api.post(f"/api/v1/approvals/{made}/ask-again", {})).status == 409

    async def test_more_time_and_changed_requests_are_in_the_log(self, api: Api) -> None:
        """SW-4a: the rows are those that the log says."""
        agent = await held(api)
        made = (await asked(agent, expires_in_seconds=600))["approval_id"]
        await api.post(f"/api/v1/approvals/{made}/extend", {})
        await asked(agent, document=PUSH)
        events = (await api.get(f"/api/v1/tasks/{agent.task}/events?limit=500")).json["items"]
        requests = [event["data"] for event in events if event["kind"] == "approval.requested"]
        assert [request["voids"] for request in requests] == [None, made]
        assert '"high"' in requests[1]["grade"]
