"""The expectations of the recorded streams: `python -m tests.agents.golden --write` writes them anew; read the diff."""

from __future__ import annotations

import sys
from dataclasses import asdict

from muster.agents.jsonl import encode
from tests.agents.players import Played
from tests.agents.recordings import recordings


def rendered(played: Played) -> bytes:
    """What came of a stream, a thing a line; fields that say nothing are left out."""
    entries = [{"entry": entry.kind} | _said(asdict(entry)) for entry in played.entries]
    assert played.verdict is not None
    verdict = {"verdict": _said(asdict(played.verdict)) | {"ok": played.verdict.ok}}
    return encode(*entries, verdict, *({"sent": message} for message in played.sent))


def _said(fields: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in fields.items() if value not in ("", None, [], {}, False)}


def main() -> None:
    """Write all of them."""
    if sys.argv[1:] != ["--write"]:
        raise SystemExit(__doc__)
    for recording in recordings():
        recording.golden.parent.mkdir(parents=True, exist_ok=True)
        recording.golden.write_bytes(rendered(recording.play()))
        print(recording.name)


if __name__ == "__main__":
    main()
