"""An attempt's account with the gateway, and its calls on their way to the server."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from muster.agents.adapter import ModelAccess, Profile
from muster.agents.failures import failure_of, reset_in
from muster.agents.metered import Account, CallRecord, ModelDoor, Told
from muster.agents.verdict import PROVIDER
from muster.client.client import Client
from muster.client.wire import ClaimedTask, Usage
from muster.client.wire_runs import CallsRequest, ModelCallReport
from muster.domain.usage import TokenUsage
from muster.worker.delivery import Delivery
from muster.worker.outcome import Cost

CALL_COST: Final = 4_096
BODY_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class GatewayDoor:
    """The gateway of a worker and the socket it listens on."""

    gateway: ModelDoor
    socket: Path


class Metering:
    """Opens a run with the gateway for one attempt, if it can serve the agent; `send` delivers what it cost."""

    def __init__(
        self,
        client: Client,
        claim: ClaimedTask,
        door: GatewayDoor | None,
        profile: Profile,
        *,
        port: int,
        max_cost_usd: float | None,
    ) -> None:
        async def post(position: int, records: list[CallRecord]) -> int:
            calls = [await _report(client, claim, record) for record in records]
            await client.send_calls(claim.attempt_id, CallsRequest(token=claim.token, calls=calls))
            return position + len(records)

        self._delivery: Delivery[CallRecord] = Delivery(
            f"calls of {claim.attempt_id}", post, lambda _: CALL_COST
        )
        self._door = door if door and any(map(door.gateway.serves, profile.dialects)) else None
        self._port = port
        self.run: Account | None = None
        self._last: CallRecord | None = None
        if self._door is not None:
            budget = None if max_cost_usd is None else round(max_cost_usd * 1e6)
            self.run = self._door.gateway.open_account(budget=budget, on_call=self._note)

    def _note(self, record: CallRecord) -> None:
        # A call that was cut off says nothing of the provider; the one before it may.
        self._last = record if record.status is not None else self._last
        self._delivery.add([record])

    @property
    def refusal(self) -> tuple[str, str] | None:
        """Failure code and words of the provider when the last call was refused. Not every agent tells of it."""
        last = self._last
        if last is None or last.status is None or last.status < 400:
            return None
        code = failure_of(last.error, last.status)
        words = f"{last.provider} answered {last.status} until its time was up: {last.error[:500]}"
        return (code, words) if code in PROVIDER else None

    @property
    def resets_at(self) -> float | None:
        """When a used-up quota opens again, as the provider said it to the last call that was refused."""
        return None if self.refusal is None or self._last is None else reset_in(self._last.error)

    @property
    def told(self) -> Told | None:
        """What the agent says by its telemetry that it used."""
        return None if self.run is None else self.run.told

    @property
    def access(self) -> ModelAccess | None:
        """The way to models as the agent sees it."""
        return None if self.run is None else self.run.access(f"http://127.0.0.1:{self._port}")

    @property
    def doors(self) -> Mapping[int, Path]:
        """Ports inside the sandbox and the sockets they lead to."""
        return {} if self._door is None else {self._port: self._door.socket}

    def cost(self, told: float | None) -> Cost:
        """What it cost: as metered; where nothing was metered, as the agent told."""
        if self.run is None or not self.run.calls:
            return Cost(usd=told or 0.0)
        return Cost(usd=self.run.cost / 1e6, usage=_wire(self.run.usage))

    async def send(self, on_fenced: Callable[[], None]) -> None:
        """Send until `close`; see `Delivery.send`."""
        await self._delivery.send(on_fenced)

    async def settle(self) -> None:
        """The agent is gone: what it left open is cut and counted, so that the cost is whole."""
        if self._door is not None and self.run is not None:
            await self._door.gateway.settle_account(self.run)

    def close(self) -> None:
        """No more calls."""
        if self._door is not None and self.run is not None:
            self._door.gateway.close_account(self.run)
        self._delivery.finish()


def _wire(usage: TokenUsage) -> Usage:
    return Usage(
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
    )


async def _report(client: Client, claim: ClaimedTask, record: CallRecord) -> ModelCallReport:
    async def blob(content: bytes) -> str | None:
        if not content or len(content) > BODY_BYTES:
            return None
        return await client.put_blob(claim.attempt_id, claim.token, content)

    usage = record.usage
    return ModelCallReport(
        key=record.key,
        at=datetime.fromtimestamp(record.at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        provider=record.provider,
        model=record.model,
        dialect=record.dialect,
        status=record.status,
        duration_ms=record.duration * 1e3,
        first_byte_ms=None if record.first_byte is None else record.first_byte * 1e3,
        input_tokens=usage.input,
        output_tokens=usage.output,
        cache_read_tokens=usage.cache_read,
        cache_write_tokens=usage.cache_write,
        reasoning_tokens=usage.reasoning,
        cost_usd=None if record.cost is None else record.cost / 1e6,
        pricing=record.pricing,
        price_version=record.price_version,
        error=record.error[:4_000] or None,
        trace_id=record.trace_id or None,
        request_blob=await blob(record.request),
        answer_blob=await blob(record.answer),
    )
