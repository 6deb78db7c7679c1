"""Metered access to models, as whoever runs agents sees it; the gateway provides it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from muster.agents.adapter import Dialect, ModelAccess
from muster.domain.usage import TokenUsage

Pricing = Literal["priced", "free", "unpriced"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """A call to a model when it is over. Times are seconds, `at` since the epoch; cost is micro-dollars, None when unknown.

    Bodies are as they passed, without headers: the run's token and the provider's key are in neither.
    """

    key: str
    at: float
    provider: str
    model: str
    dialect: str
    status: int | None
    duration: float
    first_byte: float | None
    usage: TokenUsage
    pricing: Pricing
    cost: int | None
    price_version: str | None = None
    stop: str = ""
    error: str = ""
    trace_id: str = ""
    request: bytes = b""
    answer: bytes = b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an agent says by its telemetry that it has used; dollars, None when it does not say."""

    usage: TokenUsage
    cost_usd: float | None


class Account(Protocol):
    """What one attempt has used."""

    @property
    def usage(self) -> TokenUsage:
        """Tokens so far."""
        ...

    @property
    def cost(self) -> int:
        """Micro-dollars so far, without calls whose price nobody knows."""
        ...

    @property
    def calls(self) -> int:
        """Calls so far."""
        ...

    @property
    def traffic(self) -> tuple[int, int]:
        """Bytes of answers received and of requests sent so far, calls under way too."""
        ...

    @property
    def told(self) -> Told | None:
        """What the agent's telemetry says; None when it sent none of it."""
        ...

    def access(self, address: str) -> ModelAccess:
        """The base URLs for an agent that reaches the gateway at `address`."""
        ...


class ModelDoor(Protocol):
    """The way to models for attempts."""

    def serves(self, dialect: Dialect) -> bool:
        """Whether there is a provider that speaks it."""
        ...

    def open_account(self, *, budget: int | None, on_call: Callable[[CallRecord], None]) -> Account:
        """Let an attempt call models, for at most `budget` micro-dollars; `on_call` is told of every call."""
        ...

    def close_account(self, account: Account) -> None:
        """End its open calls; it can make no more."""
        ...

    async def settle_account(self, account: Account) -> None:
        """Close it, and its totals are whole afterwards: what was open is cut and counted."""
        ...
