"""Recorded streams of the real programs, and the entries they must give.

A newly recorded version is a folder more: `streams/<agent>-<version>/<scenario>.jsonl`, how the program
ended beside it in `<scenario>.meta.json`, and `<scenario>.golden.json` written by
`python -m tests.agents.golden --write`, to be read before it is committed.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from muster.agents.adapter import AgentSpec, Conversation, Ended, Step, Verdict
from muster.agents.claude_stream import ClaudeConversation
from muster.domain.transcript import Entry

STREAMS = Path(__file__).with_name("streams")
SPEC = AgentSpec(
    prompt="Please change the greeting.",
    working_dir=Path("/repo"),
    home=Path("/home/agent"),
    program=("agent",),
)
LONGEST = 400

Make = Callable[[], Conversation]
MAKERS: dict[str, Make] = {
    "claude": lambda: ClaudeConversation(SPEC.prompt),
    "claude-partial": lambda: ClaudeConversation(SPEC.prompt),
}


@dataclass(frozen=True)
class Recording:
    """One stream of one program."""

    path: Path

    @property
    def agent(self) -> str:
        return re.sub(r"-\d[\d.]*$", "", self.path.parent.name)

    @property
    def name(self) -> str:
        return f"{self.path.parent.name}/{self.path.name}"

    @property
    def golden(self) -> Path:
        return self.path.with_suffix(".golden.json")

    def conversation(self) -> Conversation:
        return MAKERS[self.agent]()

    @property
    def ended(self) -> Ended:
        meta = self.path.with_suffix("").with_suffix("") if self.path.suffix != ".jsonl" else self.path
        file = meta.with_suffix(".meta.json")
        if not file.exists():
            return Ended(code=0)
        told = json.loads(file.read_text())
        code = told.get("rc")
        if code is not None and code < 0:
            return Ended(signal=-code, stderr=told.get("stderr_tail") or "")
        return Ended(code=code, stderr=told.get("stderr_tail") or "")

    def output(self) -> bytes:
        """What the program wrote: of a recorded dialogue only its own lines."""
        kept: list[bytes] = []
        for line in self.path.read_bytes().splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                said = {}
            direction = said.pop("dir", None) if isinstance(said, dict) else None
            if direction is None:
                kept.append(line)
            elif direction == ("in" if "jsonrpc" in said else "out"):
                kept.append(json.dumps(said).encode())
        return b"".join(line + b"\n" for line in kept)


def recordings() -> Iterator[Recording]:
    """All streams that some parser reads."""
    for path in sorted(STREAMS.glob("*/*")):
        recording = Recording(path)
        plain = path.suffix in (".jsonl", ".txt") and recording.agent in MAKERS
        if plain:
            yield recording


def replay(conversation: Conversation, output: bytes, ended: Ended, size: int = 0) -> tuple[Step, Verdict]:
    """Feed what a program wrote, whole or in pieces of `size` bytes; all entries and the verdict."""
    conversation.start()
    whole = Step()
    size = size or max(len(output), 1)
    steps = [conversation.feed(output[start : start + size]) for start in range(0, len(output), size)]
    last, verdict = conversation.finish(ended)
    for step in [*steps, last]:
        whole.entries += step.entries
        whole.send += step.send
        whole.turn_over |= step.turn_over
    return whole, verdict


def plain(entry: Entry) -> dict[str, Any]:
    """An entry for the golden file: what is empty left out, long texts cut."""
    fields = {name: value for name, value in asdict(entry).items() if value not in ("", [], {}, None, False)}
    return {"kind": entry.kind, **_cut(fields)}


def _cut(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _cut(entry) for name, entry in value.items()}
    if isinstance(value, list):
        return [_cut(entry) for entry in value]
    if isinstance(value, str) and len(value) > LONGEST:
        return f"{value[:LONGEST]} [{len(value)}]"
    return value


def told(recording: Recording) -> dict[str, Any]:
    """What the golden file must hold."""
    step, verdict = replay(recording.conversation(), recording.output(), recording.ended)
    entries = [plain(entry) for entry in step.entries]
    fields = {name: value for name, value in asdict(verdict).items() if value not in ("", None)}
    return json.loads(json.dumps({"entries": entries, "verdict": _cut(fields)}))


def main() -> None:
    for recording in recordings():
        text = json.dumps(told(recording), indent=1, ensure_ascii=False) + "\n"
        if not recording.golden.exists() or recording.golden.read_text() != text:
            sys.stderr.write(f"{recording.golden.relative_to(STREAMS)}\n")
            if "--write" in sys.argv:
                recording.golden.write_text(text)


if __name__ == "__main__":
    main()
