"""A transcript as a reader wants it: messages that came in pieces put together again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from muster.domain.transcript import Entry, Message, Thinking, ToolResult


@dataclass(frozen=True, slots=True)
class Stored:
    """An entry where it is kept. `position` counts from 0, `at` is when it arrived (microseconds)."""

    position: int
    at: int
    entry: Entry


class Joiner:
    """Puts pieces together. What is not finished when something else comes, or at `rest`, is given as it is."""

    def __init__(self) -> None:
        self._held: Stored | None = None

    def feed(self, stored: Stored) -> Iterator[Stored]:
        """What is whole now."""
        held = self._held
        if held is not None and _same(held.entry, stored.entry):
            stored = Stored(held.position, held.at, _joined(held.entry, stored.entry))
        elif held is not None:
            yield held
        self._held = None
        if getattr(stored.entry, "more", False):
            self._held = stored
        else:
            yield stored

    def rest(self) -> Iterator[Stored]:
        """What was begun and not finished."""
        if self._held is not None:
            yield self._held
        self._held = None


def joined(entries: Iterable[Stored]) -> Iterator[Stored]:
    """The entries with pieces put together; a joined one has the place of its first piece."""
    joiner = Joiner()
    for stored in entries:
        yield from joiner.feed(stored)
    yield from joiner.rest()


def _same(first: Entry, second: Entry) -> bool:
    match first, second:
        case Message(), Message():
            return (first.role, first.parent) == (second.role, second.parent)
        case Thinking(), Thinking():
            return first.parent == second.parent
        case ToolResult(), ToolResult():
            return first.id == second.id
        case _:
            return False


def _joined(first: Entry, second: Entry) -> Entry:
    if isinstance(first, ToolResult) and isinstance(second, ToolResult):
        return replace(second, output=first.output + second.output, diff=second.diff or first.diff)
    assert isinstance(first, Message | Thinking)
    assert isinstance(second, Message | Thinking)
    return replace(second, text=first.text + second.text)
