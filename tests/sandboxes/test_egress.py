"""A sandbox without a network reaches the hosts that are allowed, and no other (SW-6a)."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from muster.domain.egress import parse_rule
from muster.sandboxes import relay
from muster.sandboxes.egress import EgressProxy, Traffic
from tests.sandboxes.bench import Bench

GET = """
import json, sys, urllib.request, urllib.error
for url in sys.argv[1:]:
    try:
        print(json.dumps([200, urllib.request.urlopen(url, timeout=10).read().decode()]), flush=True)
    except urllib.error.HTTPError as error:
        print(json.dumps([error.code, error.read().decode()]), flush=True)
    except OSError as error:
        print(json.dumps([0, str(error)]), flush=True)
"""


@dataclass
class World:
    """A web server on this host's loopback, and an echo server."""

    port: int
    echo: int
    heads: list[str] = field(default_factory=list)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async def web(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        made.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwelcome")
        await writer.drain()
        writer.close()

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            writer.write(data)
        writer.close()

    async with (
        await asyncio.start_server(web, "127.0.0.1", 0) as first,
        await asyncio.start_server(echo, "127.0.0.1", 0) as second,
    ):
        made = World(first.sockets[0].getsockname()[1], second.sockets[0].getsockname()[1])
        yield made


@asynccontextmanager
async def proxy(
    folder: Path, *rules: str, traffic: Traffic | None = None
) -> AsyncIterator[tuple[Path, list[str]]]:
    refused: list[str] = []
    door = folder / "egress.sock"
    async with EgressProxy([parse_rule(rule) for rule in rules], refused.append, traffic).listening(door):
        yield door, refused


async def ask(door: Path, request: bytes) -> bytes:
    """What a raw client gets to hear."""
    reader, writer = await asyncio.open_unix_connection(door)
    writer.write(request)
    try:
        return await asyncio.wait_for(reader.read(), 10)
    finally:
        writer.close()


async def inside(isolated: Bench, door: Path, *urls: str, proxied: bool = True) -> list[list[object]]:
    """What a program in a sandbox without a network gets for some addresses."""
    env = {"http_proxy": "http://127.0.0.1:18009"} if proxied else {}
    argv = [sys.executable, "-I", relay.__file__, f"18009={door}", "--", sys.executable, "-c", GET, *urls]
    sandbox = await isolated.open(readable=(door.parent, *PYTHON))
    isolated.out.clear()
    await sandbox.exec(argv, env=env, on_output=isolated.keep, timeout=60)
    return [json.loads(line) for line in isolated.said.splitlines()]


PYTHON = (Path(sys.prefix), Path(sys.base_prefix), Path(relay.__file__).parent)


async def test_a_program_in_a_sandbox_reaches_what_is_allowed_and_nothing_else(
    isolated: Bench, world: World, tmp_path: Path
) -> None:
    base = f"http://127.0.0.1:{world.port}/hello?x=1"
    async with proxy(tmp_path / "door", f"127.0.0.1:{world.port}") as (door, refused):
        urls = (base, f"http://127.0.0.1:{world.echo}/", "http://example.com/")
        answers = await inside(isolated, door, *urls)
        assert answers[0] == [200, "welcome"]
        assert [answer[0] for answer in answers[1:]] == [403, 403]
        assert "allow_hosts" in str(answers[2][1])
        assert refused[1].startswith("example.com:80 is not among")
        direct = await inside(isolated, door, base, proxied=False)
        assert direct[0][0] == 0
    assert world.heads[0].startswith("GET /hello?x=1 HTTP/1.1\r\n")
    assert "proxy" not in world.heads[0].lower()


async def test_a_tunnel_carries_bytes_both_ways_until_both_have_ended(world: World, tmp_path: Path) -> None:
    traffic = Traffic()
    async with proxy(tmp_path, f"127.0.0.1:{world.echo}", traffic=traffic) as (door, _):
        reader, writer = await asyncio.open_unix_connection(door)
        writer.write(f"CONNECT 127.0.0.1:{world.echo} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 200 ")
        sent = b"0123456789abcdef" * 65_536
        writer.write(sent)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 20) == sent
        writer.close()
    assert (traffic.received, traffic.sent) == (len(sent), len(sent))


async def test_what_is_asked_and_answered_is_counted_and_what_is_refused_is_not(
    world: World, tmp_path: Path
) -> None:
    """OD-34"""
    traffic = Traffic()
    async with proxy(tmp_path, f"127.0.0.1:{world.port}", traffic=traffic) as (door, _):
        answer = await ask(door, f"GET http://127.0.0.1:{world.port}/a HTTP/1.1\r\n\r\n".encode())
        assert (traffic.received, traffic.sent) == (len(answer), len(world.heads[0]))
        await ask(door, b"GET http://example.com/ HTTP/1.1\r\n\r\n")
    assert (traffic.received, traffic.sent) == (len(answer), len(world.heads[0]))


async def test_a_name_that_stands_for_this_host_is_refused(world: World, tmp_path: Path) -> None:
    async with proxy(tmp_path, f"localhost:{world.port}") as (door, refused):
        answer = await ask(door, f"GET http://localhost:{world.port}/ HTTP/1.1\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 403 ")
    assert "is no address it may reach" in refused[0]
    assert world.heads == []


@pytest.mark.parametrize(
    ("request_line", "status"),
    [
        (b"GET / HTTP/1.1", b"400"),
        (b"GET ftp://127.0.0.1/ HTTP/1.1", b"400"),
        (b"GET https://127.0.0.1/ HTTP/1.1", b"400"),
        (b"CONNECT 127.0.0.1:99999 HTTP/1.1", b"400"),
        (b"CONNECT [::1 HTTP/1.1", b"400"),
        (b"\xff\xfe", b"400"),
        (b"CONNECT 127.0.0.1:1 HTTP/1.1", b"502"),
        (b"CONNECT 127.0.0.1:2 HTTP/1.1", b"403"),
    ],
)
async def test_what_is_no_request_for_it_is_answered_with_words(
    tmp_path: Path, request_line: bytes, status: bytes
) -> None:
    async with proxy(tmp_path, "127.0.0.1:1") as (door, _):
        answer = await ask(door, request_line + b"\r\n\r\n")
    assert answer.split()[1] == status
    assert b"muster: " in answer


async def test_a_head_without_an_end_is_not_waited_for_beyond_its_size(tmp_path: Path) -> None:
    async with proxy(tmp_path, "example.com") as (door, _):
        assert await ask(door, b"GET http://example.com/" + b"x" * 200_000) == b""


async def test_each_refusal_is_told_once(tmp_path: Path) -> None:
    async with proxy(tmp_path, "example.com") as (door, refused):
        for _ in range(3):
            await ask(door, b"CONNECT evil.example:443 HTTP/1.1\r\n\r\n")
    assert len(refused) == 1


async def test_the_end_of_the_attempt_cuts_what_is_open(world: World, tmp_path: Path) -> None:
    async with proxy(tmp_path, f"127.0.0.1:{world.echo}") as (door, _):
        reader, writer = await asyncio.open_unix_connection(door)
        writer.write(f"CONNECT 127.0.0.1:{world.echo} HTTP/1.1\r\n\r\n".encode())
        await reader.readuntil(b"\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    assert not door.exists()
    writer.close()
