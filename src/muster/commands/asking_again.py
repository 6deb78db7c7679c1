"""Letting an agent ask again what nobody answered in time."""

from __future__ import annotations

from typing import Final

from muster.commands.approvals import load_approval
from muster.commands.lifecycle import put_back
from muster.commands.messages import leave_message
from muster.domain import ids
from muster.domain.approval import ASK_AGAIN_WORDS, ApprovalState
from muster.domain.errors import WrongState
from muster.domain.task import TaskState
from muster.store.statements import Statement
from muster.store.unit_of_work import UnitOfWork, command

TOLD: Final = "told"
REQUEUED: Final = "requeued"
_TASK: Final = Statement("SELECT state, attempt_id FROM tasks WHERE id = ?1 FOR UPDATE")


@command(durable=True)
async def ask_again(uow: UnitOfWork, approval_id: int, by: str = "") -> str:
    """Let what expired be asked again: its agent is told so while it is at work; a task that failed or was cancelled since
    is queued again. Says which. WrongState where neither would come to anything."""
    row = await load_approval(uow, approval_id)
    public = ids.encode(ids.APPROVAL, approval_id)
    if row[1] != ApprovalState.EXPIRED:
        raise WrongState(
            noun="approval", id=public, state=row[1], wanted="only what expired can be asked again"
        )
    state, attempt = (await uow.rows(_TASK, row[4]))[0]
    task = ids.encode(ids.TASK, row[4])
    match TaskState(state):
        case TaskState.RUNNING if attempt == row[5]:
            await leave_message(uow, row[4], "say", f"{ASK_AGAIN_WORDS}{row[13]}", by)
            return TOLD
        case TaskState.FAILED | TaskState.CANCELLED:
            await put_back(uow, row[4], f"to ask again: {row[13]}"[:500])
            return REQUEUED
        case TaskState.SUCCEEDED:
            wanted = "it was done without; re-run it if it should be done anew"
        case TaskState.RUNNING | TaskState.BLOCKED | TaskState.BACKOFF | TaskState.READY:
            wanted = "another attempt will ask by itself"
    raise WrongState(noun="task", id=task, state=TaskState(state).label, wanted=wanted)
