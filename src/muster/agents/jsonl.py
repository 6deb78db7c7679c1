"""JSON lines from a pipe: bytes in pieces of any size, whole lines out, and objects from lines. Never raises."""

from __future__ import annotations

import json
from typing import Any, Final

import msgspec

MAX_LINE_BYTES: Final = 64 * 1024 * 1024
"""A longer line is cut; what is left of it is no JSON, so it is shown as unknown."""
SHOWN_BYTES: Final = 8 * 1024
_decode: Final = msgspec.json.Decoder(dict[str, Any]).decode
_encode: Final = msgspec.json.Encoder().encode


class Lines:
    """Splits a stream into lines without their ends. What has no end yet waits for the next piece, or for `flush`."""

    def __init__(self, max_line_bytes: int = MAX_LINE_BYTES, *, blank: bool = False) -> None:
        self._max = max_line_bytes
        self._blank = blank
        self._rest = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that are complete now, empty ones left out unless they are wanted (`blank`)."""
        head, newline, tail = data.partition(b"\n")
        self._keep(head)
        if not newline:
            return []
        lines = [bytes(self._rest)]
        self._rest.clear()
        complete, newline, tail = tail.rpartition(b"\n")
        if newline:
            lines.extend(line[: self._max] for line in complete.split(b"\n"))
        self._keep(tail)
        return lines if self._blank else [line for line in lines if line and not line.isspace()]

    def flush(self) -> list[bytes]:
        """The last line, when the stream ended without a newline."""
        line = bytes(self._rest)
        self._rest.clear()
        return [line] if line.strip() else []

    def _keep(self, data: bytes) -> None:
        self._rest += data[: self._max - len(self._rest)]


def decode(line: bytes) -> dict[str, Any] | None:
    """The object of a line, or None when it is none. Bytes that are not UTF-8 and lone surrogates are replaced."""
    try:
        return _decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _forgiving(line)


def encode(*messages: object) -> bytes:
    """The messages as lines."""
    return b"".join(_encode(message) + b"\n" for message in messages)


def shown(line: bytes) -> str:
    """A line as text for an `Unknown` entry, cut where it is long."""
    text = line[:SHOWN_BYTES].decode("utf-8", "replace")
    cut = len(line) - SHOWN_BYTES
    return f"{text} ... ({cut} bytes more)" if cut > 0 else text


def _forgiving(line: bytes) -> dict[str, Any] | None:
    if not line.lstrip().startswith(b"{") or not line.rstrip().endswith(b"}"):
        return None
    try:
        value = json.loads(line.decode("utf-8", "replace"), strict=False)
        return _decode(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, msgspec.DecodeError, RecursionError):
        return None
