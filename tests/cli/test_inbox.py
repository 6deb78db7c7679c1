"""The inbox on the command line: the risk in a word, more time, asking back, asking again (SW-1)."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from muster.cli.exits import ExitCode
from tests.cli.conftest import Muster
from tests.cli.live import LiveServer


def call(server: LiveServer, path: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/v1{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"content-type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def asked(server: LiveServer, command: str, seconds: float = 600) -> str:
    """A request of the scripted agent; its id."""
    script = [{"allow": command}, {"wait": 60}]
    payload = {"agent": "scripted", "prompt": "x", "permissions": "ask", "answer_seconds": seconds}
    payload["agent_options"] = {"script": script}
    task = call(server, "/tasks", {"title": command, "kind": "prompt", "payload": payload})["id"]
    while True:
        found = call(server, f"/approvals?task={task}&state=all&wait_seconds=5")["items"]
        if found:
            return str(found[0]["id"])


class TestInbox:
    def test_the_list_and_the_question_say_how_risky_it_is(
        self, live: Muster, live_server: LiveServer
    ) -> None:
        """SW-1b"""
        made = asked(live_server, "git push origin main")
        listed = live("inbox")
        assert "high" in listed.out
        (row,) = [row for row in live("inbox", "--json").json if row["id"] == made]
        assert row["risk"]["target"] == "main"
        shown = live("answer", made)
        assert "high risk: sends commits away (main)" in shown.err

    def test_a_request_is_given_more_time(self, live: Muster, live_server: LiveServer) -> None:
        """SW-1d"""
        made = asked(live_server, "npm ci")
        before = call(live_server, f"/approvals/{made}")["expires_at"]
        assert live("extend", made, "--minutes", "60", "--json").json["expires_at"] > before
        assert live("extend", made, "--minutes", "0").code == ExitCode.USAGE

    def test_asking_back_decides_nothing(self, live: Muster, live_server: LiveServer) -> None:
        """SW-1e"""
        made = asked(live_server, "npm ci --twice")
        ended = live("answer", made, "--ask", "Which lock file?")
        assert ended.code == 0, ended.err
        assert call(live_server, f"/approvals/{made}")["outcome"] == "asked back"
        late = live("answer", made, "allow")
        assert late.code == ExitCode.CONFLICT

    def test_what_expired_can_be_asked_again(self, live: Muster, live_server: LiveServer) -> None:
        """SW-1d"""
        made = asked(live_server, "npm ci --late", seconds=0.2)
        assert call(live_server, f"/approvals/{made}?wait_seconds=30")["outcome"] == "expired"
        ended = live("ask-again", made)
        assert ended.code == 0, ended.err
        assert "Its agent was told" in ended.out + ended.err
