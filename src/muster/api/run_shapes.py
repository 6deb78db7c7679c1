"""From what the read side gives to the shapes of runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from muster.api.schemas import runs as shapes
from muster.api.times import iso
from muster.domain import ids
from muster.domain.money import dollars
from muster.domain.usage import TokenUsage
from muster.projections.file_changes import FileRow
from muster.projections.model_calls import CallRow
from muster.projections.runs import RunRow
from muster.projections.transcripts import Conversation, KeptEntry


def tokens_shape(usage: TokenUsage) -> shapes.Tokens:
    """Tokens."""
    return shapes.Tokens(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        reasoning_tokens=usage.reasoning,
    )


def run_shape(row: RunRow | None) -> shapes.Run | None:
    """A run; None for an attempt without one."""
    if row is None:
        return None
    return shapes.Run(
        attempt_id=ids.encode(ids.ATTEMPT, row.attempt_id),
        agent=row.agent,
        model=row.model,
        session=row.session,
        branch=row.branch,
        base_commit=row.base_commit,
        head_commit=row.head_commit,
        workspace=row.workspace,
        workspace_kind=row.workspace_kind,
        base_branch=row.base_branch,
        pushed_to=row.pushed_to,
        pull_request=row.pull_request,
        role=row.role,
        role_version=row.role_version,
        entries=row.entries,
        context_used=row.context_used,
        context_window=row.context_window,
        calls=row.calls,
        unpriced_calls=row.unpriced_calls,
        cost_usd=dollars(row.cost),
        tokens=tokens_shape(row.tokens),
        reported=_own(row.reported),
        difference=_difference(row, _own(row.reported)),
        telemetry=_told(row.reported),
        telemetry_difference=_difference(row, _told(row.reported)),
        started_at=iso(row.started_at),
        updated_at=iso(row.updated_at),
    )


def _own(reported: dict[str, Any] | None) -> dict[str, Any] | None:
    """What the agent's stream says; None when nothing."""
    return {name: value for name, value in (reported or {}).items() if name != "telemetry"} or None


def _told(reported: dict[str, Any] | None) -> dict[str, Any] | None:
    """What its telemetry says; None when nothing."""
    return (reported or {}).get("telemetry")


def _difference(row: RunRow, reported: dict[str, Any] | None) -> shapes.Difference | None:
    if reported is None:
        return None
    metered: dict[str, float] = tokens_shape(row.tokens).model_dump() | {"cost_usd": dollars(row.cost)}
    less = {
        name: None if reported.get(name) is None else round(reported[name] - amount, 6)
        for name, amount in metered.items()
    }
    return shapes.Difference.model_validate(less)


def kept_entry(entry: KeptEntry) -> shapes.KeptEntry:
    """An entry of a transcript."""
    return shapes.KeptEntry.model_construct(position=entry.position, at=iso(entry.at), entry=entry.document)


def conversation_page(task_id: int, number: int, attempt: int, found: Conversation) -> shapes.Conversation:
    """Entries of an attempt."""
    return shapes.Conversation.model_construct(
        task_id=ids.encode(ids.TASK, task_id),
        attempt=number,
        attempt_id=ids.encode(ids.ATTEMPT, attempt),
        items=[kept_entry(entry) for entry in found.entries],
        next_after=found.next,
        total=found.total,
        finished=found.ended,
    )


def call_shape(row: CallRow) -> shapes.ModelCall:
    """A call to a model."""
    return shapes.ModelCall(
        id=ids.encode(ids.CALL, row.id),
        attempt=row.number,
        attempt_id=ids.encode(ids.ATTEMPT, row.attempt_id),
        key=row.key,
        at=iso(row.at),
        provider=row.provider,
        model=row.model,
        dialect=row.dialect,
        status=row.status,
        duration_ms=row.duration_us / 1_000,
        first_byte_ms=None if row.first_byte_us is None else row.first_byte_us / 1_000,
        tokens=tokens_shape(row.tokens),
        cost_usd=None if row.cost is None else dollars(row.cost),
        pricing=cast(Any, row.pricing),
        price_version=row.price_version,
        error=row.error,
        trace_id=row.trace_id,
        has_request=row.request_blob is not None,
        has_answer=row.answer_blob is not None,
    )


def files_shape(
    task_id: int | None,
    number: int,
    produced: Sequence[FileRow],
    read: dict[str, tuple[int, int]],
    *,
    tracked: bool = False,
) -> shapes.TaskFiles:
    """Files an attempt changed and read; `tracked`: what it changed is known."""
    return shapes.TaskFiles(
        task_id=None if task_id is None else ids.encode(ids.TASK, task_id),
        attempt=number,
        tracked=tracked,
        totals=_totals(produced),
        produced=[_produced(row) for row in produced],
        consumed=[
            shapes.ConsumedFile(path=path, times=times, position=position)
            for path, (times, position) in sorted(read.items())
        ],
    )


def _totals(files: Sequence[FileRow]) -> shapes.FileTotals:
    kinds = [row.change for row in files]
    return shapes.FileTotals(
        created=kinds.count("created"),
        modified=kinds.count("modified"),
        deleted=kinds.count("deleted"),
        renamed=kinds.count("renamed"),
        outside=sum(row.outside for row in files),
        additions=sum(row.additions or 0 for row in files),
        deletions=sum(row.deletions or 0 for row in files),
    )


def _produced(row: FileRow) -> shapes.ProducedFile:
    return shapes.ProducedFile(
        path=row.path,
        change=cast(Any, row.change),
        old_path=row.old_path,
        additions=row.additions,
        deletions=row.deletions,
        binary=row.binary,
        outside=row.outside,
        has_before=row.before_blob is not None,
        has_after=row.after_blob is not None,
        has_diff=row.diff_blob is not None,
    )
