"""What the server of Codex asks, and how it is answered."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from muster.agents.adapter import Answer
from muster.agents.codex_items import file_diff
from muster.agents.wire import obj, objs, text
from muster.domain.transcript import Entry, Option, OptionKind, PermissionRequest, Question

_DECISIONS: Final = (
    Option("accept", "Allow once", OptionKind.ALLOW_ONCE),
    Option("acceptForSession", "Allow for this session", OptionKind.ALLOW_ALWAYS),
    Option("decline", "Reject", OptionKind.REJECT_ONCE),
)
"""`cancel` is left out: it ends the turn, and an interrupt does that too."""
_MARK: Final = "#"
_REJECTING: Final = frozenset({OptionKind.REJECT_ONCE, OptionKind.REJECT_ALWAYS})


@dataclass(slots=True)
class _Open:
    identity: Any
    reply: Callable[[Answer], dict[str, Any]]
    questions: list[str] = field(default_factory=list[str])
    """Ids of the questions of a request that has some, each asked as one of its own."""
    answers: dict[str, Any] = field(default_factory=dict[str, Any])


class Approvals:
    """The requests that wait for an answer, and the changes they are about."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}
        self._diffs: dict[str, str] = {}

    def note(self, item: Mapping[str, Any]) -> None:
        """A change is settled: its diff is asked about no more."""
        self._diffs.pop(text(item.get("id")), None)

    def begin(self, item: Mapping[str, Any]) -> None:
        """A change begins; it may be asked about."""
        if item.get("type") == "fileChange":
            self._diffs[text(item.get("id"))] = file_diff(item)

    def withdraw(self, identity: Any) -> None:
        """The server does not want to know any more."""
        self._open.pop(str(identity), None)

    def take(self, identity: Any, method: str, params: Mapping[str, Any]) -> list[Entry] | None:
        """Entries for a request; None when it is not one that we serve."""
        key = str(identity)
        match method:
            case "item/commandExecution/requestApproval":
                self._open[key] = _Open(identity, _decision)
                return [_command(key, params)]
            case "item/fileChange/requestApproval":
                self._open[key] = _Open(identity, _decision)
                return [self._change(key, params)]
            case "item/permissions/requestApproval":
                wanted = obj(params.get("permissions"))
                self._open[key] = _Open(identity, lambda answer: _granted(answer, wanted))
                return [_wanted(key, params, wanted)]
            case "mcpServer/elicitation/request":
                self._open[key] = _Open(identity, _elicited)
                return [_elicitation(key, params)]
            case "item/tool/requestUserInput":
                return self._questions(identity, key, objs(params.get("questions")))
            case _:
                return None

    def answer(self, request: str, answer: Answer) -> tuple[Any, dict[str, Any]] | None:
        """The request's own id and the result to send; None when there is nothing to send yet, or ever."""
        key, _, at = request.partition(_MARK)
        waiting = self._open.get(key)
        if waiting is None or bool(at) != bool(waiting.questions):
            return None
        if waiting.questions:
            if not at.isdigit() or int(at) >= len(waiting.questions):
                return None
            refused = answer.kind in _REJECTING
            said = [] if refused else [answer.text or answer.option or ""]
            waiting.answers[waiting.questions[int(at)]] = {"answers": said}
            if len(waiting.answers) < len(set(waiting.questions)):
                return None
            result: dict[str, Any] = {"answers": waiting.answers}
        else:
            result = waiting.reply(answer)
        del self._open[key]
        return waiting.identity, result

    def _change(self, key: str, params: Mapping[str, Any]) -> PermissionRequest:
        item = text(params.get("itemId"))
        return PermissionRequest(
            id=key,
            title=text(params.get("reason")) or "Change files",
            tool="apply_patch",
            tool_call=item,
            diff=self._diffs.get(item, ""),
            options=list(_DECISIONS),
        )

    def _questions(self, identity: Any, key: str, asked: list[dict[str, Any]]) -> list[Entry] | None:
        if not asked:
            return None
        self._open[key] = _Open(identity, _decision, [text(question.get("id")) for question in asked])
        return [
            Question(
                id=f"{key}{_MARK}{at}",
                text=text(question.get("question")),
                options=[
                    Option(text(option.get("label")), text(option.get("label")), OptionKind.CHOICE)
                    for option in objs(question.get("options"))
                ],
            )
            for at, question in enumerate(asked)
        ]


def _command(key: str, params: Mapping[str, Any]) -> PermissionRequest:
    command = text(params.get("command"))
    return PermissionRequest(
        id=key,
        title=text(params.get("reason")) or command,
        tool="shell",
        tool_call=text(params.get("itemId")),
        command=command,
        input={"cwd": text(params.get("cwd"))},
        options=list(_DECISIONS),
    )


def _wanted(key: str, params: Mapping[str, Any], wanted: dict[str, Any]) -> PermissionRequest:
    return PermissionRequest(
        id=key,
        title=text(params.get("reason")) or "More permissions",
        tool="permissions",
        tool_call=text(params.get("itemId")),
        input=wanted,
        options=list(_DECISIONS),
    )


def _elicitation(key: str, params: Mapping[str, Any]) -> PermissionRequest:
    server = text(params.get("serverName"))
    return PermissionRequest(
        id=key,
        title=text(params.get("message")) or f"{server} asks to go on",
        tool=server,
        options=[_DECISIONS[0], _DECISIONS[2]],
    )


def _decision(answer: Answer) -> dict[str, Any]:
    match answer.kind:
        case OptionKind.ALLOW_ONCE:
            return {"decision": "accept"}
        case OptionKind.ALLOW_ALWAYS:
            return {"decision": "acceptForSession"}
        case OptionKind.REJECT_ONCE | OptionKind.REJECT_ALWAYS | OptionKind.CHOICE:
            return {"decision": "decline"}


def _granted(answer: Answer, wanted: dict[str, Any]) -> dict[str, Any]:
    match answer.kind:
        case OptionKind.ALLOW_ONCE:
            return {"permissions": wanted, "scope": "turn"}
        case OptionKind.ALLOW_ALWAYS:
            return {"permissions": wanted, "scope": "session"}
        case OptionKind.REJECT_ONCE | OptionKind.REJECT_ALWAYS | OptionKind.CHOICE:
            return {"permissions": {}}


def _elicited(answer: Answer) -> dict[str, Any]:
    allowed = answer.kind in {OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS}
    return {"action": "accept", "content": {}} if allowed else {"action": "decline", "content": None}
