"""From a call and the turn chosen for it to what the model says, with its tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from muster.domain.usage import TokenUsage
from muster.testing.choosing import Choice
from muster.testing.conversation import Answer, Asked, Call, tokens
from muster.testing.dialects.dialect import ModelDialect, without_cache_writes
from muster.testing.scenarios import Turn
from muster.testing.side_calls import SUBMIT, side_answer, toolless_answer
from muster.testing.tool_mapping import map_call

_UNCACHED: Final = 3
_NEW: Final = 50
"""What a turn adds beside the last result."""


def answer_to(asked: Asked, choice: Choice, dialect: ModelDialect, size: int) -> tuple[Answer, Turn | None]:
    """What the model says, and the turn it is; None for an answer to a side call. `size` is the request's, in bytes."""
    side = side_answer(asked)
    if side is None and not asked.tools:
        side = _without_tools(asked, choice)
    turn = Turn(final=side) if side is not None else choice.turn
    answer = _spoken(asked, turn)
    at = 0 if side is not None else choice.at
    usage = _usage(asked, answer, at, size // 4)
    if not dialect.counts_cache_writes:
        usage = without_cache_writes(usage)
    return replace(answer, usage=usage), None if side is not None else turn


def _without_tools(asked: Asked, choice: Choice) -> str | None:
    """A call without tools is a side call, unless the scenario needs none."""
    needs = any(turn.calls for turn in choice.scenario.turns)
    return (toolless_answer(asked, choice) or "Scripted title") if needs else None


def _spoken(asked: Asked, turn: Turn) -> Answer:
    mapped = [map_call(call, asked) for call in turn.calls]
    calls = [call for call in mapped if call is not None]
    words = turn.say if turn.final is None else turn.final
    missing = [call.kind for call, found in zip(turn.calls, mapped, strict=True) if found is None]
    if missing and not calls:
        words = f"{words}\nI have no tool for: {', '.join(missing)}".strip()
    if turn.final is not None and "bash" in asked.tools and _ends_by_command(asked):
        calls.append(Call(name="bash", arguments={"command": SUBMIT}))
    return Answer(model=asked.model, think=turn.think, text=words, calls=calls, stop=turn.stop)


def _ends_by_command(asked: Asked) -> bool:
    return any(SUBMIT in item.text for item in asked.items[:2])


def _usage(asked: Asked, answer: Answer, at: int, size: int) -> TokenUsage:
    """The first turn writes the cache; the later ones read it, all but what is new."""
    total = max(size, _UNCACHED + 1)
    new = tokens(asked.items[-1].text) + _NEW if asked.items else 1
    read = max(0, total - new) if at > 0 else 0
    written = max(0, total - read - _UNCACHED)
    reasoning = tokens(answer.think) if answer.think else 0
    said = answer.text + "".join(call.text for call in answer.calls)
    return TokenUsage(
        input=total - read - written,
        output=tokens(said) + reasoning,
        cache_read=read,
        cache_write=written,
        reasoning=reasoning,
    )
