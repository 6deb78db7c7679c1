"""Mission Control's tasks: list, create, change, delete."""

from __future__ import annotations

import asyncio
import json
from typing import Annotated, Any, Final, cast

from fastapi import Query

from muster.api.compat.holding import FAILED_BY_AGENT, held_by
from muster.api.compat.mission_shapes import (
    STATES,
    STATUS,
    Deleted,
    HotTask,
    IdBody,
    IdQuery,
    Task,
    TaskCreate,
    TaskPatch,
    TaskQuery,
    hot_task,
    task_shape,
)
from muster.api.compat.whole import whole_list
from muster.api.places import find_project, find_queue
from muster.api.routing import Route
from muster.api.services import ServicesHere
from muster.api.submission import Submitter
from muster.commands.attempts import EndAttempt
from muster.commands.claims import ClaimTasks
from muster.commands.edits import edit_task
from muster.commands.lifecycle import claim_task, requeue_task
from muster.commands.tasks import NewTask, submit_tasks
from muster.commands.together import discard_task, end_and_unassign, end_attempt, together
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.errors import Conflict, InvalidInput
from muster.domain.money import micros
from muster.domain.retry import IMMEDIATE
from muster.domain.task import PRIORITIES, TaskKind, TaskSpec, TaskState
from muster.projections.agent_tasks import bring_forward
from muster.projections.attempts import WHOLE
from muster.projections.task_lists import Order, TaskFilter, list_tasks
from muster.projections.tasks import TaskRow, get_task
from muster.store.database import Store
from muster.store.unit_of_work import Operation

QUEUE: Final = "inbox"
TIMEOUT_CLASS: Final = "LLM_HEAVY"
MOST: Final = 10_000
"""Tasks a list holds at the most: the dialect has no pages."""
MOST_TEXT: Final = 32_000_000
"""Characters a list holds, more or less."""
AT_ONCE: Final = 100
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
    return tuple(dict.fromkeys(tags))


async def shown(store: Store, task_id: int) -> Task:
    """A task as it is now."""
    return task_shape((await get_task(store, task_id, store.now())).row)


async def _listed(store: Store, wanted: TaskFilter, assignee: str | None) -> tuple[list[HotTask], bool]:
    """All tasks up to the bounds, by priority and age, and whether there are more."""
    found: dict[int, tuple[int, HotTask]] = {}
    size, after, more = 0, None, True
    while more and len(found) < MOST and size < MOST_TEXT:
        page = await list_tasks(
            store, wanted, store.now(), order=Order.QUEUE, after=after, limit=AT_ONCE, cut=WHOLE
        )
        for row in page.items:
            task = hot_task(row)
            if assignee is None or task.assignedTo == assignee:
                found[row.id] = (row.priority, task)
                size += len(task.description or "") + len(task.output or "") + len(task.error or "")
        after, more = page.next, page.next is not None
        # A long list must not hold up those who claim meanwhile.
        await asyncio.sleep(0)
    ordered = sorted(found.items(), key=lambda item: (item[1][0], item[0]))
    return [task for _, (_, task) in ordered], more


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
        timeout_us=await Submitter(store).timeout_us(TIMEOUT_CLASS, None),
        estimate=micros(body.estimatedCost or 0, "estimatedCost"),
    )
    (made,) = await store.execute(submit_tasks([new]))
    return await shown(store, made.task_id)


async def patch_mission_task(services: ServicesHere, body: TaskPatch) -> Task:
    """Change a task: all that is asked for, or nothing."""
    store = services.store
    task_id = ids.decode(ids.TASK, body.id)
    given = body.model_dump(exclude_unset=True, exclude={"id"})
    row = (await get_task(store, task_id, store.now())).row
    status = given.pop("status", None)
    target = None if status is None or status == STATUS[row.state] else str(status)
    ending = {name: given.pop(name) for name in ("output", "error", "actualCost") if name in given}
    if ending and target != "completed":
        raise Conflict(problem="output, error and actualCost are set by completing the task")
    move = None if target is None else await _move(store, row, target, given, ending)
    changes = await _changes(store, given, row, target)
    steps: list[Operation[Any]] = [edit_task(task_id, changes)] if changes else []
    if move is not None:
        # What is put back can be changed as a waiting task can; what is taken must be changed before.
        steps = [move, *steps] if target == "queue" else [*steps, move]
    if steps:
        await store.execute(together(steps))
    return await shown(store, task_id)


async def _changes(store: Store, given: dict[str, Any], row: TaskRow, target: str | None) -> dict[str, Any]:
    changes: dict[str, Any] = {}
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
    if "ventureId" in given:
        changes["project_id"] = await find_project(store, given["ventureId"])
    if "assignedTo" in given:
        changes |= _assignment(given["assignedTo"], row, target)
    return changes


def _assignment(agent: str | None, row: TaskRow, target: str | None) -> dict[str, Any]:
    """Whom a waiting task is for. Saying who holds a task, or held it, changes nothing."""
    waits = target == "queue" or row.state.waiting
    if target == "active" and row.assigned_to is None:
        return {}
    if not waits and agent == row.agent_id:
        return {}
    if not waits:
        raise Conflict(problem="a task can be assigned only while it is in the queue")
    return {"assignee": agent or ""}


async def _move(
    store: Store, row: TaskRow, target: str, given: dict[str, Any], ending: dict[str, Any]
) -> Operation[Any]:
    """The command that brings a task into another status; Conflict when there is no such way."""
    running = row.state is TaskState.RUNNING
    if target == "queue":
        put_back = EndAttempt(0, 0, code="released", message="put back by hand")
        return await _end(store, row, put_back) if running else requeue_task(row.id, "put back by hand")
    if target == "completed":
        if not running:
            raise Conflict(problem="only a task that is active can be completed; claim it first")
        failed = bool(ending.get("error"))
        cost = 0 if failed else micros(ending.get("actualCost") or 0, "actualCost")
        code = FAILED_BY_AGENT if failed else None
        message = ending.get("error") or ""
        return await _end(
            store, row, EndAttempt(0, 0, output=ending.get("output"), cost=cost, code=code, message=message)
        )
    if row.state.finished:
        raise Conflict(problem="the task is completed; put it back into the queue first")
    agent = given.get("assignedTo") or row.assigned_to
    if agent is None:
        raise InvalidInput(field="assignedTo", problem="is needed to make a task active: it says who does it")
    return claim_task(row.id, ClaimTasks(ClaimFilter(agent)))


async def _end(store: Store, row: TaskRow, end: EndAttempt) -> Operation[Any]:
    held = await held_by(store, row.id, row.agent_id or "", failing=end.code is not None)
    end.attempt_id, end.token = held.attempt_id, held.token
    failed = end.code == FAILED_BY_AGENT
    return end_and_unassign(end) if failed and held.assigned else end_attempt(end)


async def delete_mission_task(
    services: ServicesHere, query: Annotated[IdQuery, Query()], body: IdBody | None = None
) -> Deleted:
    """Delete a task.

    409 while an agent works on it or other tasks wait for it.
    """
    store = services.store
    ident = wanted_id(query, body)
    task_id = ids.decode(ids.TASK, ident)
    row = (await get_task(store, task_id, store.now())).row
    if row.state is TaskState.RUNNING:
        raise Conflict(problem=f"agent {row.agent_id} works on the task; complete it first")
    await store.execute(discard_task(task_id))
    return Deleted(id=ident)


def wanted_id(query: IdQuery, body: IdBody | None) -> str:
    """The id, from the address or the body."""
    ident = query.id or (body.id if body is not None else None)
    if ident is None:
        raise InvalidInput(field="id", problem="is needed, in the address (?id=) or in the body")
    return ident


async def get_mission_tasks(services: ServicesHere, query: Annotated[TaskQuery, Query()]) -> list[Task]:
    """List tasks: high priority first, then the oldest.

    All of them, up to 10,000 tasks or 32 million characters; the header `X-Has-More: true` says that there are
    more, and those left out are the ones that were completed first.
    """
    store = services.store
    wanted = TaskFilter(
        states=None if query.status is None else STATES[query.status],
        project_id=None if query.ventureId is None else await find_project(store, query.ventureId),
        agent_id=query.assignedTo,
    )
    if query.assignedTo is not None:
        await bring_forward(store)
    tasks, more = await _listed(store, wanted, query.assignedTo)
    return whole_list(tasks, more=more)


ROUTES: Final = (
    Route("GET", "/tasks", get_mission_tasks, (404,), prefix="/api"),
    Route("POST", "/tasks", create_mission_task, (404,), 201, prefix="/api"),
    Route("PATCH", "/tasks", patch_mission_task, (404, 409), prefix="/api"),
    Route("DELETE", "/tasks", delete_mission_task, (404, 409), prefix="/api"),
)
