"""Events about requests, permissions and messages, and the rows they leave."""

from __future__ import annotations

from typing import Any, Final, assert_never

from muster.domain import ids
from muster.domain.approval import ApprovalState
from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalRequested,
    ApprovalWithdrawn,
    MessageDelivered,
    MessagePosted,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.replay_world import Fact, PlaceRow, World

ApprovalPayload = (
    ApprovalRequested
    | ApprovalAnswered
    | ApprovalExpired
    | ApprovalExtended
    | ApprovalWithdrawn
    | PermissionGranted
    | PermissionRevoked
    | MessagePosted
    | MessageDelivered
)
_END: Final[dict[str, Any]] = {"answer": None, "answered_by": None, "finished_at": None}


def evolve_approval(world: World, fact: Fact, payload: ApprovalPayload) -> None:
    """Fold one event about a request, a permission or a message."""
    match payload:
        case ApprovalRequested():
            _request(world, fact, payload)
        case ApprovalAnswered():
            ended = {"answer": payload.answer, "answered_by": payload.by}
            _end(world, fact, payload.approval_id, ApprovalState.ANSWERED, ended)
        case ApprovalExpired():
            _end(world, fact, payload.approval_id, ApprovalState.EXPIRED, {"answer": payload.answer})
        case ApprovalWithdrawn():
            _end(world, fact, payload.approval_id, ApprovalState.WITHDRAWN, {})
        case ApprovalExtended():
            _extend(world, fact, payload)
        case PermissionGranted() | PermissionRevoked():
            _permission(world, fact, payload)
        case MessagePosted():
            _post(world, fact, payload)
        case MessageDelivered():
            _deliver(world, fact, payload)
        case _:
            assert_never(payload)


def _permission(world: World, fact: Fact, payload: PermissionGranted | PermissionRevoked) -> None:
    number = ids.decode(ids.PERMISSION, payload.permission_id)
    if isinstance(payload, PermissionGranted):
        world.permissions[number] = PlaceRow(fact.seq, payload.fields | {"created_at": fact.at})
    elif world.permissions.pop(number, None) is None:
        world.stray(fact, "takes back a permission that was never given")


def _deliver(world: World, fact: Fact, payload: MessageDelivered) -> None:
    message = world.messages.get(ids.decode(ids.MESSAGE, payload.message_id))
    if message is None:
        world.stray(fact, "delivers a message that was never posted")
        return
    message.columns["delivered_at"] = fact.at


def _post(world: World, fact: Fact, payload: MessagePosted) -> None:
    task = world.task(fact)
    if task is None:
        return
    number = ids.decode(ids.MESSAGE, payload.message_id)
    row: dict[str, Any] = {"task_id": task.id, "kind": payload.word, "text": payload.text}
    row |= {"created_by": payload.by, "created_at": fact.at, "delivered_at": None}
    world.messages[number] = PlaceRow(fact.seq, row)
    task.message_ids.append(number)


def _request(world: World, fact: Fact, payload: ApprovalRequested) -> None:
    task, attempt = world.task(fact), world.attempt(fact)
    if task is None or attempt is None:
        return
    number = ids.decode(ids.APPROVAL, payload.approval_id)
    task.approval_ids.append(number)
    row = {
        "task_id": attempt.task_id,
        "attempt_id": attempt.id,
        "project_id": fact.project_id,
        "key": payload.key,
        "kind": payload.request,
        "state": ApprovalState.PENDING.value,
        "title": payload.title,
        "doc": payload.doc,
        "created_at": fact.at,
        "expires_at": payload.expires_at,
        "grade": payload.grade,
        "voids": None if payload.voids is None else ids.decode(ids.APPROVAL, payload.voids),
    }
    world.approvals[number] = PlaceRow(fact.seq, row | _END)


def _end(world: World, fact: Fact, ident: str, state: ApprovalState, columns: dict[str, Any]) -> None:
    row = world.approvals.get(ids.decode(ids.APPROVAL, ident))
    if row is None or row.columns["state"] != ApprovalState.PENDING:
        world.stray(fact, "ends a request that was never made, or that was over before")
        return
    row.columns |= {"state": state.value, "finished_at": fact.at} | columns


def _extend(world: World, fact: Fact, payload: ApprovalExtended) -> None:
    row = world.approvals.get(ids.decode(ids.APPROVAL, payload.approval_id))
    if row is None or row.columns["state"] != ApprovalState.PENDING:
        world.stray(fact, "gives more time to a request that does not wait")
        return
    row.columns["expires_at"] = payload.expires_at
