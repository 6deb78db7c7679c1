"""What the command line says of tasks is what the web interface says: paused, whom they block, what was answered."""

from __future__ import annotations

from typing import Any

from muster.cli.exits import ExitCode
from tests.cli.conftest import Muster
from tests.cli.live import LiveServer
from tests.cli.test_inbox import call


def agent_task(server: LiveServer, title: str, script: list[dict[str, Any]]) -> str:
    payload = {"agent": "scripted", "prompt": title, "agent_options": {"script": script}}
    return str(call(server, "/tasks", {"title": title, "kind": "prompt", "payload": payload})["id"])


def request_of(server: LiveServer, task: str) -> dict[str, Any]:
    while True:
        found = call(server, f"/approvals?task={task}&state=all&wait_seconds=5")["items"]
        if found:
            return found[0]


def test_a_paused_task_is_called_paused(live: Muster, live_server: LiveServer) -> None:
    """OD-33"""
    task = agent_task(live_server, "stands still", [{"say": "I wait."}, {"wait": 60}])
    while not call(live_server, f"/tasks/{task}/logs?wait_seconds=5")["items"]:
        pass
    assert live("pause", task).code == 0
    while not call(live_server, f"/tasks/{task}")["attempt"]["paused"]:
        pass
    assert "paused" in live("task", task).out
    (row,) = [row for row in live("tasks", "--json").json if row["id"] == task]
    assert (row["state"], row["paused"]) == ("running", True)
    assert "paused" in live("tasks", "stands").out
    assert live("cancel", task).code == 0


def test_a_dead_letter_names_what_it_blocks(live: Muster, live_server: LiveServer) -> None:
    """OD-20"""
    body = {"kind": "bash", "payload": {"script": "exit 3"}, "retry": {"max_attempts": 1}}
    first = call(live_server, "/tasks", body | {"title": "breaks"})["id"]
    second = call(live_server, "/tasks", body | {"title": "behind", "depends_on": [first]})["id"]
    while call(live_server, f"/tasks/{first}")["state"] != "failed":
        pass
    assert f"1 open task (muster tasks --depends-on {first})" in live("task", first).out
    for option in (["--stuck"], ["--depends-on", first]):
        assert [row["id"] for row in live("tasks", *option, "--json").json] == [second]
    assert live("cancel", second).code == 0
    assert "blocks" not in live("task", first).out


def test_a_list_narrowed_by_what_is_not_there_says_so(live: Muster, live_server: LiveServer) -> None:
    """OD-20: not that there are no tasks"""
    for option, noun, named in (
        ("--depends-on", "task", "tsk_0dq3m8x1c7w00"),
        ("--parent", "task", "tsk_0dq3m8x1c7w00"),
        ("--session", "session", "ses_0dq3m8x1c7w00"),
        ("--queue", "queue", "nowhere"),
        ("--project", "project", "nowhere"),
    ):
        told = live("tasks", option, named)
        assert (told.code, told.out) == (ExitCode.NOT_FOUND, "")
        assert noun in told.err
        assert named in told.err
    alone = call(live_server, "/tasks", {"kind": "manual", "title": "alone"})["id"]
    for option in ("--depends-on", "--parent"):
        assert live("tasks", option, alone).code == 0
    assert live("cancel", alone).code == 0


def test_an_answer_is_told_as_it_was_given(live: Muster, live_server: LiveServer) -> None:
    """SW-1"""
    script = [{"ask": {"text": "Which way?", "options": ["To the left", "To the right"]}}, {"say": "Thanks."}]
    asked = request_of(live_server, agent_task(live_server, "asks its way", script))
    said = live("answer", asked["id"], "To the left")
    assert said.out.strip() == f"Answered {asked['id']}: To the left"
    again = request_of(live_server, agent_task(live_server, "asks for leave", [{"allow": "npm ci"}]))
    assert (
        live("answer", again["id"], "deny", "--reason", "not now").out.strip()
        == f"Rejected {again['id']}: not now"
    )
    listed = live("inbox", "--all").out
    assert "To the left" in listed
    assert "not now" in listed
    assert "answer" not in live("inbox").out
