"""The server side of a WebSocket: uvicorn's protocol, opened to ready-made frames and to being nudged."""

from __future__ import annotations

from collections.abc import Mapping
from time import monotonic
from typing import Any, Final, cast

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

EXTENSION: Final = "muster.socket"
REASON_BYTES: Final = 123
CLOSE_SECONDS: Final = 5.0
"""How long a peer has to take its last frames and answer the closing one."""


class SocketProtocol(WebSocketsSansIOProtocol):
    """To be given to uvicorn as `ws`. The app finds it in the scope by `connection_of`."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.heard_at = monotonic()
        """When the peer was last heard of, pongs included (monotonic seconds)."""
        self.stalled_at: float | None = None
        """Since when the peer has not taken what was written."""
        self._nudged = False

    def data_received(self, data: bytes) -> None:
        self.heard_at = monotonic()
        super().data_received(data)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.stalled_at = monotonic()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.stalled_at = None
        self.nudge()

    async def run_asgi(self) -> None:
        cast(Any, self.scope)["extensions"][EXTENSION] = self
        await super().run_asgi()

    @property
    def open(self) -> bool:
        """Whether messages can still be sent."""
        return not (self.close_sent or self.disconnected or self.transport.is_closing())

    def nudge(self) -> None:
        """Have `receive` return a message of type `muster.nudge`; nudges that nobody has taken yet are one."""
        if not self._nudged and self.open:
            self._nudged = True
            self.queue.put_nowait(cast(Any, {"type": "muster.nudge"}))

    def nudge_taken(self) -> None:
        """To be called when a nudge was received."""
        self._nudged = False

    def write_frame(self, frame: bytes) -> bool:
        """Write a whole frame. False, and nothing is written, while the peer does not take what it has or is gone."""
        if self.stalled_at is not None or not self.open:
            return False
        self.transport.write(frame)
        return True

    async def until_writable(self) -> bool:
        """Wait until a frame can be written; False when the connection ended instead."""
        await self.writable.wait()
        return self.open

    def finish(self, code: int, reason: str) -> None:
        """Say goodbye behind what is still to be written, and let go of the peer if it does not answer."""
        if not self.open:
            return
        reason = reason.encode()[:REASON_BYTES].decode(errors="ignore")
        self.conn.send_close(code, reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        # A send that waits for a stalled peer must end now, not when the peer wakes up.
        self.writable.set()
        if self.read_paused:
            self.read_paused = False
            self.transport.resume_reading()
        self.close_timer = self.loop.call_later(CLOSE_SECONDS, self.transport.abort)


def connection_of(scope: Mapping[str, Any]) -> SocketProtocol | None:
    """The connection of a WebSocket's scope; None on a server that does not use this protocol."""
    extensions: Mapping[str, Any] = scope.get("extensions") or {}
    found = extensions.get(EXTENSION)
    return found if isinstance(found, SocketProtocol) else None
