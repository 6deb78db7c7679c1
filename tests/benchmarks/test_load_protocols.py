"""The load tools' own readers: HTTP answers and WebSocket frames, however the bytes are cut."""

from __future__ import annotations

import asyncio

import pytest

from benchmarks.load.connection import Connection, ServerClosed, request
from benchmarks.load.frames import SocketClient

ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + b'{"id": "x"}'
)
UPGRADED = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\n\r\n"


class Wire(asyncio.Transport):
    """Keeps what is written to it."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = b""

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.sent += bytes(data)


def frame(payload: bytes, *, kind: int = 1, final: bool = True) -> bytes:
    length = bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + len(payload).to_bytes(2)
    return bytes([kind | (128 if final else 0)]) + length + payload


@pytest.mark.parametrize("cut", [1, 7, 40, 70, 90, len(ANSWER)])
async def test_an_answer_is_read_however_it_is_cut(cut: int) -> None:
    connection, wire = Connection(), Wire()
    connection.connection_made(wire)
    asked = asyncio.ensure_future(connection.ask(request("POST", "/tasks", {"title": "a"})))
    await asyncio.sleep(0)
    connection.data_received(ANSWER[:cut])
    if ANSWER[cut:]:
        connection.data_received(ANSWER[cut:])
    assert await asked == (201, b'{"id": "x"}')
    assert wire.sent.endswith(b'content-length: 13\r\n\r\n{"title":"a"}')


async def test_a_connection_lost_in_an_answer_is_an_error() -> None:
    connection = Connection()
    connection.connection_made(Wire())
    asked = asyncio.ensure_future(connection.ask(request("GET", "/tasks")))
    await asyncio.sleep(0)
    connection.data_received(ANSWER[:20])
    connection.connection_lost(None)
    with pytest.raises(ServerClosed):
        await asked


@pytest.mark.parametrize("size", [1, 3, 200, 4_000])
async def test_frames_are_read_however_they_are_cut(size: int) -> None:
    got: list[bytes] = []
    client, wire = SocketClient("/ws", None, got.append), Wire()
    client.connection_made(wire)
    long = b"x" * 300
    stream = UPGRADED + b"".join(
        [
            frame(b"one"),
            frame(b"tw", final=False),
            frame(b"hello", kind=9),
            frame(b"o", kind=0),
            frame(long),
        ]
    )
    for at in range(0, len(stream), size):
        client.data_received(stream[at : at + size])
    assert got == [b"one", b"two", long]
    assert client.open.done()
    pong = wire.sent.partition(b"\r\n\r\n")[2]
    assert pong[:2] == bytes((0x8A, 0x80 | 5))
    assert bytes(byte ^ pong[2 + index % 4] for index, byte in enumerate(pong[6:])) == b"hello"


async def test_a_close_frame_is_noted_with_its_reason() -> None:
    client = SocketClient("/ws", None, lambda _: None)
    client.connection_made(Wire())
    client.data_received(UPGRADED + frame(b"\x03\xf0too slow", kind=8))
    assert "too slow" in client.closed
