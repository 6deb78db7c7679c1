"""Events of the log as live streams show them: which ones somebody wants, and their JSON text, made once for all."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from muster.api.times import iso
from muster.domain import ids
from muster.domain.errors import InvalidInput
from muster.domain.events import CATALOGUE
from muster.domain.money import dollars
from muster.store.codec import Event

CACHE_BYTES: Final = 4 * 1_048_576
KINDS: Final = frozenset(payload.kind for payload in CATALOGUE)
NOUNS: Final = frozenset(kind.partition(".")[0] for kind in KINDS)
FLEET_NOUNS: Final = ("agent", "task", "attempt", "queue")


class EventOut(msgspec.Struct):
    """An event on the wire. Times are ISO-8601 UTC, money is US dollars."""

    seq: int
    at: str
    kind: str
    task_id: str | None
    attempt_id: str | None
    agent_id: str | None
    project_id: str | None
    amount_usd: float | None
    data: msgspec.Raw


_ENCODER: Final = msgspec.json.Encoder()


def public(prefix: str, number: int | None) -> str | None:
    """The public id of a number; None stays None."""
    return None if number is None else ids.encode(prefix, number)


def encode_event(event: Event) -> bytes:
    """The JSON text of an event."""
    return _ENCODER.encode(
        EventOut(
            event.seq,
            iso(event.at),
            event.kind,
            public(ids.TASK, event.task_id),
            public(ids.ATTEMPT, event.attempt_id),
            event.agent_id,
            public(ids.PROJECT, event.project_id),
            None if event.amount is None else dollars(event.amount),
            msgspec.Raw(event.data.encode()),
        )
    )


class EventTexts:
    """The JSON texts of the newest events, so that each is made once however many listen."""

    def __init__(self, limit: int = CACHE_BYTES) -> None:
        self._limit = limit
        self._texts: OrderedDict[int, bytes] = OrderedDict()
        self._bytes = 0

    def of(self, event: Event) -> bytes:
        """The text of an event."""
        text = self._texts.get(event.seq)
        if text is None:
            text = self._texts[event.seq] = encode_event(event)
            self._bytes += len(text)
            while self._bytes > self._limit:
                self._bytes -= len(self._texts.popitem(last=False)[1])
        return text

    def message(self, events: Iterable[Event], last: int) -> bytes:
        """The message that carries these events; `last` is the position to go on from."""
        return b'{"type":"events","events":[%b],"seq":%d}' % (b",".join(map(self.of, events)), last)


@dataclass(frozen=True, slots=True)
class View:
    """Which events somebody wants. None: no condition. `kinds` None: all of them."""

    kinds: frozenset[str] | None = None
    task_id: int | None = None
    project_id: int | None = None
    money: bool = False
    """Only events that move money."""

    @property
    def everything(self) -> bool:
        """Whether there is no condition at all."""
        return self == _ALL

    def select(self, events: Sequence[Event]) -> Sequence[Event]:
        """Those of the events that are wanted, in order."""
        return events if self.everything else [event for event in events if self.wants(event)]

    def wants(self, event: Event) -> bool:
        """Whether this one is wanted."""
        return (
            (self.kinds is None or event.kind in self.kinds)
            and (self.task_id is None or event.task_id == self.task_id)
            and (self.project_id is None or event.project_id == self.project_id)
            and not (self.money and event.amount is None)
        )


_ALL: Final = View()


def kinds_of(nouns: Iterable[str]) -> frozenset[str]:
    """All kinds of events about these nouns."""
    wanted = frozenset(nouns)
    return frozenset(kind for kind in KINDS if kind.partition(".")[0] in wanted)


def parse_kinds(text: str | None) -> frozenset[str] | None:
    """Kinds of a comma-separated list; a noun such as `task` means all of its kinds. InvalidInput for unknown ones."""
    if text is None:
        return None
    kinds: set[str] = set()
    for name in filter(None, (part.strip() for part in text.split(","))):
        if name in KINDS:
            kinds.add(name)
        elif name in NOUNS:
            kinds |= kinds_of([name])
        else:
            known = ", ".join(sorted(NOUNS))
            raise InvalidInput(
                field="kinds",
                problem=f"there are no events of kind {name[:100]} (nouns with events: {known})",
            )
    if not kinds:
        raise InvalidInput(field="kinds", problem="names no kind of event")
    return frozenset(kinds)


def parse_position(text: str | None, field: str) -> int | None:
    """A position in the log or in an output; InvalidInput when it is not a whole number of 0 or more."""
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        raise InvalidInput(field=field, problem="must be a whole number, 0 or more")
    return int(text)
