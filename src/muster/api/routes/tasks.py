"""Tasks: queueing, listing, changing; what people do to them; their attempts, events and output."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Query, Request, Response

from muster.api.cursors import decode_cursor, encode_cursor
from muster.api.longpoll import Caller
from muster.api.places import check_exists, find_project, find_queue
from muster.api.routing import Route
from muster.api.schemas.shape import Done
from muster.api.schemas.tasks import (
    Archived,
    ArchiveRequest,
    AttemptList,
    BulkCreate,
    EventList,
    EventQuery,
    LogPage,
    LogQuery,
    Purged,
    PurgeRequest,
    Reason,
    Requeued,
    RequeueRequest,
    Task,
    TaskCreate,
    TaskList,
    TaskMove,
    TaskPatch,
    TaskQuery,
    TasksMade,
)
from muster.api.services import Services, ServicesHere
from muster.api.submission import Current, Submitter, changes_of
from muster.api.task_output import Wanted, read_output
from muster.api.task_shapes import attempt_shape, event_shape, task_detail, task_row
from muster.api.times import microseconds
from muster.commands.edits import edit_task, rerun_task
from muster.commands.lifecycle import (
    archive_tasks,
    cancel_task,
    delete_task,
    purge_tasks,
    requeue_task,
    requeue_tasks,
    restore_task,
)
from muster.commands.order import move_task
from muster.commands.tasks import Submitted, submit_tasks
from muster.domain import ids
from muster.domain.errors import InvalidInput
from muster.domain.review import REVIEW_STATES
from muster.domain.task import STATES
from muster.projections.agent_tasks import bring_forward
from muster.projections.attempts import attempts_of
from muster.projections.log import events_of
from muster.projections.task_filter import TaskFilter
from muster.projections.task_lists import Order, list_tasks
from muster.projections.tasks import get_task, task_rows
from muster.store.database import Store
from muster.store.statements import Statement

DAY_US: Final = 86_400_000_000
PURGED_AT_ONCE: Final = 500


def _number(task_id: str) -> int:
    return ids.decode(ids.TASK, task_id)


async def shown(store: Store, task_id: int) -> Task:
    """A task as it is now."""
    return task_detail(await get_task(store, task_id, store.now()))


async def submit(services: Services, tasks: Sequence[TaskCreate]) -> list[Submitted]:
    """Queue all of these tasks or none."""
    return await services.store.execute(submit_tasks(await Submitter(services.store).new_tasks(tasks)))


async def create_task(services: ServicesHere, body: TaskCreate, response: Response) -> Task:
    """Queue a task.

    200 instead of 201: the idempotency key was used before for the same body; the answer is that task.
    """
    (made,) = await submit(services, [body])
    response.status_code = 200 if made.repeated else 201
    return await shown(services.store, made.task_id)


async def create_tasks(services: ServicesHere, body: BulkCreate) -> TasksMade:
    """Queue many tasks: all of them or none.

    They may depend on each other: name one with `key`, and list `#key` in another's `depends_on`.
    """
    store = services.store
    made = await store.execute(submit_tasks(await Submitter(store).new_batch(body.tasks)))
    rows = await task_rows(store, [one.task_id for one in made], store.now())
    return TasksMade(items=[task_row(row) for row in rows])


async def list_all_tasks(services: ServicesHere, query: Annotated[TaskQuery, Query()]) -> TaskList:
    """List tasks."""
    store = services.store
    order = Order(query.order)
    shape = (int, int, int) if order is Order.QUEUE else (int,)
    if query.agent is not None:
        await bring_forward(store)
    wanted = await _filter(store, query)
    page = await list_tasks(
        store,
        wanted,
        store.now(),
        order=order,
        after=None if query.cursor is None else decode_cursor(query.cursor, shape),
        limit=query.limit,
    )
    if not page.items and query.cursor is None:
        await _check_named(store, wanted)
    return TaskList(
        items=[task_row(row) for row in page.items],
        next_cursor=None if page.next is None else encode_cursor(page.next),
    )


async def _check_named(store: Store, wanted: TaskFilter) -> None:
    """Nothing matches: NotFound when that is so because what was named is not there. A removed task may have subtasks left,
    which are listed."""
    await check_exists(store, ids.TASK, wanted.parent_id)
    await check_exists(store, ids.TASK, wanted.depends_on)
    await check_exists(store, ids.SESSION, wanted.session_id)


async def _filter(store: Store, query: TaskQuery) -> TaskFilter:
    after, before, ended = query.created_after, query.created_before, query.ended_after
    return TaskFilter(
        states=None if query.state is None else frozenset(STATES[state] for state in query.state),
        reviews=None if query.review is None else frozenset(REVIEW_STATES[review] for review in query.review),
        queue_id=None if query.queue is None else (await find_queue(store, query.queue)).queue_id,
        project_id=None if query.project is None else await find_project(store, query.project),
        session_id=None if query.session is None else ids.decode(ids.SESSION, query.session),
        parent_id=None if query.parent is None else _number(query.parent),
        depends_on=None if query.depends_on is None else _number(query.depends_on),
        stuck=query.stuck,
        agent_id=query.agent,
        type=query.type,
        kind=query.kind,
        tag=query.tag,
        text=query.q,
        archived=query.archived,
        created_after=None if after is None else microseconds(after, "created_after"),
        created_before=None if before is None else microseconds(before, "created_before"),
        ended_after=None if ended is None else microseconds(ended, "ended_after"),
    )


async def get_one_task(services: ServicesHere, task_id: str) -> Task:
    """Show a task."""
    return await shown(services.store, _number(task_id))


async def patch_task(services: ServicesHere, task_id: str, body: TaskPatch) -> Task:
    """Change a task."""
    store, number = services.store, _number(task_id)
    detail = await get_task(store, number, store.now())
    current = Current(
        detail.row.kind, detail.spec.payload, detail.spec.task_class, tuple(detail.row.requires)
    )
    await store.execute(edit_task(number, await changes_of(store, body, current)))
    return await shown(store, number)


async def remove_task(services: ServicesHere, task_id: str) -> Done:
    """Remove a finished task for good.

    Its events stay in the log.
    """
    await services.store.execute(delete_task(_number(task_id)))
    return Done(id=task_id, done="deleted")


async def cancel_one_task(services: ServicesHere, task_id: str, body: Reason | None = None) -> Task:
    """Cancel a task.

    A running attempt ends at once; its worker is told and stops it. Cancelling twice is cancelling once.
    """
    number = _number(task_id)
    await services.store.execute(cancel_task(number, body.reason if body else ""))
    return await shown(services.store, number)


async def requeue_one_task(services: ServicesHere, task_id: str, body: Reason | None = None) -> Task:
    """Put a finished task back into its queue, its attempts counted anew."""
    number = _number(task_id)
    await services.store.execute(requeue_task(number, body.reason if body else ""))
    return await shown(services.store, number)


async def requeue_many_tasks(services: ServicesHere, body: RequeueRequest) -> Requeued:
    """Put many finished tasks back into their queues: all of them or none."""
    numbers = [_number(task_id) for task_id in dict.fromkeys(body.task_ids)]
    return Requeued(requeued=await services.store.execute(requeue_tasks(numbers, body.reason)))


async def move_one_task(services: ServicesHere, task_id: str, body: TaskMove) -> Task:
    """Put a waiting task elsewhere in its queue.

    It goes right before or after another one that waits there, and takes its priority.
    """
    given = body.model_dump(exclude_unset=True)
    if len(given) != 1:
        raise InvalidInput(field="before", problem="give either before or after")
    number = _number(task_id)
    ((where, beside),) = given.items()
    await services.store.execute(move_task(number, _number(beside), after=where == "after"))
    return await shown(services.store, number)


async def rerun_one_task(services: ServicesHere, task_id: str) -> Task:
    """Queue a new task like this one."""
    made = await services.store.execute(rerun_task(_number(task_id)))
    return await shown(services.store, made.task_id)


async def archive_one_task(services: ServicesHere, task_id: str, body: Reason | None = None) -> Task:
    """Put a finished task out of sight."""
    number = _number(task_id)
    await services.store.execute(archive_tasks([number], body.reason if body else ""))
    return await shown(services.store, number)


async def archive_many_tasks(services: ServicesHere, body: ArchiveRequest) -> Archived:
    """Put many finished tasks out of sight: all of them or none."""
    numbers = [_number(task_id) for task_id in dict.fromkeys(body.task_ids)]
    return Archived(archived=await services.store.execute(archive_tasks(numbers, body.reason)))


async def unarchive_one_task(services: ServicesHere, task_id: str) -> Task:
    """Bring an archived task back into the lists."""
    number = _number(task_id)
    await services.store.execute(restore_task(number))
    return await shown(services.store, number)


async def list_task_events(
    services: ServicesHere, task_id: str, query: Annotated[EventQuery, Query()]
) -> EventList:
    """The history of a task, oldest first.

    Also of a task that was removed. `next_cursor` is the `after` of the next page.
    """
    page = await events_of(services.store, _number(task_id), after=query.after, limit=query.limit)
    return EventList(
        items=[event_shape(event) for event in page.items],
        next_cursor=None if page.next is None else str(page.next[0]),
    )


async def list_task_attempts(services: ServicesHere, task_id: str) -> AttemptList:
    """All attempts of a task, the first one first."""
    rows = await attempts_of(services.store, _number(task_id))
    return AttemptList(items=[attempt_shape(row) for row in rows])


async def read_task_logs(
    services: ServicesHere, request: Request, task_id: str, query: Annotated[LogQuery, Query()]
) -> LogPage:
    """Lines of output of an attempt, waiting for some if asked.

    Answered at once when there are lines from `after` on or the attempt is over. Ask again with `next_after`.
    """
    caller = Caller(request.receive, services.drain, "")
    return await read_output(services.store, Wanted(_number(task_id), query.attempt), query, caller)


_OLD: Final = Statement(
    "SELECT count(*) FROM tasks t WHERE state >= 60 AND finished_at < ?1 AND (archived_at IS NULL OR ?2 = 1) "
    "AND NOT EXISTS (SELECT 1 FROM task_dependencies d WHERE d.depends_on = t.id AND d.done = 0)"
)


async def purge(services: ServicesHere, body: PurgeRequest | None = None) -> Purged:
    """Remove finished tasks that are older than so many days.

    Their events stay in the log, so that money and history lose nothing. Tasks others still wait for stay.
    """
    wanted, store = body or PurgeRequest(), services.store
    days = services.settings.purge_after_days if wanted.older_than_days is None else wanted.older_than_days
    if wanted.older_than_days is None and days <= 0:
        raise InvalidInput(
            field="older_than_days", problem="must be given: automatic purging is switched off"
        )
    before = max(store.now() - int(days * DAY_US), 0)
    if wanted.dry_run:
        rows = await store.long_rows(_OLD, before, int(wanted.archived))
        return Purged(purged=rows[0][0], dry_run=True)
    removed = 0
    while count := await store.execute(purge_tasks(before, PURGED_AT_ONCE, archived=wanted.archived)):
        removed += count
    return Purged(purged=removed, dry_run=False)


ROUTES: Final = (
    Route("GET", "/tasks", list_all_tasks, (404,)),
    Route("POST", "/tasks", create_task, (404, 409), 201, other=((200, Task),)),
    Route("POST", "/tasks/bulk", create_tasks, (404, 409), 201),
    Route("GET", "/tasks/{task_id}", get_one_task, (404,)),
    Route("PATCH", "/tasks/{task_id}", patch_task, (404, 409)),
    Route("DELETE", "/tasks/{task_id}", remove_task, (404, 409)),
    Route("POST", "/tasks/{task_id}/cancel", cancel_one_task, (404, 409)),
    Route("POST", "/tasks/{task_id}/requeue", requeue_one_task, (404, 409)),
    Route("POST", "/tasks/requeue", requeue_many_tasks, (404, 409)),
    Route("POST", "/tasks/{task_id}/move", move_one_task, (404, 409)),
    Route("POST", "/tasks/{task_id}/rerun", rerun_one_task, (404, 409), 201),
    Route("POST", "/tasks/archive", archive_many_tasks, (404, 409)),
    Route("POST", "/tasks/{task_id}/archive", archive_one_task, (404, 409)),
    Route("POST", "/tasks/{task_id}/unarchive", unarchive_one_task, (404, 409)),
    Route("GET", "/tasks/{task_id}/events", list_task_events, (404,)),
    Route("GET", "/tasks/{task_id}/attempts", list_task_attempts, (404,)),
    Route("GET", "/tasks/{task_id}/logs", read_task_logs, (404,)),
    Route("POST", "/purge", purge),
)
