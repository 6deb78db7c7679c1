"""Rows as they are, held against the rows the log says they must be."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, cast

from sqlalchemy import Table

from muster.domain import ids
from muster.domain.replay_world import AttemptRow, LaneTuple, PlaceRow, TaskRow, World
from muster.domain.task import TaskSpec, TaskState
from muster.store import tables
from muster.store.codec import decode_spec, encode_spec, from_json
from muster.store.snapshot import Snapshot
from muster.store.statements import Statement

_TASK_COLUMNS: Final = (
    "project_id",
    "queue_id",
    "session_id",
    "parent_id",
    "state",
    "priority",
    "position",
    "max_attempts",
    "agent_id",
    "ready_at",
    "timeout_us",
    "estimate",
    "updated_at",
    "attempts",
    "burned",
    "attempt_id",
    "cost",
    "started_at",
    "finished_at",
    "archived_at",
    "review",
    "review_id",
    "blockers",
)
_ATTEMPT_COLUMNS: Final = (
    "task_id",
    "number",
    "agent_id",
    "worker_id",
    "reserved",
    "claimed_at",
    "state",
    "cost",
    "finished_at",
    "code",
    "error",
    "output",
    "exit_code",
    "input_tokens",
    "output_tokens",
    "cache_read_tokens",
    "cache_write_tokens",
    "sandbox",
)
_TASKS: Final = Statement(
    f"SELECT id, {', '.join(_TASK_COLUMNS)}, lane_id FROM tasks WHERE id > ?1 AND id <= ?2 ORDER BY id"
)
_SPECS: Final = Statement(
    "SELECT id, title, description, type, idempotency_key, request_hash, doc FROM task_specs "
    "WHERE id > ?1 AND id <= ?2 ORDER BY id"
)
_ATTEMPTS: Final = Statement(
    f"SELECT id, {', '.join(_ATTEMPT_COLUMNS)}, result FROM attempts WHERE task_id > ?1 AND task_id <= ?2"
)
_PARTS: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    (
        "runs",
        ids.ATTEMPT,
        "attempt_id",
        (
            "task_id",
            "agent",
            "model",
            "session",
            "branch",
            "base_commit",
            "head_commit",
            "workspace",
            "workspace_kind",
            "base_branch",
            "pushed_to",
            "pull_request",
            "role",
            "role_version",
            "started_at",
        ),
    ),
    (
        "approvals",
        ids.APPROVAL,
        "id",
        (
            "task_id",
            "attempt_id",
            "project_id",
            "key",
            "kind",
            "state",
            "title",
            "doc",
            "created_at",
            "expires_at",
            "answer",
            "answered_by",
            "finished_at",
            "grade",
            "voids",
        ),
    ),
    (
        "messages",
        ids.MESSAGE,
        "id",
        ("task_id", "kind", "text", "created_by", "created_at", "delivered_at"),
    ),
    *(
        (table.name, prefix, "id", tuple(column.name for column in table.columns if column.name != "id"))
        for table, prefix in ((tables.reviews, ids.REVIEW), (tables.review_comments, ids.COMMENT))
    ),
)
"""Rows that belong to a task, compared as they are: table, prefix of the key, key, columns."""
_PART_ROWS: Final = {
    table: Statement(f"SELECT {key}, {', '.join(columns)} FROM {table} WHERE task_id > ?1 AND task_id <= ?2")
    for table, _, key, columns in _PARTS
}
_EDGES: Final = Statement(
    "SELECT task_id, depends_on, done FROM task_dependencies WHERE task_id > ?1 AND task_id <= ?2"
)
_TAGS: Final = Statement(
    "SELECT tag, task_id FROM task_tags WHERE tag IN_TEXTS(?1) AND task_id > ?2 AND task_id <= ?3"
)
_LANES: Final = Statement("SELECT id, project_id, queue_id, kind, requires, assignee FROM lanes")
_COUNTS: Final = Statement(
    f"SELECT project_id, queue_id, kind, requires, assignee, {', '.join(s.label for s in TaskState)} FROM lanes"
)
_TAG_COUNT: Final = Statement("SELECT count(*) FROM task_tags")
_DANGLING: Final = Statement(
    "SELECT d.task_id, d.depends_on FROM task_dependencies d LEFT JOIN tasks t ON t.id = d.depends_on "
    "WHERE d.done = 0 AND (t.id IS NULL OR t.dependents = 0) LIMIT 100"
)
_UNCOMPARED: Final = frozenset({"last_active_at"})
_PLACES: Final[tuple[tuple[Table, str | None, str], ...]] = (
    (tables.projects, ids.PROJECT, "project"),
    (tables.queues, ids.QUEUE, "queue"),
    (tables.sessions, ids.SESSION, "session"),
    (tables.agents, None, "agent"),
    (tables.task_classes, None, "task class"),
    (tables.roles, None, "role"),
    (tables.role_versions, None, "version of a role"),
    (tables.permissions, ids.PERMISSION, "permission"),
)


@dataclass(slots=True)
class Comparison:
    """Compares part after part and gathers the differences in words."""

    report: Callable[[str], None]
    lanes: dict[int, LaneTuple] = field(default_factory=dict[int, LaneTuple])
    counts: dict[LaneTuple, list[int]] = field(default_factory=dict[LaneTuple, list[int]])
    tags: int = 0
    tasks: int = 0
    attempts: int = 0

    async def prepare(self, snapshot: Snapshot) -> None:
        """Learn the lanes."""
        for lane_id, *key in await snapshot.rows(_LANES):
            self.lanes[lane_id] = (key[0], key[1], key[2], key[3], key[4])

    async def tasks_between(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        """Compare the tasks with low < id <= high; the world holds exactly these."""
        for task in world.tasks.values():
            self._count(task)
        await self._task_rows(snapshot, world, low, high)
        await self._spec_rows(snapshot, world, low, high)
        await self._attempt_rows(snapshot, world, low, high)
        await self._part_rows(snapshot, world, low, high)
        await self._edge_rows(snapshot, world, low, high)
        await self._tag_rows(snapshot, world, low, high)

    def _count(self, task: TaskRow) -> None:
        counts = self.counts.setdefault(task.lane, [0] * len(TaskState))
        counts[_STATE_AT[task.state]] += 1

    async def _task_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        missing = set(world.tasks)
        for row in await snapshot.rows(_TASKS, low, high):
            self.tasks += 1
            task = world.tasks.get(row[0])
            name = ids.encode(ids.TASK, row[0])
            if task is None:
                self.report(f"task {name} has a row, but the log does not know it")
                continue
            missing.discard(row[0])
            wanted = tuple(getattr(task, column) for column in _TASK_COLUMNS)
            self._columns(f"task {name}", _TASK_COLUMNS, row[1:-1], wanted)
            if self.lanes.get(row[-1]) != task.lane:
                self.report(f"task {name}: it is in lane {self.lanes.get(row[-1])}, the log says {task.lane}")
        self._missing("task", ids.TASK, missing)

    async def _spec_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        missing = set(world.tasks)
        names = ("title", "description", "type", "idempotency_key", "request_hash")
        for task_id, *found, document in await snapshot.rows(_SPECS, low, high):
            task = world.tasks.get(task_id)
            name = ids.encode(ids.TASK, task_id)
            if task is None:
                self.report(f"the text of task {name} has a row, but the log does not know that task")
                continue
            missing.discard(task_id)
            spec = task.spec
            wanted = (spec.title, spec.description, spec.type, task.idempotency_key, task.request_hash)
            self._columns(f"task {name}", names, found, wanted)
            if document != encode_spec(spec) and not _same_spec(document, spec):
                self.report(f"task {name}: what it is to do (task_specs.doc) is not what the log says")
        self._missing("text of task", ids.TASK, missing)

    async def _attempt_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        missing = set(world.attempts)
        for attempt_id, *found, result in await snapshot.rows(_ATTEMPTS, low, high):
            self.attempts += 1
            attempt = world.attempts.get(attempt_id)
            name = ids.encode(ids.ATTEMPT, attempt_id)
            if attempt is None:
                self.report(f"attempt {name} has a row, but the log does not know it")
                continue
            missing.discard(attempt_id)
            wanted = tuple(getattr(attempt, column) for column in _ATTEMPT_COLUMNS)
            self._columns(f"attempt {name}", _ATTEMPT_COLUMNS, found, wanted)
            if not _same_result(result, attempt):
                self.report(f"attempt {name}: result is not what the log says")
        self._missing("attempt", ids.ATTEMPT, missing)

    async def _part_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        for table, prefix, _, columns in _PARTS:
            rows: Mapping[int, PlaceRow] = getattr(world, table)
            noun, missing = table.removesuffix("s"), set(rows)
            for key, *found in await snapshot.rows(_PART_ROWS[table], low, high):
                name = ids.encode(prefix, key)
                row = rows.get(key)
                if row is None:
                    self.report(f"{noun} {name} has a row, but the log does not know it")
                    continue
                missing.discard(key)
                self._columns(
                    f"{noun} {name}", columns, found, [row.columns.get(column) for column in columns]
                )
            self._missing(noun, prefix, missing)

    async def _edge_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        wanted = {
            (task.id, target): int(done)
            for task in world.tasks.values()
            for target, done in task.edges.items()
        }
        for task_id, target, done in await snapshot.rows(_EDGES, low, high):
            expected = wanted.pop((task_id, target), None)
            if expected != done:
                self.report(
                    f"task {ids.encode(ids.TASK, task_id)}: its dependency on {ids.encode(ids.TASK, target)} "
                    f"is {_done(done)}, the log says {_done(expected)}"
                )
        for task_id, target in wanted:
            self.report(
                f"task {ids.encode(ids.TASK, task_id)}: its dependency on {ids.encode(ids.TASK, target)} has no row"
            )

    async def _tag_rows(self, snapshot: Snapshot, world: World, low: int, high: int) -> None:
        wanted = {(tag, task.id) for task in world.tasks.values() for tag in task.spec.tags}
        self.tags += len(wanted)
        if not wanted:
            return
        found = {
            (row[0], row[1]) for row in await snapshot.rows(_TAGS, sorted({w[0] for w in wanted}), low, high)
        }
        for tag, task_id in sorted(wanted ^ found):
            words = "is missing" if (tag, task_id) in wanted else "is not in the log"
            self.report(f"task {ids.encode(ids.TASK, task_id)}: its tag {tag!r} {words}")

    async def totals(self, snapshot: Snapshot, world: World) -> None:
        """Compare what adds up over all tasks: lane counts, money, tags; and the places."""
        for row in await snapshot.rows(_COUNTS):
            key, found = (row[0], row[1], row[2], row[3], row[4]), row[5:]
            wanted = self.counts.pop(key, [0] * len(TaskState))
            labels = [state.label for state in TaskState]
            self._columns(f"lane {key}", labels, found, wanted)
        for key in self.counts:
            self.report(f"lane {key} has tasks, but no row with their counts")
        tags = (await snapshot.rows(_TAG_COUNT))[0][0]
        if tags != self.tags:
            self.report(f"there are {tags} tags of tasks, the log says {self.tags}")
        for task_id, target in await snapshot.rows(_DANGLING):
            self.report(
                f"task {ids.encode(ids.TASK, task_id)} waits for {ids.encode(ids.TASK, target)}, "
                "which is gone or does not know that it is waited for"
            )
        for table, prefix, noun in _PLACES:
            await self._place_rows(snapshot, table, prefix, noun, getattr(world, table.name))

    async def _place_rows(
        self, snapshot: Snapshot, table: Table, prefix: str | None, noun: str, wanted: Mapping[Any, PlaceRow]
    ) -> None:
        keys = [column.name for column in table.primary_key]
        columns = [column.name for column in table.columns if column.name not in {*keys, *_UNCOMPARED}]
        missing = set(wanted)
        for row in await snapshot.rows(Statement(f"SELECT {', '.join([*keys, *columns])} FROM {table.name}")):
            found_key: Any = row[0] if len(keys) == 1 else row[: len(keys)]
            found = row[len(keys) :]
            name = _named(prefix, found_key)
            said = wanted.get(found_key)
            if said is None:
                self.report(f"{noun} {name} has a row, but the log does not know it")
                continue
            missing.discard(found_key)
            self._columns(f"{noun} {name}", columns, found, [said.columns.get(column) for column in columns])
        self._missing(noun, prefix, missing)

    def _columns(
        self, name: str, columns: Iterable[str], found: Sequence[Any], wanted: Sequence[Any]
    ) -> None:
        if tuple(found) == tuple(wanted):
            return
        for column, is_now, said in zip(columns, found, wanted, strict=True):
            if is_now != said:
                self.report(f"{name}: {column} is {_shown(is_now)}, the log says {_shown(said)}")

    def _missing(self, noun: str, prefix: str | None, keys: Iterable[Any]) -> None:
        for key in sorted(keys):
            self.report(f"{noun} {_named(prefix, key)} is in the log, but has no row")


_STATE_AT: Final = {state: index for index, state in enumerate(TaskState)}


def _same_spec(document: str, spec: TaskSpec) -> bool:
    """Whether a text that is not the same says the same, as one written by an older version does."""
    try:
        return decode_spec(document) == spec
    except ValueError:
        return False


def _same_result(found: str | None, attempt: AttemptRow) -> bool:
    if found is None or attempt.result is None:
        return found is None and attempt.result is None
    try:
        return bool(from_json(found) == attempt.result)
    except ValueError:
        return False


def _named(prefix: str | None, key: Any) -> str:
    if prefix is not None:
        return ids.encode(prefix, key)
    return " ".join(str(part) for part in cast(tuple[Any, ...], key)) if isinstance(key, tuple) else str(key)


def _done(value: int | None) -> str:
    return {0: "not done", 1: "done", None: "absent"}.get(value, str(value))


def _shown(value: Any) -> str:
    text = repr(int(value)) if isinstance(value, TaskState) else repr(value)
    return text if len(text) <= 80 else text[:77] + "..."
