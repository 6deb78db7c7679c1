"""From what providers and agents say of a failure to the engine's codes: one table for every agent.

The words are those of the recorded streams and of the providers' documented errors.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class Sign:
    """A failure is told by words, or by an HTTP status where the words say nothing."""

    code: str
    words: str
    statuses: tuple[int, ...] = ()


SIGNS: Final = (
    Sign(
        "context_overflow",
        r"(?:prompt|input|request|conversation) (?:is |was )?too (?:long|large)|prompt_too_long|too many tokens|"
        r"context[ _-]?(?:window|length)(?:[ _]limit)?[ _]?(?:exceed|is full)|contextwindowexceeded|"
        r"(?:exceed|larger than|ran out of room in)\w* (?:the )?(?:model'?s? )?(?:maximum )?context|"
        r"maximum context length|exceeds the maximum number of tokens|context ?overflow|context exceeds",
        (413,),
    ),
    Sign(
        "quota_exhausted",
        r"usage[ _-]?limit|quota|insufficient_quota|out of (?:extra )?(?:credits|usage)|credit balance is too low|"
        r"billing[ _](?:error|hard limit)|hit your (?:\w+ )?limit|(?:session|weekly|daily|5-hour) limit reached|"
        r"limit will reset|credits[ _]depleted",
        (402,),
    ),
    Sign("rate_limited", r"rate[ _-]?limit|too many requests|resource_exhausted|\bslow down\b", (429,)),
    Sign(
        "auth_failed",
        r"authentication|unauthori[sz]ed|invalid (?:x-)?api[ _-]key|api key not valid|permission_error|"
        r"invalid[ _](?:credentials|token)|oauth|(?:not|please) (?:logged|log|signed|sign) ?in\b|/login\b|"
        r"(?:token|credentials) (?:has |have )?expired|missing (?:environment variable|api key)",
        (401, 403),
    ),
    Sign(
        "refused",
        r"\brefusal\b|\brefused to (?:answer|help|continue)|content[ _]?(?:policy|filter)|usage policy|"
        r"violat\w+ (?:our|the) (?:\w+ )?polic|safety (?:system|filter)|cyber_?policy|invalid_prompt",
    ),
    Sign("budget_exceeded", r"max(?:imum)?[ _]budget|budget[ _]exhausted|over its budget|budget exceeded"),
    Sign(
        "provider_unavailable",
        r"overloaded|server[ _]?error|internal server|service unavailable|bad gateway|gateway time-?out|"
        r"connection (?:error|refused|reset|closed)|econn\w+|etimedout|enotfound|fetch failed|socket hang up|"
        r"timed? ?out|stream (?:disconnected|closed|error|ended)|network error|error sending request|"
        r"reconnecting|server_?overloaded|high demand|at capacity|tlshandshake|empty (?:response|stream)|"
        r"response(?:stream|toomany)\w*(?:failed|disconnected)|invalid stream",
        (408, 500, 502, 503, 504, 520, 521, 522, 524, 529),
    ),
)
_WORDS: Final = tuple((sign.code, re.compile(sign.words, re.IGNORECASE)) for sign in SIGNS)
_STATUSES: Final = {status: sign.code for sign in SIGNS for status in sign.statuses}
_STATUS: Final = re.compile(
    r"\b(?:API Error:?|status(?:[_ ]?code)?|HTTP|code|error)\W{0,4}(?:code\W{0,3})?([45]\d\d)\b",
    re.IGNORECASE,
)
_EPOCH: Final = re.compile(r"(?:\||resets?_?(?:at|time)?\W{1,4})(1\d{9})(?:\d{3})?\b", re.IGNORECASE)
_ISO: Final = re.compile(
    r"reset\w*\W.{0,20}?(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d))", re.IGNORECASE
)
_NO_WORDS_NEEDED: Final = frozenset({401, 402, 403, 413, 529})


@lru_cache(maxsize=256)
def failure_of(message: str, status: int | None = None, otherwise: str = "agent_error") -> str:
    """The failure code for words and an HTTP status, as far as there is one; `otherwise` when neither says anything."""
    status = status if status is not None else status_in(message)
    if status in _NO_WORDS_NEEDED:
        return _STATUSES[status]
    for code, words in _WORDS:
        if words.search(message):
            return _not_overloaded(code, status)
    return _STATUSES.get(status or 0, otherwise)


def status_in(message: str) -> int | None:
    """The HTTP status that words name."""
    found = _STATUS.search(message)
    return int(found[1]) if found else None


def reset_in(message: str) -> float | None:
    """When a quota opens again, in seconds since the epoch, if the words hold an absolute time."""
    if found := _EPOCH.search(message):
        return float(found[1])
    if found := _ISO.search(message):
        moment = datetime.fromisoformat(found[1])
        return moment.astimezone(UTC).timestamp()
    return None


def _not_overloaded(code: str, status: int | None) -> str:
    """A server's own failure stays one, whatever its words remind of."""
    own = status is not None and status >= 500
    return "provider_unavailable" if own and code in {"auth_failed", "refused"} else code
