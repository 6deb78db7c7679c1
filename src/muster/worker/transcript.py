"""The transcript of one attempt on its way to the server."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields, replace
from typing import Final

from muster.client.client import Client
from muster.domain.transcript import Entry, Message, Thinking, ToolResult
from muster.worker.delivery import Delivery

ENTRY_COST: Final = 64
"""Bytes an entry counts beside its texts."""


class Transcript:
    """Takes entries as they come and sends them with `send`, which runs beside the attempt until `finish`."""

    def __init__(self, client: Client, attempt_id: str, token: str) -> None:
        async def post(position: int, entries: list[Entry]) -> int:
            return (await client.send_transcript(attempt_id, token, position, entries)).position

        self._delivery = Delivery(f"transcript of {attempt_id}", post, _cost)

    def add(self, entries: Sequence[Entry]) -> None:
        """Entries in order; pieces of one message that come together are kept as one."""
        self._delivery.add(joined(entries))

    def finish(self) -> None:
        """No more comes."""
        self._delivery.finish()

    async def send(self, on_fenced: Callable[[], None]) -> None:
        """Send until `finish` was called and all is kept; see `Delivery.send`."""
        await self._delivery.send(on_fenced)


def joined(entries: Sequence[Entry]) -> list[Entry]:
    """Entries with neighbouring pieces of one message, thought or output made one."""
    found: list[Entry] = []
    for entry in entries:
        together = _together(found[-1], entry) if found else None
        if together is None:
            found.append(entry)
        else:
            found[-1] = together
    return found


def _together(last: Entry, entry: Entry) -> Entry | None:
    match last, entry:
        case Message(more=True), Message() if (last.role, last.parent) == (entry.role, entry.parent):
            return replace(entry, text=last.text + entry.text)
        case Thinking(more=True), Thinking() if last.parent == entry.parent:
            return replace(entry, text=last.text + entry.text)
        case ToolResult(more=True), ToolResult(more=True) if last.id == entry.id:
            # Only pieces: the end of an output comes with all of it.
            return replace(entry, output=last.output + entry.output)
        case _:
            return None


def _cost(entry: Entry) -> int:
    texts = (getattr(entry, field.name) for field in fields(entry))
    return ENTRY_COST + sum(len(text) for text in texts if isinstance(text, str))
