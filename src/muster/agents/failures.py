"""What agents say when a model's provider fails, as failure codes of the engine."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Failure:
    """A failure code, and when a quota opens again (seconds since the epoch) if that was said."""

    code: str
    resets_at: float | None = None


_WORDS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = tuple(
    (code, re.compile(pattern, re.IGNORECASE))
    for code, pattern in (
        (
            "budget_exceeded",
            r"\bbudget_exceeded\b|budget (is |was )?(exhausted|exceeded|used up)|maximum budget",
        ),
        (
            "context_overflow",
            r"prompt is too long|context[ _-]?(length|window)[^.]{0,40}(exceed|overflow|too)|maximum context"
            r"|context_length_exceeded|exceeds? the (maximum|context|input)[^.]{0,30}(tokens|window)"
            r"|input (token count|is too long)|prompt_too_long",
        ),
        (
            "quota_exhausted",
            r"usage limit|quota|insufficient_quota|credit balance|billing|limit (reached|resets)|out of credits",
        ),
        ("rate_limited", r"rate[ _-]?limit|too many requests|resource_exhausted|\b429\b"),
        (
            "auth_failed",
            r"authentication|unauthori[sz]ed|invalid (x-)?api[ _-]?key|api key not valid|not logged in|please (run )?/?log ?in"
            r"|permission_error|\b401\b",
        ),
        (
            "provider_unavailable",
            r"overloaded|internal server error|service unavailable|bad gateway|server-side issue|high demand"
            r"|connection (error|refused|reset|closed|lost)|ECONNREFUSED|ECONNRESET|ETIMEDOUT|socket hang up|fetch failed"
            r"|stream (disconnected|closed|error|idle)|network error|timed? ?out|unable to connect|no response"
            r"|error sending request|\b(500|502|503|504|529)\b",
        ),
        ("refused", r"\brefus(al|ed to)\b|violat\w+ [^.]{0,40}polic|content[ _]filter|safety system"),
    )
)
_STATUSES: Final = {
    401: "auth_failed",
    403: "auth_failed",
    402: "quota_exhausted",
    408: "provider_unavailable",
}
_TOO_LONG: Final = re.compile(r"too (long|large)|context|tokens?\b", re.IGNORECASE)
_EPOCH: Final = re.compile(r"(?:resets?(?:_at)?\W{1,4}(?:at\W)?|\|)\s*(1[5-9]\d{8}|2\d{9})\b")


def failure_of(status: int | None, words: str = "") -> Failure:
    """The code of a provider's HTTP status with what was said beside it. `agent_error` when neither tells."""
    resets_at = reset_in(words)
    if status is None or status < 400:
        return Failure(code_in(words) or "agent_error", resets_at)
    if status in _STATUSES:
        return Failure(_STATUSES[status], resets_at)
    if status == 429:
        said = code_in(words)
        return Failure("quota_exhausted" if said == "quota_exhausted" else "rate_limited", resets_at)
    if status >= 500:
        return Failure("provider_unavailable", resets_at)
    if status == 413 or (status == 400 and _TOO_LONG.search(words)):
        return Failure("context_overflow")
    return Failure(code_in(words) or "agent_error", resets_at)


def code_in(words: str) -> str | None:
    """The failure code that a text speaks of; None when it speaks of none."""
    for code, pattern in _WORDS:
        if pattern.search(words):
            return code
    return None


def reset_in(words: str) -> float | None:
    """When a quota opens again, if a text says so as seconds since the epoch."""
    found = _EPOCH.search(words)
    return float(found[1]) if found else None
