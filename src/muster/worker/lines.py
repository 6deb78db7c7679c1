"""Output bytes to lines of text that are safe to store and show. Pure."""

from __future__ import annotations

from typing import Final

LONGEST_LINE: Final = 16_384
"""Bytes; longer lines are split."""
_VISIBLE: Final = (
    {code: 0x2400 + code for code in range(32) if code != 9}
    | {127: 0x2421}
    | dict.fromkeys(range(128, 160), 0xFFFD)
)


class LineSplitter:
    """Feed it bytes of one stream as they come. Lines end with a line feed, a carriage return, or both."""

    def __init__(self) -> None:
        self._rest = b""
        self._after_return = False

    def feed(self, data: bytes) -> list[str]:
        """The lines completed by `data`."""
        if self._after_return and data:
            data = data.removeprefix(b"\n")
            self._after_return = False
        self._after_return = data.endswith(b"\r")
        *whole, self._rest = (self._rest + data).replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        lines = [piece for line in whole for piece in _pieces(line)]
        if len(self._rest) > LONGEST_LINE:
            *long, self._rest = _cut(self._rest)
            lines += map(plain_text, long)
        return lines

    def flush(self) -> list[str]:
        """The last line when it had no end."""
        rest, self._rest = self._rest, b""
        return _pieces(rest) if rest else []


def _pieces(line: bytes) -> list[str]:
    return [plain_text(line)] if len(line) <= LONGEST_LINE else [plain_text(piece) for piece in _cut(line)]


def _cut(line: bytes) -> list[bytes]:
    """Pieces of at most LONGEST_LINE bytes, cut between characters; the last may be empty."""
    pieces: list[bytes] = []
    start = 0
    while len(line) - start > LONGEST_LINE:
        end = start + LONGEST_LINE
        while end > start + LONGEST_LINE - 4 and line[end] & 0xC0 == 0x80:
            end -= 1
        pieces.append(line[start:end])
        start = end
    return [*pieces, line[start:]]


def plain_text(data: bytes) -> str:
    """Text in which invalid UTF-8 is replaced and control characters show as symbols (ESC as ␛, NUL as ␀)."""
    return data.decode("utf-8", "replace").translate(_VISIBLE)
