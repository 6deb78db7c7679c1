"""Cursors: where a list goes on, opaque to the caller, refused when they were not made here."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Final

import msgspec

from muster.api.errors import BadCursor

_ENCODE: Final = msgspec.json.Encoder().encode
_DECODE: Final = msgspec.json.Decoder(list[int | str]).decode
_INTEGERS: Final = 2**63


def encode_cursor(key: Sequence[int | str]) -> str:
    """The cursor behind the last row of a page, whose sort key is `key`."""
    return base64.urlsafe_b64encode(_ENCODE(list(key))).rstrip(b"=").decode("ascii")


def decode_cursor(text: str, shape: Sequence[type[int] | type[str]]) -> tuple[int | str, ...]:
    """The sort key of a cursor; BadCursor unless it has exactly the types of `shape`."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        key = _DECODE(raw)
    except (ValueError, binascii.Error, msgspec.DecodeError):
        raise BadCursor() from None
    if [type(part) for part in key] != list(shape) or encode_cursor(key) != text:
        raise BadCursor()
    if any(isinstance(part, int) and not -_INTEGERS <= part < _INTEGERS for part in key):
        raise BadCursor()
    if any(isinstance(part, str) and "\x00" in part for part in key):
        raise BadCursor()
    return tuple(key)


def integer_cursor(text: str | None) -> int | None:
    """The integer of a cursor of one integer; None without a cursor."""
    if text is None:
        return None
    key = decode_cursor(text, (int,))
    return int(key[0])
