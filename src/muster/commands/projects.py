"""Projects: making, changing, funding and removing them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from typing import Any, Final

from muster.commands.lifecycle import cancel_task, remove_rows
from muster.domain import ids
from muster.domain.checks import check_count, check_fields, check_text
from muster.domain.errors import AlreadyExists, Conflict, NotFound, WrongState
from muster.domain.events import (
    CapitalAllocated,
    ProjectCreated,
    ProjectDeleted,
    ProjectEdited,
    QueueEdited,
    SessionEdited,
)
from muster.domain.money import MAX_DOLLARS, MICROS
from muster.domain.project import DEFAULT_PROJECT, Project, ProjectStatus, allocated_after, refuse_below
from muster.store import tables
from muster.store.statements import Row, Statement, insert, update
from muster.store.unit_of_work import UnitOfWork, command

FIELDS: Final = tuple(field.name for field in fields(Project))
REMOVED_AT_ONCE: Final = 500

_INSERT: Final = insert(tables.projects, ["id", *FIELDS, "created_at", "updated_at"])
_UPDATE: Final = update(tables.projects, ["id"], [*FIELDS, "updated_at"])
_LOAD: Final = Statement(
    f"SELECT reserved, spent, {', '.join(FIELDS)} FROM projects WHERE id = ?1 FOR UPDATE"
)
_NAMED: Final = Statement("SELECT id FROM projects WHERE name = ?1")
_ALLOCATE: Final = Statement("UPDATE projects SET allocated = ?2, updated_at = ?3 WHERE id = ?1")


@command()
async def create_project(uow: UnitOfWork, project: Project) -> int:
    """Make a project; its id. AlreadyExists when the name is taken."""
    return await insert_project(uow, project)


async def insert_project(uow: UnitOfWork, project: Project) -> int:
    """Make a project as part of another command."""
    await _refuse_taken_name(uow, project.name)
    project_id = uow.new_id()
    values = asdict(project)
    await uow.run_many(_INSERT, [(project_id, *values.values(), uow.now, uow.now)])
    del values["allocated"]
    uow.journal.fact(ProjectCreated(values), project=project_id)
    if project.allocated is not None:
        uow.journal.fact(CapitalAllocated(), project=project_id, amount=project.allocated)
    return project_id


async def _refuse_taken_name(uow: UnitOfWork, name: str) -> None:
    await uow.exclusive("project names")
    if await uow.rows(_NAMED, name):
        raise AlreadyExists(noun="project", name=name)


async def _load(uow: UnitOfWork, project_id: int) -> tuple[Project, int]:
    """The project, locked until commit, and the micro-dollars it has spent or reserved."""
    rows = await uow.rows(_LOAD, project_id)
    if not rows:
        raise NotFound(noun="project", id=ids.encode(ids.PROJECT, project_id))
    row = rows[0]
    return Project(**dict(zip(FIELDS, row[2:], strict=True))), row[0] + row[1]


@command()
async def edit_project(uow: UnitOfWork, project_id: int, changes: Mapping[str, Any]) -> None:
    """Change fields of a project, named as in Project; all of them or none.

    Setting `allocated` is an allocation of the difference; None takes the limit away.
    """
    check_fields(changes, FIELDS)
    old, committed = await _load(uow, project_id)
    new = replace(old, **changes)
    changed = {name: getattr(new, name) for name in FIELDS if getattr(new, name) != getattr(old, name)}
    if not changed:
        return
    if "name" in changed:
        await _refuse_taken_name(uow, new.name)
    if "allocated" in changed:
        _announce_budget(uow, project_id, old.allocated, new.allocated, committed)
        if new.allocated is not None:
            del changed["allocated"]
    await uow.run_many(_UPDATE, [(project_id, *asdict(new).values(), uow.now)])
    if changed:
        uow.journal.fact(ProjectEdited(changed), project=project_id)
    uow.journal.topics.add("admission")


def _announce_budget(
    uow: UnitOfWork, project_id: int, before: int | None, after: int | None, committed: int
) -> None:
    if after is not None:
        refuse_below(after, committed, "allocated")
    note = "limit removed" if after is None else "budget set"
    amount = (after or 0) - (before or 0)
    uow.journal.fact(CapitalAllocated(note), project=project_id, amount=amount)


@command()
async def allocate(uow: UnitOfWork, project_id: int, amount: int, note: str = "") -> int:
    """Give a project micro-dollars, or take some back when negative; what is allocated then."""
    check_count("amount", amount, -MAX_DOLLARS * MICROS, MAX_DOLLARS * MICROS)
    check_text("note", note, 2_000)
    project, committed = await _load(uow, project_id)
    total = allocated_after(project.allocated, amount, committed)
    await uow.run(_ALLOCATE, project_id, total, uow.now)
    uow.journal.fact(CapitalAllocated(note), project=project_id, amount=amount)
    uow.journal.topics.add("admission")
    return total


_COUNTS: Final = Statement(
    "SELECT coalesce(sum(blocked + backoff + ready), 0), coalesce(sum(running), 0), "
    "coalesce(sum(blocked + backoff + ready + running + succeeded + failed + cancelled), 0) "
    "FROM lanes WHERE project_id = ?1"
)
_COMPLETE: Final = Statement("UPDATE projects SET status = 'completed', updated_at = ?2 WHERE id = ?1")
_AWAITED: Final = Statement(
    "SELECT w.id, t.id FROM tasks w JOIN task_dependencies d ON d.task_id = w.id AND d.done = 0 "
    "JOIN tasks t ON t.id = d.depends_on WHERE w.state = 10 AND w.state < 60 AND w.project_id <> ?1 "
    "AND t.project_id = ?1 LIMIT 1"
)
_REMOVABLE: Final = Statement(
    "SELECT id, state FROM tasks t WHERE project_id = ?1 AND NOT EXISTS "
    "(SELECT 1 FROM task_dependencies d WHERE d.depends_on = t.id AND d.done = 0) ORDER BY id DESC LIMIT ?2"
)
_QUEUES: Final = Statement("SELECT id FROM queues WHERE project_id = ?1")
_SESSIONS: Final = Statement("SELECT id FROM sessions WHERE project_id = ?1")
_FREE_QUEUES: Final = Statement("UPDATE queues SET project_id = NULL, updated_at = ?2 WHERE project_id = ?1")
_FREE_SESSIONS: Final = Statement(
    "UPDATE sessions SET project_id = NULL, updated_at = ?2 WHERE project_id = ?1"
)
_DELETE_LANES: Final = Statement("DELETE FROM lanes WHERE project_id = ?1")
_DELETE: Final = Statement("DELETE FROM projects WHERE id = ?1")


@command()
async def delete_project(
    uow: UnitOfWork, project_id: int, *, with_tasks: bool = False, limit: int = REMOVED_AT_ONCE
) -> int:
    """Remove a project; how many of its tasks are left to remove: call again until that is 0.

    Refused while a task runs. `with_tasks` cancels and removes its tasks, `limit` of them in one call
    (until it is gone the project is `completed` and hands out nothing); without it a project that has
    tasks, finished ones too, is refused. Its events stay in the log.
    """
    project, _ = await _load(uow, project_id)
    await uow.flush()
    waiting, running, total = (await uow.rows(_COUNTS, project_id))[0]
    _refuse_deletion(project, project_id, waiting, running, total, with_tasks=with_tasks)
    if total:
        if project.status != ProjectStatus.COMPLETED:
            await uow.run(_COMPLETE, project_id, uow.now)
            uow.journal.fact(ProjectEdited({"status": ProjectStatus.COMPLETED}), project=project_id)
            uow.journal.topics.add("admission")
        total -= await _remove_tasks(uow, project_id, limit)
    if not total:
        await _remove(uow, project_id)
    return total


def _refuse_deletion(
    project: Project, project_id: int, waiting: int, running: int, total: int, *, with_tasks: bool
) -> None:
    public = ids.encode(ids.PROJECT, project_id)
    if project.name == DEFAULT_PROJECT:
        raise Conflict(problem="the default project stays: work without a project goes there", id=public)
    if running:
        wanted = f"{running} of its tasks run: cancel them or wait for them"
        raise WrongState(noun="project", id=public, state=project.status, wanted=wanted, running=running)
    if total and not with_tasks:
        wanted = f"it has {waiting} waiting and {total - waiting} finished tasks: delete it with its tasks"
        raise WrongState(noun="project", id=public, state=project.status, wanted=wanted, tasks=total)


async def _remove_tasks(uow: UnitOfWork, project_id: int, limit: int) -> int:
    awaited = await uow.rows(_AWAITED, project_id)
    found = [] if awaited else await uow.rows(_REMOVABLE, project_id, limit)
    if not found:
        raise Conflict(problem=_awaited_words(awaited))
    for task_id, state in found:
        if state < 60:
            await cancel_task(task_id, "its project is deleted").run(uow)
    return await remove_rows(uow, [row[0] for row in found], "deleted")


def _awaited_words(awaited: list[Row]) -> str:
    if not awaited:
        return "tasks of other projects depend on its tasks: remove those first"
    waiter, target = (ids.encode(ids.TASK, task) for task in awaited[0])
    return f"task {waiter} of another project waits for its task {target}: cancel that one first"


async def _remove(uow: UnitOfWork, project_id: int) -> None:
    for (queue,) in await uow.rows(_QUEUES, project_id):
        uow.journal.fact(QueueEdited(ids.encode(ids.QUEUE, queue), {"project_id": None}), project=project_id)
    for (session,) in await uow.rows(_SESSIONS, project_id):
        uow.journal.fact(
            SessionEdited(ids.encode(ids.SESSION, session), {"project_id": None}), project=project_id
        )
    await uow.flush()
    await uow.run(_FREE_QUEUES, project_id, uow.now)
    await uow.run(_FREE_SESSIONS, project_id, uow.now)
    await uow.run(_DELETE_LANES, project_id)
    await uow.run(_DELETE, project_id)
    uow.journal.fact(ProjectDeleted(), project=project_id)
    uow.journal.topics.add("admission")
