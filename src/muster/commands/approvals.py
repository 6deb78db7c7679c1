"""Requests of agents: asking, answering, letting expire, withdrawing; and what stays allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain import ids
from muster.domain.approval import (
    EXPIRY,
    AlreadySettled,
    ApprovalState,
    Choice,
    NotWhatWasSeen,
    Scope,
    choose,
    digest_of,
    subject_of,
)
from muster.domain.errors import LeaseLost, NotFound
from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalRequested,
    ApprovalWithdrawn,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.transcript import OptionKind
from muster.store import tables
from muster.store.codec import from_json, to_json
from muster.store.statements import Row, Statement, insert
from muster.store.unit_of_work import UnitOfWork, command

PENDING: Final = "approvals"
"""The topic of whoever watches what waits for people."""


@dataclass(slots=True, kw_only=True)
class RequestApproval:
    """A request as its agent makes it. `key` names it in the agent's conversation: asked again, it is the same one."""

    attempt_id: int
    token: int
    key: str
    kind: str
    title: str
    document: Mapping[str, Any] = field(default_factory=dict[str, Any])
    expires_in_us: int | None = None


@dataclass(frozen=True, slots=True)
class Requested:
    """How a request stands once it was made: an answer is there at once when a standing permission gives it."""

    approval_id: int
    state: str
    answer: Mapping[str, Any] | None


_ATTEMPT: Final = Statement(
    "SELECT a.token, a.state, a.task_id, a.agent_id, t.project_id FROM attempts a JOIN tasks t ON t.id = a.task_id "
    "WHERE a.id = ?1 FOR UPDATE OF a"
)
_BY_KEY: Final = Statement("SELECT id, state, answer FROM approvals WHERE attempt_id = ?1 AND key = ?2")
_INSERT: Final = insert(
    tables.approvals,
    [
        "id",
        "task_id",
        "attempt_id",
        "project_id",
        "key",
        "kind",
        "state",
        "title",
        "doc",
        "created_at",
        "expires_at",
    ],
)
_STANDING: Final = Statement(
    "SELECT id, scope FROM permissions WHERE digest = ?1 AND (scope = 'everywhere' OR "
    "(scope = 'task' AND scope_id = ?2) OR (scope = 'project' AND scope_id = ?3)) ORDER BY id LIMIT 1"
)
_ASKS: Final = Statement("UPDATE attempts SET asks = asks + ?2, words = words + ?3 WHERE id = ?1")


@command(durable=True)
async def request_approval(uow: UnitOfWork, request: RequestApproval) -> Requested:
    """Make a request, or find the one that was made under the same key. LeaseLost when the attempt is not the caller's."""
    rows = await uow.rows(_ATTEMPT, request.attempt_id)
    if not rows or rows[0][0] != request.token or rows[0][1] != "running":
        raise LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id))
    for known, state, answer in await uow.rows(_BY_KEY, request.attempt_id, request.key):
        return Requested(known, state, None if answer is None else from_json(answer))
    _, _, task, agent, project = rows[0]
    ident = uow.new_id()
    document = to_json(dict(request.document))
    expires = None if request.expires_in_us is None else uow.now + request.expires_in_us
    values = (ident, task, request.attempt_id, project, request.key, request.kind, "pending", request.title)
    await uow.run_many(_INSERT, [(*values, document, uow.now, expires)])
    await uow.run(_ASKS, request.attempt_id, 1, 0)
    uow.journal.fact(
        ApprovalRequested(
            ids.encode(ids.APPROVAL, ident), request.key, request.kind, request.title, document, expires
        ),
        task=task,
        attempt=request.attempt_id,
        agent=agent,
        project=project,
    )
    uow.journal.topics.add(PENDING)
    if expires is not None:
        uow.journal.wake_by(expires)
    return await _by_rule(uow, ident, request, task, project)


async def _by_rule(
    uow: UnitOfWork, ident: int, request: RequestApproval, task: int, project: int
) -> Requested:
    digest = _digest(request.document)
    for rule, scope in await uow.rows(_STANDING, digest, task, project):
        choice = choose(
            request.kind,
            request.document.get("options", ()),
            verdict=OptionKind.ALLOW_ONCE,
            option=None,
            text="",
            scope=Scope.ONCE,
        )
        row = await _load(uow, ident)
        await _settle(uow, row, choice, f"rule:{ids.encode(ids.PERMISSION, rule)} ({scope})", tell=False)
        return Requested(ident, ApprovalState.ANSWERED, _plain(choice))
    return Requested(ident, ApprovalState.PENDING, None)


def _digest(document: Mapping[str, Any]) -> str:
    return digest_of(str(document.get("tool") or ""), subject_of(document))


def _plain(choice: Choice) -> dict[str, Any]:
    return {"kind": choice.kind, "option": choice.option, "text": choice.text, "scope": choice.scope}


@dataclass(slots=True, kw_only=True)
class AnswerApproval:
    """A person's answer. `seen` is the digest of what was shown to them, when they were shown it."""

    approval_id: int
    verdict: OptionKind | None = None
    option: str | None = None
    text: str = ""
    scope: Scope = Scope.ONCE
    by: str = ""
    seen: str | None = None


_LOAD: Final = Statement(
    "SELECT p.id, p.state, p.kind, p.doc, p.task_id, p.attempt_id, p.project_id, p.answered_by, a.agent_id "
    "FROM approvals p JOIN attempts a ON a.id = p.attempt_id WHERE p.id = ?1 FOR UPDATE OF p"
)
_SETTLE: Final = Statement(
    "UPDATE approvals SET state = ?2, answer = ?3, answered_by = ?4, finished_at = ?5 WHERE id = ?1 AND state = 'pending'"
)
_TOLD: Final = Statement("UPDATE approvals SET delivered_at = ?2 WHERE id = ?1")
_GRANT: Final = insert(
    tables.permissions,
    [
        "id",
        "scope",
        "scope_id",
        "tool",
        "subject",
        "digest",
        "approval_id",
        "created_by",
        "created_at",
    ],
    suffix="ON CONFLICT (digest, scope, scope_id) DO NOTHING",
)
_GRANTED: Final = Statement("SELECT id FROM permissions WHERE digest = ?1 AND scope = ?2 AND scope_id = ?3")


async def _load(uow: UnitOfWork, ident: int) -> Row:
    rows = await uow.rows(_LOAD, ident)
    if not rows:
        raise NotFound(noun="approval", id=ids.encode(ids.APPROVAL, ident))
    return rows[0]


@command(durable=True)
async def answer_approval(uow: UnitOfWork, answer: AnswerApproval) -> Choice:
    """Answer a request, once. AlreadySettled names who did before; NotWhatWasSeen when it is another than was shown."""
    row = await _load(uow, answer.approval_id)
    public = ids.encode(ids.APPROVAL, answer.approval_id)
    if row[1] != ApprovalState.PENDING:
        raise AlreadySettled(id=public, state=row[1], by=f" by {row[7]}" if row[7] else "")
    document: dict[str, Any] = from_json(row[3])
    if answer.seen is not None and answer.seen != _digest(document):
        raise NotWhatWasSeen(id=public)
    choice = choose(
        row[2],
        document.get("options", ()),
        verdict=answer.verdict,
        option=answer.option,
        text=answer.text,
        scope=answer.scope,
    )
    await _settle(uow, row, choice, answer.by or "somebody", tell=True)
    if choice.allows and answer.scope is not Scope.ONCE:
        await _grant(uow, row, document, answer)
    return choice


async def _settle(uow: UnitOfWork, row: Row, choice: Choice, by: str, *, tell: bool) -> None:
    ident, _, _, _, task, attempt, project, _, agent = row
    text = to_json(_plain(choice))
    await uow.run(_SETTLE, ident, ApprovalState.ANSWERED.value, text, by, uow.now)
    await uow.run(_ASKS, attempt, -1, 1 if tell else 0)
    uow.journal.fact(
        ApprovalAnswered(ids.encode(ids.APPROVAL, ident), text, by),
        task=task,
        attempt=attempt,
        agent=agent,
        project=project,
    )
    if not tell:
        await uow.run(_TOLD, ident, uow.now)
    uow.journal.topics |= {PENDING, f"attempt:{attempt}"}


async def _grant(uow: UnitOfWork, row: Row, document: Mapping[str, Any], answer: AnswerApproval) -> None:
    scope = answer.scope
    place = {Scope.TASK: row[4], Scope.PROJECT: row[6]}.get(scope, 0)
    tool, subject = str(document.get("tool") or ""), subject_of(document)
    digest = digest_of(tool, subject)
    if await uow.rows(_GRANTED, digest, scope.value, place):
        return
    ident = uow.new_id()
    fields = {"scope": scope.value, "scope_id": place, "tool": tool, "subject": subject, "digest": digest}
    fields |= {"approval_id": answer.approval_id, "created_by": answer.by or "somebody"}
    await uow.run_many(_GRANT, [(ident, *fields.values(), uow.now)])
    uow.journal.fact(PermissionGranted(ids.encode(ids.PERMISSION, ident), fields))


_REVOKE: Final = Statement("DELETE FROM permissions WHERE id = ?1")


@command(durable=True)
async def revoke_permission(uow: UnitOfWork, permission_id: int) -> None:
    """Take a standing permission back; what it allowed before stays allowed."""
    if not await uow.run(_REVOKE, permission_id):
        raise NotFound(noun="permission", id=ids.encode(ids.PERMISSION, permission_id))
    uow.journal.fact(PermissionRevoked(ids.encode(ids.PERMISSION, permission_id)))


_DUE: Final = Statement(
    "SELECT p.id, p.task_id, p.attempt_id, p.project_id, a.agent_id FROM approvals p JOIN attempts a ON a.id = p.attempt_id "
    "WHERE p.state = 'pending' AND p.expires_at <= ?1 ORDER BY p.id LIMIT 1000"
)
_NEXT_DUE: Final = Statement("SELECT min(expires_at) FROM approvals WHERE state = 'pending'")


async def expire_due(uow: UnitOfWork) -> int | None:
    """Let go of requests that nobody answered in time, as part of another command; when the next one is due."""
    text = to_json(_plain(EXPIRY))
    for ident, task, attempt, project, agent in await uow.rows(_DUE, uow.now):
        await uow.run(_SETTLE, ident, ApprovalState.EXPIRED.value, text, None, uow.now)
        await uow.run(_ASKS, attempt, -1, 1)
        uow.journal.fact(
            ApprovalExpired(ids.encode(ids.APPROVAL, ident), text),
            task=task,
            attempt=attempt,
            agent=agent,
            project=project,
        )
        uow.journal.topics |= {PENDING, f"attempt:{attempt}"}
    return (await uow.rows(_NEXT_DUE))[0][0]


_OPEN_OF: Final = Statement(
    "SELECT p.id, p.task_id, p.attempt_id, p.project_id, a.agent_id FROM approvals p JOIN attempts a ON a.id = p.attempt_id "
    "WHERE p.attempt_id IN_INTS(?1) AND p.state = 'pending' ORDER BY p.id"
)
_NO_ASKS: Final = Statement("UPDATE attempts SET asks = 0, words = 0 WHERE id IN_INTS(?1)")


async def withdraw_open(uow: UnitOfWork, attempt_ids: Sequence[int], reason: str) -> None:
    """Take back what attempts that end still asked for, as part of another command."""
    for ident, task, attempt, project, agent in await uow.rows(_OPEN_OF, list(attempt_ids)):
        await uow.run(_SETTLE, ident, ApprovalState.WITHDRAWN.value, None, None, uow.now)
        uow.journal.fact(
            ApprovalWithdrawn(ids.encode(ids.APPROVAL, ident), reason),
            task=task,
            attempt=attempt,
            agent=agent,
            project=project,
        )
        uow.journal.topics.add(PENDING)
    await uow.run(_NO_ASKS, list(attempt_ids))
