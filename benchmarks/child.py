"""How a measured side talks to the harness: parameters in as JSON, one JSON answer out.

Every side runs in a process of its own, so that one cannot warm, slow or crash another. This
module needs the standard library only, because a side may run under another interpreter.
"""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

Parameters = dict[str, Any]
Answer = dict[str, Any]

ANSWER_MARK = "benchmark-answer:"


class NotRun(Exception):
    """This side cannot be measured here; the text says why."""


def answer(
    figures: dict[str, float], *, durability: str = "", subject: str = "", note: str = "", **details: Any
) -> Answer:
    """The answer of a side that ran: its figures by name, and what they are figures of."""
    return {
        "figures": figures,
        "durability": durability,
        "subject": subject,
        "note": note,
        "details": details,
    }


def run_side(measure: Callable[[Parameters], Answer]) -> None:
    """Entry point of a side's process. Exit code 1 and a traceback on stderr when it fails."""
    parameters: Parameters = json.loads(sys.argv[1])
    try:
        outcome = measure(parameters)
    except NotRun as reason:
        outcome = {"not_run": str(reason)}
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    sys.stdout.write(ANSWER_MARK + json.dumps(outcome) + "\n")
    sys.stdout.flush()


def fresh_directory(parameters: Parameters) -> Path:
    """The empty directory the harness made for this run; it removes it afterwards."""
    return Path(parameters["directory"])


def check_all_done(done: int, jobs: int) -> None:
    """Refuse a figure of a run in which a job was lost or done twice."""
    if done != jobs:
        raise RuntimeError(f"{done} completions of {jobs} jobs: the run is worthless")
