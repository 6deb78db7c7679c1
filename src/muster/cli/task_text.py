"""A claimed task as text for whoever does it: a person, or a chat session that reads a terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

from muster.cli.output import duration, shortened

_RULE: Final = "=" * 72


def instruction_lines(queue: str, instructions: str) -> Iterator[str]:
    """The queue's instructions, once, between markers."""
    yield f"{_RULE}"
    yield f"INSTRUCTIONS OF QUEUE {queue}"
    yield _RULE
    yield from (instructions or "(none)").splitlines()
    yield _RULE


def task_lines(claim: Mapping[str, Any]) -> Iterator[str]:
    """Id, class, timeout, the prompt between markers, and how to report the outcome."""
    task_id = str(claim["task_id"])
    yield ""
    yield f"TASK {task_id}"
    yield f"title:    {shortened(claim['title'], 200)}"
    yield f"class:    {claim.get('task_class')}"
    lease = float(claim.get("lease_seconds") or 0)
    left = f" (taken back {duration(lease)} after the last sign of life)" if lease else ""
    yield f"timeout:  {duration(float(claim['timeout_seconds']))}{left}"
    yield f"try:      {claim.get('number')} of {claim.get('max_attempts')}"
    if claim.get("working_dir"):
        yield f"folder:   {claim['working_dir']}"
    yield from _earlier(cast(list[Mapping[str, Any]], claim.get("earlier_attempts") or []))
    if claim.get("context"):
        yield f"----- BEGIN CONTEXT {task_id} -----"
        yield from str(claim["context"]).splitlines()
        yield f"----- END CONTEXT {task_id} -----"
    yield f"----- BEGIN PROMPT {task_id} -----"
    yield from prompt_of(claim).splitlines()
    yield f"----- END PROMPT {task_id} -----"
    yield from _wanted(claim)
    yield f'When it is done:  muster complete {task_id} --output "what came out"'
    yield f'If it failed:     muster fail {task_id} "what went wrong"'
    yield ""


def prompt_of(claim: Mapping[str, Any]) -> str:
    """What is to be done: the description, else the title, and what there is to run."""
    payload = cast(Mapping[str, Any], claim.get("payload") or {})
    parts = [str(claim.get("description") or claim["title"])]
    for key in ("prompt", "script"):
        if payload.get(key) and payload[key] not in parts:
            parts.append(str(payload[key]))
    if payload.get("argv"):
        parts.append(shlex.join(str(part) for part in payload["argv"]))
    if payload.get("path"):
        parts.append(f"Run {payload['path']}")
    if payload.get("inputs"):
        parts.append(f"Inputs: {json.dumps(payload['inputs'], ensure_ascii=False)}")
    return "\n\n".join(parts)


def _earlier(attempts: list[Mapping[str, Any]]) -> Iterator[str]:
    for attempt in attempts:
        reason = attempt.get("error") or attempt.get("code") or ""
        yield f"earlier:  try {attempt['number']} {attempt['state']}: {shortened(reason, 200)}"


def _wanted(claim: Mapping[str, Any]) -> Iterator[str]:
    if claim.get("required_files"):
        yield f"Must exist afterwards: {', '.join(claim['required_files'])}"
    if claim.get("acceptance_command"):
        yield f"Must succeed afterwards: {claim['acceptance_command']}"
    if claim.get("output_schema"):
        yield f"Result must match: {json.dumps(claim['output_schema'], ensure_ascii=False)}"
