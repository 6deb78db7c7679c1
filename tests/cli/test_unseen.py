"""Finished work on the command line: found, looked at, set aside, merged (SQ-12, SW-4i)."""

from __future__ import annotations

import json
import urllib.request
from pathlib import Path
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


def done(server: LiveServer, folder: Path, name: str) -> str:
    """A task whose agent wrote a file; its id."""
    payload = {
        "agent": "scripted",
        "prompt": "x",
        "agent_options": {"script": [{"run": f"echo hi > {name}"}]},
    }
    wanted = {"title": f"Write {name}", "kind": "prompt", "working_dir": str(folder), "payload": payload}
    task, after = call(server, "/tasks", wanted)["id"], 0
    while call(server, f"/tasks/{task}")["state"] not in {"succeeded", "failed"}:
        after = call(server, f"/tasks/{task}/logs?wait_seconds=10&after={after}")["next_after"]
    return str(task)


class TestFinishedWork:
    def test_it_is_in_the_inbox_until_it_is_set_aside_or_merged(
        self, live: Muster, live_server: LiveServer, repository: Path
    ) -> None:
        """SQ-12: five tasks were done overnight, and 'muster inbox' names them."""
        first, second = done(live_server, repository, "a.txt"), done(live_server, repository, "b.txt")
        shown = live("inbox").out
        assert "Finished, not looked at" in shown
        assert {first, second} <= set(shown.split())
        assert {row["id"] for row in live("tasks", "--review", "unseen", "--json").json} >= {first, second}
        assert "succeeded, not looked at" in live("tasks", "--review", "unseen").out
        assert "not looked at" in live("status").out
        assert live("review", first, "--seen", "--approve").code == ExitCode.INVALID
        aside = live("review", first, "--seen")
        assert aside.code == 0, aside.err
        assert "Its branch stays" in aside.out + aside.err
        back = live("review", first, "--unseen")
        assert back.code == 0, back.err
        assert first in {row["id"] for row in live("tasks", "--review", "unseen", "--json").json}
        assert live("review", first, "--seen").code == 0
        merged = live("merge", second)
        assert merged.code == 0, merged.err
        assert (repository / "b.txt").read_text() == "hi\n"
        shown = live("inbox").out
        assert not {first, second} & set(shown.split())

    def test_an_empty_inbox_says_what_would_be_in_it(self, live: Muster) -> None:
        for row in live("tasks", "--review", "unseen", "--json").json:
            live("review", row["id"], "--seen")
        if not live("inbox", "--json").json:
            assert "finished work that nobody looked at" in live("inbox").err
