"""A large database for the read benches: rows as muster itself would have written them, made by SQL in minutes.

Kept in a cache directory below the system's temporary one and made anew when the schema, this
file or the size changes. Ninety days of finished work of 200 agents in 20 queues of 5 projects,
one task in 97 still waiting; every task with its spec, tags, one to three attempts and, on
average, ten events.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.interpreters import cache_directory

if TYPE_CHECKING:
    import apsw

PROJECTS, QUEUES, AGENTS, DAYS = 5, 20, 200, 90
EVENTS_PER_TASK = 10
DAY_MS = 86_400_000
READY_EVERY = 97
WORDS = tuple(
    "parser timeout retry budget ledger worker sandbox claim lease event stream socket migration index "  # noqa: SIM905
    "projection handler schema cursor token merge branch review coverage fixture".split()
)
TITLES = 400
NUMBER = "7000007"
"""Stands for a task's number in a template's words."""
TAGS = ("nightly", "backend", "frontend", "flaky", "release")
TYPES = ("feature_implementation", "bug_fix", "code_review", "documentation", "custom")


@dataclass(frozen=True)
class Size:
    """How many tasks and events."""

    tasks: int
    events: int


def cached(size: Size) -> Path:
    """Data directory holding the database `muster.db` of that size; made when it is not there."""
    from muster.store import migrate, tables

    sources = b"".join(Path(file).read_bytes() for file in (__file__, tables.__file__, migrate.__file__))
    mark = hashlib.sha256(sources).hexdigest()[:12]
    directory = cache_directory() / f"reads-{size.tasks}-{size.events}-{mark}"
    if not (directory / "complete").exists():
        for stale in cache_directory().glob(f"reads-{size.tasks}-{size.events}-*"):
            shutil.rmtree(stale)
        directory.mkdir()
        build(directory / "muster.db", size)
        (directory / "complete").write_text(str(first_day_ms()))
    return directory


def middle_day(directory: Path) -> tuple[str, str]:
    """The day in the middle of a data set, as the two bounds of a filter."""
    day = int((directory / "complete").read_text()) / 1000 + DAYS // 2 * 86_400
    bounds = [datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for at in (day, day + 86_400)]
    return bounds[0], bounds[1]


def first_day_ms() -> int:
    """When the oldest task of a data set made today was queued."""
    return (time.time_ns() // 1_000_000 // DAY_MS - DAYS) * DAY_MS


def build(path: Path, size: Size) -> None:
    """Make the database at `path`."""
    import apsw

    from muster.store.migrate import migrate_sqlite

    migrate_sqlite(path)
    db = apsw.Connection(str(path))
    db.execute("PRAGMA synchronous=OFF; PRAGMA cache_size=-524288; PRAGMA temp_store=MEMORY")
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
    ).fetchall()
    for name, _ in indexes:
        db.execute(f'DROP INDEX "{name}"')
    filler = _Filler(db, size)
    for step in (
        filler.places,
        filler.tasks,
        filler.specs,
        filler.search,
        filler.attempts,
        filler.events,
        filler.counters,
    ):
        began = time.monotonic()
        with db:
            step()
        sys.stderr.write(f"  data set: {step.__name__} in {time.monotonic() - began:.1f} s\n")
    began = time.monotonic()
    for _, sql in indexes:
        db.execute(str(sql))
    db.execute("ANALYZE")
    sys.stderr.write(f"  data set: {len(indexes)} indexes in {time.monotonic() - began:.1f} s\n")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _projections() -> list[str]:
    from muster.projections.registry import PROJECTIONS

    return [projection.name for projection in PROJECTIONS]


class _Filler:
    """One method a group of tables; every id and time is arithmetic on the task's number `n` (from 0)."""

    def __init__(self, db: apsw.Connection, size: Size) -> None:
        from muster.domain import ids

        self._db, self._size = db, size
        self._epoch_ms = ids.EPOCH_MS
        self._start_ms = first_day_ms()
        self._step_ms = DAYS * DAY_MS // size.tasks
        self._first_place = self._id(0) - (1 << 30)

    def _id(self, n: int) -> int:
        return (self._start_ms - self._epoch_ms + n * self._step_ms) << 21

    def _insert(self, table: str, values: dict[str, Any], source: str, **bound: Any) -> None:
        columns, expressions = ", ".join(values), ", ".join(str(value) for value in values.values())
        self._db.execute(f"INSERT INTO {table} ({columns}) SELECT {expressions} FROM {source}", bound or None)

    def _numbers(self, count: int) -> str:
        return f"(WITH RECURSIVE c(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM c WHERE n < {count - 1}) SELECT n FROM c)"

    @property
    def _task_id(self) -> str:
        return f"(({self._start_ms - self._epoch_ms} + n * {self._step_ms}) << 21)"

    @property
    def _at(self) -> str:
        return f"(({self._start_ms} + n * {self._step_ms}) * 1000)"

    @property
    def _state(self) -> str:
        return f"(CASE WHEN n % {READY_EVERY} = 96 THEN 30 WHEN n % 17 = 3 THEN 70 WHEN n % 37 = 7 THEN 80 ELSE 60 END)"

    @property
    def _attempt_count(self) -> str:
        return f"(CASE WHEN {self._state} = 30 THEN 0 ELSE n % 3 + 1 END)"

    def places(self) -> None:
        """Projects, queues, lanes, agents."""
        first, now = self._first_place, self._start_ms * 1000
        self._insert(
            "projects",
            {
                "id": f"{first} + n",
                "name": "'project-' || n",
                "allocated": 10**12,
                "created_at": now,
                "updated_at": now,
            },
            self._numbers(PROJECTS),
        )
        self._insert(
            "queues",
            {
                "id": f"{first} + 1000 + n",
                "name": "printf('queue-%02d', n)",
                "mode": "'external'",
                "created_at": now,
                "updated_at": now,
            },
            self._numbers(QUEUES),
        )
        self._insert(
            "lanes",
            {
                "id": f"{first} + 2000 + n",
                "project_id": f"{first} + n % {PROJECTS}",
                "queue_id": f"{first} + 1000 + n",
                "kind": "'command'",
            },
            self._numbers(QUEUES),
        )
        self._insert(
            "agents",
            {
                "id": "printf('agent-%04d', n)",
                "name": "printf('Agent %d', n)",
                "last_active_at": now,
                "created_at": now,
                "updated_at": now,
            },
            self._numbers(AGENTS),
        )

    def tasks(self) -> None:
        """The hot rows."""
        first, queue, ready = self._first_place, f"n % {QUEUES}", f"{self._state} = 30"
        self._insert(
            "tasks",
            {
                "id": self._task_id,
                "lane_id": f"{first} + 2000 + {queue}",
                "project_id": f"{first} + {queue} % {PROJECTS}",
                "queue_id": f"{first} + 1000 + {queue}",
                "state": self._state,
                "priority": "n * 7 % 4",
                "position": self._task_id,
                "attempts": self._attempt_count,
                "burned": f"max({self._attempt_count} - 1, 0)",
                "max_attempts": 3,
                "attempt_id": f"CASE WHEN {ready} THEN NULL ELSE {self._task_id} + {self._attempt_count} END",
                "agent_id": f"CASE WHEN {ready} THEN NULL ELSE printf('agent-%04d', n * 13 % {AGENTS}) END",
                "timeout_us": 300_000_000,
                "estimate": 20_000,
                "cost": f"CASE WHEN {ready} THEN 0 ELSE 15000 + n % 1000 END",
                "started_at": f"CASE WHEN {ready} THEN NULL ELSE {self._at} + 1000000 END",
                "finished_at": f"CASE WHEN {ready} THEN NULL ELSE {self._at} + 90000000 END",
                "updated_at": f"{self._at} + 90000000",
            },
            self._numbers(self._size.tasks),
        )
        self._db.execute(
            "INSERT INTO agent_tasks SELECT id, agent_id FROM tasks WHERE agent_id IS NOT NULL ORDER BY id"
        )

    def specs(self) -> None:
        """Specs and tags, from a few hundred templates."""
        from muster.domain.search import words_of
        from muster.domain.task import TaskSpec
        from muster.store.codec import encode_spec

        self._db.execute(
            "CREATE TEMP TABLE templates (k INTEGER PRIMARY KEY, title, description, type, doc, "
            "title_words, description_words, tag)"
        )
        for k in range(TITLES):
            words = [WORDS[k % len(WORDS)], WORDS[k * 5 // 3 % len(WORDS)], WORDS[k * 11 // 7 % len(WORDS)]]
            title = f"Change the {words[0]} of the {words[1]} when {words[2]} fails, case @@"
            description = f"{title}. " + " ".join(WORDS[(k + i * 7) % len(WORDS)] for i in range(8))
            spec = TaskSpec(
                title=title,
                description=description,
                type=TYPES[k % len(TYPES)],
                payload={"argv": ["make", "test"], "env": {"CASE": "@@"}},
                tags=(TAGS[k % len(TAGS)],),
            )
            words = [" ".join(words_of(text.replace("@@", NUMBER))) for text in (title, description)]
            row = (k, title, description, spec.type, encode_spec(spec), *words, spec.tags[0])
            self._db.execute("INSERT INTO templates VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
        source = f"{self._numbers(self._size.tasks)} JOIN templates ON k = n % {TITLES}"
        self._insert(
            "task_specs",
            {
                "id": self._task_id,
                "title": "replace(title, '@@', n)",
                "description": "replace(description, '@@', n)",
                "type": "type",
                "doc": "replace(doc, '@@', n)",
            },
            source,
        )
        tags = f"{self._numbers(self._size.tasks)} JOIN json_each('{json.dumps(TAGS)}') ON key = n % {TITLES} % {len(TAGS)}"
        self._insert("task_tags", {"tag": "value", "task_id": self._task_id}, f"{tags} ORDER BY value, n")

    def search(self) -> None:
        """The index of words."""
        source = f"{self._numbers(self._size.tasks)} JOIN templates ON k = n % {TITLES}"
        self._insert(
            "task_search",
            {
                "rowid": self._task_id,
                "title": f"replace(title_words, '{NUMBER}', n)",
                "description": f"replace(description_words, '{NUMBER}', n)",
                "tags": "tag",
            },
            source,
        )

    def attempts(self) -> None:
        """One to three for each task that ran; the last one ended as the task did."""
        source = (
            f"(SELECT t.n AS n, {self._state.replace('n %', 't.n %')} AS state, a.n + 1 AS number, "
            f"a.n + 1 = t.n % 3 + 1 AS last FROM {self._numbers(self._size.tasks)} t "
            f"JOIN {self._numbers(3)} a ON a.n <= t.n % 3) WHERE state <> 30"
        )
        self._insert(
            "attempts",
            {
                "id": f"{self._task_id} + number",
                "task_id": self._task_id,
                "number": "number",
                "agent_id": f"printf('agent-%04d', n * 13 % {AGENTS})",
                "state": "CASE WHEN NOT last THEN 'failed' WHEN state = 60 THEN 'succeeded' "
                "WHEN state = 70 THEN 'failed' ELSE 'cancelled' END",
                "token": "abs(random())",
                "cost": "5000",
                "claimed_at": f"{self._at} + number * 20000000",
                "heartbeat_at": f"{self._at} + number * 25000000",
                "finished_at": f"{self._at} + number * 30000000",
                "code": "CASE WHEN last AND state = 60 THEN NULL ELSE 'agent_error' END",
                "error": "CASE WHEN last AND state = 60 THEN NULL ELSE 'the tests did not pass' END",
                "output": "'42 passed in 3.1 s'",
                "exit_code": "NOT (last AND state = 60)",
            },
            source,
        )

    def events(self) -> None:
        """In the order of the log: what happened to each task, and what its agent said meanwhile."""
        each = self._size.events // self._size.tasks
        submitted = (
            '\'{"spec":\' || replace(doc, \'@@\', n) || \',"task_kind":"command","queue_id":"que_0000000000000",'
            '"state":30,"priority":2,"timeout_us":300000000,"estimate":20000,"max_attempts":3}\''
        )
        ran = f"{self._state} <> 30 AND (j + 1) / 2 <= n % 3 + 1"
        lost = f"j / 2 <= n % 3 OR {self._state} <> 60"
        kind = (
            f"(CASE WHEN j = 0 THEN 'task.submitted' WHEN NOT ({ran}) THEN 'activity.posted' "
            f"WHEN j % 2 = 1 THEN 'attempt.started' WHEN {lost} THEN 'attempt.failed' ELSE 'attempt.succeeded' END)"
        )
        data = (
            f"CASE {kind} WHEN 'task.submitted' THEN {submitted} "
            "WHEN 'attempt.started' THEN '{\"number\":' || ((j + 1) / 2) || ',\"worker_id\":null,\"timeout_us\":300000000}' "
            'WHEN \'attempt.failed\' THEN \'{"released":20000,"code":"agent_error","message":"the tests did not pass",'
            '"state":30,"ready_at":null,"output":"3 failed, 39 passed"}\' '
            'WHEN \'attempt.succeeded\' THEN \'{"released":20000,"output":"42 passed in 3.1 s","exit_code":0}\' '
            'ELSE \'{"activity_id":"act_0000000000000","type":"note","title":"still at it","description":null}\' END'
        )
        money = f"{kind} IN ('attempt.failed', 'attempt.succeeded')"
        self._insert(
            "events",
            {
                "seq": f"n * {each} + j + 1",
                "at": f"{self._at} + j * 8000000",
                "kind": kind,
                "task_id": self._task_id,
                "attempt_id": f"CASE WHEN {kind} LIKE 'attempt.%' THEN {self._task_id} + (j + 1) / 2 END",
                "agent_id": f"CASE WHEN j > 0 THEN printf('agent-%04d', n * 13 % {AGENTS}) END",
                "project_id": f"{self._first_place} + n % {QUEUES} % {PROJECTS}",
                "amount": f"CASE WHEN {money} THEN 5000 END",
                "data": data,
            },
            f"(SELECT t.n AS n, doc, j.value AS j FROM {self._numbers(self._size.tasks)} t "
            f"CROSS JOIN templates CROSS JOIN json_each('{json.dumps(list(range(each)))}') j WHERE k = t.n % {TITLES})",
        )

    def counters(self) -> None:
        """Counts of lanes, money of projects, positions of the log: as if all of it had been sealed and folded."""
        head = self._size.tasks * (self._size.events // self._size.tasks)
        for state, column in ((30, "ready"), (60, "succeeded"), (70, "failed"), (80, "cancelled")):
            self._db.execute(
                f"UPDATE lanes SET {column} = coalesce((SELECT count FROM (SELECT lane_id, count(*) AS count "
                f"FROM tasks WHERE state = {state} GROUP BY lane_id) c WHERE c.lane_id = lanes.id), 0)"
            )
        self._db.execute(
            "UPDATE projects SET spent = coalesce((SELECT s FROM (SELECT project_id, sum(cost) AS s FROM tasks "
            "GROUP BY project_id) c WHERE c.project_id = projects.id), 0)"
        )
        self._db.execute("INSERT OR REPLACE INTO log_head (id, seq) VALUES (1, ?)", (head,))
        for projection in _projections():
            self._db.execute("INSERT OR REPLACE INTO projection_positions VALUES (?, ?)", (projection, head))
        now = time.time_ns() // 1000
        self._db.execute(
            "INSERT INTO seals (block, first_seq, last_seq, previous, hash, sealed_at, checks) "
            "VALUES (1, 1, ?, '', ?, ?, '')",
            (head, "0" * 64, now),
        )
