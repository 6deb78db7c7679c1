"""What live streams may cost."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLimits:
    """Durations are seconds."""

    sockets: int = 2_000
    """WebSocket clients at a time; one more is closed with 1013."""
    event_streams: int = 2_000
    """Clients of server-sent events at a time; one more gets 429."""
    heartbeat_seconds: float = 15.0
    silence_seconds: float = 45.0
    """A client that was not heard of for so long, not even by answering pings, is closed with 1001."""
    absent_seconds: float = 9.0
    """Who was not heard of for so long, not even by answering pings, is not shown as looking at anything."""
    stall_seconds: float = 30.0
    """A client that takes nothing for so long is closed with 1013; the reason says where to resume."""
    bad_messages: int = 5
    """So many messages that cannot be understood close a socket with 1008."""
