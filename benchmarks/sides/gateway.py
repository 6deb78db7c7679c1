"""What the model gateway adds to a streamed call: the first byte of an answer, with it between and without."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import uvloop
from aiohttp import web

from benchmarks.child import Answer, Parameters, answer, fresh_directory, run_side
from benchmarks.statistics import percentile
from muster.agents.adapter import Dialect
from muster.gateway.keyring import Key
from muster.gateway.provider import Provider
from muster.gateway.server import Gateway

ASKED = json.dumps(
    {"model": "claude-sonnet-4-5", "stream": True, "messages": [{"content": "x" * 20_000}]}
).encode()
PIECES = (
    b'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":9,"output_tokens":1}}}\n\n',
    *[b'event: content_block_delta\ndata: {"type":"content_block_delta","delta":{"text":"word "}}\n\n'] * 20,
    b'event: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":20}}\n\n',
)


async def serve_answers(place: str) -> None:
    """A provider that streams at once; its port is written to `place`."""

    async def stream(request: web.Request) -> web.StreamResponse:
        await request.read()
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        for piece in PIECES:
            await response.write(piece)
        return response

    app = web.Application(client_max_size=1 << 26)
    app.router.add_post("/{rest:.*}", stream)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    _tell(place, str(port))
    await asyncio.Event().wait()


async def serve_gateway(place: str, provider: str) -> None:
    """The gateway as a worker has it; the path of a run is written to `place`."""
    gateway = Gateway(
        [Provider(name="anthropic", dialect=Dialect.ANTHROPIC, base_url=provider, keys=(Key("K", "k"),))]
    )
    await gateway.start(Path(place).with_suffix(".sock"))
    run = gateway.open_account(on_call=lambda _: None)
    _tell(place, f"/run/{run.token}/anthropic/v1/messages")
    await asyncio.Event().wait()


def _tell(place: str, text: str) -> None:
    Path(place).with_suffix(".part").write_text(text)
    Path(place).with_suffix(".part").rename(place)


@contextlib.contextmanager
def _process(place: Path, *arguments: str) -> Iterator[str]:
    """One of the two servers in a process of its own; what it told."""
    process = subprocess.Popen([sys.executable, "-m", "benchmarks.sides.gateway", *arguments])
    try:
        while not place.exists():
            if process.poll() is not None:
                raise RuntimeError(f"{arguments[0]} ended with {process.returncode}")
            time.sleep(0.02)
        yield place.read_text()
    finally:
        process.kill()
        process.wait()


class _OverSocket(http.client.HTTPConnection):
    """HTTP over a unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("localhost")
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(str(self._path))


def _first_byte(connection: http.client.HTTPConnection, path: str) -> float:
    """Milliseconds from sending a call to the first byte of its answer's body; the rest is read too."""
    began = time.perf_counter()
    connection.request("POST", path, ASKED, {"content-type": "application/json", "x-api-key": "run"})
    response = connection.getresponse()
    first = response.read1(1)
    took = (time.perf_counter() - began) * 1000
    rest = response.read()
    if response.status != 200 or first + rest != b"".join(PIECES):
        raise RuntimeError(f"status {response.status}, {len(rest)} bytes: the answer did not come through")
    return took


def measure(parameters: Parameters) -> Answer:
    """Both ways in turn, over connections that are kept."""
    folder = fresh_directory(parameters)
    with (
        _process(folder / "port", "provider", str(folder / "port")) as port,
        _process(folder / "run", "gateway", str(folder / "run"), f"http://127.0.0.1:{port}") as path,
    ):
        straight, between = (
            http.client.HTTPConnection("127.0.0.1", int(port)),
            _OverSocket(folder / "run.sock"),
        )
        pairs = [
            (_first_byte(straight, "/v1/messages"), _first_byte(between, path))
            for _ in range(parameters["calls"] + 20)
        ][20:]
        straight.close()
        between.close()
    without, with_it = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    own = parameters["side"] == "muster"
    added = percentile(with_it, 0.5) - percentile(without, 0.5)
    chosen = with_it if own else without
    figures = {"first_byte_p50_ms": percentile(chosen, 0.5), "first_byte_p95_ms": percentile(chosen, 0.95)}
    return answer(
        figures | ({"added_ms": added} if own else {}),
        subject="the gateway between" if own else "straight to the provider",
        note=f"calls of {len(ASKED) // 1000} kB, {os.cpu_count()} processors for client, gateway and provider",
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["provider", place]:
            uvloop.run(serve_answers(place))
        case ["gateway", place, provider]:
            uvloop.run(serve_gateway(place, provider))
        case _:
            run_side(measure)
