"""Roles of agents, the prompts they make, and tasks that name them (OD-5)."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.asgi import Api

V1 = "/api/v1"


async def prompt_task(api: Api, **payload: Any) -> Any:
    return await api.post(f"{V1}/tasks", {"title": "Mend it", "kind": "prompt", "payload": payload})


class TestRoles:
    async def test_five_roles_come_with_muster(self, api: Api) -> None:
        """OD-5"""
        roles = (await api.get(f"{V1}/roles")).json["items"]
        assert [role["name"] for role in roles] == ["analyst", "builder", "planner", "reviewer", "tester"]
        assert all(role["built_in"] and role["system_prompt"] for role in roles)

    async def test_a_role_is_made_changed_and_removed(self, api: Api) -> None:
        """OD-5"""
        body = {"kind": "reviewer", "system_prompt": "Look for holes.", "agent": "claude", "tools": ["Read"]}
        made = await api.put(f"{V1}/roles/security", body)
        assert (made.status, made.json["agent"], made.json["tools"]) == (201, "claude", ["Read"])
        changed = await api.put(f"{V1}/roles/security", body | {"model": "m"})
        assert (changed.status, changed.json["model"]) == (200, "m")
        assert (await api.get(f"{V1}/roles/security")).json == changed.json
        assert (await api.delete(f"{V1}/roles/security")).status == 200
        assert (await api.get(f"{V1}/roles/security")).status == 404

    async def test_a_built_in_role_can_be_changed_but_not_removed(self, api: Api) -> None:
        """OD-5"""
        assert (await api.put(f"{V1}/roles/builder", {"kind": "builder"})).status == 200
        assert (await api.delete(f"{V1}/roles/builder")).status == 409

    async def test_a_role_is_cloned(self, api: Api) -> None:
        """OD-5"""
        made = await api.post(f"{V1}/roles/reviewer/clone", {"name": "strict-reviewer"})
        assert (made.status, made.json["kind"], made.json["built_in"]) == (201, "reviewer", False)
        again = await api.post(f"{V1}/roles/reviewer/clone", {"name": "strict-reviewer"})
        assert (again.status, again.json["code"]) == (409, "already_exists")

    async def test_a_server_needs_a_url_or_a_command_line(self, api: Api) -> None:
        """OD-5"""
        servers = [{"name": "docs", "url": "http://127.0.0.1:1/mcp"}, {"name": "db", "argv": ["db-mcp"]}]
        made = await api.put(f"{V1}/roles/served", {"mcp": servers})
        assert [server["name"] for server in made.json["mcp"]] == ["docs", "db"]


class TestPrompts:
    async def test_a_preview_is_what_would_be_sent(self, api: Api) -> None:
        """OD-5, OD-12"""
        await api.patch(f"{V1}/queues/agents", {"instructions": "No pushes."})
        body = {"title": "Mend it", "prompt": "The login fails.", "role": "builder", "queue": "agents"}
        shown = (await api.post(f"{V1}/prompts/preview", body)).json
        assert shown["user"] == "The login fails."
        assert shown["system"].startswith("You are a builder.")
        assert shown["system"].endswith("No pushes.")

    async def test_a_role_is_previewed_before_it_is_saved(self, api: Api) -> None:
        """OD-5"""
        body = {"title": "x", "role": "fresh", "draft": {"system_prompt": "Be kind.", "agent": "codex"}}
        shown = (await api.post(f"{V1}/prompts/preview", body)).json
        assert (shown["system"], shown["agent"]) == ("Be kind.", "codex")
        assert (await api.get(f"{V1}/roles/fresh")).status == 404

    async def test_an_unknown_role_is_named(self, api: Api) -> None:
        answer = await api.post(f"{V1}/prompts/preview", {"title": "x", "role": "boss"})
        assert (answer.status, answer.json["code"]) == (404, "not_found")


class TestTasks:
    async def test_a_prompt_for_an_agent_waits_for_a_worker_that_has_it(self, api: Api) -> None:
        """SW-4j"""
        made = (await prompt_task(api, agent="claude", prompt="hi")).json
        assert (made["queue"], made["requires"]) == ("agents", ["agent:claude"])
        assert made["waiting"]["code"] == "no_worker"

    async def test_a_level_that_is_not_there_is_waited_for_and_named(self, api: Api) -> None:
        """SW-4f: never silently lowered."""
        beat = {"capacity": 2, "modes": ["auto"], "kinds": ["prompt"], "capabilities": ["agent:claude"]}
        assert (await api.post(f"{V1}/workers/w1/heartbeat", beat)).status == 200
        made = (await prompt_task(api, agent="claude", sandbox="gvisor")).json
        assert made["waiting"]["code"] == "no_sandbox"
        assert "gvisor" in made["waiting"]["message"]
        other = (await prompt_task(api, agent="codex")).json
        assert other["waiting"]["code"] == "no_agent"

    async def test_a_role_brings_its_agent_along(self, api: Api) -> None:
        """OD-5"""
        await api.put(f"{V1}/roles/mender", {"agent": "codex"})
        assert (await prompt_task(api, role="mender")).json["requires"] == ["agent:codex"]

    @pytest.mark.parametrize(
        ("payload", "status", "words"),
        [
            ({"role": "builder"}, 422, "names no agent"),
            ({"role": "boss"}, 404, "boss"),
            ({"agent": "claude", "permissions": "all"}, 422, "payload.permissions"),
            ({"agent": "claude", "modle": "x"}, 422, "payload.modle"),
        ],
    )
    async def test_what_no_worker_could_run_is_refused_at_once(
        self, api: Api, payload: dict[str, Any], status: int, words: str
    ) -> None:
        answer = await prompt_task(api, **payload)
        assert answer.status == status
        assert words in answer.json["message"]

    async def test_a_changed_agent_changes_what_its_worker_must_have(self, api: Api) -> None:
        """SW-4j"""
        made = (await prompt_task(api, agent="claude")).json
        changed = await api.patch(f"{V1}/tasks/{made['id']}", {"payload": {"agent": "codex"}})
        assert changed.json["requires"] == ["agent:codex"]

    async def test_a_prompt_without_an_agent_stays_open_to_agents_from_elsewhere(self, api: Api) -> None:
        """MC-2"""
        made = (await prompt_task(api, text="anything at all")).json
        assert (made["queue"], made["requires"]) == ("inbox", [])
