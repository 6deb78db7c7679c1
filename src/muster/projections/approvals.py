"""What waits for people, and what did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from muster.domain import ids
from muster.domain.approval import ApprovalKind, digest_of, subject_of
from muster.domain.errors import NotFound
from muster.domain.risk import Grade, Risk, grade
from muster.projections.page import LAST_ID, Key, Page, page_of
from muster.store.codec import from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """A request with its task. Times are microseconds; `digest` names exactly what is asked for."""

    approval_id: int
    task_id: int
    task_title: str
    attempt_id: int
    project_id: int
    agent_id: str
    run_agent: str | None
    kind: str
    state: str
    title: str
    document: dict[str, Any]
    created_at: int
    expires_at: int | None
    answer: dict[str, Any] | None
    answered_by: str | None
    finished_at: int | None
    delivered_at: int | None
    risk: Grade | None
    """How risky leave is; None for questions. Its target is the task's key where nothing else is named."""
    project: str
    voids: int | None
    key: str

    @property
    def digest(self) -> str:
        return digest_of(str(self.document.get("tool") or ""), subject_of(self.document))


KEY_LENGTH: Final = 8
"""Characters at the end of a task's id by which people know it."""
_COLUMNS: Final = (
    "p.id, p.task_id, s.title, p.attempt_id, p.project_id, a.agent_id, r.agent, p.kind, p.state, p.title, p.doc, "
    "p.created_at, p.expires_at, p.answer, p.answered_by, p.finished_at, p.delivered_at, p.grade, j.name, p.voids, p.key"
)
_FROM: Final = (
    "FROM approvals p JOIN task_specs s ON s.id = p.task_id JOIN attempts a ON a.id = p.attempt_id "
    "LEFT JOIN runs r ON r.attempt_id = p.attempt_id LEFT JOIN projects j ON j.id = p.project_id"
)
_PENDING: Final = Statement(
    f"SELECT {_COLUMNS} {_FROM} WHERE p.state = 'pending' AND p.id > ?1 ORDER BY p.id LIMIT ?2"
)
_ALL: Final = Statement(f"SELECT {_COLUMNS} {_FROM} WHERE p.id < ?1 ORDER BY p.id DESC LIMIT ?2")
_OF_TASK: Final = Statement(
    f"SELECT {_COLUMNS} {_FROM} WHERE p.task_id = ?1 AND p.id < ?2 ORDER BY p.id DESC LIMIT ?3"
)
_ONE: Final = Statement(f"SELECT {_COLUMNS} {_FROM} WHERE p.id = ?1")
_COUNT: Final = Statement("SELECT count(*) FROM approvals WHERE state = 'pending'")


async def pending_approvals(reader: Reader, after: Key | None, limit: int) -> Page[ApprovalRow]:
    """What waits, the oldest first."""
    rows = await reader.rows(_PENDING, int(after[0]) if after else 0, limit + 1)
    return _page(rows, limit)


async def all_approvals(
    reader: Reader, task_id: int | None, after: Key | None, limit: int
) -> Page[ApprovalRow]:
    """Requests in any state, newest first, of one task or of all."""
    before = int(after[0]) if after else LAST_ID
    if task_id is None:
        return _page(await reader.rows(_ALL, before, limit + 1), limit)
    return _page(await reader.rows(_OF_TASK, task_id, before, limit + 1), limit)


async def get_approval(reader: Reader, approval_id: int) -> ApprovalRow:
    """One request; NotFound."""
    rows = await reader.rows(_ONE, approval_id)
    if not rows:
        raise NotFound(noun="approval", id=ids.encode(ids.APPROVAL, approval_id))
    return _row(rows[0])


async def count_pending(reader: Reader) -> int:
    """How many wait for people."""
    return int((await reader.rows(_COUNT))[0][0])


def _page(rows: list[Row], limit: int) -> Page[ApprovalRow]:
    items = [_row(row) for row in rows]
    return page_of(items, limit, (items[limit - 1].approval_id,) if len(items) > limit else None)


def _row(row: Row) -> ApprovalRow:
    document: dict[str, Any] = from_json(row[10])
    return ApprovalRow(
        approval_id=row[0],
        task_id=row[1],
        task_title=row[2],
        attempt_id=row[3],
        project_id=row[4],
        agent_id=row[5],
        run_agent=row[6],
        kind=row[7],
        state=row[8],
        title=row[9],
        document=document,
        created_at=row[11],
        expires_at=row[12],
        answer=None if row[13] is None else from_json(row[13]),
        answered_by=row[14],
        finished_at=row[15],
        delivered_at=row[16],
        risk=_risk(row[7], row[1], row[17], document),
        project=row[18] or "",
        voids=row[19],
        key=row[20],
    )


def _risk(kind: str, task_id: int, graded: str | None, document: dict[str, Any]) -> Grade | None:
    if kind != ApprovalKind.PERMISSION:
        return None
    if graded is None:  # asked of a version that did not grade
        found = grade(document)
    else:
        kept = from_json(graded)
        found = Grade(level=Risk(kept["level"]), reasons=tuple(kept["reasons"]), target=kept["target"])
    return found if found.target else replace(found, target=ids.encode(ids.TASK, task_id)[-KEY_LENGTH:])


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionRow:
    """Something that is allowed beyond once."""

    permission_id: int
    scope: str
    scope_id: int
    tool: str
    subject: str
    created_by: str | None
    created_at: int


_PERMISSIONS: Final = Statement(
    "SELECT id, scope, scope_id, tool, subject, created_by, created_at FROM permissions WHERE id < ?1 ORDER BY id DESC LIMIT ?2"
)


async def list_permissions(reader: Reader, after: Key | None, limit: int) -> Page[PermissionRow]:
    """Standing permissions, newest first."""
    rows = await reader.rows(_PERMISSIONS, int(after[0]) if after else LAST_ID, limit + 1)
    items = [
        PermissionRow(
            permission_id=row[0],
            scope=row[1],
            scope_id=row[2],
            tool=row[3],
            subject=row[4],
            created_by=row[5],
            created_at=row[6],
        )
        for row in rows
    ]
    return page_of(items, limit, (items[limit - 1].permission_id,) if len(items) > limit else None)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    """Something a person told an agent."""

    message_id: int
    kind: str
    text: str
    created_by: str | None
    created_at: int
    delivered_at: int | None


_MESSAGES: Final = Statement(
    "SELECT id, kind, text, created_by, created_at, delivered_at FROM messages WHERE task_id = ?1 AND id < ?2 "
    "ORDER BY id DESC LIMIT ?3"
)


async def messages_of(reader: Reader, task_id: int, after: Key | None, limit: int) -> Page[MessageRow]:
    """What a task's agents were told, newest first."""
    rows = await reader.rows(_MESSAGES, task_id, int(after[0]) if after else LAST_ID, limit + 1)
    items = [
        MessageRow(
            message_id=row[0],
            kind=row[1],
            text=row[2],
            created_by=row[3],
            created_at=row[4],
            delivered_at=row[5],
        )
        for row in rows
    ]
    return page_of(items, limit, (items[limit - 1].message_id,) if len(items) > limit else None)
