"""What a script is told about its task, in environment variables."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from muster.client.wire import ClaimedTask, EarlierAttempt

EARLIER_BYTES: Final = 60_000
ERROR_CHARS: Final = 2_000


def task_environment(claim: ClaimedTask, result_file: Path) -> dict[str, str]:
    """The MUSTER_ variables, documented in docs/explanation/sandboxes.md."""
    return {
        "MUSTER_TASK_ID": claim.task_id,
        "MUSTER_ATTEMPT_ID": claim.attempt_id,
        "MUSTER_ATTEMPT_NUMBER": str(claim.number),
        "MUSTER_PROJECT": claim.project,
        "MUSTER_QUEUE": claim.queue,
        "MUSTER_RESULT_FILE": str(result_file),
        "MUSTER_EARLIER_ATTEMPTS": _earlier(claim.earlier_attempts),
        **({} if claim.review is None else {"MUSTER_REVIEW": claim.review[:EARLIER_BYTES]}),
        "PYTHONUNBUFFERED": "1",
    }


def _earlier(attempts: list[EarlierAttempt]) -> str:
    """JSON of the earlier attempts, the latest that fit."""
    kept = [
        msgspec.structs.replace(
            attempt, error=attempt.error[:ERROR_CHARS] if attempt.error else attempt.error
        )
        for attempt in attempts
    ]
    while len(text := msgspec.json.encode(kept)) > EARLIER_BYTES:
        kept = kept[1:]
    return text.decode()
