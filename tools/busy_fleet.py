"""Fills a server with a busy fleet over its API, for pictures and for measuring: `python -m tools.busy_fleet URL [AGENTS]`.

Everything is what a real worker would say: heartbeats, claims, transcripts, calls to models, requests. It goes on
heartbeating until it is stopped.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from muster.client.client import Client
from muster.client.http import HttpTransport
from muster.client.wire import (
    ClaimRequest,
    CompleteRequest,
    FailRequest,
    Lease,
    RecordLine,
    RecordRequest,
    WorkerHeartbeatRequest,
)
from muster.client.wire_approvals import AskRequest
from muster.client.wire_hosts import Gpu, HostFacts
from muster.client.wire_runs import CallsRequest, ModelCallReport, RunRequest
from muster.domain.transcript import Entry, Message, Plan, PlanItem, Thinking, ToolCall, ToolKind, ToolResult

HOSTS: Final = (
    "spark-01",
    "nuc-01",
    "nuc-02",
    "nuc-03",
    "mini-a",
    "mini-b",
    "pi-rack-1",
    "vm-east-1",
    "bench",
)
BIRDS: Final = (
    "wren",
    "heron",
    "finch",
    "swift",
    "crane",
    "lark",
    "rook",
    "kite",
    "tern",
    "ibis",
    "teal",
    "jay",
)
TITLES: Final = (
    "Renew leases across a clock jump",
    "Cursor pagination for /tasks",
    "Review: board drag with keyboard",
    "Cover the diff parser with fixtures",
    "Split the billing spec into tickets",
    "Retry webhooks with jittered back-off",
    "Add retention to the events table",
    "Remove dead API routes",
    "Upgrade the tokenizer to 5",
    "Explain the waiting reasons in the docs",
    "Trim the import graph",
    "Speed up the start of the command line",
)
DOINGS: Final[tuple[Entry, ...]] = (
    ToolCall("c1", "Edit", tool=ToolKind.EDIT, paths=["src/muster/queue/lease.py"]),
    ToolCall("c2", "Bash", tool=ToolKind.EXECUTE, command="pytest -q tests/api -x"),
    ToolCall("c3", "Read", tool=ToolKind.READ, paths=["web/src/board/Column.tsx"]),
    Thinking("The order of the two checks matters here."),
    ToolCall("c4", "Grep", tool=ToolKind.SEARCH, title="lease_expires_at"),
    Message("Jitter is applied before the cap. Moving it after."),
)


@dataclass
class Fleet:
    """Who works on what. `claims` are those held, by worker."""

    client: Client
    chance: random.Random
    claims: dict[str, list[dict[str, str]]] = field(default_factory=dict)

    async def fill(self, agents: int) -> None:
        """Queue tasks, claim them, say what is done, ask people."""
        await self.client.post("/queues", {"name": f"backend-{int(time.time())}", "mode": "external"})
        tasks = [self._task(number) for number in range(agents + 20)]
        for first in range(0, len(tasks), 200):
            await self.client.post("/tasks/bulk", {"tasks": tasks[first : first + 200]})
        for number in range(agents):
            await self._begin(number)
        for number in range(agents, agents + max(agents // 4, 3)):
            name = f"{BIRDS[number % len(BIRDS)]}-{number // len(BIRDS) + 1:02d}"
            await self.client.post("/agents", {"id": name, "name": name})

    def _task(self, number: int) -> dict[str, Any]:
        title = TITLES[number % len(TITLES)]
        return {
            "title": title if number < len(TITLES) else f"{title} ({number // len(TITLES) + 1})",
            "kind": "prompt",
            "queue": "inbox",
            "type": "feature_implementation",
            "description": "Failed deliveries should retry up to eight times with exponential back-off and full jitter, "
            "capped at 15 minutes. Keep the public endpoints unchanged.",
            "payload": {},
            "estimated_cost_usd": 3.2,
            "retry": {"max_attempts": 1},
            "working_dir": "/home/me/hooks-api",
        }

    async def _begin(self, number: int) -> None:
        name = f"{BIRDS[number % len(BIRDS)]}-{number // len(BIRDS) + 1:02d}"
        host = HOSTS[min(int(abs(self.chance.gauss(0, 4))), len(HOSTS) - 1)]
        answer = await self.client.claim(ClaimRequest(agent_id=name, agent_name=name, worker_id=host))
        for claimed in answer.claims:
            held = {"attempt": claimed.attempt_id, "token": claimed.token}
            if number % 9 == 7:
                await self._end(held, number)
                continue
            self.claims.setdefault(host, []).append(held)
            await self._work(held, number)

    async def _work(self, held: dict[str, str], number: int) -> None:
        chance, attempt, token = self.chance, held["attempt"], held["token"]
        window = 200_000
        used = int(window * min(chance.betavariate(2, 3.6), 0.95))
        run = RunRequest(
            token=token,
            agent=chance.choice(("claude", "codex")),
            model=chance.choice(("opus", "sonnet", "gpt-5")),
            branch=f"muster/{attempt}",
            context_used=used,
            context_window=window,
        )
        await self.client.describe_run(attempt, run)
        await self.client.send_calls(attempt, CallsRequest(token=token, calls=self._calls(used)))
        entries: list[Entry] = [
            Message("Make webhook delivery reliable.", role="user"),
            Plan([PlanItem("Read", "completed"), PlanItem("Change", "in_progress"), PlanItem("Test")]),
            Message("I'll look at how renewals compute their **deadline**."),
            ToolCall("r", "Read", tool=ToolKind.READ, paths=["src/muster/queue/lease.py"]),
            ToolResult("r", output="180 lines"),
            chance.choice(DOINGS),
        ]
        await self.client.send_transcript(attempt, token, 0, entries)
        lines = [RecordLine(stream="stdout", text=f"step {step}: 38 passed in 11.92s") for step in range(12)]
        await self.client.record(attempt, RecordRequest(token=token, position=0, lines=lines))
        if number % 14 == 3:
            await self._ask(held, number)

    def _calls(self, used: int) -> list[ModelCallReport]:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return [
            ModelCallReport(
                key=f"call-{number}",
                at=now,
                provider="anthropic",
                model="sonnet",
                dialect="anthropic",
                status=200,
                duration_ms=900,
                input_tokens=used // 40,
                output_tokens=used // 120,
                cache_read_tokens=used // 6,
                cache_write_tokens=used // 90,
                cost_usd=round(used / 400_000, 4),
                pricing="priced",
                price_version="v1",
            )
            for number in range(self.chance.randint(1, 8))
        ]

    async def _ask(self, held: dict[str, str], number: int) -> None:
        question = number % 28 == 3
        document = (
            {
                "text": "Two callers still use it.",
                "options": [{"id": "keep", "label": "Keep it", "kind": "choice"}],
            }
            if question
            else {"tool": "Bash", "command": "alembic upgrade head"}
        )
        await self.client.ask(
            held["attempt"],
            AskRequest(
                token=held["token"],
                key=f"ask-{number}",
                kind="question" if question else "permission",
                title="Keep the v1 export endpoint?" if question else "Run migration 0042 on staging",
                document=document,
                expires_in_seconds=260 + 900 * number,
            ),
        )

    async def _end(self, held: dict[str, str], number: int) -> None:
        if number % 4 == 3:
            request = FailRequest(
                token=held["token"], code="exit_code", message="CUDA out of memory on spark-01"
            )
            await self.client.fail(held["attempt"], request)
        else:
            await self.client.complete(held["attempt"], CompleteRequest(token=held["token"], cost_usd=0.4))

    def _facts(self, host: str) -> HostFacts:
        gpus = [Gpu(name="GB10", memory_bytes=128 << 30, memory_used_bytes=91 << 30)]
        return HostFacts(
            processors=16,
            load=round(16 * self.chance.betavariate(4, 4), 2),
            gpus=gpus if host == HOSTS[0] else [],
        )

    async def beat(self) -> None:
        """Say that every worker is there, with what it holds."""
        for host in HOSTS:
            leases = [
                Lease(attempt_id=held["attempt"], token=held["token"]) for held in self.claims.get(host, [])
            ]
            presence = WorkerHeartbeatRequest(
                leases=leases,
                host=host,
                capacity=len(leases) + 3,
                modes=["external"],
                sandbox="bubblewrap",
                facts=self._facts(host),
            )
            await self.client.worker_heartbeat(host, presence)


async def main() -> None:
    """Fill, then heartbeat until stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("agents", type=int, nargs="?", default=60)
    given = parser.parse_args()
    client = Client(HttpTransport(given.url, retry_seconds=60))
    fleet = Fleet(client, random.Random(7))
    try:
        await fleet.beat()
        await fleet.fill(given.agents)
        await fleet.beat()
        print("filled", flush=True)
        while True:
            await asyncio.sleep(10)
            await fleet.beat()
    finally:
        await client.close()


if __name__ == "__main__":
    asyncio.run(main())
