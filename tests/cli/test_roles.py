"""Roles and agents' tasks on the command line, against a real server."""

from __future__ import annotations

import json
from typing import Any

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.cli.live import LiveServer


def as_json(server: LiveServer, *arguments: str) -> Any:
    done = server.muster("--json", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_roles_are_listed_made_cloned_and_removed(live_server: LiveServer) -> None:
    """OD-5, SQ-20"""
    assert "reviewer" in live_server.muster("role", "list").stdout
    made = as_json(
        live_server, "role", "set", "mender", "--agent", "scripted", "--system-prompt", "You mend."
    )
    assert (made["agent"], made["system_prompt"]) == ("scripted", "You mend.")
    changed = as_json(live_server, "role", "set", "mender", "--model", "m")
    assert (changed["agent"], changed["model"]) == ("scripted", "m")
    assert as_json(live_server, "role", "clone", "mender", "mender2")["name"] == "mender2"
    assert "You mend." in live_server.muster("role", "show", "mender2").stdout
    shown = as_json(live_server, "role", "preview", "mender", "the roof")
    assert (shown["system"], shown["user"]) == ("You mend.", "the roof")
    for name in ("mender", "mender2"):
        assert live_server.muster("role", "delete", name).returncode == 0
    assert live_server.muster("role", "delete", "builder").returncode != 0


def test_versions_of_a_role_are_listed_shown_compared_and_restored(live_server: LiveServer) -> None:
    """OD-5, SQ-20"""
    said = ("role", "set", "poet", "--by", "ann", "--system-prompt")
    assert live_server.muster(*said, "You write.").stdout == "Role poet made: version 1\n"
    assert live_server.muster(*said, "You write.").stdout == "Role poet is so already\n"
    assert live_server.muster(*said, "You write in verse.").stdout == "Role poet changed: version 2\n"
    listed = live_server.muster("role", "versions", "poet").stdout
    assert "2 (now)" in listed
    assert "system prompt" in listed
    assert "ann" in listed
    assert [row["version"] for row in as_json(live_server, "role", "versions", "poet")["items"]] == [2, 1]
    shown = live_server.muster("role", "show", "poet", "--version", "1").stdout
    assert "You write.\n" in shown
    assert "by ann" in shown
    diff = live_server.muster("role", "diff", "poet", "1", "2").stdout
    assert diff.startswith("--- poet version 1\n+++ poet version 2\n")
    assert "-You write.\n+You write in verse.\n" in diff
    assert as_json(live_server, "role", "diff", "poet", "1")["diff"] == diff
    restored = live_server.muster("role", "restore", "poet", "1")
    assert restored.stdout == "Role poet is as in version 1 again; that is version 3\n"
    assert "say the same" in live_server.muster("role", "diff", "poet", "1", "3").stderr
    assert as_json(live_server, "role", "show", "poet")["system_prompt"] == "You write."
    missing = live_server.muster("role", "show", "poet", "--version", "9")
    assert missing.returncode != 0
    assert "version 9 of role poet" in missing.stderr
    assert live_server.muster("role", "delete", "poet").returncode == 0


async def test_a_role_with_servers_is_changed_and_keeps_them(live_server: LiveServer) -> None:
    """OD-5: a server by a command line has no address, and one by an address no command line."""
    servers = [{"name": "db", "argv": ["db-mcp"]}, {"name": "docs", "url": "http://127.0.0.1:1/mcp"}]
    client = Client(HttpTransport(f"http://127.0.0.1:{live_server.port}"))
    before = await client.put("/roles/served", {"mcp": servers})
    await client.close()
    assert live_server.muster("role", "set", "served", "--model", "m").returncode == 0
    assert as_json(live_server, "role", "show", "served")["mcp"] == before["mcp"]
    assert live_server.muster("role", "delete", "served").returncode == 0


def test_a_prompt_for_an_agent_is_queued_with_what_it_may(live_server: LiveServer) -> None:
    """SW-4j, SQ-20"""
    options = ("--agent", "claude", "--permissions", "edit", "--owns", "src/**", "--max-cost", "0.5")
    made = as_json(
        live_server, "enqueue", "--prompt", "Mend it", *options, "--cycles", "2", "--sandbox", "bubblewrap"
    )
    task = as_json(live_server, "task", made["id"])
    assert task["payload"] == {
        "agent": "claude",
        "permissions": "edit",
        "owns": ["src/**"],
        "max_cost_usd": 0.5,
    }
    assert (task["requires"], task["max_test_fix_cycles"]) == (["agent:claude", "sandbox:bubblewrap"], 2)


def test_an_option_for_agents_without_one_is_refused(live_server: LiveServer) -> None:
    refused = live_server.muster("enqueue", "--prompt", "Mend it", "--model", "m")
    assert refused.returncode != 0
    assert "--agent or --role" in refused.stderr
