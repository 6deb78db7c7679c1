"""The reference store: bare apsw, claims and completions of one loop turn fused into one transaction.

Two events and the project's money per job, as muster writes them, and nothing else: no gates, no
lanes, no leases that run out, no read models, no validation. It marks what the machine allows.
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from benchmarks.child import Answer, Parameters, answer, check_all_done, fresh_directory, run_side

READY, RUNNING, SUCCEEDED = 30, 40, 60
ESTIMATE, COST = 20_000, 15_000
SCHEMA = """
CREATE TABLE projects (id INTEGER PRIMARY KEY, allocated INT, reserved INT, spent INT);
CREATE TABLE tasks (id INTEGER PRIMARY KEY, state INT, priority INT, position INT, agent TEXT, token INT,
  estimate INT, cost INT, claimed_at INT, finished_at INT, title TEXT, doc TEXT);
CREATE INDEX tasks_ready ON tasks (priority, position) WHERE state = 30;
CREATE TABLE events (seq INTEGER PRIMARY KEY, at INT, kind TEXT, task_id INT, agent TEXT, amount INT, data TEXT);
"""
Claim = tuple[int, int, str]


class FusedStore:
    """Claims and completions of one loop turn in one transaction."""

    def __init__(self, path: Path, *, fsync: bool) -> None:
        import apsw

        self._db = apsw.Connection(str(path))
        self._db.execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA cache_size=-65536")
        self._db.execute(SCHEMA)
        self._claims: list[tuple[asyncio.Future[Claim | None], str]] = []
        self._completions: list[tuple[asyncio.Future[None], Claim]] = []
        self._scheduled = False
        self._seq = 0
        self._fsync = fsync
        self._sync_thread = ThreadPoolExecutor(1)
        self._wal = os.open(f"{path}-wal", os.O_RDONLY)

    def fill(self, jobs: int) -> None:
        """Queue `jobs` ready tasks of one project."""
        doc = json.dumps({"command": ["true"], "env": {"CI": "1"}})
        with self._db:
            self._db.execute("INSERT INTO projects VALUES (1, 1000000000000, 0, 0)")
            self._db.executemany(
                "INSERT INTO tasks (id, state, priority, position, estimate, cost, title, doc) VALUES (?,30,2,?,?,0,?,?)",
                ((n, n, ESTIMATE, f"job {n}", doc) for n in range(1, jobs + 1)),
            )

    def claim(self, agent: str) -> asyncio.Future[Claim | None]:
        """The next ready task, or None."""
        future: asyncio.Future[Claim | None] = asyncio.get_running_loop().create_future()
        self._claims.append((future, agent))
        self._schedule()
        return future

    def complete(self, claim: Claim) -> asyncio.Future[None]:
        """End a claimed task."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._completions.append((future, claim))
        self._schedule()
        return future

    def done(self) -> int:
        """Tasks completed, checked against the log and the money."""
        count = self._value("SELECT count(*) FROM tasks WHERE state = 60")
        if self._value("SELECT count(*) FROM events") != 2 * count:
            raise RuntimeError("events are missing")
        if self._value("SELECT spent FROM projects") != COST * count:
            raise RuntimeError("money is wrong")
        return count

    def _value(self, sql: str) -> int:
        for (value,) in self._db.execute(sql):
            return int(value)
        raise RuntimeError(f"no row: {sql}")

    def _schedule(self) -> None:
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_soon(self._run)

    def _run(self) -> None:
        self._scheduled = False
        claims, self._claims = self._claims, []
        completions, self._completions = self._completions, []
        now = time.time_ns() // 1000
        self._db.execute("BEGIN IMMEDIATE")
        if completions:
            self._finish([claim for _, claim in completions], now)
        granted = self._grant([agent for _, agent in claims], now) if claims else []
        self._db.execute("COMMIT")
        for index, (future, _) in enumerate(claims):
            future.set_result(granted[index] if index < len(granted) else None)
        if completions:
            self._answer([future for future, _ in completions])

    def _answer(self, futures: list[asyncio.Future[None]]) -> None:
        def settle(_: Any = None) -> None:
            for future in futures:
                future.set_result(None)

        if not self._fsync:
            settle()
            return
        synced = asyncio.get_running_loop().run_in_executor(self._sync_thread, os.fdatasync, self._wal)
        synced.add_done_callback(settle)

    def _grant(self, agents: list[str], now: int) -> list[Claim]:
        rows = self._db.execute(
            "SELECT id FROM tasks WHERE state = 30 ORDER BY priority, position LIMIT ?", (len(agents),)
        ).fetchall()
        tasks = [int(str(row[0])) for row in rows]
        granted = [(task, secrets.randbits(62), agent) for task, agent in zip(tasks, agents, strict=False)]
        self._db.executemany(
            "UPDATE tasks SET state = 40, token = ?, agent = ?, claimed_at = ? WHERE id = ? AND state = 30",
            [(token, agent, now, task) for task, token, agent in granted],
        )
        self._log("attempt.started", granted, now, ESTIMATE, lambda claim: {"number": 1, "agent": claim[2]})
        self._db.execute("UPDATE projects SET reserved = reserved + ?", (ESTIMATE * len(granted),))
        return granted

    def _finish(self, claims: list[Claim], now: int) -> None:
        self._db.executemany(
            "UPDATE tasks SET state = 60, cost = ?, finished_at = ? WHERE id = ? AND state = 40 AND token = ?",
            [(COST, now, task, token) for task, token, _ in claims],
        )
        self._log("attempt.succeeded", claims, now, COST, lambda _: {"released": ESTIMATE, "output": "ok"})
        self._db.execute(
            "UPDATE projects SET reserved = reserved - ?, spent = spent + ?",
            (ESTIMATE * len(claims), COST * len(claims)),
        )

    def _log(
        self, kind: str, claims: list[Claim], now: int, amount: int, data: Callable[[Claim], dict[str, Any]]
    ) -> None:
        first = self._seq + 1
        self._seq += len(claims)
        self._db.executemany(
            "INSERT INTO events VALUES (?,?,?,?,?,?,?)",
            [
                (first + index, now, kind, claim[0], claim[2], amount, json.dumps(data(claim)))
                for index, claim in enumerate(claims)
            ],
        )


async def _drain(parameters: Parameters) -> float:
    store = FusedStore(fresh_directory(parameters) / "raw.db", fsync=parameters["fsync"])
    store.fill(parameters["jobs"])

    async def caller(agent: str) -> None:
        while (claim := await store.claim(agent)) is not None:
            await store.complete(claim)

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for number in range(parameters["callers"]):
            group.create_task(caller(f"agent-{number:03}"))
    spent = time.perf_counter() - began
    check_all_done(store.done(), parameters["jobs"])
    return spent


def measure(parameters: Parameters) -> Answer:
    """Claims and completions per second."""
    import apsw
    import uvloop

    spent = uvloop.run(_drain(parameters))
    return answer(
        {"pairs_per_second": parameters["jobs"] / spent},
        durability=(
            "WAL NORMAL; completions answered after fdatasync of the WAL"
            if parameters["fsync"]
            else "WAL, synchronous=NORMAL: commit before the answer, no fsync"
        ),
        subject=f"bare apsw {apsw.apsw_version()}",
        note="two events and the ledger a job; no gates, leases, lanes or read models",
    )


if __name__ == "__main__":
    run_side(measure)
