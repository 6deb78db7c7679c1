"""Agents that have nothing but `curl`: the session of the dialect's reference page, command by command."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.api.live import LiveServer

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "dialects.md"

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")


def session() -> list[tuple[str, str]]:
    """The commands of the page's session, and the status each is said to be answered with."""
    text = PAGE.read_text().partition("<!-- curl session -->")[2].partition("```bash")[2].partition("```")[0]
    steps: list[tuple[str, str]] = []
    for block in re.split(r"\n(?=# \d{3})", text.strip()):
        comment, _, command = block.partition("\n")
        steps.append((command.strip(), comment.removeprefix("# ")[:3]))
    return steps


async def run(command: str, environ: dict[str, str]) -> str:
    process = await asyncio.create_subprocess_exec(
        "bash", "-ec", command, env={**os.environ, **environ}, stdout=-1, stderr=-1
    )
    async with asyncio.timeout(30):
        out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def step(command: str, environ: dict[str, str]) -> tuple[str, Any]:
    """Run a command of the page; the status and the body it was answered with."""
    told = command.replace("curl -s", 'curl -s -w "\\n%{http_code}"', 1)
    body, _, status = (await run(told, environ)).rpartition("\n")
    return status, json.loads(body) if body else None


@needs_curl
async def test_the_pages_curl_session_works_line_by_line(live: LiveServer) -> None:
    """MC-10, MC-2, MC-3, MC-4"""
    environ = {"BASE": f"http://127.0.0.1:{live.port}", "VENTURE": "", "TASK": ""}
    answers: list[Any] = []
    steps = session()
    assert len(steps) > 10
    for command, wanted in steps:
        status, answer = await step(command, environ)
        assert status == wanted, (command, answer)
        if "/api/ventures" in command and "POST" in command:
            environ["VENTURE"] = answer["id"]
        if command.partition("$BASE")[2].startswith("/api/tasks/claim") and status == "200":
            environ["TASK"] = answer["id"]
        answers.append(answer)
    (venture,) = [one for one in answers[-1] if one["id"] == environ["VENTURE"]]
    assert venture["capitalSpent"] == 0.4
