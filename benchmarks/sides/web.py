"""The web interface in a real browser: real server, what it shows filled in by clients or by real scripted agents."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import uvloop

from benchmarks.child import Answer, NotRun, Parameters, answer, fresh_directory, run_side
from benchmarks.load import server
from benchmarks.sides.fleet import ENDED, Fleet, new_repository
from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import ClaimRequest
from muster.client.wire_runs import RunRequest
from muster.domain.transcript import Entry, Message, ToolCall, ToolKind, ToolResult

ROOT = Path(__file__).resolve().parents[2]
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
BLANK = "/health"
PAUSE = 0.25
"""Seconds between what an agent says: four a second."""
WRITE = (
    'for f in $(seq -w 1 500); do mkdir -p part-${f%??}; seq -f "$f %g" 1 40 > part-${f%??}/file-$f.txt; done'
)


def _browser() -> str:
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None or shutil.which("node") is None:
        raise NotRun("it needs Chromium and Node")
    if not (ROOT / "src/muster/web_dist/index.html").exists():
        raise NotRun("the web interface is not built: make setup")
    return found


def _looked(what: str, url: str, **options: Any) -> dict[str, float]:
    """What `web/tools/measure.js` says."""
    done = subprocess.run(
        ["node", "tools/measure.js", what, json.dumps(options)],
        cwd=ROOT / "web",
        env={**os.environ, "MUSTER_URL": url, "CHROMIUM": _browser()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(done.stderr[-1500:])
    return json.loads(done.stdout.splitlines()[-1])


@contextlib.contextmanager
def _busy(url: str, agents: int) -> Iterator[None]:
    """So many agents of other machines at work, heartbeating."""
    filler = subprocess.Popen(
        [sys.executable, "-m", "tools.busy_fleet", url, str(agents)], cwd=ROOT, stdout=subprocess.PIPE
    )
    try:
        if filler.stdout is None or filler.stdout.readline() != b"filled\n":
            raise RuntimeError("the fleet could not be made")
        yield
    finally:
        filler.terminate()
        filler.communicate()


async def _long_conversation(client: Client, entries: int) -> str:
    """A task whose agent said so many things; its id."""
    made = await client.post("/tasks", {"title": "A long talk", "kind": "prompt"})
    held = (await client.claim_task(made["id"], ClaimRequest(agent_id="talker"))).claims[0]
    await client.describe_run(held.attempt_id, RunRequest(token=held.token, agent="talker"))
    said: list[Entry] = []
    for number in range(entries // 3):
        said += [
            Message(f"Step {number}: the **deadline** is `{number}`."),
            ToolCall(f"t{number}", "Bash", tool=ToolKind.EXECUTE, command=f"echo {number}"),
            ToolResult(f"t{number}", output=str(number)),
        ]
    said += [Message("the last word")]
    for first in range(0, len(said), 1_000):
        await client.send_transcript(held.attempt_id, held.token, first, said[first : first + 1_000])
    return str(made["id"])


async def _large(client: Client, directory: Path, entries: int) -> dict[str, Any]:
    """A diff of 500 files by the scripted agent, and a long conversation."""
    fleet = Fleet(client, new_repository(directory / "repo"))
    diff = await fleet.submit({"run": WRITE}, {"say": "Done."})
    await fleet.all_in(1, *ENDED)
    if (await client.get(f"/tasks/{diff}"))["state"] != "succeeded":
        raise RuntimeError("the large change was not made")
    return {"diff": diff, "conversation": await _long_conversation(client, entries)}


async def _talking(client: Client, directory: Path, agents: int, seconds: float) -> dict[str, Any]:
    """So many scripted agents that say something four times a second, for longer than anybody looks."""
    fleet = Fleet(client, new_repository(directory / "repo"))
    words = ({"say": f"Renewals keep their **deadline** in step {n}."} for n in range(int(seconds / PAUSE)))
    steps = [step for said in words for step in (said, {"wait": PAUSE})]
    idents = [await fleet.submit(*steps) for _ in range(agents)]
    await fleet.all_in(agents, "running")
    return {"conversation": idents[0]}


async def _said(url: str, agents: int) -> int:
    """Entries in the conversations of all agents; RuntimeError when one of them is not at work."""
    client = Client(HttpTransport(url))
    try:
        rows = (await client.get(f"/tasks?state=running&limit={agents}"))["items"]
        if len(rows) != agents:
            raise RuntimeError(f"{len(rows)} of {agents} agents are at work")
        runs = [await client.get(f"/tasks/{row['id']}/conversation?limit=1") for row in rows]
        return sum(run["total"] for run in runs)
    finally:
        await client.close()


async def _filled(parameters: Parameters, url: str) -> dict[str, Any]:
    client = Client(HttpTransport(url))
    directory = fresh_directory(parameters)
    try:
        if parameters["what"] == "large":
            return await _large(client, directory, parameters["entries"])
        lasting = parameters["settle"] + parameters["seconds"] + parameters["agents"] * 4
        return await _talking(client, directory, parameters["agents"], lasting)
    finally:
        await client.close()


def _figures(parameters: Parameters, url: str) -> dict[str, float]:
    what, repeats = parameters["what"], parameters.get("repeats", 5)
    if parameters["page"] == "blank":
        return _looked(what, url, path=BLANK, repeats=repeats)
    match what:
        case "large":
            return _looked(what, url, repeats=repeats, **uvloop.run(_filled(parameters, url)))
        case "heap":
            filled = uvloop.run(_filled(parameters, url))
            times = {"seconds": parameters["seconds"], "settle": parameters["settle"]}
            began, before = time.monotonic(), uvloop.run(_said(url, parameters["agents"]))
            looked = _looked(what, url, **times, **filled)
            said = uvloop.run(_said(url, parameters["agents"])) - before
            return looked | {"said_per_second": said / (time.monotonic() - began)}
        case _:
            with _busy(url, parameters["agents"]):
                return _looked(what, url, repeats=repeats)


def measure(parameters: Parameters) -> Answer:
    """What the parameter `what` names, of muster's page or of an empty one from the same server."""
    _browser()
    worker = {"heap": {"worker": parameters.get("agents", 1)}, "large": {"worker": 1}}.get(
        parameters["what"], {}
    )
    data = fresh_directory(parameters) / "data"
    with server.start(parameters | worker | {"server": "muster"}, data=data) as target:
        figures = _figures(parameters, f"http://127.0.0.1:{target.port}")
    own = parameters["page"] == "muster"
    details = {name: round(value, 1) for name, value in figures.items()}
    return answer(
        figures,
        subject="the interface in Chromium" if own else "the shortest page of the same server",
        note=", ".join(f"{name} {value:g}" for name, value in details.items()) if own else "",
    )


if __name__ == "__main__":
    run_side(measure)
