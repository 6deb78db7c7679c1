"""Claiming and ending attempts on behalf of any dialect: long-polls, output schemas, figures."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from typing import Any, Final, cast

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError
from referencing import Registry
from referencing.exceptions import Unresolvable

from muster.api.longpoll import Caller
from muster.api.services import Services
from muster.commands.attempts import EndAttempt, Ended, end_attempts
from muster.commands.claims import ClaimAnswerRows, Claimed, ClaimTasks, claim_tasks
from muster.commands.lifecycle import claim_task
from muster.commands.together import end_and_unassign
from muster.domain.errors import InvalidInput
from muster.store.codec import decode_spec
from muster.store.statements import Statement

REMEMBERED: Final = 20_000
Schema = dict[str, Any]


class ClaimDesk:
    """Where claimers of every dialect come to; one for the app."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._metrics = services.metrics
        self._schemas = OutputSchemas(services)

    async def claim(self, request: ClaimTasks, wait_seconds: float, caller: Caller) -> ClaimAnswerRows:
        """Claim, waiting for work at most `wait_seconds`. A caller that hangs up while waiting gets nothing."""
        answer = await self._try(request)
        if answer.claims or wait_seconds <= 0:
            return answer
        deadline = asyncio.get_running_loop().time() + wait_seconds
        while not answer.claims:
            waited = await self._wait_and_try(request, deadline, caller)
            if waited is None:
                break
            answer = waited
        return answer

    async def _wait_and_try(
        self, request: ClaimTasks, deadline: float, caller: Caller
    ) -> ClaimAnswerRows | None:
        signals = self._store.signals
        parked = signals.park(request.wants)
        used = False
        try:
            # Work that came between the last look and the parking woke nobody.
            answer = await self._try(request)
            left = deadline - asyncio.get_running_loop().time()
            if answer.claims:
                return answer
            if not await caller.wait(parked.woken, left):
                return None
            used = True
            return await self._try(request)
        finally:
            if not signals.leave(parked) and not used:
                # The wake was meant for whoever takes the task, and this one does not.
                signals.admission_changed()

    async def _try(self, request: ClaimTasks) -> ClaimAnswerRows:
        answer = await self._store.execute(claim_tasks(request))
        self.handed_out(answer.claims)
        return answer

    async def claim_named(self, task_id: int, request: ClaimTasks) -> Claimed:
        """Claim that very task; NotClaimable says why not."""
        claimed = await self._store.execute(claim_task(task_id, request))
        self.handed_out([claimed])
        return claimed

    def handed_out(self, claims: list[Claimed]) -> None:
        """Count claims, and remember what their results must look like."""
        if claims:
            self._metrics.claims.inc(len(claims))
            for claimed in claims:
                self._schemas.remember(claimed)

    async def end(self, request: EndAttempt, *, unassign: bool = False) -> Ended:
        """End an attempt. A result that does not fit the task's output schema is refused and changes nothing.

        `unassign`: if the task goes back into its queue, it is then for anybody.
        """
        if request.code is None:
            await self._schemas.check(request)
        ended = await self._store.execute(end_and_unassign(request) if unassign else end_attempts(request))
        if not ended.repeated:
            if request.code is None:
                self._metrics.completions.inc()
            else:
                self._metrics.failures.labels(request.code).inc()
        if ended.next is not None:
            self.handed_out(ended.next.claims)
        return ended


_SCHEMA_OF: Final = Statement(
    "SELECT s.doc FROM attempts a JOIN task_specs s ON s.id = a.task_id WHERE a.id = ?1"
)


class OutputSchemas:
    """The output schemas of attempts, remembered from their claim; those of before a restart are read."""

    def __init__(self, services: Services) -> None:
        self._store = services.store
        self._known: OrderedDict[int, Schema | None] = OrderedDict()

    def remember(self, claimed: Claimed) -> None:
        """Keep what a claim said. The text is searched first: most tasks declare nothing."""
        schema = decode_spec(claimed.spec).output_schema if '"output_schema":{' in claimed.spec else None
        self._known[claimed.attempt_id] = schema
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    async def check(self, request: EndAttempt) -> None:
        """InvalidInput when the attempt's task declares an output schema and the result does not fit it."""
        schema = await self._schema_of(request.attempt_id)
        if schema is not None:
            check_result(schema, request.result)

    async def _schema_of(self, attempt_id: int) -> Schema | None:
        if attempt_id in self._known:
            return self._known[attempt_id]
        rows = await self._store.rows(_SCHEMA_OF, attempt_id)
        return decode_spec(rows[0][0]).output_schema if rows else None


def check_result(schema: Schema, result: Schema | None) -> None:
    """InvalidInput naming the place where a result does not fit its schema. References to elsewhere are not fetched."""
    if result is None:
        raise InvalidInput(
            field="result", problem="the task declares an output schema, so a result is wanted"
        )
    try:
        validator = Draft202012Validator(schema, registry=Registry[Any]())
        problem = next(iter(cast(Any, validator).iter_errors(result)), None)
    except (Unresolvable, re.error, RecursionError) as error:
        raise InvalidInput(field="output_schema", problem=f"it cannot be applied: {error}"[:500]) from None
    if problem is not None:
        raise InvalidInput(field=f"result{problem.json_path[1:]}", problem=str(problem.message)[:500])


def check_schema(schema: Schema) -> None:
    """InvalidInput unless `schema` is a JSON schema (draft 2020-12) that stands alone."""
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise InvalidInput(
            field=f"output_schema{error.json_path[1:]}", problem=str(error.message)[:500]
        ) from None
    waiting: list[Any] = [schema]
    while waiting:
        part = waiting.pop()
        if isinstance(part, dict):
            _check_keywords(cast(Schema, part))
            waiting.extend(cast(Schema, part).values())
        elif isinstance(part, list):
            waiting.extend(cast(list[Any], part))


def _check_keywords(part: Schema) -> None:
    for keyword in ("$ref", "$dynamicRef", "$schema", "$id"):
        target = part.get(keyword)
        own = keyword == "$schema" and target == Draft202012Validator.META_SCHEMA["$id"]
        if isinstance(target, str) and not target.startswith("#") and not own:
            raise InvalidInput(
                field="output_schema", problem=f"{keyword} must stay inside the schema: {target[:100]}"
            )
    pattern = part.get("pattern")
    if isinstance(pattern, str):
        try:
            re.compile(pattern)
        except re.error as error:
            raise InvalidInput(field="output_schema", problem=f"pattern {pattern[:100]}: {error}") from None
