"""Bytes of a program nobody trusts, on their way to a terminal: what is meant for the terminal itself is taken out."""

from __future__ import annotations

from enum import Enum
from typing import Final

ESCAPE: Final = 0x1B
STRINGS: Final = frozenset(b"]PX^_")
"""Behind an escape they begin a text for the terminal: its title, the clipboard, a link, a request for its settings."""
STRINGS_OF_8_BITS: Final = frozenset((0x90, 0x98, 0x9D, 0x9E, 0x9F))
CONTROL_OF_8_BITS: Final = 0x9B
BELL: Final = 0x07
ENDS: Final = frozenset((BELL, 0x18, 0x1A))
WINDOW: Final = ord("t")
"""Moves and resizes the window, and has its title typed."""
LONGEST: Final = 256


class _At(Enum):
    TEXT = 0
    ESCAPE = 1
    CONTROL = 2
    STRING = 3
    EIGHT_BITS = 4


class Shown:
    """A stream: sequences may be cut anywhere. Text, colours, the cursor and modes of keys and mouse pass."""

    def __init__(self) -> None:
        self._at = _At.TEXT
        self._held = bytearray()

    def feed(self, data: bytes) -> bytes:
        """What may be shown of it."""
        if self._at is _At.TEXT and ESCAPE not in data and 0xC2 not in data:
            return data
        out = bytearray()
        for byte in data:
            self._take(byte, out)
        return bytes(out)

    def _take(self, byte: int, out: bytearray) -> None:
        match self._at:
            case _At.TEXT:
                self._text(byte, out)
            case _At.ESCAPE:
                self._escape(byte, out)
            case _At.CONTROL:
                self._control(byte, out)
            case _At.EIGHT_BITS:
                self._eight_bits(byte, out)
            case _At.STRING:
                if byte == ESCAPE:
                    self._at = _At.ESCAPE
                elif byte in ENDS:
                    self._at = _At.TEXT

    def _text(self, byte: int, out: bytearray) -> None:
        if byte == ESCAPE:
            self._at = _At.ESCAPE
        elif byte == 0xC2:
            self._at = _At.EIGHT_BITS
        else:
            out.append(byte)

    def _escape(self, byte: int, out: bytearray) -> None:
        if byte == ESCAPE:
            return
        self._at = _At.TEXT
        if byte in STRINGS:
            self._at = _At.STRING
        elif byte == ord("["):
            self._begin_control()
        elif byte != ord("\\"):
            out += bytes((ESCAPE, byte))

    def _begin_control(self) -> None:
        self._at = _At.CONTROL
        self._held[:] = b"\x1b["

    def _control(self, byte: int, out: bytearray) -> None:
        self._held.append(byte)
        if byte == ESCAPE:
            self._at = _At.ESCAPE
        elif 0x40 <= byte <= 0x7E:
            out += b"" if byte == WINDOW else self._held
            self._at = _At.TEXT
        elif byte in (0x18, 0x1A) or len(self._held) > LONGEST:
            self._at = _At.TEXT

    def _eight_bits(self, byte: int, out: bytearray) -> None:
        """The second byte of U+0080 to U+00BF: the first half are controls that some terminals heed."""
        self._at = _At.TEXT
        if byte in STRINGS_OF_8_BITS:
            self._at = _At.STRING
        elif byte == CONTROL_OF_8_BITS:
            self._begin_control()
        elif not 0x80 <= byte <= 0x9F:
            out.append(0xC2)
            self._text(byte, out)
