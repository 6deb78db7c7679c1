"""Standard input that is written while the program runs, in every driver (SW-4j)."""

from __future__ import annotations

import asyncio

import pytest

from muster.sandboxes.sandbox import Ending
from muster.sandboxes.stdin import MOST_WAITING, Stdin, StdinFull
from tests.sandboxes.bench import Bench
from tests.waiting import eventually


async def test_a_dialogue_goes_back_and_forth(bench: Bench) -> None:
    stdin = Stdin()
    stdin.write(b"before the start\n")
    async with asyncio.TaskGroup() as group:
        script = "while read -r line; do echo got $line; done; echo end"
        run = group.create_task(bench.run(script, stdin=stdin))
        await eventually(lambda: "got before the start" in bench.said)
        stdin.write(b"and after\n")
        await eventually(lambda: "got and after" in bench.said)
        stdin.close()
    assert run.result().ok
    assert bench.said.endswith("end\n")


async def test_the_end_comes_after_what_was_written(bench: Bench) -> None:
    stdin = Stdin()
    stdin.write(b"x" * 1_000_000)
    stdin.close()
    assert (await bench.run("wc -c", stdin=stdin)).ok
    assert bench.said.strip() == "1000000"


async def test_a_program_that_never_reads_holds_nobody_up(bench: Bench) -> None:
    stdin = Stdin()
    async with asyncio.TaskGroup() as group:
        run = group.create_task(bench.run("echo up; sleep 30", stdin=stdin))
        await eventually(lambda: "up" in bench.said)
        stdin.write(b"x" * 1_000_000)
        bench.sandboxes[0].kill()
    assert run.result().reason is Ending.KILLED


async def test_a_program_that_ends_first_does_no_harm(bench: Bench) -> None:
    stdin = Stdin()
    assert (await bench.run("true", stdin=stdin)).ok
    stdin.write(b"too late")
    stdin.close()


async def test_what_is_never_read_is_bounded() -> None:
    stdin = Stdin()
    stdin.write(b"x" * MOST_WAITING)
    with pytest.raises(StdinFull, match=str(MOST_WAITING)):
        stdin.write(b"x")


async def test_it_serves_one_program(bench: Bench) -> None:
    stdin = Stdin()
    await bench.run("true", stdin=stdin)
    with pytest.raises(ValueError, match="one program"):
        stdin.attach()
