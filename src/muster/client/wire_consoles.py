"""Consoles on the wire: bytes of a terminal (base64), by position, so that what is sent twice is taken once."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

PIECE_BYTES: Final = 65_536
"""The most that goes into one call."""
Position = Annotated[int, Meta(ge=0, le=2**53)]
BASE64: Final = "^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$"
Piece = Annotated[bytes, Meta(max_length=PIECE_BYTES, extra_json_schema={"pattern": BASE64})]
Wait = Annotated[float, Meta(ge=0, le=60)]
Size = Annotated[int, Meta(ge=1, le=1_000)]
State = Literal["opening", "open", "ended"]


class ConsoleWrite(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What somebody typed, where it stands in all they typed, and how large their terminal is."""

    position: Position = 0
    data: Piece = b""
    columns: Size | None = None
    rows: Size | None = None


class ConsoleWritten(Struct, kw_only=True):
    """How much of what was typed was taken in all; what is behind that is to be sent again."""

    position: int
    state: State


class ConsoleRead(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """What comes from `position` on; everything before it was shown and is forgotten."""

    position: Position = 0
    wait_seconds: Wait = 0


class ConsoleShown(Struct, kw_only=True):
    """Output of the shell up to `position`. `ended` with everything shown: `exit_code`, or why it ended."""

    data: bytes
    position: int
    state: State
    exit_code: int | None = None
    problem: str | None = None


class ConsoleOutput(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """From the worker: what the shell said from `position` on; at its end the exit status or a problem."""

    position: Position = 0
    data: Piece = b""
    ended: bool = False
    exit_code: Annotated[int, Meta(ge=0, le=255)] | None = None
    problem: Annotated[str, Meta(max_length=500)] | None = None
    wait_seconds: Wait = 0
    """How long to wait for room."""


class ConsoleTaken(Struct, kw_only=True):
    """How much of the output was taken in all; nobody wants more when it is `closed`."""

    position: int
    closed: bool


class ConsoleInput(Struct, forbid_unknown_fields=True, kw_only=True, omit_defaults=True):
    """From the worker: what was typed from `position` on, waiting for some, or for another size."""

    position: Position = 0
    columns: Annotated[int, Meta(ge=0, le=1_000)] = 0
    rows: Annotated[int, Meta(ge=0, le=1_000)] = 0
    wait_seconds: Wait = 0


class ConsoleTyped(Struct, kw_only=True):
    """Input for the shell, and the size of the terminal."""

    data: bytes
    position: int
    columns: int
    rows: int
    closed: bool
