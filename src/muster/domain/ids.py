"""Public ids: a prefix and thirteen base-32 characters of a time-ordered 63-bit integer.

Bits, from the top: 42 of milliseconds since 2024-01-01, 8 of node, 13 of sequence. Ids of one
node rise strictly; ids of several nodes are ordered by millisecond.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from muster.domain.errors import NotFound

EPOCH_MS: Final = 1_704_067_200_000
_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES: Final = {char: value for value, char in enumerate(_ALPHABET)}
_PAIRS: Final = tuple(a + b for a in _ALPHABET for b in _ALPHABET)
_LENGTH: Final = 13
_MAX: Final = 2**63

TASK: Final = "tsk"
ATTEMPT: Final = "att"
PROJECT: Final = "prj"
QUEUE: Final = "que"
SESSION: Final = "ses"
ACTIVITY: Final = "act"
CALL: Final = "cal"
APPROVAL: Final = "apr"
PERMISSION: Final = "per"
MESSAGE: Final = "msg"
REVIEW: Final = "rev"
COMMENT: Final = "com"
NOUNS: Final = {
    TASK: "task",
    ATTEMPT: "attempt",
    PROJECT: "project",
    QUEUE: "queue",
    SESSION: "session",
    ACTIVITY: "activity",
    CALL: "model call",
    APPROVAL: "approval",
    PERMISSION: "permission",
    MESSAGE: "message",
    REVIEW: "review",
    COMMENT: "comment",
}


def encode(prefix: str, number: int) -> str:
    """The public id of `number`, such as `tsk_0dq3m8x1c7w00`."""
    pairs = _PAIRS
    return (
        f"{prefix}_{pairs[number >> 60 & 1023][1]}{pairs[number >> 50 & 1023]}{pairs[number >> 40 & 1023]}"
        f"{pairs[number >> 30 & 1023]}{pairs[number >> 20 & 1023]}{pairs[number >> 10 & 1023]}{pairs[number & 1023]}"
    )


def decode(prefix: str, text: str) -> int:
    """The integer behind a public id; NotFound when it cannot be one of that noun."""
    head, _, body = text.partition("_")
    if head != prefix or len(body) != _LENGTH:
        raise NotFound(noun=NOUNS.get(prefix, prefix), id=_shown(text))
    number = 0
    for char in body:
        value = _VALUES.get(char)
        if value is None:
            raise NotFound(noun=NOUNS.get(prefix, prefix), id=_shown(text))
        number = number << 5 | value
    if number >= _MAX:
        raise NotFound(noun=NOUNS.get(prefix, prefix), id=_shown(text))
    return number


def is_id(prefix: str, text: str) -> bool:
    """Whether `text` has the form of a public id of that noun."""
    head, _, body = text.partition("_")
    return head == prefix and len(body) == _LENGTH and all(char in _VALUES for char in body)


def _shown(text: str) -> str:
    return text if len(text) <= 60 else text[:57] + "..."


def first_id_at(at_us: int) -> int:
    """The smallest id that can have been made at or after `at_us` (microseconds since the epoch); at most the largest."""
    return min(max(at_us // 1000 - EPOCH_MS, 0) << 21, _MAX - 1)


def created_at(number: int) -> int:
    """When an id was made, in microseconds since the epoch, to the millisecond."""
    return ((number >> 21) + EPOCH_MS) * 1000


@dataclass(slots=True)
class IdSequence:
    """Hands out rising ids for one node. A clock that jumps back does not make them fall."""

    node: int
    last: int = 0

    def next(self, now_us: int) -> int:
        """The next id at `now_us`; runs ahead of the clock when a millisecond is used up."""
        floor = (max(now_us // 1000 - EPOCH_MS, 0) << 21) | (self.node & 255) << 13
        if self.last >= floor:
            floor = self.last + 1
            if floor & 8191 == 0:
                floor = ((self.last >> 21) + 1) << 21 | (self.node & 255) << 13
        self.last = floor
        return floor
