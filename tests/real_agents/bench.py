"""Real agent programs at work: a muster server with its worker, the scripted model server, a repository."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.testing.call_log import LoggedCall, read_log
from tests.e2e.server import KillableServer
from tests.waiting import eventually

KEY = "sk-made-up-key"
OVER = ("succeeded", "failed", "cancelled")
PROVIDERS = (("anthropic", "anthropic"), ("openai", "openai"), ("google", "gemini"))


@dataclass(frozen=True)
class Program:
    """An agent program as the tests use it."""

    agent: str
    model: str
    resumes: bool = True


PROGRAMS = {
    program.agent: program
    for program in (
        Program("claude", "claude-sonnet-4-5"),
        Program("codex", "gpt-5.5"),
        Program("gemini-acp", "gemini-2.5-pro", resumes=False),
        Program("opencode-acp", "gpt-5.5"),
        Program("claude-acp", "claude-sonnet-4-5"),
    )
}


def git(folder: Path, *args: str) -> str:
    words = ["git", "-c", "user.name=Ann", "-c", "user.email=ann@example.org", *args]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def marker(*steps: Any, run: str = "") -> str:
    """A prompt that makes the model do this, and name the run in its log."""
    name = f"[[run:{run}]] " if run else ""
    return f"{name}[[steps:{json.dumps(list(steps))}]]"


@dataclass
class Models:
    """The scripted model server as a process of its own."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @classmethod
    def start(cls, folder: Path) -> Models:
        log = folder / "calls.jsonl"
        words = [sys.executable, "-m", "muster.testing.model_server", "--port", "0", "--log", str(log)]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        return cls(process, process.stdout.readline().split()[-1], log)

    @property
    def calls(self) -> list[LoggedCall]:
        return read_log(self.log)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        assert self.process.stdout is not None
        self.process.stdout.close()


def start_server(folder: Path, database: str, programs: Path, models: Models) -> KillableServer:
    """A server that knows the real programs and the scripted models, and nothing of this machine's."""
    (folder / "home").mkdir()
    providers = [
        {"name": name, "dialect": dialect, "base_url": models.url, "key_variables": ["MADE_UP_KEY"]}
        for name, dialect in PROVIDERS
    ]
    return KillableServer(
        folder,
        database,
        arguments=(),
        environ={
            "HOME": str(folder / "home"),
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "MADE_UP_KEY": KEY,
            "MUSTER_AGENTS_FOLDERS": json.dumps([str(programs)]),
            "MUSTER_AGENTS_PROVIDERS": json.dumps(providers),
            "MUSTER_WORKER_CAPACITY": "10",
        },
    )


@dataclass
class Fleet:
    """What a test does with them; a client of its own."""

    server: KillableServer
    models: Models
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = Client(HttpTransport(self.server.url, retry_seconds=30))

    async def close(self) -> None:
        await self.client.close()

    def place(self, name: str) -> Path:
        """Where a repository is."""
        return self.server.folder / "repositories" / name

    def repository(self, name: str) -> Path:
        """A new one with a file to change."""
        made = self.place(name)
        made.mkdir(parents=True)
        git(made, "init", "-q", "-b", "main")
        (made / "hello.py").write_text("def hello():\n    return 'hello'\n\n\nprint(hello())\n")
        git(made, "add", "-A")
        git(made, "commit", "-qm", "first")
        return made

    async def submit(self, program: Program, repository: Path, prompt: str, **fields: Any) -> str:
        payload: dict[str, Any] = {"agent": program.agent, "prompt": prompt, "model": program.model}
        payload |= fields.pop("payload", {})
        body: dict[str, Any] = {"title": "A task", "kind": "prompt", "working_dir": str(repository)}
        return str((await self.client.post("/tasks", body | {"payload": payload} | fields))["id"])

    async def task(self, ident: str) -> Any:
        return await self.client.get(f"/tasks/{ident}")

    async def ended(self, ident: str, timeout: float = 200) -> Any:
        async def is_over() -> bool:
            return (await self.task(ident))["state"] in OVER

        await eventually(is_over, timeout=timeout, step=0.05)
        return await self.task(ident)

    async def first_attempt(self, ident: str) -> Any:
        """The first attempt once it is over, however the task goes on."""

        async def over() -> Any:
            attempts = await self.attempts(ident)
            return attempts[0] if attempts and attempts[0]["finished_at"] is not None else None

        return await eventually(over, timeout=200, step=0.1)

    async def attempts(self, ident: str) -> list[Any]:
        items: list[Any] = (await self.client.get(f"/tasks/{ident}/attempts"))["items"]
        return items

    async def calls(self, ident: str) -> list[Any]:
        """Calls to models as muster metered them."""
        items: list[Any] = (await self.client.get(f"/tasks/{ident}/calls", limit=200))["items"]
        return items

    async def asked(self, ident: str) -> Any:
        """The request that a task's agent waits for."""

        async def found() -> Any:
            items = (await self.client.get("/approvals", task=ident))["items"]
            return items[0] if items else None

        return await eventually(found, timeout=200, step=0.05)

    async def answer(self, approval: Any, **body: Any) -> Any:
        return await self.client.post(
            f"/approvals/{approval['id']}/answer", {"seen": approval["digest"]} | body
        )

    async def entries(self, ident: str, kind: str) -> list[Any]:
        page = await self.client.get(f"/tasks/{ident}/conversation", limit=1000)
        found = [item.get("entry", item) for item in page["items"]]
        return [entry for entry in found if entry["kind"] == kind]


def submit_all(
    running: Fleet,
    what: str,
    prompts: Mapping[str, str],
    after: Mapping[str, str] | None = None,
    **fields: Any,
) -> dict[str, str]:
    """A task for each program, all at once, in repositories of their own; those of `after` are gone on with."""

    async def submit() -> dict[str, str]:
        fleet, idents = Fleet(running.server, running.models), dict[str, str]()
        for agent, prompt in prompts.items():
            name = f"{what}-{agent}"
            repository = fleet.repository(name) if after is None else fleet.place(name)
            more = dict(fields)
            if after is not None:
                assert (await fleet.ended(after[agent]))["state"] == "succeeded"
                more["payload"] = {"resume": after[agent]}
            idents[agent] = await fleet.submit(PROGRAMS[agent], repository, prompt, **more)
        await fleet.close()
        return idents

    return asyncio.run(submit())


def submit_cases(
    running: Fleet, cases: Sequence[tuple[str, str]], **fields: Any
) -> dict[tuple[str, str], str]:
    """A task of one attempt for each program and scenario, all at once."""

    async def submit() -> dict[tuple[str, str], str]:
        fleet, idents = Fleet(running.server, running.models), dict[tuple[str, str], str]()
        for agent, scenario in cases:
            repository = fleet.repository(f"{agent}-{scenario}")
            prompt = f"[[run:{agent}.{scenario}]] [[scenario:{scenario}]]"
            more = {"retry": {"max_attempts": 1}} | fields
            idents[agent, scenario] = await fleet.submit(PROGRAMS[agent], repository, prompt, **more)
        await fleet.close()
        return idents

    return asyncio.run(submit())


def processes(*words: str) -> list[str]:
    """Command lines of the processes of this machine that have all the words in them or in their environment: what
    begins in a sandbox that stood ready is named by its environment alone."""
    found = list[str]()
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            around = (entry / "environ").read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if entry.name != str(os.getpid()) and all(word in line or word in around for word in words):
            found.append(line)
    return found
