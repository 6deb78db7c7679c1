"""Requests of agents: asking, answering, letting expire, withdrawing; and what stays allowed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain import ids
from muster.domain.approval import (
    EXPIRY,
    AlreadySettled,
    ApprovalKind,
    ApprovalState,
    Choice,
    NotWhatWasSeen,
    Scope,
    choose,
    digest_of,
    later,
    subject_of,
    word_for,
)
from muster.domain.errors import LeaseLost, NotFound
from muster.domain.events_approvals import (
    ApprovalAnswered,
    ApprovalExpired,
    ApprovalExtended,
    ApprovalRequested,
    ApprovalWithdrawn,
    PermissionGranted,
    PermissionRevoked,
)
from muster.domain.risk import grade
from muster.domain.times import iso
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
    "SELECT a.token, a.state, a.task_id, a.agent_id, t.project_id, r.workspace FROM attempts a "
    "JOIN tasks t ON t.id = a.task_id LEFT JOIN runs r ON r.attempt_id = a.id WHERE a.id = ?1 FOR UPDATE OF a"
)
_BY_KEY: Final = Statement(
    "SELECT id, state, answer, doc FROM approvals WHERE attempt_id = ?1 AND key = ?2 ORDER BY id DESC LIMIT 1"
)
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
        "grade",
        "voids",
    ],
)
_STANDING: Final = Statement(
    "SELECT id, scope FROM permissions WHERE digest = ?1 AND (scope = 'everywhere' OR "
    "(scope = 'task' AND scope_id = ?2) OR (scope = 'project' AND scope_id = ?3)) ORDER BY id LIMIT 1"
)
_ASKS: Final = Statement("UPDATE attempts SET asks = asks + ?2, words = words + ?3 WHERE id = ?1")


@command(durable=True)
async def request_approval(uow: UnitOfWork, request: RequestApproval) -> Requested:
    """Make a request, or find the one that was made under the same key. LeaseLost when the attempt is not the caller's.

    Where leave is asked for something else under the same key, what was answered to the earlier one does not hold.
    """
    rows = await uow.rows(_ATTEMPT, request.attempt_id)
    if not rows or rows[0][0] != request.token or rows[0][1] != "running":
        raise LeaseLost(attempt=ids.encode(ids.ATTEMPT, request.attempt_id))
    voids: int | None = None
    for known, state, answer, document in await uow.rows(_BY_KEY, request.attempt_id, request.key):
        if request.kind != ApprovalKind.PERMISSION or _digest(from_json(document)) == _digest(
            request.document
        ):
            return Requested(known, state, None if answer is None else from_json(answer))
        voids = known
        await _void(uow, known)
    ident = uow.new_id()
    await _make(uow, ident, request, rows[0], voids)
    return await _by_rule(uow, ident, request, rows[0][2], rows[0][4])


async def _make(
    uow: UnitOfWork, ident: int, request: RequestApproval, attempt: Row, voids: int | None
) -> None:
    _, _, task, agent, project, workspace = attempt
    document = to_json(dict(request.document))
    expires = None if request.expires_in_us is None else uow.now + request.expires_in_us
    graded = _grade(request, workspace)
    values = (ident, task, request.attempt_id, project, request.key, request.kind, "pending", request.title)
    await uow.run_many(_INSERT, [(*values, document, uow.now, expires, graded, voids)])
    await uow.run(_ASKS, request.attempt_id, 1, 0)
    uow.journal.fact(
        ApprovalRequested(
            ids.encode(ids.APPROVAL, ident),
            request.key,
            request.kind,
            request.title,
            document,
            expires,
            graded,
            None if voids is None else ids.encode(ids.APPROVAL, voids),
        ),
        task=task,
        attempt=request.attempt_id,
        agent=agent,
        project=project,
    )
    uow.journal.topics.add(PENDING)
    if expires is not None:
        uow.journal.wake_by(expires)


def _grade(request: RequestApproval, workspace: str | None) -> str | None:
    if request.kind != ApprovalKind.PERMISSION:
        return None
    given = grade(request.document, workspace)
    return to_json({"level": given.level.value, "reasons": list(given.reasons), "target": given.target})


_UNTOLD: Final = Statement(
    "UPDATE approvals SET delivered_at = ?2 WHERE id = ?1 AND delivered_at IS NULL AND state IN ('answered', 'expired')"
)


async def _void(uow: UnitOfWork, ident: int) -> None:
    """Its agent asks for something else by now: it waits no more, and an answer that is under way is held back."""
    row = await load_approval(uow, ident)
    if row[1] == ApprovalState.PENDING:
        await _withdraw(
            uow, (ident, row[4], row[5], row[6], row[8]), "its agent asks for something else by now"
        )
        await uow.run(_ASKS, row[5], -1, 0)
    elif await uow.run(_UNTOLD, ident, uow.now):
        await uow.run(_ASKS, row[5], 0, -1)


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
        row = await load_approval(uow, ident)
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
    "SELECT p.id, p.state, p.kind, p.doc, p.task_id, p.attempt_id, p.project_id, p.answered_by, a.agent_id, "
    "p.answer, p.finished_at, p.created_at, p.expires_at, p.title "
    "FROM approvals p JOIN attempts a ON a.id = p.attempt_id WHERE p.id = ?1 FOR UPDATE OF p"
)
_SETTLE: Final = Statement(
    "UPDATE approvals SET state = ?2, answer = ?3, answered_by = ?4, finished_at = ?5 WHERE id = ?1 AND state = 'pending'"
)
_EXTEND: Final = Statement("UPDATE approvals SET expires_at = ?2 WHERE id = ?1")
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


async def load_approval(uow: UnitOfWork, ident: int) -> Row:
    """A request, as part of another command; NotFound."""
    rows = await uow.rows(_LOAD, ident)
    if not rows:
        raise NotFound(noun="approval", id=ids.encode(ids.APPROVAL, ident))
    return rows[0]


@command(durable=True)
async def answer_approval(uow: UnitOfWork, answer: AnswerApproval) -> Choice:
    """Answer a request, once. AlreadySettled names who did before; NotWhatWasSeen when it is another than was shown."""
    row = await load_approval(uow, answer.approval_id)
    public = ids.encode(ids.APPROVAL, answer.approval_id)
    if row[1] != ApprovalState.PENDING:
        raise _settled(public, row)
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


def _settled(public: str, row: Row) -> AlreadySettled:
    word = word_for(row[1], None if row[9] is None else from_json(row[9]))
    return AlreadySettled(
        id=public,
        state=row[1],
        by=f" by {row[7]}" if row[7] else "",
        word=word,
        answered_by=row[7],
        finished_at=iso(row[10]),
    )


async def _settle(uow: UnitOfWork, row: Row, choice: Choice, by: str, *, tell: bool) -> None:
    ident, _, _, _, task, attempt, project, _, agent = row[:9]
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


@command(durable=True)
async def extend_approval(uow: UnitOfWork, approval_id: int, by_us: int, by: str = "") -> int:
    """Give a request more time, so many microseconds; when it expires now. NoLonger where it goes no further."""
    row = await load_approval(uow, approval_id)
    public = ids.encode(ids.APPROVAL, approval_id)
    if row[1] != ApprovalState.PENDING:
        raise _settled(public, row)
    until = later(public, created_at=row[11], expires_at=row[12], now=uow.now, by_us=by_us)
    await uow.run(_EXTEND, approval_id, until)
    uow.journal.fact(
        ApprovalExtended(public, until, by or "somebody"),
        task=row[4],
        attempt=row[5],
        agent=row[8],
        project=row[6],
    )
    uow.journal.topics.add(PENDING)
    return until


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
    for row in await uow.rows(_OPEN_OF, list(attempt_ids)):
        await _withdraw(uow, row, reason)
    await uow.run(_NO_ASKS, list(attempt_ids))


async def _withdraw(uow: UnitOfWork, row: Row, reason: str) -> None:
    ident, task, attempt, project, agent = row
    await uow.run(_SETTLE, ident, ApprovalState.WITHDRAWN.value, None, None, uow.now)
    uow.journal.fact(
        ApprovalWithdrawn(ids.encode(ids.APPROVAL, ident), reason),
        task=task,
        attempt=attempt,
        agent=agent,
        project=project,
    )
    uow.journal.topics.add(PENDING)
