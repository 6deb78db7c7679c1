"""What tokens cost: the prices of the genai-prices package, and one's own above them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from importlib.metadata import version

from genai_prices import Usage, calc_price

from muster.agents.metered import Pricing
from muster.domain.usage import TokenUsage

MICRO = Decimal(1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPrice:
    """Dollars for a million tokens of a model. What is not given costs as much as input (caches) or output (reasoning)."""

    input: Decimal
    output: Decimal
    cache_read: Decimal | None = None
    cache_write: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Price:
    """`cost` is micro-dollars, rounded half up once a call; None when nobody knows it: never 0."""

    pricing: Pricing
    cost: int | None
    version: str | None = None


@dataclass(slots=True)
class Prices:
    """Looks prices up. `own` are by model name and go first."""

    own: Mapping[str, OwnPrice] = field(default_factory=dict[str, OwnPrice])
    _version: str = field(default_factory=lambda: f"genai-prices {version('genai-prices')}")

    def of(self, provider: str, model: str, usage: TokenUsage, *, free: bool = False) -> Price:
        """What a call cost. `free`: the model is one's own machine's, and nobody charges for it."""
        if free:
            return Price("free", 0)
        mine = self.own.get(model)
        if mine is not None:
            return Price("priced", _own_cost(mine, usage), "own")
        try:
            found = calc_price(
                Usage(
                    input_tokens=usage.context,
                    cache_read_tokens=usage.cache_read,
                    cache_write_tokens=usage.cache_write,
                    output_tokens=usage.output,
                ),
                model,
                provider_id=provider,
            )
        except (LookupError, ValueError):
            return Price("unpriced", None)
        return Price("priced", _micros(found.total_price), self._version)


def _own_cost(price: OwnPrice, usage: TokenUsage) -> int:
    read = price.input if price.cache_read is None else price.cache_read
    written = price.input if price.cache_write is None else price.cache_write
    dollars = (
        price.input * usage.input
        + read * usage.cache_read
        + written * usage.cache_write
        + price.output * usage.output
    ) / MICRO
    return _micros(dollars)


def _micros(dollars: Decimal) -> int:
    return int((dollars * MICRO).to_integral_value(ROUND_HALF_UP))
