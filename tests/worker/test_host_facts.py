"""What a worker says of its host."""

from __future__ import annotations

from muster.client.wire_hosts import Gpu
from muster.worker.host_facts import MB, Host, gpus_of


def test_graphics_processors_are_read_from_the_drivers_table() -> None:
    table = "NVIDIA A100-SXM4-80GB, 81920, 1024\nNVIDIA T4, [N/A], 3\n\n"
    assert gpus_of(table) == [
        Gpu(name="NVIDIA A100-SXM4-80GB", memory_bytes=81920 * MB, memory_used_bytes=1024 * MB),
        Gpu(name="NVIDIA T4", memory_bytes=None, memory_used_bytes=3 * MB),
    ]


async def test_a_host_without_graphics_processors_tells_the_rest() -> None:
    facts = await Host().facts()
    assert facts.gpus == []
    assert facts.processors > 0
