"""What Claude Code asks over its control protocol, and how it is answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.agents.adapter import Answer
from muster.agents.diffs import unified
from muster.agents.wire import obj, objs, text
from muster.domain.transcript import Entry, Option, OptionKind, PermissionRequest, Question

ALLOWING: Final = frozenset({OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS})
_REFUSED: Final = "This was not allowed."
_MARK: Final = "#"


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request shows."""

    entries: list[Entry]


@dataclass(slots=True)
class _Open:
    input: dict[str, Any]
    suggestions: list[dict[str, Any]]
    questions: list[str] = field(default_factory=list[str])
    """For a request with questions: their texts, each asked as one of its own."""
    answers: dict[str, str] = field(default_factory=dict[str, str])


class Requests:
    """The requests that wait for an answer."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def take(self, request: str, body: Mapping[str, Any]) -> Asked | str:
        """Entries for a request we serve; otherwise its id, to be refused."""
        if body.get("subtype") != "can_use_tool":
            return request
        waiting = _Open(input=obj(body.get("input")), suggestions=objs(body.get("permission_suggestions")))
        self._open[request] = waiting
        if body.get("tool_name") == "AskUserQuestion" and (asked := objs(waiting.input.get("questions"))):
            waiting.questions = [text(question.get("question")) for question in asked]
            return Asked([_question(request, at, question) for at, question in enumerate(asked)])
        return Asked([_permission(request, body, waiting)])

    def withdraw(self, request: str) -> None:
        """The agent does not want to know any more."""
        self._open.pop(request, None)

    def answer(self, request: str, answer: Answer) -> tuple[str, dict[str, Any]] | None:
        """The request's own id and the response to send; None when there is nothing to send yet, or ever."""
        own, _, at = request.partition(_MARK)
        waiting = self._open.get(own)
        if waiting is None or bool(at) != bool(waiting.questions):
            return None
        if answer.kind in {OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS}:
            response: dict[str, Any] = {"behavior": "deny", "message": answer.text or _REFUSED}
        elif waiting.questions:
            if not at.isdigit() or int(at) >= len(waiting.questions):
                return None
            waiting.answers[waiting.questions[int(at)]] = answer.text or answer.option or ""
            if len(waiting.answers) < len(set(waiting.questions)):
                return None
            response = {"behavior": "allow", "updatedInput": {**waiting.input, "answers": waiting.answers}}
        else:
            response = {"behavior": "allow", "updatedInput": waiting.input}
            if answer.kind is OptionKind.ALLOW_ALWAYS and waiting.suggestions:
                response["updatedPermissions"] = _for_this_session(waiting.suggestions)
        del self._open[own]
        return own, response


def _permission(request: str, body: Mapping[str, Any], waiting: _Open) -> PermissionRequest:
    tool = text(body.get("tool_name"))
    options = [Option("allow", "Allow once", OptionKind.ALLOW_ONCE)]
    if waiting.suggestions:
        options.append(Option("always", "Allow for this session", OptionKind.ALLOW_ALWAYS))
    options.append(Option("reject", "Reject", OptionKind.REJECT_ONCE))
    command = text(waiting.input.get("command"))
    path = text(waiting.input.get("file_path"))
    said = command or path or text(body.get("description"))
    return PermissionRequest(
        id=request,
        title=f"{text(body.get('display_name')) or tool}: {said}" if said else tool,
        tool=tool,
        tool_call=text(body.get("tool_use_id")),
        command=command,
        diff=_diff(path, waiting.input),
        input=waiting.input,
        options=options,
    )


def _diff(path: str, tool_input: Mapping[str, Any]) -> str:
    if "new_string" in tool_input:
        return unified(path, text(tool_input.get("old_string")), text(tool_input.get("new_string")))
    if "content" in tool_input and path:
        return unified(path, None, text(tool_input.get("content")))
    return ""


def _question(request: str, at: int, question: Mapping[str, Any]) -> Question:
    options = [
        Option(text(option.get("label")), text(option.get("label")), OptionKind.CHOICE)
        for option in objs(question.get("options"))
    ]
    return Question(id=f"{request}{_MARK}{at}", text=text(question.get("question")), options=options)


def _for_this_session(suggestions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rules are never written into the settings of the repository."""
    return [{**suggestion, "destination": "session"} for suggestion in suggestions]
