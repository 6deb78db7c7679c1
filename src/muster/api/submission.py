"""From a task as it is asked for to the command that queues or changes it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from muster.api.agent_submission import agent_task_of, labelled
from muster.api.claiming import check_schema
from muster.api.payloads import check_payload, check_required_files, check_working_dir
from muster.api.places import QueuePlace, find_project, find_queue
from muster.api.schemas.tasks import Retry, TaskCreate, TaskPatch
from muster.api.times import microseconds
from muster.commands.queues import ensure_agent_queue
from muster.commands.tasks import NewTask
from muster.domain import ids
from muster.domain.errors import InvalidInput, MusterError, NotFound
from muster.domain.money import micros
from muster.domain.retry import RetryPolicy
from muster.domain.task import PRIORITIES, TaskKind, TaskSpec
from muster.store.database import Store
from muster.store.statements import Statement

DEFAULT_PROJECT: Final = "default"
AGENTS_QUEUE: Final = "agents"
DEFAULT_QUEUES: Final = {
    TaskKind.BASH: "default",
    TaskKind.PYTHON: "default",
    TaskKind.COMMAND: "default",
    TaskKind.MANUAL: "by-hand",
    TaskKind.PROMPT: "inbox",
    TaskKind.LLM: "inbox",
}
_CLASSES: Final = Statement("SELECT name, timeout_us, network FROM task_classes")
_ENCODE: Final = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Submitter:
    """Translates the tasks of one request; what they share is looked up once."""

    store: Store
    _queues: dict[str, QueuePlace] = field(default_factory=dict[str, QueuePlace])
    _projects: dict[str, int] = field(default_factory=dict[str, int])
    _agents: dict[str, int] = field(default_factory=dict[str, int])
    _classes: dict[str, tuple[int, bool]] | None = None

    async def new_tasks(self, wanted: Sequence[TaskCreate]) -> list[NewTask]:
        """The commands' form of all tasks; InvalidInput or NotFound for the first that cannot be."""
        return [await self._new_task(task) for task in wanted]

    async def new_batch(self, wanted: Sequence[TaskCreate]) -> list[NewTask]:
        """Like `new_tasks`, of a list called `tasks`: a refusal names the place in it."""
        made: list[NewTask] = []
        for number, task in enumerate(wanted):
            try:
                made.append(await self._new_task(task))
            except MusterError as refusal:
                raise placed(refusal, f"tasks.{number}") from refusal
        return made

    async def _new_task(self, task: TaskCreate) -> NewTask:
        check_task(task)
        agent_task = await agent_task_of(self.store, task.kind, task.payload)
        if agent_task is not None and agent_task.integrate and not task.depends_on:
            raise InvalidInput(
                field="payload.integrate", problem="needs tasks to depend on, whose work is merged"
            )
        queue = await self._queue_of(task, for_agents=agent_task is not None)
        return NewTask(
            spec=spec_of(
                task,
                network=(await self._class(task.task_class))[1] if task.network is None else task.network,
            ),
            kind=task.kind,
            project_id=await self._project_of(task, queue),
            queue_id=queue.queue_id,
            priority=PRIORITIES[task.priority],
            timeout_us=await self.timeout_us(task.task_class, task.timeout_seconds),
            estimate=micros(task.estimated_cost_usd, "estimated_cost_usd"),
            assignee=task.assigned_to or "",
            requires=labelled(task.requires, task.kind, task.payload, agent_task),
            session_id=None if task.session_id is None else ids.decode(ids.SESSION, task.session_id),
            parent_id=None if task.parent_id is None else ids.decode(ids.TASK, task.parent_id),
            depends_on=tuple(task.depends_on),
            ready_at=None if task.ready_at is None else microseconds(task.ready_at, "ready_at"),
            idempotency_key=task.idempotency_key,
            request_hash=None if task.idempotency_key is None else fingerprint(task),
            key=getattr(task, "key", None),
        )

    async def timeout_us(self, task_class: str, seconds: float | None) -> int:
        """The timeout of a task: its own, else its class's. NotFound for an unknown class."""
        of_class, _ = await self._class(task_class)
        return of_class if seconds is None else max(round(seconds * 1_000_000), 1)

    async def _class(self, task_class: str) -> tuple[int, bool]:
        if self._classes is None:
            self._classes = {row[0]: (row[1], bool(row[2])) for row in await self.store.rows(_CLASSES)}
        if task_class not in self._classes:
            known = ", ".join(sorted(self._classes))
            raise NotFound(
                f"There is no task class {task_class[:60]} (there are {known}).",
                noun="task class",
                id=task_class[:60],
            )
        return self._classes[task_class]

    async def _queue_of(self, task: TaskCreate, *, for_agents: bool) -> QueuePlace:
        if task.queue is None and task.assigned_to is not None:
            agent = task.assigned_to
            if agent not in self._agents:
                self._agents[agent] = await self.store.execute(ensure_agent_queue(agent))
            return QueuePlace(self._agents[agent], None)
        usual = AGENTS_QUEUE if for_agents else DEFAULT_QUEUES[TaskKind(task.kind)]
        return await self.queue(task.queue or usual)

    async def queue(self, name: str) -> QueuePlace:
        """The queue of that id or name."""
        if name not in self._queues:
            self._queues[name] = await find_queue(self.store, name)
        return self._queues[name]

    async def _project_of(self, task: TaskCreate, queue: QueuePlace) -> int:
        if task.project is None and queue.project_id is not None:
            return queue.project_id
        return await self.project(task.project or DEFAULT_PROJECT)

    async def project(self, name: str) -> int:
        """The project of that id or name."""
        if name not in self._projects:
            self._projects[name] = await find_project(self.store, name)
        return self._projects[name]


def placed(refusal: MusterError, place: str) -> MusterError:
    """The same refusal, naming which part of a request it is about."""
    if isinstance(refusal, InvalidInput):
        return InvalidInput(field=f"{place}.{refusal.details['field']}", problem=refusal.details["problem"])
    return type(refusal)(f"{place}: {refusal.message}", **{**refusal.details, "place": place})


def check_task(task: TaskCreate) -> None:
    """InvalidInput for what no worker could execute."""
    check_payload(task.kind, task.payload)
    check_required_files(task.required_files)
    if task.working_dir is not None:
        check_working_dir(task.working_dir)
    if task.output_schema is not None:
        check_schema(task.output_schema)


def spec_of(task: TaskCreate, *, network: bool) -> TaskSpec:
    """What the task's execution needs."""
    return TaskSpec(
        title=task.title,
        description=task.description,
        type=task.type,
        task_class=task.task_class,
        working_dir=task.working_dir,
        payload=task.payload,
        output_schema=task.output_schema,
        required_files=tuple(task.required_files),
        acceptance_command=task.acceptance_command,
        max_test_fix_cycles=task.max_test_fix_cycles,
        retry=policy_of(task.retry),
        network=network,
        tags=tuple(dict.fromkeys(task.tags)),
    )


def policy_of(retry: Retry) -> RetryPolicy:
    """The domain's form of a retry policy."""
    return RetryPolicy(retry.max_attempts, retry.base_seconds, retry.factor, retry.max_seconds, retry.jitter)


def fingerprint(task: TaskCreate) -> str:
    """A hash of everything asked for, so that an idempotency key cannot stand for two different tasks."""
    return hashlib.sha256(_ENCODE(task.model_dump(exclude={"idempotency_key"}))).hexdigest()


_PLAIN: Final = (
    "title",
    "description",
    "type",
    "kind",
    "payload",
    "task_class",
    "working_dir",
    "network",
    "output_schema",
    "acceptance_command",
    "max_test_fix_cycles",
)
_TUPLES: Final = ("tags", "depends_on", "requires", "required_files")


@dataclass(frozen=True, slots=True)
class Current:
    """What a patch is checked against: the task as it is."""

    kind: str
    payload: dict[str, Any]
    task_class: str
    requires: tuple[str, ...] = ()


async def changes_of(store: Store, patch: TaskPatch, current: Current) -> dict[str, Any]:
    """The changes of a patch as `edit_task` takes them."""
    given = {name: getattr(patch, name) for name in patch.model_fields_set}
    _check_changes(given, current)
    changes: dict[str, Any] = {name: given[name] for name in _PLAIN if name in given}
    changes |= {name: tuple(dict.fromkeys(given[name])) for name in _TUPLES if name in given}
    changes |= {field: convert(given[name]) for name, (field, convert) in _CONVERTED.items() if name in given}
    if "kind" in given or "payload" in given:
        kind, payload = given.get("kind", current.kind), given.get("payload", current.payload)
        agent_task = await agent_task_of(store, kind, payload)
        changes["requires"] = labelled(given.get("requires", current.requires), kind, payload, agent_task)
    submitter = Submitter(store)
    if "queue" in given:
        changes["queue_id"] = (await submitter.queue(given["queue"])).queue_id
    if "project" in given:
        changes["project_id"] = await submitter.project(given["project"])
    if "task_class" in given or "timeout_seconds" in given:
        changes["timeout_us"] = await submitter.timeout_us(
            given.get("task_class", current.task_class), given.get("timeout_seconds")
        )
    return changes


def _check_changes(given: dict[str, Any], current: Current) -> None:
    if "kind" in given or "payload" in given:
        check_payload(given.get("kind", current.kind), given.get("payload", current.payload))
    check_required_files(given.get("required_files", ()))
    if given.get("working_dir") is not None:
        check_working_dir(given["working_dir"])
    if given.get("output_schema") is not None:
        check_schema(given["output_schema"])


def _id_or_none(prefix: str) -> Callable[[str | None], int | None]:
    return lambda text: None if text is None else ids.decode(prefix, text)


_CONVERTED: Final[Mapping[str, tuple[str, Callable[[Any], Any]]]] = {
    "priority": ("priority", lambda label: PRIORITIES[label]),
    "retry": ("retry", policy_of),
    "estimated_cost_usd": ("estimate", lambda amount: micros(amount, "estimated_cost_usd")),
    "assigned_to": ("assignee", lambda agent: agent or ""),
    "session_id": ("session_id", _id_or_none(ids.SESSION)),
    "parent_id": ("parent_id", _id_or_none(ids.TASK)),
    "ready_at": ("ready_at", lambda text: None if text is None else microseconds(text, "ready_at")),
}
