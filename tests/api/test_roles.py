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


async def versions_of(api: Api, name: str) -> list[Any]:
    return (await api.get(f"{V1}/roles/{name}/versions")).json["items"]


class TestVersions:
    async def test_each_change_makes_a_version_and_saving_without_one_makes_none(self, api: Api) -> None:
        """OD-5"""
        texts = ["You mend.", "You mend.", "You mend well."]
        made = [await api.put(f"{V1}/roles/mender", {"system_prompt": text, "by": "ann"}) for text in texts]
        assert [(one.status, one.json["version"]) for one in made] == [(201, 1), (200, 1), (200, 2)]
        assert made[2].json["updated_by"] == "ann"
        listed = await versions_of(api, "mender")
        assert [(one["version"], one["words"], one["current"]) for one in listed] == [
            (2, "system prompt", True),
            (1, "made", False),
        ]
        old = (await api.get(f"{V1}/roles/mender/versions/1")).json
        assert (old["system_prompt"], old["by"]) == ("You mend.", "ann")

    async def test_a_built_in_role_is_version_one_until_it_is_edited(self, api: Api) -> None:
        """OD-5"""
        (first,) = await versions_of(api, "builder")
        assert (first["version"], first["by"], first["words"]) == (1, "muster", "comes with muster")
        changed = await api.put(f"{V1}/roles/builder", {"kind": "builder", "model": "m"})
        assert changed.json["version"] == 2
        last = (await versions_of(api, "builder"))[0]
        assert (last["by"], last["changed"]) == (
            None,
            ["description", "system_prompt", "model"],
        )

    async def test_versions_come_in_pages(self, api: Api) -> None:
        """OD-5"""
        for number in range(3):
            await api.put(f"{V1}/roles/mender", {"model": f"m{number}"})
        page = (await api.get(f"{V1}/roles/mender/versions?limit=2")).json
        assert [one["words"] for one in page["items"]] == ["model m2 (was m1)", "model m1 (was m0)"]
        rest = (await api.get(f"{V1}/roles/mender/versions?limit=2&cursor={page['next_cursor']}")).json
        assert ([one["version"] for one in rest["items"]], rest["next_cursor"]) == ([1], None)

    async def test_restoring_makes_a_new_version_with_the_old_text(self, api: Api) -> None:
        """OD-5"""
        before = (await api.get(f"{V1}/roles/reviewer")).json
        await api.put(f"{V1}/roles/reviewer", {"system_prompt": "Say yes."})
        restored = await api.post(f"{V1}/roles/reviewer/versions/1/restore", {"by": "ann"})
        assert (restored.status, restored.json["version"]) == (200, 3)
        assert restored.json["system_prompt"] == before["system_prompt"]
        last = (await versions_of(api, "reviewer"))[0]
        assert (last["by"], last["restored"], last["words"]) == ("ann", 1, "version 1 restored")
        again = await api.post(f"{V1}/roles/reviewer/versions/1/restore")
        assert again.json["version"] == 3

    async def test_a_deleted_role_keeps_its_versions_and_comes_back(self, api: Api) -> None:
        """OD-5"""
        await api.put(f"{V1}/roles/mender", {"system_prompt": "You mend."})
        await api.delete(f"{V1}/roles/mender")
        (only,) = await versions_of(api, "mender")
        assert only["current"] is False
        back = await api.post(f"{V1}/roles/mender/versions/1/restore")
        assert (back.json["system_prompt"], back.json["version"]) == ("You mend.", 2)

    async def test_an_edit_of_a_version_that_is_not_the_newest_is_refused(self, api: Api) -> None:
        """OD-5"""
        await api.put(f"{V1}/roles/mender", {"model": "a"})
        await api.put(f"{V1}/roles/mender", {"model": "b", "by": "ann", "if_version": 1})
        late = await api.put(f"{V1}/roles/mender", {"model": "c", "if_version": 1})
        assert (late.status, late.json["code"]) == (409, "role_moved")
        assert "version 2" in late.json["message"]
        assert "ann" in late.json["message"]
        assert (await api.get(f"{V1}/roles/mender")).json["model"] == "b"
        made = await api.put(f"{V1}/roles/mender", {"model": "c", "if_version": 0})
        assert made.status == 409
        restored = await api.post(f"{V1}/roles/mender/versions/1/restore", {"if_version": 1})
        assert restored.status == 409

    async def test_two_versions_are_compared(self, api: Api) -> None:
        """OD-5"""
        for prompt in ("You mend.\nBe short.", "You mend.\nBe kind.", "You mend.\nBe short."):
            await api.put(f"{V1}/roles/mender", {"system_prompt": prompt})
        target = f"{V1}/roles/mender/versions"
        diff = (await api.get(f"{target}/2/diff")).body.decode()
        assert diff.startswith("--- mender version 1\n+++ mender version 2\n@@")
        assert "-Be short.\n+Be kind.\n" in diff
        assert (await api.get(f"{target}/3/diff?against=1")).body == b""
        assert "--- /dev/null" in (await api.get(f"{target}/1/diff")).body.decode()
        whole = (await api.get(f"{target}/2/diff?context=1000")).body.decode()
        assert whole.count("@@") == 2
        assert " Kind: custom" in whole

    @pytest.mark.parametrize(
        "target", ["boss/versions", "boss/versions/1", "builder/versions/9", "builder/versions/9/diff"]
    )
    async def test_what_there_is_not_is_named(self, api: Api, target: str) -> None:
        """OD-5"""
        answer = await api.get(f"{V1}/roles/{target}")
        assert (answer.status, answer.json["code"]) == (404, "not_found")
        assert target.partition("/")[0] in answer.json["message"]

    async def test_a_version_that_never_was_cannot_be_restored(self, api: Api) -> None:
        """OD-5"""
        answer = await api.post(f"{V1}/roles/builder/versions/9/restore")
        assert (answer.status, "version 9 of role builder" in answer.json["message"]) == (404, True)


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
