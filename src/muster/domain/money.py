"""Money: US dollars outside, integer micro-dollars inside."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

from muster.domain.errors import InvalidInput

MICROS = 1_000_000
MAX_DOLLARS = 1_000_000_000


def micros(dollars: float | Decimal, field: str = "amount") -> int:
    """Micro-dollars of a dollar amount, rounded half to even; refuses NaN, infinity and absurd sizes."""
    value = dollars if isinstance(dollars, Decimal) else Decimal(str(dollars))
    if not value.is_finite() or abs(value) > MAX_DOLLARS:
        raise InvalidInput(field=field, problem=f"must be a finite amount of at most {MAX_DOLLARS} dollars")
    return int((value * MICROS).to_integral_value(ROUND_HALF_EVEN))


def dollars(amount_micros: int) -> float:
    """Dollars of a micro-dollar amount, for JSON."""
    return amount_micros / MICROS
