"""Starts of sandboxes: spawn to the first byte that the program inside writes, and many alive at once."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import uvloop

from benchmarks.child import Answer, NotRun, Parameters, answer, fresh_directory, run_side
from benchmarks.statistics import percentile
from muster.sandboxes.bubblewrap import BubblewrapDriver, mount_options, namespaces
from muster.sandboxes.cgroup import Group
from muster.sandboxes.private_etc import PrivateEtc
from muster.sandboxes.quota import Quotas
from muster.sandboxes.registry import make_driver
from muster.sandboxes.sandbox import MB, Driver, SandboxSpec
from muster.sandboxes.seccomp import filter_program
from muster.sandboxes.starter import SINGLE, join_group
from muster.sandboxes.stdin import Stdin
from muster.sandboxes.view import attempt_view, masked_proc, system_view
from muster.sandboxes.warm import WarmPool

SCRIPT = "echo up; read line"
"""Says that it is there, and stays until its standard input ends."""


async def measure_own(parameters: Parameters) -> dict[str, float]:
    """Through the driver, as a worker does: open, run, close."""
    folder, figures = fresh_directory(parameters), dict[str, float]()
    if parameters["starts"]:
        async with _driver(parameters["level"], parameters["warm"]) as driver:
            figures |= await _first_bytes(driver, folder, parameters)
    if parameters["alive"]:
        async with _driver(parameters["level"], 0) as driver:
            await _one(driver, folder / "early")
            figures["alive_ms"] = await _many(driver, folder / "cold", parameters["alive"])
    if parameters["alive"] and parameters["warm"]:
        async with _driver(parameters["level"], parameters["alive"]) as driver:
            await _stand(driver)
            figures["warm_alive_ms"] = await _many(driver, folder / "warm", parameters["alive"])
            _see_that_all_came_from_the_pool(driver)
    return figures


@contextlib.asynccontextmanager
async def _driver(level: str, warm: int) -> AsyncIterator[Driver]:
    driver = make_driver(level, warm=warm)
    try:
        capabilities = await driver.probe()
        if not capabilities.available:
            raise NotRun(capabilities.reason)
        yield driver
    finally:
        await driver.close()


async def _first_bytes(driver: Driver, folder: Path, parameters: Parameters) -> dict[str, float]:
    await _stand(driver)
    await _one(driver, folder / "first")
    await asyncio.sleep(0.3)
    starts: list[float] = []
    memory = 0.0
    for number in range(parameters["starts"]):
        pool = await _stand(driver)
        if pool is not None and number == 0:
            memory = pool.figures().memory_bytes / pool.ready / MB
        starts.append(await _one(driver, folder / str(number)))
        await asyncio.sleep(parameters["pause"])
    _see_that_all_came_from_the_pool(driver)
    figures = _percentiles(starts)
    return figures | {"memory_mib": memory} if memory else figures


def _percentiles(starts: list[float]) -> dict[str, float]:
    return {"first_byte_p50_ms": percentile(starts, 0.5), "first_byte_p99_ms": percentile(starts, 0.99)}


async def _stand(driver: Driver) -> WarmPool | None:
    """The driver's pool, once it is full and the host has come to rest."""
    pool = driver.warm if isinstance(driver, BubblewrapDriver) else None
    while pool is not None and pool.ready < pool.figures().wanted:
        await asyncio.sleep(0.05)
    if pool is not None:
        await asyncio.sleep(0.05)
    return pool


def _see_that_all_came_from_the_pool(driver: Driver) -> None:
    pool = driver.warm if isinstance(driver, BubblewrapDriver) else None
    if pool is not None and pool.figures().missed:
        raise RuntimeError(f"not all came from the pool: {pool.figures()}")


async def _one(driver: Driver, folder: Path) -> float:
    """Milliseconds from opening the sandbox to its first byte."""
    up, spec = asyncio.Event(), _spec(folder)
    began = time.perf_counter()
    stdin, sandbox = Stdin(), await driver.open(spec)
    async with asyncio.TaskGroup() as group:
        group.create_task(
            sandbox.exec(["sh", "-c", SCRIPT], env={}, on_output=lambda _, __: up.set(), stdin=stdin)
        )
        await up.wait()
        took = (time.perf_counter() - began) * 1000
        stdin.close()
    await sandbox.close()
    return took


def _spec(folder: Path) -> SandboxSpec:
    for name in ("work", "scratch"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    return SandboxSpec(name=f"bench-{folder.name}", working_dir=folder / "work", scratch=folder / "scratch")


async def _many(driver: Driver, folder: Path, count: int) -> float:
    """Milliseconds until `count` sandboxes, asked for at once, all run at the same time."""
    specs = [_spec(folder / str(number)) for number in range(count)]
    left, all_up, inputs = count, asyncio.Event(), [Stdin() for _ in specs]

    def note(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            all_up.set()

    async def live(spec: SandboxSpec, stdin: Stdin) -> None:
        sandbox = await driver.open(spec)
        await sandbox.exec(["sh", "-c", SCRIPT], env={}, on_output=note, stdin=stdin)
        await sandbox.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for spec, stdin in zip(specs, inputs, strict=True):
            group.create_task(live(spec, stdin))
        await all_up.wait()
        took = (time.perf_counter() - began) * 1000
        for stdin in inputs:
            stdin.close()
    return took


def measure_raw(parameters: Parameters) -> dict[str, float]:
    """posix_spawn of the same program, by itself or under bare bwrap with the same namespaces and the same system; `limited`
    also has what a start of muster's has, but a supervisor: folders of its own, a filter and limits."""
    etc, groups = PrivateEtc(), list[Group]()
    spawn = _spawning(parameters, etc, groups)
    starts: list[float] = []
    for number in range(parameters["starts"]):
        began = time.perf_counter()
        pid, reading, writing = spawn(number)
        os.read(reading, 16)
        starts.append((time.perf_counter() - began) * 1000)
        _end(pid, reading, writing)
        time.sleep(parameters["pause"])
    figures = _percentiles(starts) if starts else {}
    if parameters["alive"]:
        began = time.perf_counter()
        running = [spawn(number) for number in range(parameters["alive"])]
        for _, reading, _ in running:
            os.read(reading, 16)
        figures["alive_ms"] = figures["warm_alive_ms"] = (time.perf_counter() - began) * 1000
        for entry in running:
            _end(*entry)
    for group in groups:
        while not group.remove():
            time.sleep(parameters["pause"])
    etc.close()
    return figures


def _spawning(
    parameters: Parameters, etc: PrivateEtc, groups: list[Group]
) -> Callable[[int], tuple[int, int, int]]:
    """What starts the next one: its process id, where its output is read, and where its input is written."""
    argv = ["/bin/sh", "-c", SCRIPT]
    if parameters["how"] == "spawn":
        return lambda _: _spawn(argv)
    program = shutil.which("bwrap")
    if program is None:
        raise NotRun("the program bwrap is not installed")
    view = system_view(etc) | masked_proc()
    if parameters["how"] == "bwrap":
        bare = [program, *namespaces(network=False), *mount_options(view), "--", *argv]
        return lambda _: _spawn(bare)
    folder, quotas, allowed = fresh_directory(parameters), Quotas.detect(), filter_program() or b""
    specs = [_spec(folder / str(number)) for number in range(max(parameters["alive"], parameters["starts"]))]

    def limited(number: int) -> tuple[int, int, int]:
        spec = specs[number]
        group = quotas.plan(spec.name, spec.limits).group
        own = view | attempt_view(spec, spec.working_dir)
        document = os.memfd_create("filter")
        os.write(document, allowed)
        os.lseek(document, 0, os.SEEK_SET)
        options = [*mount_options(own), *(["--seccomp", "4"] if allowed else [])]
        started = _spawn([program, *namespaces(network=False), *options, "--", *argv], document, group)
        os.close(document)
        groups.extend([group] if group else [])
        return started

    return limited


def _spawn(argv: list[str], document: int | None = None, group: Group | None = None) -> tuple[int, int, int]:
    reading, output = os.pipe()
    input_, writing = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, input_, 0), (os.POSIX_SPAWN_DUP2, output, 1)]
    actions += [] if document is None else [(os.POSIX_SPAWN_DUP2, document, 4)]
    joins = [path for path in (group.joins if group else ()) if path.endswith(SINGLE)]
    for path in joins:
        join_group(path)
    pid = os.posix_spawn(argv[0], argv, {"PATH": "/usr/bin:/bin"}, file_actions=actions)
    for path in joins:
        join_group(str(Path(path).parent.with_name(SINGLE)))
    os.close(output)
    os.close(input_)
    return pid, reading, writing


def _end(pid: int, reading: int, writing: int) -> None:
    os.close(writing)
    os.waitpid(pid, 0)
    os.close(reading)


def measure(parameters: Parameters) -> Answer:
    """Milliseconds to the first byte, and to all alive."""
    own = parameters["how"] == "muster"
    return answer(
        uvloop.run(measure_own(parameters)) if own else measure_raw(parameters),
        subject=f"level {parameters['level']}" if own else parameters["how"],
        note="limits, supervisor and accounts of its own" if own else "nothing watches over it",
    )


if __name__ == "__main__":
    run_side(measure)
