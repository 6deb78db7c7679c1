"""The hot calls of the native API: claim, heartbeat, record, complete, fail."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from muster.api.claiming import ClaimDesk
from muster.api.hot import HotRoute
from muster.api.longpoll import Caller
from muster.api.services import Services
from muster.api.times import iso, iso_or_none
from muster.client import wire
from muster.commands.attempts import NO_TOKENS, EndAttempt, Ended
from muster.commands.claims import ClaimAnswerRows, Claimed, ClaimTasks
from muster.commands.leases import Beat, Heartbeat, heartbeat
from muster.commands.output import RecordOutput, record_output
from muster.domain import ids
from muster.domain.admission import ClaimFilter
from muster.domain.errors import LeaseLost
from muster.domain.failure import FAILURES
from muster.domain.money import dollars, micros
from muster.domain.task import Priority
from muster.store.codec import decode_spec
from muster.store.statements import Row

_TOKENS_BELOW: Final = 2**63
_NOTHING: Final = "no task waits there"


class ClaimCalls:
    """The handlers; they translate between the wire and the commands."""

    def __init__(self, services: Services, desk: ClaimDesk) -> None:
        self._store = services.store
        self._desk = desk
        self._fail_multiplier = services.settings.fail_multiplier

    async def claim(self, _: str, request: wire.ClaimRequest, caller: Caller) -> wire.ClaimAnswer:
        """Claim from any queue."""
        rows = await self._desk.claim(claim_of(request), request.wait_seconds, caller)
        return self.claims_of(rows)

    async def claim_named(self, ident: str, request: wire.ClaimRequest, _: Caller) -> wire.ClaimAnswer:
        """Claim that very task."""
        claimed = await self._desk.claim_named(ids.decode(ids.TASK, ident), claim_of(request))
        return wire.ClaimAnswer(claims=[self.claimed_task(claimed)])

    async def heartbeat(self, ident: str, request: wire.HeartbeatRequest, _: Caller) -> wire.HeartbeatAnswer:
        """Renew one lease."""
        attempt = ids.decode(ids.ATTEMPT, ident)
        beat = await self._store.execute(
            heartbeat(
                Heartbeat(
                    attempt,
                    token_of(request.token, ident),
                    request.progress,
                    request.message,
                    request.delivered,
                )
            )
        )
        directives = directives_of(ident, beat)
        expires = self._store.now() + int(beat.timeout_us * self._fail_multiplier)
        return wire.HeartbeatAnswer(lease_expires_at=iso(expires), directives=directives)

    async def record(self, ident: str, request: wire.RecordRequest, _: Caller) -> wire.RecordAnswer:
        """Append output."""
        position = await self._store.execute(
            record_output(
                RecordOutput(
                    ids.decode(ids.ATTEMPT, ident),
                    token_of(request.token, ident),
                    request.position,
                    [(line.stream, line.text) for line in request.lines],
                )
            )
        )
        return wire.RecordAnswer(position=position)

    async def complete(self, ident: str, request: wire.CompleteRequest, _: Caller) -> wire.FinishAnswer:
        """The attempt succeeded."""
        ended = await self._desk.end(
            EndAttempt(
                ids.decode(ids.ATTEMPT, ident),
                token_of(request.token, ident),
                output=request.output,
                result=request.result,
                exit_code=request.exit_code,
                cost=micros(request.cost_usd) if request.cost_usd else 0,
                tokens=tokens_of(request.usage),
                sandbox=request.sandbox,
                next=None if request.next is None else claim_of(request.next),
            )
        )
        return self._finished(ended)

    async def fail(self, ident: str, request: wire.FailRequest, _: Caller) -> wire.FinishAnswer:
        """The attempt failed."""
        code, message = failure_of(request.code, request.message)
        ended = await self._desk.end(
            EndAttempt(
                ids.decode(ids.ATTEMPT, ident),
                token_of(request.token, ident),
                output=request.output,
                exit_code=request.exit_code,
                cost=micros(request.cost_usd) if request.cost_usd else 0,
                tokens=tokens_of(request.usage),
                sandbox=request.sandbox,
                code=code,
                message=message,
                wait_us=round(request.retry_after_seconds * 1_000_000),
                next=None if request.next is None else claim_of(request.next),
            )
        )
        return self._finished(ended)

    def _finished(self, ended: Ended) -> wire.FinishAnswer:
        return wire.FinishAnswer(
            task_id=ids.encode(ids.TASK, ended.task_id),
            state=ended.state.label,
            ready_at=iso_or_none(ended.ready_at),
            next=None if ended.next is None else self.claims_of(ended.next),
        )

    def claims_of(self, rows: ClaimAnswerRows) -> wire.ClaimAnswer:
        """The answer to a claim."""
        if rows.claims:
            return wire.ClaimAnswer(claims=[self.claimed_task(claimed) for claimed in rows.claims])
        return wire.ClaimAnswer(claims=[], reason=rows.reason.message if rows.reason else _NOTHING)

    def claimed_task(self, claimed: Claimed) -> wire.ClaimedTask:
        """A claimed task with its lease."""
        lane, spec = claimed.lane, decode_spec(claimed.spec)
        timeout = claimed.timeout_us / 1_000_000
        return wire.ClaimedTask(
            task_id=ids.encode(ids.TASK, claimed.task_id),
            attempt_id=ids.encode(ids.ATTEMPT, claimed.attempt_id),
            token=f"{claimed.token:x}",
            number=claimed.number,
            max_attempts=claimed.max_attempts,
            lease_seconds=timeout * self._fail_multiplier,
            timeout_seconds=timeout,
            claimed_at=iso(claimed.claimed_at),
            title=spec.title,
            description=spec.description,
            kind=lane.kind,
            type=spec.type,
            task_class=spec.task_class,
            priority=Priority(claimed.priority).label,
            project_id=ids.encode(ids.PROJECT, lane.project_id),
            project=lane.project,
            queue_id=ids.encode(ids.QUEUE, lane.queue_id),
            queue=lane.queue,
            instructions=lane.instructions,
            session_id=None if claimed.session_id is None else ids.encode(ids.SESSION, claimed.session_id),
            context=claimed.context,
            parent_id=None if claimed.parent_id is None else ids.encode(ids.TASK, claimed.parent_id),
            working_dir=spec.working_dir,
            payload=spec.payload,
            output_schema=spec.output_schema,
            required_files=list(spec.required_files),
            acceptance_command=spec.acceptance_command,
            max_test_fix_cycles=spec.max_test_fix_cycles,
            network=spec.network,
            requires=lane.requires.split(",") if lane.requires else [],
            tags=list(spec.tags),
            estimated_cost_usd=dollars(claimed.estimate),
            earlier_attempts=[_earlier(row) for row in claimed.earlier],
            review=claimed.review,
            failing_agents=claimed.failing_agents,
        )


def _earlier(row: Row) -> wire.EarlierAttempt:
    return wire.EarlierAttempt(
        number=row[1],
        state=row[2],
        agent_id=row[3],
        code=row[4],
        error=row[5],
        run_by=row[6],
        session=row[7],
        branch=row[8],
        head_commit=row[9],
        base_commit=row[10],
        base_branch=row[11],
        workspace=row[12],
    )


def claim_of(request: wire.ClaimRequest) -> ClaimTasks:
    """The command's form of a claim."""
    wants = ClaimFilter(
        request.agent_id,
        None if request.queues is None else frozenset(request.queues),
        None if request.projects is None else frozenset(request.projects),
        frozenset(request.modes),
        None if request.kinds is None else frozenset(request.kinds),
        frozenset(request.capabilities),
    )
    return ClaimTasks(wants, request.max_tasks, request.worker_id, request.agent_name)


def directives_of(attempt: str, beat: Beat) -> list[wire.Directive]:
    """What a heartbeat is answered: that the task was cancelled, or what people have for its agent."""
    if beat.cancelled:
        return [wire.Directive(kind="cancel", attempt_id=attempt, reason="the task was cancelled")]
    return [
        wire.Directive(
            kind=cast(Any, word.kind),
            attempt_id=attempt,
            id=word.id,
            key=word.key,
            option=word.option,
            option_kind=word.option_kind,
            text=word.text,
        )
        for word in beat.words
    ]


def token_of(text: str, attempt: str) -> int:
    """The number of a token; one that cannot be a token is another one's: LeaseLost."""
    try:
        number = int(text, 16)
    except ValueError:
        raise LeaseLost(attempt=attempt) from None
    if not 0 <= number < _TOKENS_BELOW:
        raise LeaseLost(attempt=attempt)
    return number


def tokens_of(usage: wire.Usage | None) -> tuple[int, int, int, int]:
    """Input, output, cache-read and cache-write tokens."""
    if usage is None:
        return NO_TOKENS
    return (usage.input_tokens, usage.output_tokens, usage.cache_read_tokens, usage.cache_write_tokens)


def failure_of(code: str, message: str) -> tuple[str, str]:
    """A code that is not documented counts as `agent_error`, and is kept in the message."""
    if code in FAILURES:
        return code, message
    return "agent_error", f"{code}: {message}" if message else code


_TASK: Final[Mapping[str, Any]] = {"agent_id": "agent-main", "wait_seconds": 20}
_END: Final[Mapping[str, Any]] = {
    "token": "5f2a90c1d3e4b687",
    "output": "3 files changed, all tests pass",
    "cost_usd": 0.12,
    "usage": {"input_tokens": 12000, "output_tokens": 900},
}
_LEASE_WORDS: Final = "409 `lease_lost`: the attempt ended, was taken back, or the token is another one's."


def hot_routes(services: Services, desk: ClaimDesk) -> list[HotRoute[Any, Any]]:
    """The native hot table, but for the heartbeat of a whole worker."""
    calls = ClaimCalls(services, desk)
    return [
        HotRoute(
            path="/api/v1/claims",
            operation_id="claim_tasks",
            tag="claims",
            summary="Claim ready tasks, waiting for some if asked",
            description="`claims` is empty when nothing became ready in time; `reason` then says why.",
            request=wire.ClaimRequest,
            answer=wire.ClaimAnswer,
            handler=calls.claim,
            example=_TASK,
        ),
        HotRoute(
            path="/api/v1/tasks/{task_id}/claim",
            operation_id="claim_task",
            tag="claims",
            summary="Claim that very task, whatever its queue's mode",
            description="409 `not_claimable` says what holds it back.",
            request=wire.ClaimRequest,
            answer=wire.ClaimAnswer,
            handler=calls.claim_named,
            example={"agent_id": "agent-main"},
            errors=(404, 409),
        ),
        *_attempt_routes(calls),
    ]


def _attempt_routes(calls: ClaimCalls) -> list[HotRoute[Any, Any]]:
    return [
        _attempt_route(
            calls.heartbeat,
            "heartbeat",
            "Keep a lease alive",
            wire.HeartbeatRequest,
            wire.HeartbeatAnswer,
            {"token": "5f2a90c1d3e4b687", "progress": 0.4, "message": "tests run"},
        ),
        _attempt_route(
            calls.record,
            "record",
            "Append lines of output",
            wire.RecordRequest,
            wire.RecordAnswer,
            {"token": "5f2a90c1d3e4b687", "position": 0, "lines": [{"text": "compiling"}]},
            large=True,
        ),
        _attempt_route(
            calls.complete,
            "complete",
            "The attempt succeeded",
            wire.CompleteRequest,
            wire.FinishAnswer,
            _END,
            free_form=True,
        ),
        _attempt_route(
            calls.fail,
            "fail",
            "The attempt failed",
            wire.FailRequest,
            wire.FinishAnswer,
            {"token": "5f2a90c1d3e4b687", "code": "exit_nonzero", "message": "2 tests failed"},
        ),
    ]


def _attempt_route(
    handler: Any,
    verb: str,
    summary: str,
    request: type[Any],
    answer: type[Any],
    example: Mapping[str, Any],
    *,
    large: bool = False,
    free_form: bool = False,
) -> HotRoute[Any, Any]:
    return HotRoute(
        path=f"/api/v1/attempts/{{attempt_id}}/{verb}",
        operation_id=f"{verb}_attempt",
        tag="claims",
        summary=summary,
        description=_LEASE_WORDS,
        request=request,
        answer=answer,
        handler=handler,
        example=example,
        errors=(404, 409),
        large=large,
        free_form=free_form,
    )
