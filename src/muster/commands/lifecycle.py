"""What people do to a task: cancel, requeue, archive, restore, remove; and the claim of a named one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from muster.commands.approvals import withdraw_open
from muster.commands.claims import Claimed, ClaimTasks, hand_over, register_agents
from muster.commands.metered import charge_metered
from muster.domain import ids
from muster.domain.admission import affordable as is_affordable
from muster.domain.admission import budget_hold, hold_of
from muster.domain.errors import NotClaimable, NotFound, WrongState
from muster.domain.events import (
    TaskArchived,
    TaskCancelled,
    TaskReadied,
    TaskRemoved,
    TaskRequeued,
    TaskRestored,
)
from muster.domain.task import TaskState
from muster.store.lanes import lane_facts
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command


@dataclass(slots=True)
class Head:
    """The part of a task its transitions look at."""

    id: int
    state: TaskState
    lane_id: int
    project_id: int
    attempt_id: int | None
    blockers: int
    archived: bool
    agent_id: str | None

    @property
    def public(self) -> str:
        return ids.encode(ids.TASK, self.id)


_HEAD: Final = Statement(
    "SELECT id, state, lane_id, project_id, attempt_id, blockers, archived_at, agent_id FROM tasks WHERE id = ?1 FOR UPDATE"
)


async def load_head(uow: UnitOfWork, task_id: int) -> Head:
    """The task, locked until commit."""
    rows = await uow.rows(_HEAD, task_id)
    if not rows:
        raise NotFound(noun="task", id=ids.encode(ids.TASK, task_id))
    row = rows[0]
    return Head(row[0], TaskState(row[1]), row[2], row[3], row[4], row[5], row[6] is not None, row[7])


_RESERVED: Final = Statement(
    "SELECT reserved, agent_id, asks FROM attempts WHERE id = ?1 AND state = 'running'"
)
_CANCEL_ATTEMPT: Final = Statement(
    "UPDATE attempts SET state = 'cancelled', finished_at = ?2, error = ?3 WHERE id = ?1 AND state = 'running'"
)
_CANCEL: Final = Statement(
    "UPDATE tasks SET state = 80, finished_at = ?2, updated_at = ?2, ready_at = NULL WHERE id = ?1 AND state = ?3"
)


@command()
async def cancel_task(uow: UnitOfWork, task_id: int, reason: str = "") -> TaskState:
    """Cancel a task that is not finished. A running attempt ends at once; its worker is told and stops it.

    Cancelling twice is cancelling once. Returns the state before.
    """
    head = await load_head(uow, task_id)
    if head.state is TaskState.CANCELLED:
        return head.state
    if head.state.finished:
        raise WrongState(
            noun="task",
            id=head.public,
            state=head.state.label,
            wanted="only unfinished tasks can be cancelled",
        )
    released = 0
    agent = None
    if head.state is TaskState.RUNNING and head.attempt_id is not None:
        for reserved, holder, asks in await uow.rows(_RESERVED, head.attempt_id):
            released, agent = reserved, holder
            if asks:
                await withdraw_open(uow, [head.attempt_id], "the task was cancelled")
        await uow.run(_CANCEL_ATTEMPT, head.attempt_id, uow.now, reason or "cancelled")
        uow.journal.ended.append(head.attempt_id)
        uow.journal.topics.add("limits")
        if released:
            uow.journal.charge(head.project_id, reserved=-released)
    await uow.run(_CANCEL, task_id, uow.now, int(head.state))
    uow.journal.move(head.lane_id, head.state, TaskState.CANCELLED)
    uow.journal.fact(
        TaskCancelled(reason, released),
        task=task_id,
        attempt=head.attempt_id if head.state is TaskState.RUNNING else None,
        agent=agent,
        project=head.project_id,
        amount=0 if released else None,
    )
    if head.state is TaskState.RUNNING and head.attempt_id is not None:
        await charge_metered(uow, [head.attempt_id])
    return head.state


_UNDONE: Final = Statement("SELECT count(*) FROM task_dependencies WHERE task_id = ?1 AND done = 0")
_REQUEUE: Final = Statement(
    "UPDATE tasks SET state = ?2, burned = 0, blockers = ?3, ready_at = NULL, finished_at = NULL, archived_at = NULL, "
    "review = CASE WHEN review = 3 THEN 3 ELSE 0 END, updated_at = ?4 WHERE id = ?1 AND state = ?5"
)


@command()
async def requeue_task(uow: UnitOfWork, task_id: int, reason: str = "") -> TaskState:
    """Put a finished task, or one that waits for its back-off, back into its queue with its attempts counted anew."""
    return await put_back(uow, task_id, reason)


@command()
async def requeue_tasks(uow: UnitOfWork, task_ids: Sequence[int], reason: str = "") -> int:
    """Put finished tasks back into their queues; all of them or none. Returns how many."""
    for task_id in task_ids:
        await put_back(uow, task_id, reason)
    return len(task_ids)


async def put_back(uow: UnitOfWork, task_id: int, reason: str) -> TaskState:
    """Requeue a task, as part of another command."""
    return await requeue_head(uow, await load_head(uow, task_id), reason)


async def requeue_head(uow: UnitOfWork, head: Head, reason: str) -> TaskState:
    """Put a task back into its queue as part of another command."""
    if not head.state.finished and head.state is not TaskState.BACKOFF:
        wanted = "cancel it first" if head.state is TaskState.RUNNING else "it is in its queue already"
        raise WrongState(noun="task", id=head.public, state=head.state.label, wanted=wanted)
    undone = (await uow.rows(_UNDONE, head.id))[0][0]
    state = TaskState.BLOCKED if undone else TaskState.READY
    await uow.run(_REQUEUE, head.id, int(state), undone, uow.now, int(head.state))
    uow.journal.move(head.lane_id, head.state, state)
    uow.journal.fact(TaskRequeued(int(state), undone, reason), task=head.id, project=head.project_id)
    return state


_ARCHIVE: Final = Statement("UPDATE tasks SET archived_at = ?2, updated_at = ?2 WHERE id = ?1")
_TO_ARCHIVE: Final = Statement(
    "SELECT id, project_id FROM tasks WHERE state = ?1 AND state >= 60 AND archived_at IS NULL AND finished_at < ?2 "
    "AND id < ?3 AND review <> 1 ORDER BY id LIMIT ?4 FOR UPDATE"
)


@command()
async def archive_finished(uow: UnitOfWork, finished_before: int, limit: int = 500) -> int:
    """Put up to `limit` tasks out of sight that finished before a time (microseconds); returns how many."""
    bound = ids.first_id_at(finished_before)
    found: list[tuple[int, int]] = []
    for state in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED):
        rows = await uow.rows(_TO_ARCHIVE, int(state), finished_before, bound, max(limit - len(found), 0))
        found.extend((row[0], row[1]) for row in rows)
    for task_id, project_id in found:
        await uow.run(_ARCHIVE, task_id, uow.now)
        uow.journal.fact(TaskArchived("retention"), task=task_id, project=project_id)
    return len(found)


_RESTORE: Final = Statement("UPDATE tasks SET archived_at = NULL, updated_at = ?2 WHERE id = ?1")


@command()
async def archive_tasks(uow: UnitOfWork, task_ids: Sequence[int], reason: str = "") -> int:
    """Put finished tasks out of sight; all of them or none. Returns how many were not archived before."""
    count = 0
    for task_id in task_ids:
        head = await load_head(uow, task_id)
        if not head.state.finished:
            raise WrongState(
                noun="task",
                id=head.public,
                state=head.state.label,
                wanted="only finished tasks can be archived",
            )
        if not head.archived:
            await uow.run(_ARCHIVE, task_id, uow.now)
            uow.journal.fact(TaskArchived(reason), task=task_id, project=head.project_id)
            count += 1
    return count


@command()
async def restore_task(uow: UnitOfWork, task_id: int) -> bool:
    """Bring an archived task back into the lists; False when it was there."""
    head = await load_head(uow, task_id)
    if head.archived:
        await uow.run(_RESTORE, task_id, uow.now)
        uow.journal.fact(TaskRestored(), task=task_id, project=head.project_id)
    return head.archived


_REMOVALS: Final = tuple(
    Statement(text)
    for text in (
        "DELETE FROM output_chunks WHERE attempt_id IN (SELECT id FROM attempts WHERE task_id IN_INTS(?1))",
        "DELETE FROM transcript_chunks WHERE attempt_id IN (SELECT id FROM attempts WHERE task_id IN_INTS(?1))",
        "DELETE FROM model_calls WHERE attempt_id IN (SELECT id FROM attempts WHERE task_id IN_INTS(?1))",
        "DELETE FROM file_changes WHERE attempt_id IN (SELECT id FROM attempts WHERE task_id IN_INTS(?1))",
        "DELETE FROM runs WHERE task_id IN_INTS(?1)",
        "DELETE FROM approvals WHERE task_id IN_INTS(?1)",
        "DELETE FROM messages WHERE task_id IN_INTS(?1)",
        "DELETE FROM review_comments WHERE task_id IN_INTS(?1)",
        "DELETE FROM reviews WHERE task_id IN_INTS(?1)",
        "DELETE FROM attempts WHERE task_id IN_INTS(?1)",
        "DELETE FROM task_tags WHERE task_id IN_INTS(?1)",
        "DELETE FROM task_dependencies WHERE task_id IN_INTS(?1)",
        "DELETE FROM task_specs WHERE id IN_INTS(?1)",
        "DELETE FROM agent_tasks WHERE task_id IN_INTS(?1)",
        "DELETE FROM tasks WHERE id IN_INTS(?1)",
    )
)
_WAITING_FOR: Final = Statement(
    "SELECT depends_on, task_id FROM task_dependencies WHERE depends_on IN_INTS(?1) AND done = 0"
)
_DROP_DONE_EDGES: Final = Statement("DELETE FROM task_dependencies WHERE depends_on IN_INTS(?1) AND done = 1")
_HEADS: Final = Statement("SELECT id, state, lane_id, project_id FROM tasks WHERE id IN_INTS(?1) FOR UPDATE")


async def remove_rows(uow: UnitOfWork, task_ids: Sequence[int], reason: str) -> int:
    """Delete finished tasks with their attempts and all that these left. Their events stay. Unfinished ones, and those that
    others still wait for, are left alone. Returns how many were removed."""
    if not task_ids:
        return 0
    awaited = {row[0] for row in await uow.rows(_WAITING_FOR, list(task_ids))}
    gone: list[int] = []
    for task, state, lane, project in await uow.rows(_HEADS, list(task_ids)):
        if task in awaited or not TaskState(state).finished:
            continue
        gone.append(task)
        uow.journal.move(lane, TaskState(state), None)
        uow.journal.fact(TaskRemoved(reason), task=task, project=project)
    if gone:
        await uow.run(_DROP_DONE_EDGES, gone)
        for statement in _REMOVALS:
            await uow.run(statement, gone)
    return len(gone)


@command()
async def delete_task(uow: UnitOfWork, task_id: int) -> None:
    """Remove a finished task for good."""
    head = await load_head(uow, task_id)
    if not head.state.finished:
        raise WrongState(
            noun="task", id=head.public, state=head.state.label, wanted="cancel it before deleting it"
        )
    if not await remove_rows(uow, [task_id], "deleted"):
        raise WrongState(
            noun="task", id=head.public, state=head.state.label, wanted="other tasks still wait for it"
        )


_OLD: Final = Statement(
    "SELECT id FROM tasks t WHERE state = ?1 AND state >= 60 AND archived_at IS NULL AND finished_at < ?2 AND id < ?3 "
    "AND review <> 1 "
    "AND NOT EXISTS (SELECT 1 FROM task_dependencies d WHERE d.depends_on = t.id AND d.done = 0) ORDER BY id LIMIT ?4"
)
_OLD_ARCHIVED: Final = Statement(
    "SELECT id FROM tasks t WHERE archived_at IS NOT NULL AND finished_at < ?1 "
    "AND NOT EXISTS (SELECT 1 FROM task_dependencies d WHERE d.depends_on = t.id AND d.done = 0) ORDER BY id LIMIT ?2"
)


@command()
async def purge_tasks(
    uow: UnitOfWork, finished_before: int, limit: int = 500, *, archived: bool = False
) -> int:
    """Remove up to `limit` tasks that finished before a time (microseconds); returns how many.

    Archived tasks were put aside on purpose and stay, unless asked for. The log keeps every event, so that
    money, audit and history lose nothing.
    """
    bound = ids.first_id_at(finished_before)
    found: list[int] = []
    for state in (TaskState.SUCCEEDED, TaskState.FAILED, TaskState.CANCELLED):
        if len(found) < limit:
            rows = await uow.rows(_OLD, int(state), finished_before, bound, limit - len(found))
            found.extend(row[0] for row in rows)
    if archived and len(found) < limit:
        found.extend(row[0] for row in await uow.rows(_OLD_ARCHIVED, finished_before, limit - len(found)))
    return await remove_rows(uow, found, "purged")


_CANDIDATE: Final = Statement(
    "SELECT t.id, t.priority, t.position, t.estimate, t.attempts, t.burned, t.max_attempts, t.timeout_us, "
    "t.session_id, t.parent_id, s.doc FROM tasks t JOIN task_specs s ON s.id = t.id "
    "WHERE t.id = ?1 AND t.state = 30 FOR UPDATE OF t"
)


@command()
async def claim_task(uow: UnitOfWork, task_id: int, request: ClaimTasks) -> Claimed:
    """Claim one named task, whatever the mode of its queue, if nothing holds it back."""
    await uow.exclusive("claims")
    head = await load_head(uow, task_id)
    if head.state is not TaskState.READY:
        raise NotClaimable(id=head.public, reason=f"it is {head.state.label}", state=head.state.label)
    lane = await lane_facts(uow, head.lane_id)
    row = (await uow.rows(_CANDIDATE, task_id))[0]
    hold = hold_of(lane) or (None if is_affordable(lane, row[3]) else budget_hold(lane, row[3]))
    if hold is not None:
        raise NotClaimable(id=head.public, reason=hold.message, waiting=hold.code)
    if lane.assignee and lane.assignee != request.wants.agent_id:
        raise NotClaimable(id=head.public, reason=f"it is assigned to {lane.assignee}", waiting="assigned_to")
    await register_agents(uow, [request])
    return await hand_over(uow, row, lane, request)


_BLOCKED_READY: Final = Statement(
    "UPDATE tasks SET state = 30, blockers = 0, updated_at = ?2 WHERE id = ?1 AND state = 10"
)
_FORGET_EDGES: Final = Statement("UPDATE task_dependencies SET done = 1 WHERE task_id = ?1 AND done = 0")


@command()
async def unblock_task(uow: UnitOfWork, task_id: int) -> None:
    """Let a blocked task run without waiting for what it depends on any longer."""
    head = await load_head(uow, task_id)
    if head.state is not TaskState.BLOCKED:
        raise WrongState(
            noun="task", id=head.public, state=head.state.label, wanted="only blocked tasks can be unblocked"
        )
    await uow.run(_FORGET_EDGES, task_id)
    await uow.run(_BLOCKED_READY, task_id, uow.now)
    uow.journal.move(head.lane_id, TaskState.BLOCKED, TaskState.READY)
    uow.journal.fact(TaskReadied("by_hand"), task=task_id, project=head.project_id)
