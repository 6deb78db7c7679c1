"""What an agent leaves for others: findings and further tasks; and reading tasks."""

from __future__ import annotations

from typing import Any, Final

from muster.agents.work_door import Attempt
from muster.mcp.arguments import FindingArguments, ReadArguments, SubtaskArguments
from muster.mcp.asking import Tick
from muster.mcp.seat import Seat

FINDING: Final = "finding"


async def report_finding(seat: Seat, arguments: FindingArguments, _: Tick) -> dict[str, Any]:
    """Write it into the log, where people and `muster activity` find it."""
    attempt = seat.attempt(arguments.claim)
    task = await seat.client.get(f"/tasks/{attempt.task_id}")
    where = f"{arguments.file or ''}{'' if arguments.line is None else f':{arguments.line}'}"
    head = [f"severity: {arguments.severity}", *([f"at: {where}"] if where else [])]
    made = await seat.client.post(
        "/activities",
        {
            "type": FINDING,
            "title": arguments.title,
            "description": "\n".join([*head, *(["", arguments.text] if arguments.text else [])]),
            "task_id": attempt.task_id,
            "agent_id": task.get("agent_id"),
        },
    )
    return {"finding": made["id"], "task": attempt.task_id}


async def file_subtask(seat: Seat, arguments: SubtaskArguments, _: Tick) -> dict[str, Any]:
    """Queue a task below the one in hand, in the same project."""
    attempt = seat.attempt(arguments.claim)
    parent = await seat.client.get(f"/tasks/{attempt.task_id}")
    made = await seat.client.post("/tasks", _task(attempt, parent, arguments))
    return {"task": made["id"], "state": made["state"], "parent": attempt.task_id}


def _task(attempt: Attempt, parent: dict[str, Any], arguments: SubtaskArguments) -> dict[str, Any]:
    body: dict[str, Any] = {
        "title": arguments.title,
        "description": arguments.description,
        "kind": arguments.kind,
        "payload": arguments.payload,
        "queue": arguments.queue,
        "project": parent["project_id"],
        "parent_id": attempt.task_id,
        "session_id": parent.get("session_id"),
        "priority": arguments.priority,
        "depends_on": arguments.depends_on,
    }
    if arguments.key is not None:
        body["idempotency_key"] = f"{attempt.task_id}:{arguments.key}"[:200]
    return body


async def read_task(seat: Seat, arguments: ReadArguments, _: Tick) -> dict[str, Any]:
    """A task as the API shows it."""
    task = arguments.task or seat.attempt(arguments.claim).task_id
    shown: dict[str, Any] = await seat.client.get(f"/tasks/{task}")
    return shown
