"""Lines and the cap on output."""

from __future__ import annotations

import asyncio
import itertools

from hypothesis import given
from hypothesis import strategies as st

from muster.client.client import Client
from muster.client.in_process import InProcessTransport
from muster.sandboxes.sandbox import MB, Driver
from muster.worker.lines import LONGEST_LINE, LineSplitter
from muster.worker.output import Output
from tests.worker.conftest import Crew
from tests.worker.fake_server import FakeServer


@given(st.binary(max_size=2000), st.lists(st.integers(0, 2000), max_size=8))
def test_lines_do_not_depend_on_where_the_bytes_were_cut(data: bytes, cuts: list[int]) -> None:
    """SW-4f"""
    whole, parts = LineSplitter(), LineSplitter()
    expected = whole.feed(data) + whole.flush()
    found: list[str] = []
    places = [0, *sorted(cuts), len(data)]
    for start, end in itertools.pairwise(places):
        found += parts.feed(data[start:end])
    assert found + parts.flush() == expected


def test_every_way_to_end_a_line_is_known() -> None:
    """SW-4f"""
    splitter = LineSplitter()
    assert splitter.feed(b"a\nb\r\nc\rd\r") == ["a", "b", "c", "d"]
    assert splitter.feed(b"\ne\n\nf") == ["e", ""]
    assert splitter.flush() == ["f"]


def test_control_characters_and_invalid_text_become_harmless() -> None:
    """SW-4f"""
    assert LineSplitter().feed(b"\x00\x1b[31mred\t\xff\xc2\x9b\n") == ["\u2400\u241b[31mred\t\ufffd\ufffd"]


def test_a_line_of_ten_megabytes_is_split_between_characters() -> None:
    """SW-4f"""
    text = "é" * (5 * MB)
    splitter = LineSplitter()
    lines = [
        line
        for start in range(0, 10 * MB, 65_536)
        for line in splitter.feed(text.encode()[start : start + 65_536])
    ]
    lines += splitter.flush()
    assert "".join(lines) == text
    assert max(len(line.encode()) for line in lines) <= LONGEST_LINE


async def test_too_much_output_keeps_its_head_and_its_tail(server: FakeServer) -> None:
    """SW-4f"""
    attempt = await server.submit()
    server.running[attempt] = server.ready.pop()
    transport = InProcessTransport(server)
    async with asyncio.TaskGroup() as group:
        output = Output(Client(transport), attempt, server.running[attempt].token, 40_000)
        group.create_task(output.send(lambda: None))
        for number in range(20_000):
            output.feed("stdout", f"line {number}\n".encode())
        output.finish()
    lines = server.text(attempt, "stdout").splitlines()
    [missing] = server.text(attempt, "system").splitlines()
    assert lines[0] == "line 0"
    assert lines[-1] == "line 19999"
    sent = sum(len(line) + 1 for line in lines)
    assert sent < 40_000
    total = sum(len(f"line {number}\n") for number in range(20_000))
    assert int(missing.split()[0].strip("[")) == total - sent


async def test_a_script_may_write_anything(crew: Crew, server: FakeServer, any_driver: Driver) -> None:
    """SW-4f"""
    await crew.start(any_driver)
    script = "head -c 300000 /dev/urandom; head -c 10000000 /dev/zero | tr '\\0' x; echo; echo end"
    attempt = await server.submit(payload={"script": script})
    await server.end(attempt)
    assert server.text(attempt).endswith("\nend")
    assert "bytes of output left out here]" in server.text(attempt, "system")
    assert sum(len(line.text) for line in server.lines[attempt]) < 5 * MB
