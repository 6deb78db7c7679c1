"""Calls that agents make for themselves: titles, reviews, sorting; and agents that have no tools at all."""

from __future__ import annotations

import json
import re
from typing import Any, Final

from muster.agents.wire import obj, objs, text, texts
from muster.testing.choosing import Choice, has_marker
from muster.testing.conversation import Asked, Json
from muster.testing.scenarios import ToolCall

_TITLES: Final = re.compile(
    r"generate a very short title|Generate a title|generate a concise.{0,20}title|title for (this|the) conversation"
    r"|Summarize this coding conversation",
    re.IGNORECASE,
)
_ALLOWING: Final = ("allow", "approve", "approved", "low")
_FENCE: Final = re.compile(r"```(mswea_bash_command|bash)")
SUBMIT: Final = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""mini-swe-agent ends only by this command."""


def side_answer(asked: Asked) -> str | None:
    """The answer to a call of the agent's own; None when it is a turn of the conversation."""
    said = asked.last_prompt
    reviewed = obj((asked.schema or {}).get("properties"))
    if "APPROVAL REQUEST START" in said or "outcome" in reviewed:
        return json.dumps(_review(asked.schema))
    if _TITLES.search(said[:3000]) or _TITLES.search(asked.system[:1500]):
        return '{"title": "Scripted title"}' if asked.schema or "JSON" in said else "Scripted title"
    # Gemini's side calls repeat the user's prompt, marker and all.
    if asked.schema and (asked.dialect == "gemini" or not has_marker(said)):
        return json.dumps(value_for(asked.schema))
    return None


def _review(schema: Json | None) -> Json:
    usual = {"risk_level": "low", "user_authorization": "high", "rationale": "scripted review"}
    return {**(obj(value_for(schema)) if schema else {}), **usual, "outcome": "allow"}


def value_for(schema: Json, name: str = "") -> Any:
    """A value that satisfies a JSON schema; what could be allowed is allowed."""
    if options := schema.get("enum"):
        return next((option for option in options if str(option).lower() in _ALLOWING), options[0])
    if "const" in schema:
        return schema["const"]
    alternatives = objs(schema.get("anyOf")) or objs(schema.get("oneOf"))
    if alternatives:
        return value_for(alternatives[0], name)
    kind = schema.get("type")
    match next(iter(texts(kind)), text(kind)):
        case "array":
            return []
        case "boolean":
            return True
        case "integer" | "number":
            return 1
        case "string":
            return f"scripted {name}".strip()
        case _:
            return {key: value_for(obj(value), key) for key, value in obj(schema.get("properties")).items()}


def toolless_answer(asked: Asked, choice: Choice) -> str | None:
    """For agents without tools, which find their edits and commands in the text; None for any other call without tools."""
    if "SEARCH/REPLACE" in asked.system:
        return _blocks(choice)
    told = asked.system + "\n".join(item.text for item in asked.items[:2])
    fence = _FENCE.search(told)
    return None if fence is None else _fenced(asked, choice, fence[1])


def _blocks(choice: Choice) -> str | None:
    """Aider's."""
    calls = (call for turn in choice.scenario.turns for call in turn.calls)
    edit = next((call.fields for call in calls if call.kind == "edit"), None)
    if edit is None:
        return None
    body = f"<<<<<<< SEARCH\n{text(edit.get('old'))}\n=======\n{text(edit.get('new'))}\n>>>>>>> REPLACE"
    return f"I change it.\n\n{text(edit.get('path'))}\n```python\n{body}\n```\n"


def _fenced(asked: Asked, choice: Choice, fence: str) -> str:
    """mini-swe-agent's in its text mode: one command an answer, and every result comes as a prompt."""
    turns = choice.scenario.turns
    prompts = sum(item.role == "user" for item in asked.items)
    turn = turns[min(max(prompts - 1, 0), len(turns) - 1)]
    command = _command(turn.calls[0]) if turn.calls else SUBMIT
    return f"THOUGHT: {turn.say or turn.final}\n\n```{fence}\n{command}\n```"


def _command(call: ToolCall) -> str:
    fields = call.fields
    match call.kind:
        case "shell":
            return text(fields.get("command"))
        case "write":
            return f"printf %s {json.dumps(text(fields.get('content')))} > {text(fields.get('path'))}"
        case "edit":
            old, new = text(fields.get("old")), text(fields.get("new"))
            return f"sed -i {json.dumps(f's/{old}/{new}/')} {text(fields.get('path'))}"
        case _:
            return f"cat {text(fields.get('path')) or '/dev/null'}"
