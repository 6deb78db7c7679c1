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
    """Puts pieces together. Pieces of a message go on until something else comes; pieces of a tool's output wait for
    its end, which has all of it when it has any."""

    def __init__(self) -> None:
        self._said: Stored | None = None
        self._outputs: dict[str, Stored] = {}

    def feed(self, stored: Stored) -> Iterator[Stored]:
        """What is whole now."""
        entry = stored.entry
        if isinstance(entry, ToolResult):
            whole = self._output(entry, stored)
            if whole is not None:
                yield from self.pause()
                yield whole
            return
        said = self._said
        if said is not None and _same(said.entry, entry):
            stored = Stored(said.position, said.at, _joined(said.entry, entry))
            self._said = None
        yield from self.pause()
        if getattr(entry, "more", False):
            self._said = stored
        else:
            yield stored

    def _output(self, entry: ToolResult, stored: Stored) -> Stored | None:
        before = self._outputs.pop(entry.id, None)
        if before is not None and isinstance(before.entry, ToolResult):
            pieces = before.entry
            output = pieces.output + entry.output if entry.more else entry.output or pieces.output
            entry = replace(entry, output=output, diff=entry.diff or pieces.diff)
            stored = Stored(stored.position, stored.at, entry)
        if entry.more:
            self._outputs[entry.id] = stored
            return None
        return stored

    def pause(self) -> Iterator[Stored]:
        """The message that was begun, as far as it goes; the rest of it will be another."""
        if self._said is not None:
            yield self._said
        self._said = None

    def rest(self) -> Iterator[Stored]:
        """What was begun and not finished, tools too."""
        yield from self.pause()
        yield from self._outputs.values()
        self._outputs = {}


def joined(entries: Iterable[Stored]) -> Iterator[Stored]:
    """The entries with pieces put together; a joined message has the place of its first piece, a tool's output that
    of its last."""
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
        case _:
            return False


def _joined(first: Entry, second: Entry) -> Entry:
    assert isinstance(first, Message | Thinking)
    assert isinstance(second, Message | Thinking)
    return replace(second, text=first.text + second.text)
