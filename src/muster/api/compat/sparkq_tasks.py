"""SparkQ's tasks: list, queue, claim by id, end, requeue."""

from __future__ import annotations

from typing import Annotated, Any, Final, cast

import msgspec
from fastapi import Query

from muster.api.claiming import ClaimDesk
from muster.api.compat.dispatch import SPARKQ
from muster.api.compat.sparkq_shapes import (
    STATUS,
    SparkClaim,
    SparkComplete,
    SparkFail,
    SparkTask,
    SparkTaskCreate,
    SparkTaskList,
    SparkTaskQuery,
    task_of,
)
from muster.api.places import find_project, find_queue
from muster.api.routes.claims import failure_of
from muster.api.routing import Route
from muster.api.services import Services, ServicesHere
from muster.api.submission import Submitter
from muster.commands.attempts import EndAttempt
from muster.commands.claims import ClaimTasks
from muster.commands.lifecycle import requeue_task
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.errors import InvalidInput, NotFound, WrongState
from muster.domain.project import DEFAULT_PROJECT
from muster.domain.retry import RetryPolicy
from muster.domain.script import Script
from muster.domain.task import TaskKind, TaskSpec, TaskState
from muster.projections.queues import get_queue
from muster.projections.task_lists import Order, TaskFilter, list_task_ids
from muster.projections.tasks import get_task, task_rows
from muster.store.database import Store
from muster.store.statements import Statement

ONCE: Final = RetryPolicy(max_attempts=1)
"""SparkQ's tasks are tried once and requeued by hand."""
_LATEST: Final = Statement(
    "SELECT t.state, a.id, a.token FROM tasks t LEFT JOIN attempts a ON a.id = t.attempt_id WHERE t.id = ?1"
)


async def _shown(store: Store, task_id: int) -> SparkTask:
    return task_of((await get_task(store, task_id, store.now())).row)


async def list_sparkq_tasks(
    services: ServicesHere, query: Annotated[SparkTaskQuery, Query()]
) -> SparkTaskList:
    """List tasks, the oldest first."""
    store = services.store
    wanted = TaskFilter(
        states=None
        if query.status is None
        else frozenset(state for state, status in STATUS.items() if status == query.status),
        queue_id=None if query.queue_id is None else (await find_queue(store, query.queue_id)).queue_id,
    )
    page = await list_task_ids(store, wanted, order=Order.OLDEST, limit=query.offset + query.limit)
    rows = await task_rows(store, page.items[query.offset :], store.now())
    return SparkTaskList(tasks=[task_of(row) for row in rows])


async def create_sparkq_task(services: ServicesHere, body: SparkTaskCreate) -> SparkTask:
    """Queue a task.

    A script is run by muster's own workers; everything else waits for somebody to claim it.
    """
    store = services.store
    place = await find_queue(store, body.queue_id)
    queue = await get_queue(store, place.queue_id)
    script = _script(services, body.tool_name)
    spec, kind = (_by_hand(body), _kind(body)) if script is None else (_run(body, script), script.kind)
    timeout = body.timeout if body.timeout is not None or script is None else script.timeout_seconds
    new = NewTask(
        spec=spec,
        kind=kind,
        project_id=place.project_id or await find_project(store, DEFAULT_PROJECT),
        queue_id=place.queue_id,
        session_id=queue.session_id,
        timeout_us=await Submitter(store).timeout_us(spec.task_class, timeout),
    )
    (made,) = await store.execute(submit_tasks([new]))
    return await _shown(store, made.task_id)


def _script(services: Services, name: str) -> Script | None:
    if services.scripts is None:
        return None
    try:
        return services.scripts.get(name)
    except NotFound:
        return None


def _kind(body: SparkTaskCreate) -> TaskKind:
    return TaskKind.LLM if (body.task_class or "").startswith("LLM_") else TaskKind.MANUAL


def _by_hand(body: SparkTaskCreate) -> TaskSpec:
    first = next((line.strip() for line in body.payload.splitlines() if line.strip()), body.tool_name)
    return TaskSpec(
        title=first[:200],
        description=body.payload,
        task_class=body.task_class or "MEDIUM_SCRIPT",
        retry=ONCE,
        extra={"tool_name": body.tool_name},
    )


def _run(body: SparkTaskCreate, script: Script) -> TaskSpec:
    fields = script.task_fields(_inputs(body.payload))
    return TaskSpec(
        title=fields["title"],
        description=fields["description"],
        task_class=body.task_class or fields.get("task_class", "MEDIUM_SCRIPT"),
        payload=fields["payload"],
        retry=ONCE,
        tags=tuple(dict.fromkeys(fields["tags"])),
        extra={"tool_name": body.tool_name, "payload": body.payload},
    )


def _inputs(payload: str) -> dict[str, Any]:
    try:
        values: Any = msgspec.json.decode(payload) if payload.strip() else {}
    except (msgspec.DecodeError, RecursionError):
        values = None
    if not isinstance(values, dict):
        raise InvalidInput(
            field="payload", problem="must be the script's inputs, as the text of a JSON object"
        )
    return cast("dict[str, Any]", values)


async def get_sparkq_task(services: ServicesHere, task_id: str) -> SparkTask:
    """Show a task."""
    return await _shown(services.store, ids.decode(ids.TASK, task_id))


async def claim_sparkq_task(services: ServicesHere, task_id: str, body: SparkClaim) -> SparkTask:
    """Claim that very task; 409 when it is not queued."""
    number = ids.decode(ids.TASK, task_id)
    await ClaimDesk(services).claim_named(number, ClaimTasks(ClaimFilter(body.worker_id)))
    return await _shown(services.store, number)


async def complete_sparkq_task(services: ServicesHere, task_id: str, body: SparkComplete) -> SparkTask:
    """The task succeeded, whoever ran it."""
    end = await _running(services.store, task_id)
    end.output, end.result = body.result_summary, body.result_data
    await ClaimDesk(services).end(end)
    return await _shown(services.store, ids.decode(ids.TASK, task_id))


async def fail_sparkq_task(services: ServicesHere, task_id: str, body: SparkFail) -> SparkTask:
    """The task failed, whoever ran it."""
    end = await _running(services.store, task_id)
    end.code, end.message = "agent_error", body.error_message
    if body.error_type is not None:
        end.code, end.message = failure_of(body.error_type, body.error_message)
    await ClaimDesk(services).end(end)
    return await _shown(services.store, ids.decode(ids.TASK, task_id))


async def _running(store: Store, task_id: str) -> EndAttempt:
    """The end of a running attempt, to be filled in; this dialect names no holder."""
    rows = await store.rows(_LATEST, ids.decode(ids.TASK, task_id))
    if not rows:
        raise NotFound(noun="task", id=task_id[:60])
    state, attempt, token = rows[0]
    if state != TaskState.RUNNING:
        raise WrongState(
            noun="task", id=task_id, state=STATUS[TaskState(state)], wanted="only a running task can be ended"
        )
    return EndAttempt(attempt, token)


async def requeue_sparkq_task(services: ServicesHere, task_id: str) -> SparkTask:
    """Put a finished task back into its queue."""
    number = ids.decode(ids.TASK, task_id)
    await services.store.execute(requeue_task(number, "requeued"))
    return await _shown(services.store, number)


def _route(method: str, path: str, endpoint: Any, errors: tuple[int, ...] = (), status: int = 200) -> Route:
    return Route(method, path, endpoint, errors, status, prefix=SPARKQ)


ROUTES: Final = (
    _route("GET", "/tasks", list_sparkq_tasks, (404,)),
    _route("POST", "/tasks", create_sparkq_task, (404, 409), 201),
    _route("GET", "/tasks/{task_id}", get_sparkq_task, (404,)),
    _route("POST", "/tasks/{task_id}/claim", claim_sparkq_task, (404, 409)),
    _route("POST", "/tasks/{task_id}/complete", complete_sparkq_task, (404, 409)),
    _route("POST", "/tasks/{task_id}/fail", fail_sparkq_task, (404, 409)),
    _route("POST", "/tasks/{task_id}/requeue", requeue_sparkq_task, (404, 409)),
)
