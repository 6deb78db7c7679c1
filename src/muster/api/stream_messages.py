"""What clients may say on a live socket."""

from __future__ import annotations

from typing import Final

import msgspec

from muster.domain.errors import InvalidInput


class Ping(msgspec.Struct, tag="ping"):
    """Answered by `pong`."""


class Resume(msgspec.Struct, tag="resume"):
    """Go to a position of the log; answered by `resumed`, after which the events behind it follow."""

    after: int


class Subscribe(msgspec.Struct, tag="subscribe"):
    """Listen to a room: `session:ID` or `project:ID`."""

    room: str


class Unsubscribe(msgspec.Struct, tag="unsubscribe"):
    """Listen to a room no more."""

    room: str


class Look(msgspec.Struct, tag="look"):
    """Look at these requests and tasks and at nothing else; answered by `looking`. `by` is who, as in an answer;
    `browser` tells windows of one browser from those of another when nobody says who."""

    items: list[str]
    by: str = ""
    browser: str = ""


Said = Ping | Resume | Subscribe | Unsubscribe | Look
_DECODER: Final = msgspec.json.Decoder(Said)


class BadMessage(InvalidInput):
    """The message cannot be understood: {problem}. Send JSON text: {{"type": "ping"}}, resume, subscribe, unsubscribe, look."""

    code = "bad_message"


def read_message(text: str | None) -> Said:
    """A client's message; BadMessage when it is none. None: it was sent as binary."""
    if text is None:
        raise BadMessage(problem="it is binary")
    try:
        said = _DECODER.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise BadMessage(problem=str(error)[:200]) from error
    if isinstance(said, Resume) and said.after < 0:
        raise BadMessage(problem="after must be 0 or more")
    return said
