"""Heartbeats of all sockets by one timer, and the end of those that are silent or take nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Protocol

from muster.api.stream_frames import PING, heartbeat_frames
from muster.api.stream_limits import StreamLimits
from muster.api.stream_onlookers import Gaze
from muster.api.stream_protocol import SocketProtocol


class Swept(Protocol):
    """A socket. `beaten_at` is when it last got a heartbeat (monotonic seconds)."""

    connection: SocketProtocol
    gaze: Gaze
    position: int
    beaten_at: float


class Sweep:
    """The open sockets. The timer runs while there are any."""

    def __init__(self, limits: StreamLimits, now: Callable[[], int]) -> None:
        self._limits = limits
        self._now = now
        self._sockets: dict[Swept, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        waits = (
            limits.heartbeat_seconds,
            limits.silence_seconds,
            limits.absent_seconds,
            limits.stall_seconds,
        )
        self._every = min(waits) / 3

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, socket: Swept) -> None:
        """Look after a socket."""
        self._sockets[socket] = None
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every, self._look)

    def discard(self, socket: Swept) -> None:
        """The socket has ended."""
        self._sockets.pop(socket, None)
        if not self._sockets and self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(self._every, self._look)
        now = monotonic()
        made: dict[int, bytes] = {}
        for socket in self._sockets:
            self._look_after_gaze(socket, now - socket.connection.heard_at)
            if self._is_over(socket, now) or now - socket.beaten_at < self._limits.heartbeat_seconds:
                continue
            frames = made.get(socket.position)
            if frames is None:
                frames = made[socket.position] = heartbeat_frames(socket.position, self._now())
            if socket.connection.write_frame(frames):
                socket.beaten_at = now

    def _look_after_gaze(self, socket: Swept, silent: float) -> None:
        """Whoever looks at something is pinged more often, so that one who is cut off is soon not shown to others."""
        if socket.gaze.items:
            socket.gaze.heard(silent < self._limits.absent_seconds)
            if silent >= self._every:
                socket.connection.write_frame(PING)

    def _is_over(self, socket: Swept, now: float) -> bool:
        connection, limits = socket.connection, self._limits
        stalled = connection.stalled_at
        if stalled is not None and now - stalled > limits.stall_seconds:
            connection.finish(1013, f"too slow; resume after {socket.position}")
            return True
        if now - connection.heard_at > limits.silence_seconds:
            connection.finish(
                1001, f"silent for {limits.silence_seconds:g} s; resume after {socket.position}"
            )
            return True
        return False
