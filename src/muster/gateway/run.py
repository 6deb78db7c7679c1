"""One attempt's account with the gateway: its token, its budget, what it has used."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from muster.agents.adapter import Dialect, ModelAccess
from muster.agents.metered import CallRecord, Told
from muster.domain.usage import TokenUsage
from muster.gateway.telemetry import Telemetry

SETTLE_SECONDS: Final = 5.0


@dataclass(slots=True, kw_only=True)
class Run:
    """Made by `Gateway.open_run`. `on_call` is told of every call when it is over, side calls and failed ones too."""

    token: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    budget: int | None = None
    """Micro-dollars it may spend; the call that passes it is the last."""
    model: str | None = None
    on_call: Callable[[CallRecord], None]
    usage: TokenUsage = field(default_factory=TokenUsage)
    cost: int = 0
    calls: int = 0
    received: int = 0
    sent: int = 0
    unpriced: int = 0
    closed: bool = False
    trace: str = field(default_factory=lambda: secrets.token_hex(16))
    """The trace of its calls, unless the agent names another."""
    telemetry: Telemetry = field(default_factory=Telemetry)
    open_calls: set[asyncio.Task[object]] = field(default_factory=set["asyncio.Task[object]"])

    def refusal(self) -> Literal["", "closed", "budget"]:
        """Why it may not call a model now."""
        if self.closed:
            return "closed"
        if self.budget is not None and self.cost >= self.budget:
            return "budget"
        return ""

    def count(self, record: CallRecord) -> None:
        """Add a call to the totals and tell of it."""
        self.calls += 1
        self.usage += record.usage
        self.cost += record.cost or 0
        self.unpriced += 1 if record.pricing == "unpriced" and record.usage.total else 0
        self.on_call(record)

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes of answers received and of requests sent so far."""
        return self.received, self.sent

    @property
    def told(self) -> Told | None:
        """What the agent's telemetry says of its use."""
        return self.telemetry.told

    def cut(self) -> None:
        """End all its calls and take no more."""
        self.closed = True
        for call in self.open_calls:
            call.cancel()

    async def settled(self) -> None:
        """Until no call is open."""
        if self.open_calls:
            await asyncio.wait(set(self.open_calls), timeout=SETTLE_SECONDS)

    def access(self, address: str) -> ModelAccess:
        """The base URLs for an agent that reaches the gateway at `address` (`http://127.0.0.1:PORT`)."""
        base = f"{address}/run/{self.token}"
        return ModelAccess(
            urls={
                Dialect.ANTHROPIC: f"{base}/anthropic",
                Dialect.OPENAI: f"{base}/openai/v1",
                Dialect.GEMINI: f"{base}/gemini",
            },
            token=self.token,
            telemetry=f"{base}/otlp",
            trace=f"00-{self.trace}-{secrets.token_hex(8)}-01",
        )
