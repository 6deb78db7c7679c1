"""What a worker says of its host: how busy it is, and what it has."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from muster.client.wire_hosts import AbsentAgent, Gpu, HostAgent, HostFacts, HostLevel, HostPool
from muster.sandboxes.warm import WarmPool

MB: Final = 1024 * 1024
GPU_SECONDS: Final = 5.0
GPU_QUERY: Final = ("--query-gpu=name,memory.total,memory.used", "--format=csv,noheader,nounits")


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """What does not change while the worker runs."""

    agents: Sequence[HostAgent] = ()
    absent: Sequence[AbsentAgent] = ()
    levels: Sequence[HostLevel] = ()
    pool: WarmPool | None = None
    """The sandboxes that stand ready, where some are kept."""
    gpu_query: str | None = None
    """The program that tells of graphics processors (`nvidia-smi`), where there is one."""

    @staticmethod
    def found(
        agents: Sequence[HostAgent],
        absent: Sequence[AbsentAgent],
        levels: Sequence[HostLevel],
        pool: WarmPool | None = None,
    ) -> Host:
        """This host."""
        query = shutil.which("nvidia-smi")
        return Host(agents=agents, absent=absent, levels=levels, pool=pool, gpu_query=query)

    async def facts(self) -> HostFacts:
        """The host as it is now. Takes milliseconds; where there are graphics processors, up to 5 s."""
        total, free = _memory()
        return HostFacts(
            processors=os.cpu_count() or 0,
            load=_load(),
            memory_bytes=total,
            memory_free_bytes=free,
            gpus=await self._gpus(),
            agents=list(self.agents),
            absent=list(self.absent),
            levels=list(self.levels),
            warm=await self._warm(),
        )

    async def _warm(self) -> HostPool | None:
        if self.pool is None:
            return None
        return HostPool(**asdict(await asyncio.to_thread(self.pool.figures)))

    async def _gpus(self) -> list[Gpu]:
        if self.gpu_query is None:
            return []
        process = await asyncio.create_subprocess_exec(
            self.gpu_query,
            *GPU_QUERY,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            async with asyncio.timeout(GPU_SECONDS):
                told, _ = await process.communicate()
        except TimeoutError:
            return []
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        return gpus_of(told.decode("utf-8", "replace"))


def gpus_of(table: str) -> list[Gpu]:
    """Graphics processors from lines `name, MiB in all, MiB used`; a figure that is none (`[N/A]`) is left out."""
    found: list[Gpu] = []
    for line in table.splitlines():
        name, *figures = [part.strip() for part in line.split(",")]
        total, used = ([int(part) * MB if part.isdigit() else None for part in figures] + [None, None])[:2]
        if name:
            found.append(Gpu(name=name[:200], memory_bytes=total, memory_used_bytes=used))
    return found[:64]


def _load() -> float | None:
    try:
        return round(os.getloadavg()[0], 2)
    except OSError:
        return None


def _memory() -> tuple[int | None, int | None]:
    """All memory and what programs could still get, in bytes; None where there is no /proc."""
    try:
        text = Path("/proc/meminfo").read_text()
    except OSError:
        return None, None
    figures = {name: int(rest.split()[0]) * 1024 for name, _, rest in map(_parted, text.splitlines())}
    return figures.get("MemTotal"), figures.get("MemAvailable")


def _parted(line: str) -> tuple[str, str, str]:
    return line.partition(":")
