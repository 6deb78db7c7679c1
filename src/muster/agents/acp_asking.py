"""Requests for leave over ACP. What the attempt's permissions cover is answered at once; the rest waits for a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

from muster.agents.acp_updates import command_of, diff_of, kind_of, paths_of
from muster.agents.adapter import Answer, Permissions
from muster.agents.wire import obj, objs, text
from muster.domain.transcript import Option, OptionKind, PermissionRequest, ToolKind

_READING: Final = frozenset({ToolKind.READ, ToolKind.SEARCH, ToolKind.THINK})
_EDITING: Final = frozenset({ToolKind.EDIT, ToolKind.DELETE, ToolKind.MOVE})
_INSTEAD: Final = {
    OptionKind.ALLOW_ALWAYS: OptionKind.ALLOW_ONCE,
    OptionKind.REJECT_ALWAYS: OptionKind.REJECT_ONCE,
    OptionKind.REJECT_ONCE: OptionKind.REJECT_ALWAYS,
}
"""What comes closest where an agent does not offer the kind. Nothing wider than asked is ever chosen."""
_ALLOWING: Final = frozenset({OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS})
_KINDS: Final = {kind.value: kind for kind in OptionKind}


@dataclass(frozen=True, slots=True)
class Settled:
    """A request with its answer: `identity` is the message's id, `result` what to send."""

    identity: Any
    tool_call: str
    result: dict[str, Any]
    allowed: bool


@dataclass(slots=True)
class _Open:
    identity: Any
    tool_call: str
    options: list[Option]


class Permits:
    """The requests that wait, and the rule for those that need not."""

    def __init__(self, permissions: Permissions, root: PurePosixPath) -> None:
        self._permissions = permissions
        self._root = root
        self._open: dict[str, _Open] = {}

    def take(
        self, identity: Any, params: Mapping[str, Any]
    ) -> tuple[PermissionRequest | None, Settled | None]:
        """A request to show, or one that is settled by the rule."""
        call = obj(params.get("toolCall"))
        options = [_option(option) for option in objs(params.get("options"))]
        waiting = _Open(identity, text(call.get("toolCallId")), options)
        ruled = self._rule(call)
        if ruled is not None:
            return None, _settle(waiting, Answer(kind=ruled))
        key = str(identity)
        self._open[key] = waiting
        return _shown(key, call, options), None

    def answer(self, request: str, answer: Answer) -> Settled | None:
        """Settle a request that waits."""
        waiting = self._open.pop(request, None)
        return None if waiting is None else _settle(waiting, answer)

    def withdraw(self) -> list[Any]:
        """The ids of all that wait; they wait no more."""
        identities = [waiting.identity for waiting in self._open.values()]
        self._open.clear()
        return identities

    def _rule(self, call: Mapping[str, Any]) -> OptionKind | None:
        kind = kind_of(call)
        match self._permissions:
            case Permissions.FULL:
                return OptionKind.ALLOW_ONCE
            case Permissions.READ:
                return OptionKind.ALLOW_ONCE if kind in _READING else OptionKind.REJECT_ONCE
            case Permissions.EDIT if kind in _EDITING and self._all_inside(paths_of(call)):
                return OptionKind.ALLOW_ONCE
            case Permissions.EDIT | Permissions.ASK:
                return None

    def _all_inside(self, paths: list[str]) -> bool:
        return bool(paths) and all(map(self._inside, paths))

    def _inside(self, path: str) -> bool:
        place = self._root / path
        return ".." not in place.parts and place.is_relative_to(self._root)


def _settle(waiting: _Open, answer: Answer) -> Settled:
    chosen = _choose(waiting.options, answer)
    outcome = {"outcome": "cancelled"} if chosen is None else {"outcome": "selected", "optionId": chosen.id}
    allowed = chosen is not None and chosen.kind in _ALLOWING
    return Settled(waiting.identity, waiting.tool_call, {"outcome": outcome}, allowed)


def _choose(options: list[Option], answer: Answer) -> Option | None:
    for option in options:
        if answer.option == option.id and (answer.kind is OptionKind.CHOICE or answer.kind is option.kind):
            return option
    for kind in (answer.kind, _INSTEAD.get(answer.kind)):
        for option in options:
            if option.kind is kind:
                return option
    return None


def _option(option: Mapping[str, Any]) -> Option:
    kind = _KINDS.get(text(option.get("kind")), OptionKind.CHOICE)
    return Option(text(option.get("optionId")), text(option.get("name")), kind)


def _shown(key: str, call: Mapping[str, Any], options: list[Option]) -> PermissionRequest:
    tool_input, kind = obj(call.get("rawInput")), kind_of(call)
    title = text(call.get("title"))
    return PermissionRequest(
        id=key,
        title=title or kind.value,
        tool=text(call.get("name")) or kind.value,
        tool_call=text(call.get("toolCallId")),
        command=command_of(call),
        diff=diff_of(call),
        input=tool_input,
        options=options,
    )
