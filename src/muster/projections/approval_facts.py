"""What people want to know before they decide: where it would happen, why it was asked, what was said before."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.domain.approval import asked_back
from muster.projections.approvals import ApprovalRow, get_approval
from muster.projections.sandboxes import Network, network_of
from muster.projections.transcripts import Choice, conversation_of
from muster.store.codec import decode_spec, from_json
from muster.store.database import Reader
from muster.store.statements import Row, Statement

LOOKED_BACK: Final = 400
"""Entries before a request in which the agent's reason is looked for."""
LONGEST_REASON: Final = 4_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Where a request's agent works, and the rule by which it asks. "" where nobody told."""

    machine: str = ""
    directory: str = ""
    sandbox: str = ""
    network: Network | None = None
    """open: everything. hosts: those of `allow_hosts`. None: it runs in no sandbox of ours."""
    allow_hosts: Sequence[str] = ()
    permissions: str = ""
    """read, ask, edit or full: what it may do unasked."""
    rule_from: str = ""
    """The role that says so; "": its task does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Background:
    """What came before a request: the agent's own reason, the request that it replaces, and what people asked back."""

    reason: str = ""
    voids: ApprovalRow | None = None
    question: str = ""
    question_by: str = ""


_FACTS: Final = Statement(
    "SELECT p.id, w.host, r.workspace, coalesce(x.level, a.sandbox), s.doc, a.worker_id "
    "FROM approvals p JOIN attempts a ON a.id = p.attempt_id JOIN task_specs s ON s.id = p.task_id "
    "LEFT JOIN runs r ON r.attempt_id = a.id LEFT JOIN workers w ON w.id = a.worker_id "
    "LEFT JOIN sandboxes x ON x.worker_id = a.worker_id AND x.attempt_id = a.id WHERE p.id IN_INTS(?1)"
)
_ROLES: Final = Statement("SELECT name, doc FROM roles")
_ASKED_BACK: Final = Statement(
    "SELECT answer, answered_by FROM approvals WHERE task_id = ?1 AND attempt_id = ?2 AND id < ?3 AND state = 'answered' "
    "ORDER BY id DESC LIMIT 1"
)


async def facts_of(reader: Reader, approval_ids: Sequence[int]) -> dict[int, Facts]:
    """The facts of these requests."""
    rows = await reader.rows(_FACTS, list(approval_ids)) if approval_ids else []
    roles = {row[0]: from_json(row[1]) for row in await reader.rows(_ROLES)} if rows else {}
    return {row[0]: _facts(row, roles) for row in rows}


def _facts(row: Row, roles: dict[str, dict[str, Any]]) -> Facts:
    spec = decode_spec(row[4])
    network, hosts = network_of(spec)
    role = str(spec.payload.get("role") or "")
    own = spec.payload.get("permissions")
    of_role = roles.get(role, {}).get("permissions")
    return Facts(
        machine=row[1] or "",
        directory=row[2] or "",
        sandbox=row[3] or "",
        network=None if row[5] is None else network,
        allow_hosts=hosts,
        permissions=str(own or of_role or ""),
        rule_from=role if not own and of_role else "",
    )


async def background_of(reader: Reader, row: ApprovalRow) -> Background:
    """What came before a request."""
    back = await reader.rows(_ASKED_BACK, row.task_id, row.attempt_id, row.approval_id)
    question = asked_back(from_json(back[0][0])) if back else None
    return Background(
        reason=await _reason(reader, row),
        voids=None if row.voids is None else await get_approval(reader, row.voids),
        question=question or "",
        question_by=(back[0][1] or "") if question else "",
    )


async def _reason(reader: Reader, row: ApprovalRow) -> str:
    """The agent's last words before it asked, and what its tool call says of itself."""
    given = row.document.get("input")
    described = cast(dict[str, Any], given).get("description") if isinstance(given, dict) else None
    if isinstance(described, str) and described:
        return described[:LONGEST_REASON]
    total = (await conversation_of(reader, row.attempt_id, Choice(), limit=1)).total
    wanted = Choice(frozenset({"message", "permission"}))
    said = await conversation_of(
        reader, row.attempt_id, wanted, after=max(total - LOOKED_BACK, 0), limit=LOOKED_BACK
    )
    reason = ""
    for entry in said.entries:
        if entry.document.get("kind") == "message" and entry.document.get("role", "agent") == "agent":
            reason = str(entry.document.get("text") or "")
        elif entry.document.get("id") == row.key:
            break
    return reason[:LONGEST_REASON]
