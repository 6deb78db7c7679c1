"""Lines of JSON out of bytes that come in pieces of any size."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec

LONGEST_LINE: Final = 16 * 1024 * 1024
SHOWN: Final = 4_000
"""Characters kept of a line that cannot be read."""

_decode: Final = msgspec.json.Decoder().decode


class Lines:
    """Complete lines of a byte stream. One that grows beyond 16 MiB is handed on in its first part; its rest is dropped."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False

    def feed(self, data: bytes) -> list[bytes]:
        """The lines that `data` completes, without their ends; blank ones are left out."""
        *whole, rest = data.split(b"\n")
        lines: list[bytes] = []
        for piece in whole:
            if self._rest:
                self._rest += piece
                piece = bytes(self._rest)
                self._rest.clear()
            if self._skipping:
                self._skipping = False
            elif piece and not piece.isspace():
                lines.append(piece)
        self._rest += rest
        if len(self._rest) > LONGEST_LINE:
            if not self._skipping:
                lines.append(bytes(self._rest[:LONGEST_LINE]))
            self._skipping = True
            self._rest.clear()
        return lines

    def flush(self) -> list[bytes]:
        """The last line when it had no end."""
        rest = bytes(self._rest)
        self._rest.clear()
        return [rest] if rest.strip() and not self._skipping else []


def read_object(line: bytes) -> dict[str, Any] | None:
    """The JSON object on a line; None when it is something else, or too deep."""
    try:
        value = _decode(line)
    except (msgspec.DecodeError, RecursionError):
        return None
    return cast(dict[str, Any], value) if isinstance(value, dict) else None


def child(parent: dict[str, Any], name: str) -> dict[str, Any]:
    """The object under a name; an empty one when there is none."""
    value = parent.get(name)
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def children(parent: dict[str, Any], name: str) -> list[dict[str, Any]]:
    """The objects in the list under a name; what is no object is left out."""
    value = parent.get(name)
    if not isinstance(value, list):
        return []
    return [cast(dict[str, Any], entry) for entry in cast(list[Any], value) if isinstance(entry, dict)]


def word(parent: dict[str, Any], name: str) -> str:
    """The text under a name; empty when there is none."""
    value = parent.get(name)
    return value if isinstance(value, str) else ""


def number(parent: dict[str, Any], name: str) -> int:
    """The count under a name; 0 when there is none."""
    value = parent.get(name)
    return value if isinstance(value, int) else 0


def shown(line: bytes) -> str:
    """A line that could not be read, for a person."""
    text = line.decode("utf-8", "replace")
    return text if len(text) <= SHOWN else f"{text[:SHOWN]} [{len(line)} bytes]"


def write_object(value: dict[str, Any]) -> bytes:
    """One line of JSON."""
    return msgspec.json.encode(value) + b"\n"
