"""Parses the recorded streams of the real agents, all of them, over and over; the reference only decodes the JSON."""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import msgspec

from benchmarks.child import Answer, Parameters, answer, run_side
from tests.agents.recordings import Recording, reader_of, recordings

PIECE = 65_536
_decode = msgspec.json.Decoder().decode


def agents_lines(recording: Recording) -> bytes:
    """What the agent wrote: recordings of both sides tell who wrote a line."""
    _, agent = reader_of(recording)
    lines: list[bytes] = []
    for line in recording.path.read_bytes().splitlines():
        if agent is None:
            lines.append(line)
            continue
        message = json.loads(line)
        if message.pop("dir") == agent:
            lines.append(msgspec.json.encode(message))
    return b"".join(line + b"\n" for line in lines)


def _parse(recording: Recording, data: bytes) -> float:
    conversation, _ = reader_of(recording)
    conversation.start()
    began = time.process_time()
    for at in range(0, len(data), PIECE):
        conversation.feed(data[at : at + PIECE])
    return time.process_time() - began


def _only_decode(_: Recording, data: bytes) -> float:
    began = time.process_time()
    for line in data.split(b"\n"):
        if line.startswith(b"{"):
            try:
                _decode(line)
            except msgspec.DecodeError:
                continue
    return time.process_time() - began


def _rate(
    streams: list[tuple[Recording, bytes]], once: Callable[[Recording, bytes], float], lines: int
) -> float:
    """Lines a second of processor time, over whole rounds of an agent's streams until there were `lines`."""
    read, spent = 0, 0.0
    while read < lines:
        for recording, data in streams:
            spent += once(recording, data)
            read += data.count(b"\n")
    return read / spent


def measure(parameters: Parameters) -> Answer:
    """Lines a second: of all agents, each with as many lines, and of the slowest."""
    folders: dict[str, list[tuple[Recording, bytes]]] = defaultdict(list)
    for recording in recordings():
        if data := agents_lines(recording):
            folders[recording.folder].append((recording, data))
    once = _parse if parameters["parse"] else _only_decode
    rates = {folder: _rate(streams, once, parameters["lines"]) for folder, streams in folders.items()}
    details: dict[str, Any] = {folder: round(rate) for folder, rate in rates.items()}
    mean = len(rates) / sum(1 / rate for rate in rates.values())
    return answer(
        {"lines_per_second": mean, "slowest": min(rates.values())},
        durability="-",
        subject="every adapter" if parameters["parse"] else f"msgspec {msgspec.__version__}",
        note="processor time of one core",
        **details,
    )


if __name__ == "__main__":
    run_side(measure)
