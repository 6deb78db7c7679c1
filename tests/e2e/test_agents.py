"""Agents at work: a real server, real sandboxes, real repositories, the scripted agent (SW-9, SW-4f to SW-4j)."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from muster.client.client import Client
from muster.client.http import HttpTransport
from tests.e2e.processes import sleepers
from tests.e2e.server import KillableServer
from tests.waiting import eventually

SONNET = "claude-sonnet-4-5"


def git(folder: Path, *args: str) -> str:
    words = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *args]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


class Bench:
    """A server with its worker, a client, and a repository."""

    def __init__(self, server: KillableServer) -> None:
        self.server = server
        self.client = Client(HttpTransport(server.url, retry_seconds=30))
        self.repository = server.folder / "repo"
        self.repository.mkdir()
        git(self.repository, "init", "-q", "-b", "main")
        (self.repository / "hello.py").write_text("print('hello')\n")
        git(self.repository, "add", "-A")
        git(self.repository, "commit", "-qm", "first")

    async def submit(self, *script: Any, title: str = "A task", **fields: Any) -> str:
        payload = {"agent": "scripted", "prompt": "do it", "agent_options": {"script": list(script)}}
        payload |= fields.pop("payload", {})
        body = {"title": title, "kind": "prompt", "working_dir": str(self.repository), "payload": payload}
        return str((await self.client.post("/tasks", body | fields))["id"])

    async def script(self, script: str, **payload: Any) -> str:
        body = {"title": "A script", "kind": "bash", "working_dir": str(self.repository)}
        return str(
            (await self.client.post("/tasks", body | {"payload": {"script": script, **payload}}))["id"]
        )

    async def task(self, ident: str) -> Any:
        return await self.client.get(f"/tasks/{ident}")

    async def ended(self, ident: str, timeout: float = 60) -> Any:
        async def is_over() -> bool:
            return (await self.task(ident))["state"] in ("succeeded", "failed", "cancelled")

        await eventually(is_over, timeout=timeout)
        return await self.task(ident)

    async def asked(self) -> Any:
        async def something() -> bool:
            return bool((await self.client.get("/approvals"))["items"])

        await eventually(something)
        return (await self.client.get("/approvals"))["items"][0]

    async def answer(self, ident: str, **body: Any) -> Any:
        return await self.client.post(f"/approvals/{ident}/answer", body)

    async def entries(self, ident: str, kind: str) -> list[Any]:
        page = await self.client.get(f"/tasks/{ident}/conversation", limit=1000)
        found = [item.get("entry", item) for item in page["items"]]
        return [entry for entry in found if entry["kind"] == kind]

    def attempts_left(self) -> list[str]:
        folder = self.server.folder / "data" / "worker" / "attempts"
        return [path.name for path in folder.iterdir()] if folder.is_dir() else []


@pytest.fixture
async def bench(server: KillableServer) -> AsyncIterator[Bench]:
    server.arguments = ()
    server.environ |= {"MUSTER_WORKER_CAPACITY": "10"}
    await server.start()
    made = Bench(server)
    yield made
    await made.client.close()


async def test_a_prompt_becomes_a_commit_on_a_branch_of_its_own(bench: Bench) -> None:
    """SW-9, SW-4i, OD-7, OD-8, OD-27"""
    ident = await bench.submit(
        {"say": "I change the greeting."},
        {"edit": {"path": "hello.py", "old": "'hello'", "new": "'hello, fleet'"}},
        {"run": "python3 hello.py && git commit -qam 'my own commit' && echo left > left.txt"},
        {"say": "Done."},
        title="Change the greeting",
        type="feature_implementation",
    )
    task = await bench.ended(ident)
    assert (task["state"], task["output"]) == ("succeeded", "Done.")
    run = task["attempt"]["run"]
    assert (run["agent"], run["branch"]) == ("scripted", f"muster/{ident}")
    assert git(bench.repository, "rev-parse", run["branch"]) == run["head_commit"]
    log = git(bench.repository, "log", "--format=%s", run["branch"]).splitlines()
    assert log == ["feat: Change the greeting", "my own commit", "first"]
    assert "hello, fleet" in git(bench.repository, "show", f"{run['branch']}:hello.py")
    assert git(bench.repository, "status", "--porcelain") == ""
    files = (await bench.client.get(f"/tasks/{ident}/files"))["produced"]
    assert {(file["path"], file["change"]) for file in files} == {
        ("hello.py", "modified"),
        ("left.txt", "created"),
    }
    said = [entry["text"] for entry in await bench.entries(ident, "message")]
    assert said == ["do it", "I change the greeting.", "Done."]
    assert bench.attempts_left() == []


async def test_ten_agents_at_once_do_not_meet(bench: Bench) -> None:
    """SW-9: ten in parallel on one repository, each with its own branch."""
    idents = [
        await bench.submit(
            {"write": {"path": "mine.txt", "text": f"{number}\n"}},
            {"run": "sleep 0.3; ls /proc | grep -c '^[0-9]'; cat mine.txt"},
            {"say": f"{number}"},
        )
        for number in range(10)
    ]
    for number, ident in enumerate(idents):
        assert (await bench.ended(ident))["output"] == f"{number}"
        assert git(bench.repository, "show", f"muster/{ident}:mine.txt") == f"{number}"


async def test_an_approval_survives_a_killed_server_and_reaches_the_next_attempt(bench: Bench) -> None:
    """SW-1a: asked, killed, asked again by the next attempt, answered, delivered; the first is withdrawn, not lost."""
    ident = await bench.submit({"allow": "echo allowed > allowed.txt"}, {"say": "went on"})
    first = await bench.asked()
    assert first["document"]["command"] == "echo allowed > allowed.txt"
    bench.server.kill()
    await bench.server.start()

    async def asked_again() -> bool:
        items = (await bench.client.get("/approvals"))["items"]
        return bool(items) and items[0]["id"] != first["id"]

    await eventually(asked_again, timeout=30)
    settled = await bench.client.get(f"/approvals/{first['id']}")
    assert settled["state"] == "withdrawn"
    second = await bench.asked()
    done = await bench.answer(second["id"], verdict="allow", seen=second["digest"], by="ann")
    assert (done["state"], done["answered_by"]) == ("answered", "ann")
    assert (await bench.ended(ident))["state"] == "succeeded"
    assert git(bench.repository, "show", f"muster/{ident}:allowed.txt") == "allowed"
    assert bench.server.muster("verify").returncode == 0


async def test_a_request_is_answered_once_denied_in_words_and_allowed_for_good(bench: Bench) -> None:
    """SW-1a, SW-1d"""
    ident = await bench.submit(
        {"allow": "touch a.txt"}, {"allow": "touch a.txt"}, {"allow": "touch b.txt"}, {"say": "end"}
    )
    first = await bench.asked()
    refused = await bench.client.post(
        f"/approvals/{first['id']}/answer", {"verdict": "allow", "scope": "task"}
    )
    assert refused["answer"]["kind"] == "allow_once"
    second = await bench.asked()
    assert second["document"]["command"] == "touch b.txt"
    await bench.answer(second["id"], verdict="deny", text="not b")
    assert (await bench.ended(ident))["state"] == "succeeded"
    said = [entry["text"] for entry in await bench.entries(ident, "message")]
    assert "I may not run touch b.txt: not b" in said
    history = (await bench.client.get("/approvals", state="all", task=ident))["items"]
    assert [row["answered_by"].split(":")[0] for row in history] == ["somebody", "rule", "somebody"]


async def test_a_request_nobody_answers_expires_and_is_not_called_rejected(bench: Bench) -> None:
    """SW-1d"""
    ident = await bench.submit({"allow": "touch a.txt"}, {"say": "end"}, payload={"answer_seconds": 0.5})
    assert (await bench.ended(ident))["state"] == "succeeded"
    history = (await bench.client.get("/approvals", state="all", task=ident))["items"]
    assert history[0]["state"] == "expired"
    assert any("expired" in entry["text"] for entry in await bench.entries(ident, "message"))


async def test_waiting_for_a_person_does_not_run_into_the_timeout(bench: Bench) -> None:
    """SW-1a"""
    ident = await bench.submit({"ask": "Which one?"}, {"say": "end"}, timeout_seconds=1.5)
    asked = await bench.asked()
    due = time.monotonic() + 2.5
    await eventually(lambda: time.monotonic() > due)
    assert (await bench.task(ident))["state"] == "running"
    await bench.answer(asked["id"], text="the left one")
    task = await bench.ended(ident)
    assert task["state"] == "succeeded"
    assert "You said: the left one" in [entry["text"] for entry in await bench.entries(ident, "message")]


async def test_a_failed_check_goes_back_to_the_same_session_until_it_holds(bench: Bench) -> None:
    """SQ-9"""
    ident = await bench.submit(
        [{"write": {"path": "x.txt", "text": "wrong\n"}}, {"say": "first"}],
        [{"write": {"path": "x.txt", "text": "right\n"}}, {"say": "mended"}],
        acceptance_command="grep right x.txt || { echo it is not right >&2; exit 1; }",
        max_test_fix_cycles=2,
    )
    task = await bench.ended(ident)
    assert (task["state"], task["output"]) == ("succeeded", "mended")
    told = [entry["text"] for entry in await bench.entries(ident, "message") if entry.get("role") == "user"]
    assert len(told) == 2
    assert "it is not right" in told[1]
    assert len(await bench.entries(ident, "session")) == 1


async def test_what_a_check_leaves_lying_is_not_on_the_branch_and_does_not_stop_the_merge(
    bench: Bench,
) -> None:
    """SQ-9, SW-4i: the owner ran the same check, and has the same leftovers in their folder."""
    check = "mkdir -p __pycache__; date +%N > __pycache__/calc.pyc; grep right x.txt"
    ident = await bench.submit(
        [{"write": {"path": "x.txt", "text": "wrong\n"}}, {"say": "first"}],
        [{"write": {"path": "x.txt", "text": "right\n"}}, {"say": "mended"}],
        acceptance_command=check,
        max_test_fix_cycles=2,
    )
    task = await bench.ended(ident)
    assert task["state"] == "succeeded"
    named = git(bench.repository, "diff", "--name-only", f"main...muster/{ident}")
    assert named == "x.txt"
    (bench.repository / "__pycache__").mkdir()
    (bench.repository / "__pycache__" / "calc.pyc").write_text("mine\n")
    merged = bench.server.muster("merge", ident)
    assert merged.returncode == 0, merged.stderr


async def test_a_check_that_never_holds_fails_the_attempt_and_keeps_its_branch(bench: Bench) -> None:
    """SW-4e"""
    ident = await bench.submit(
        {"write": {"path": "x.txt", "text": "wrong\n"}},
        {"say": "done"},
        acceptance_command="false",
        retry={"max_attempts": 1},
    )
    task = await bench.ended(ident)
    attempts = (await bench.client.get(f"/tasks/{ident}/attempts"))["items"]
    assert (task["state"], attempts[0]["code"]) == ("failed", "acceptance_failed")
    assert git(bench.repository, "show", f"muster/{ident}:x.txt") == "wrong"


async def test_files_outside_of_what_the_task_owns_stop_it(bench: Bench) -> None:
    """SA-2b"""
    ident = await bench.submit(
        {"write": {"path": "docs/x.md", "text": "x\n"}},
        {"write": {"path": "src/x.py", "text": "x\n"}},
        payload={"owns": ["docs/**"]},
    )
    task = await bench.ended(ident)
    attempt = (await bench.client.get(f"/tasks/{ident}/attempts"))["items"][0]
    assert (task["state"], attempt["code"]) == ("failed", "outside_ownership")
    assert "src/x.py" in attempt["error"]


async def test_cancel_ends_the_agent_and_its_children_and_keeps_what_it_did(bench: Bench) -> None:
    """OD-2"""
    ident = await bench.submit(
        {"write": {"path": "part.txt", "text": "partial\n"}},
        {"run": "setsid sleep 31337.75 & (setsid sleep 31337.75 &); sleep 31337.75"},
    )
    await eventually(lambda: len(sleepers("31337.75")) >= 3)
    await bench.client.post(f"/tasks/{ident}/cancel")
    await eventually(lambda: not sleepers("31337.75"), timeout=2)
    await eventually(lambda: bench.attempts_left() == [])
    assert git(bench.repository, "show", f"muster/{ident}:part.txt") == "partial"


async def test_a_killed_worker_leaves_no_process_and_its_work_is_kept(bench: Bench) -> None:
    """SW-4h, SW-9: killed mid-run; retried; what lay in the working copy is on the attempt's own ref."""
    ident = await bench.submit(
        [{"write": {"path": "half.txt", "text": "half\n"}}, {"run": "test -e /tmp/never || sleep 31337.75"}],
    )
    await eventually(lambda: sleepers("31337.75"))
    attempt = (await bench.task(ident))["attempt"]["run"]["attempt_id"]
    bench.server.kill()
    await eventually(lambda: not sleepers("31337.75"))
    await bench.server.start()
    await eventually(lambda: f"refs/muster/attempts/{attempt}" in git(bench.repository, "for-each-ref"))
    assert git(bench.repository, "show", f"refs/muster/attempts/{attempt}:half.txt") == "half"
    await bench.client.post(f"/tasks/{ident}/cancel")
    await eventually(lambda: not sleepers("31337.75"))


async def test_words_reach_the_agent_at_its_next_turn_and_an_interrupt_makes_it_sooner(bench: Bench) -> None:
    """SA-5"""
    ident = await bench.submit([{"run": "sleep 31337.75"}], [{"say": "as you wish"}])
    await eventually(lambda: sleepers("31337.75"))
    await bench.client.post(f"/tasks/{ident}/messages", {"kind": "say", "text": "stop that"})
    await bench.client.post(f"/tasks/{ident}/messages", {"kind": "interrupt"})
    task = await bench.ended(ident)
    assert (task["state"], task["output"]) == ("succeeded", "as you wish")
    messages = (await bench.client.get(f"/tasks/{ident}/messages"))["items"]
    assert all(message["delivered_at"] for message in messages)


def _ticks(folder: Path) -> int:
    """Lines an agent has written in its working copy by now."""
    return sum(path.read_text().count("\n") for path in folder.glob("data/worker/attempts/*/tree/ticks.txt"))


async def test_a_paused_agent_stands_still_and_its_time_with_it_until_it_goes_on(bench: Bench) -> None:
    """Pause reaches the worker with its heartbeat."""
    ident = await bench.submit({"run": "for i in $(seq 40); do echo $i >> ticks.txt; sleep 0.1; done"})
    folder = bench.server.folder
    await eventually(lambda: _ticks(folder) > 0, timeout=30)
    await bench.client.post(f"/tasks/{ident}/messages", {"kind": "pause"})

    async def told() -> bool:
        messages = (await bench.client.get(f"/tasks/{ident}/messages"))["items"]
        return all(message["delivered_at"] for message in messages)

    await eventually(told, timeout=30)
    before = _ticks(folder)

    async def noticed() -> bool:
        return [row["state"] for row in (await bench.client.get("/sandboxes"))["items"]] == ["paused"]

    await eventually(noticed, timeout=30)
    assert _ticks(folder) in (before, before + 1)
    await bench.client.post(f"/tasks/{ident}/messages", {"kind": "resume"})
    assert (await bench.ended(ident, timeout=60))["state"] == "succeeded"
    assert git(bench.repository, "show", f"muster/{ident}:ticks.txt").split()[-1] == "40"


async def test_a_session_is_gone_on_with_by_another_task(bench: Bench) -> None:
    """SQ-11"""
    first = await bench.submit([{"say": "turn one"}], [{"say": "turn two"}])
    assert (await bench.ended(first))["output"] == "turn one"
    session = (await bench.task(first))["attempt"]["run"]["session"]
    second = await bench.submit([{"say": "turn one"}], [{"say": "turn two"}], payload={"resume": first})
    task = await bench.ended(second)
    assert (task["output"], task["attempt"]["run"]["session"]) == ("turn two", session)
    turns = [[{"say": "turn one"}], [{"say": "turn two"}], [{"say": "turn three"}]]
    third = await bench.submit(*turns, payload={"resume": second})
    assert (await bench.ended(third))["output"] == "turn three"


@pytest.fixture
async def provider() -> AsyncIterator[tuple[str, list[str]]]:
    """A model provider on loopback: its address, and the keys it was called with."""
    keys: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        keys.append(request.headers["x-api-key"])
        usage = {"input_tokens": 100_000, "output_tokens": 10_000}
        return web.json_response(
            {"model": SONNET, "content": [{"type": "text", "text": "hi"}], "usage": usage}
        )

    app = web.Application()
    app.router.add_post("/v1/messages", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", keys
    await runner.cleanup()


async def test_calls_to_models_are_metered_bounded_and_settled(
    server: KillableServer, provider: tuple[str, list[str]]
) -> None:
    """SA-4a, OD-23: tokens and money equal the provider's own; the key is in no file of the server's."""
    address, keys = provider
    server.arguments = ()
    server.environ |= {"ANTHROPIC_BASE_URL": address, "ANTHROPIC_API_KEY": "sk-very-secret-key"}
    await server.start()
    bench = Bench(server)
    ident = await bench.submit(
        {"run": "env"},
        {"model": "one"},
        {"model": "two"},
        payload={"max_cost_usd": 0.4},
        retry={"max_attempts": 1},
    )
    task = await bench.ended(ident)
    attempt = (await bench.client.get(f"/tasks/{ident}/attempts"))["items"][0]
    calls = (await bench.client.get(f"/tasks/{ident}/calls"))["items"]
    said = str(await bench.client.get(f"/tasks/{ident}/conversation", limit=1000))
    await bench.client.close()
    server.stop()
    assert (task["state"], attempt["code"]) == ("failed", "budget_exceeded")
    assert keys == ["sk-very-secret-key"]
    assert [call["cost_usd"] for call in calls] == [pytest.approx(0.45)]
    assert attempt["cost_usd"] == pytest.approx(0.45)
    assert (attempt["input_tokens"], attempt["output_tokens"]) == (100_000, 10_000)
    assert "sk-very-secret-key" not in said
    for path in (server.folder / "data").rglob("*"):
        if path.is_file():
            assert b"sk-very-secret-key" not in path.read_bytes(), path


FETCH = """python3 -c "
import urllib.request, urllib.error
for url in ('http://127.0.0.2:{port}/', 'http://example.com/'):
    try: print(urllib.request.urlopen(url).status)
    except urllib.error.HTTPError as error: print(error.code)
" > fetched.txt"""


async def test_agents_and_scripts_reach_the_hosts_their_task_allows_and_no_other(bench: Bench) -> None:
    """SW-6a, OD-34: no network of its own; what was refused is in the log, what was sent and received is counted."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    app = web.Application()
    app.router.add_get("/", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.2", 0)
    await site.start()
    port = runner.addresses[0][1]
    step, allowed = {"run": FETCH.format(port=port)}, [f"127.0.0.2:{port}"]
    setup = step["run"].replace("fetched", "setup")
    ident = await bench.submit(step, payload={"allow_hosts": allowed, "setup": setup})
    waits = f"{step['run']}; until test -e go; do sleep 0.1; done; rm go"
    script = await bench.script(waits, allow_hosts=allowed)
    asked = await bench.task(script)

    async def counted() -> bool:
        rows = (await bench.client.get("/sandboxes"))["items"]
        last = [row["samples"][-1] for row in rows if row["task_id"] == script and row["samples"]]
        return bool(last and last[0]["rx_bytes"] > len("hello") and last[0]["tx_bytes"] > 0)

    await eventually(counted, timeout=60)
    (bench.repository / "go").touch()
    task, done = await bench.ended(ident, timeout=60), await bench.ended(script, timeout=60)
    await runner.cleanup()
    assert "network:allow-list" in asked["requires"]
    said = await bench.client.get(f"/tasks/{script}/logs", limit=1000)
    assert done["state"] == "succeeded", "\n".join(line["text"] for line in said["items"][-12:])
    assert (bench.repository / "fetched.txt").read_text().split() == ["200", "403"]
    assert "example.com:80 is not among" in str(await bench.client.get(f"/tasks/{script}/logs"))
    assert task["state"] == "succeeded"
    for name in ("fetched.txt", "setup.txt"):
        assert git(bench.repository, "show", f"muster/{ident}:{name}").split() == ["200", "403"]
    assert "example.com:80 is not among" in str(await bench.client.get(f"/tasks/{ident}/logs"))
