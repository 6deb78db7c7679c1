"""WebSocket frames and messages, ready to be written."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from muster.api.times import iso

PING: Final = b"\x89\x00"
_ENCODER: Final = msgspec.json.Encoder()


def text_frame(message: bytes) -> bytes:
    """An unfragmented, unmasked text frame (RFC 6455, 5.2) around a message in UTF-8."""
    size = len(message)
    if size < 126:
        return b"\x81%c%b" % (size, message)
    if size < 65_536:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), message)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), message)


def message_frame(kind: str, **fields: Any) -> bytes:
    """A text frame around `{"type": kind, ...}`."""
    return text_frame(_ENCODER.encode({"type": kind, **fields}))


def heartbeat_frames(position: int, now_us: int) -> bytes:
    """A ping frame, which every client answers by itself, and a message that says where the log is."""
    return PING + message_frame("heartbeat", seq=position, at=iso(now_us))
