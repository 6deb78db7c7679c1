"""Mission Control's tasks: list, create, change, delete."""

from __future__ import annotations

import json
from typing import Annotated, Any, Final, cast

from fastapi import Query

from muster.api.compat.mission_calls import held_by
from muster.api.compat.mission_shapes import (
    STATES,
    STATUS,
    Deleted,
    IdBody,
    IdQuery,
    Task,
    TaskCreate,
    TaskPatch,
    TaskQuery,
    task_shape,
)
from muster.api.places import find_project, find_queue
from muster.api.routing import Route
from muster.api.services import ServicesHere
from muster.commands.attempts import EndAttempt, end_attempts
from muster.commands.claims import ClaimTasks
from muster.commands.edits import edit_task
from muster.commands.lifecycle import cancel_task, claim_task, delete_task, requeue_task
from muster.commands.tasks import NewTask, submit_tasks
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.errors import Conflict, InvalidInput
from muster.domain.money import micros
from muster.domain.retry import IMMEDIATE
from muster.domain.task import PRIORITIES, TaskKind, TaskSpec, TaskState
from muster.projections.task_lists import Order, TaskFilter, list_tasks
from muster.projections.tasks import get_task
from muster.store.database import Store

QUEUE: Final = "inbox"
TIMEOUT_CLASS: Final = "LLM_HEAVY"
TIMEOUT_US: Final = 900_000_000
MOST: Final = 1_000
"""Tasks a list holds at the most: the dialect has no pages."""
MAX_TAGS: Final = 50


def tags_of(text: str | None) -> tuple[str, ...]:
    """Tags of the JSON text of an array; InvalidInput otherwise. A plain text is taken as words between commas."""
    if not text or not text.strip():
        return ()
    if not text.lstrip().startswith("["):
        return _checked([part.strip() for part in text.split(",") if part.strip()])
    try:
        values: Any = json.loads(text)
    except ValueError:
        raise InvalidInput(field="tags", problem="must be a JSON array of texts, as a text") from None
    return _checked(values)


def _checked(values: Any) -> tuple[str, ...]:
    given: list[Any] = cast("list[Any]", values) if isinstance(values, list) else [None]
    tags = [tag for tag in given if isinstance(tag, str) and 0 < len(tag) <= 100]
    if len(tags) != len(given) or len(tags) > MAX_TAGS:
        raise InvalidInput(field="tags", problem=f"must be at most {MAX_TAGS} texts of 1 to 100 characters")
    if any("\x00" in tag for tag in tags):
        raise InvalidInput(field="tags", problem="must not contain NUL characters")
    return tuple(tags)


async def shown(store: Store, task_id: int) -> Task:
    """A task as it is now."""
    return task_shape((await get_task(store, task_id, store.now())).row)


async def list_mission_tasks(
    services: ServicesHere, status: str | None, venture: str | None, agent: str | None
) -> list[Task]:
    """Tasks in queue order, at most a thousand."""
    store = services.store
    if status is not None and status not in STATES:
        raise InvalidInput(field="status", problem=f"must be one of {', '.join(sorted(STATES))}")
    wanted = TaskFilter(
        states=None if status is None else STATES[status],
        project_id=None if venture is None else await find_project(store, venture),
        agent_id=agent,
    )
    page = await list_tasks(store, wanted, store.now(), order=Order.QUEUE, limit=MOST, cut=262_144)
    return [task_shape(row) for row in page.items]


async def create_mission_task(services: ServicesHere, body: TaskCreate) -> Task:
    """Queue a task for outside agents; its retries come at once, as this dialect's clients expect."""
    store = services.store
    spec = TaskSpec(
        title=body.title,
        description=body.description or "",
        task_class=TIMEOUT_CLASS,
        retry=IMMEDIATE,
        tags=tags_of(body.tags),
    )
    new = NewTask(
        spec=spec,
        kind=TaskKind.PROMPT,
        project_id=await find_project(store, body.ventureId),
        queue_id=(await find_queue(store, QUEUE)).queue_id,
        priority=PRIORITIES[body.priority],
        timeout_us=await _timeout(store),
        estimate=micros(body.estimatedCost or 0, "estimatedCost"),
    )
    (made,) = await store.execute(submit_tasks([new]))
    return await shown(store, made.task_id)


async def _timeout(store: Store) -> int:
    from muster.api.submission import Submitter  # noqa: PLC0415 - it belongs to the native routes

    return await Submitter(store).timeout_us(TIMEOUT_CLASS, None)


async def patch_mission_task(services: ServicesHere, body: TaskPatch) -> Task:
    """Change a task."""
    store = services.store
    task_id = ids.decode(ids.TASK, body.id)
    given = body.model_dump(exclude_unset=True, exclude={"id"})
    row = (await get_task(store, task_id, store.now())).row
    status = given.pop("status", None)
    moved = status is not None and status != STATUS[row.state]
    ending = {name: given.pop(name) for name in ("output", "error", "actualCost") if name in given}
    if ending and not (moved and status == "completed"):
        raise Conflict(problem="output, error and actualCost are set by completing the task")
    assignee = given.get("assignedTo")
    if (row.state is not TaskState.RUNNING and not row.state.finished) or set(given) - {"assignedTo"}:
        changes = await _changes(store, given, waiting=row.state.waiting)
        if changes:
            await store.execute(edit_task(task_id, changes))
    if moved:
        await _move(store, task_id, row.state, str(status), assignee or row.assigned_to, ending)
    return await shown(store, task_id)


async def _changes(store: Store, given: dict[str, Any], *, waiting: bool) -> dict[str, Any]:
    changes: dict[str, Any] = {}
    for name in ("title", "priority"):
        if name in given and given[name] is None:
            raise InvalidInput(field=name, problem="must not be null")
    if "title" in given:
        changes["title"] = given["title"]
    if "description" in given:
        changes["description"] = given["description"] or ""
    if "priority" in given:
        changes["priority"] = PRIORITIES[given["priority"]]
    if "estimatedCost" in given:
        changes["estimate"] = micros(given["estimatedCost"] or 0, "estimatedCost")
    if "tags" in given:
        changes["tags"] = tags_of(given["tags"])
    if given.get("ventureId") is not None:
        changes["project_id"] = await find_project(store, given["ventureId"])
    if "assignedTo" in given and waiting:
        changes["assignee"] = given["assignedTo"] or ""
    return changes


async def _move(
    store: Store, task_id: int, state: TaskState, status: str, agent: str | None, ending: dict[str, Any]
) -> None:
    match (status, state):
        case ("queue", TaskState.RUNNING):
            await _end(store, task_id, {"error": "put back by hand"}, code="released")
        case ("queue", _):
            await store.execute(requeue_task(task_id, "put back by hand"))
        case ("active", _) if state.finished:
            raise Conflict(problem="the task is completed; put it back into the queue first")
        case ("active", _):
            if agent is None:
                raise InvalidInput(
                    field="assignedTo", problem="is needed to make a task active: it says who does it"
                )
            await store.execute(claim_task(task_id, ClaimTasks(ClaimFilter(agent))))
        case ("completed", TaskState.RUNNING):
            await _end(store, task_id, ending, code="agent_error" if ending.get("error") else None)
        case _:
            raise Conflict(problem="only a task that is active can be completed; claim it first")


_HOLDER: Final = "the task is not held by anybody"


async def _end(store: Store, task_id: int, ending: dict[str, Any], *, code: str | None) -> None:
    row = (await get_task(store, task_id, store.now())).row
    if row.agent_id is None:
        raise Conflict(problem=_HOLDER)
    attempt, token = await held_by(store, task_id, row.agent_id)
    cost = 0 if code is not None else micros(ending.get("actualCost") or 0, "actualCost")
    await store.execute(
        end_attempts(
            EndAttempt(
                attempt,
                token,
                output=ending.get("output"),
                cost=cost,
                code=code,
                message=ending.get("error") or "",
            )
        )
    )


async def delete_mission_task(
    services: ServicesHere, query: Annotated[IdQuery, Query()], body: IdBody | None = None
) -> Deleted:
    """Delete a task.

    One that waits is cancelled first; one that an agent works on is refused with 409.
    """
    store = services.store
    ident = wanted_id(query, body)
    task_id = ids.decode(ids.TASK, ident)
    row = (await get_task(store, task_id, store.now())).row
    if row.state is TaskState.RUNNING:
        raise Conflict(problem=f"agent {row.agent_id} works on the task; complete it first")
    if not row.state.finished:
        await store.execute(cancel_task(task_id, "deleted"))
    await store.execute(delete_task(task_id))
    return Deleted(id=ident)


def wanted_id(query: IdQuery, body: IdBody | None) -> str:
    """The id, from the address or the body."""
    ident = query.id or (body.id if body is not None else None)
    if ident is None:
        raise InvalidInput(field="id", problem="is needed, in the address (?id=) or in the body")
    return ident


async def get_mission_tasks(services: ServicesHere, query: Annotated[TaskQuery, Query()]) -> list[Task]:
    """List tasks: high priority first, then the oldest."""
    return await list_mission_tasks(services, query.status, query.ventureId, query.assignedTo)


ROUTES: Final = (
    Route("GET", "/tasks", get_mission_tasks, (404,), prefix="/api"),
    Route("POST", "/tasks", create_mission_task, (404,), 201, prefix="/api"),
    Route("PATCH", "/tasks", patch_mission_task, (404, 409), prefix="/api"),
    Route("DELETE", "/tasks", delete_mission_task, (404, 409), prefix="/api"),
)
