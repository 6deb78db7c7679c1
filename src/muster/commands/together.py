"""Several commands as one: all of them happen or none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from muster.commands.attempts import EndAttempt, Ended, end_attempts
from muster.commands.edits import edit_task
from muster.commands.lifecycle import cancel_task, delete_task, load_head
from muster.domain.errors import MusterError
from muster.store.unit_of_work import Operation, UnitOfWork, command


@command()
async def together(uow: UnitOfWork, steps: Sequence[Operation[Any]]) -> None:
    """Run commands one after the other in one transaction; the first refusal undoes those before it."""
    for step in steps:
        await step.run(uow)
        await uow.flush()


@command()
async def end_attempt(uow: UnitOfWork, request: EndAttempt) -> Ended:
    """End one attempt as a step of something larger; LeaseLost is raised."""
    (answer,) = await end_attempts.handle(uow, [request])
    if isinstance(answer, MusterError):
        raise answer
    return answer


@command()
async def end_and_unassign(uow: UnitOfWork, request: EndAttempt) -> Ended:
    """End one attempt; a task that goes back into its queue is then for anybody."""
    ended = await end_attempt(request).run(uow)
    if ended.state.waiting and not ended.repeated:
        await uow.flush()
        await edit_task(ended.task_id, {"assignee": ""}).run(uow)
    return ended


@command()
async def discard_task(uow: UnitOfWork, task_id: int) -> None:
    """Remove a task for good, one that waits too. WrongState while it runs or others wait for it."""
    head = await load_head(uow, task_id)
    if head.state.waiting:
        await cancel_task(task_id, "deleted").run(uow)
    await delete_task(task_id).run(uow)
