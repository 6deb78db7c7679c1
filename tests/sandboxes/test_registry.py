"""Which levels a worker finds on its host, which it uses, and which it offers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import pytest

from muster.domain.errors import InvalidInput
from muster.sandboxes.registry import LEVELS, STRENGTH, survey, tried
from muster.sandboxes.sandbox import Capabilities, Sandbox, SandboxSpec, SandboxUnavailable
from muster.worker.isolation import Isolation


@dataclass
class Mute:
    """A driver whose probe never answers."""

    level: str = "mute"

    async def probe(self) -> Capabilities:
        await asyncio.Event().wait()
        raise AssertionError

    async def open(self, spec: SandboxSpec) -> Sandbox:
        raise NotImplementedError

    async def forget(self, name: str) -> None:
        pass

    async def close(self) -> None:
        pass


async def test_every_level_is_found_or_has_a_reason_why_not() -> None:
    """SW-4f"""
    levels = await survey("auto")
    assert {entry.level for entry in levels.found} == set(LEVELS)
    assert all(entry.available or entry.reason for entry in levels.found)
    assert levels.in_force.level == levels.usual.level
    await Isolation(levels.usual, levels.others).close()


async def test_a_worker_offers_every_level_that_works_and_is_not_weaker_than_its_own() -> None:
    """SW-4f"""
    levels = await survey("auto")
    isolation = Isolation(levels.usual, levels.others)
    offered = {label.removeprefix("sandbox:") for label in isolation.labels}
    assert offered == {entry.level for entry in levels.found if entry.available}
    assert all(STRENGTH[level] >= STRENGTH[levels.usual.level] for level in offered)
    await isolation.close()


async def test_a_weaker_level_is_not_to_be_had_unless_the_owner_of_the_worker_says_so() -> None:
    """SW-4f: whoever may submit a task could choose to be less held"""
    held = await survey("auto")
    if held.usual.level == "process":
        pytest.skip("nothing is weaker than plain processes")
    process = next(entry for entry in held.found if entry.level == "process")
    assert not process.available
    assert "worker.weaker_levels" in process.reason
    with pytest.raises(SandboxUnavailable):
        Isolation(held.usual, held.others).driver_for(["sandbox:process"])
    free = await survey("auto", weaker=True)
    assert Isolation(free.usual, free.others).driver_for(["sandbox:process"]).level == "process"
    for levels in (held, free):
        await Isolation(levels.usual, levels.others).close()


async def test_the_usual_level_goes_down_only_when_it_is_automatic(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """SW-4f: never silently lowered"""
    monkeypatch.setenv("PATH", str(tmp_path))
    levels = await survey("auto")
    assert levels.usual.level == "process"
    assert [entry.level for entry in levels.passed_over] == ["bubblewrap"]
    await Isolation(levels.usual, levels.others).close()
    with pytest.raises(SandboxUnavailable, match="bwrap is not installed"):
        await survey("bubblewrap")
    with pytest.raises(InvalidInput, match="none of auto"):
        await survey("bubble")


async def test_a_level_that_does_not_answer_in_time_is_not_there() -> None:
    """SW-4f: one that hangs does not hold up the start of a worker"""
    found = await tried(Mute(), seconds=0.05)
    assert not found.available
    assert "within 0.05 s" in found.reason
