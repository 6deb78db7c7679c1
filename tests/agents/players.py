"""Plays a recorded stream to a conversation: the agent's lines are fed, what its client did then is done by ours."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from muster.agents.adapter import Answer, Conversation, Ended, Step, Verdict
from muster.agents.jsonl import decode, encode
from muster.domain.transcript import Entry, OptionKind, PermissionRequest, Question

E = TypeVar("E", bound=Entry)
Cut = Callable[[bytes], Iterable[bytes]]


def whole(line: bytes) -> Iterable[bytes]:
    """A line in one piece."""
    return (line,)


@dataclass
class Played:
    """What came of a stream."""

    entries: list[Entry] = field(default_factory=list)
    sent: list[dict[str, Any]] = field(default_factory=list)
    turns_over: int = 0
    verdict: Verdict | None = None

    def of(self, kind: type[E]) -> list[E]:
        """The entries of a kind."""
        return [entry for entry in self.entries if isinstance(entry, kind)]


class Player:
    """One stream and one conversation. `agent` is the word that marks the agent's lines; None: all are the agent's."""

    def __init__(self, conversation: Conversation, agent: str | None, cut: Cut = whole) -> None:
        self._conversation = conversation
        self._agent = agent
        self._cut = cut
        self._played = Played()
        self._open: dict[str, list[int]] = {}
        self._recorded: dict[int, str] = {}
        self._prompts = 0
        self._methods: set[str] = set()
        self._requests: dict[str, PermissionRequest | Question] = {}

    def play(self, lines: Iterable[bytes], ended: Ended) -> Played:
        """All of it, to the end of the program."""
        lines = list(lines)
        self._methods = {_family(message) for line in lines if (message := decode(line)) is not None}
        self._wrote(self._conversation.start())
        for line in lines:
            message = decode(line) if self._agent is not None else None
            if message is None:
                self._feed(line + b"\n")
            elif message.pop("dir") == self._agent:
                self._hear(message)
            else:
                self._act(message)
        step, self._played.verdict = self._conversation.finish(ended)
        self._step(step)
        return self._played

    def _feed(self, line: bytes) -> None:
        for piece in self._cut(line):
            self._step(self._conversation.feed(piece))

    def _hear(self, message: dict[str, Any]) -> None:
        """A line of the agent. Answers get the number that our own request has; those to requests we never made are left."""
        message.pop("t", None)
        answers = "method" not in message and "id" in message
        if answers:
            waiting = self._open.get(self._recorded.get(message["id"], ""), [])
            if not waiting:
                return
            message["id"] = waiting.pop(0)
        self._feed(encode(message))

    def _act(self, message: dict[str, Any]) -> None:
        """What the recorded client did."""
        match message:
            case {"type": "user", "message": {"content": str(words)}}:
                self._said(words)
            case {"type": "control_request", "request": {"subtype": "interrupt"}}:
                self._step(self._conversation.interrupt())
            case {"type": "control_response", "response": {"request_id": key, "response": response}}:
                allowed = response["behavior"] == "allow"
                kind = OptionKind.ALLOW_ONCE if allowed else OptionKind.REJECT_ONCE
                self._step(
                    self._conversation.answer(key, Answer(kind=kind, text=response.get("message", "")))
                )
            case {"method": method, "id": identity}:
                self._recorded[identity] = _family(message)
                if method in {"session/prompt", "turn/start", "turn/steer"}:
                    params = message["params"]
                    self._said(str((params.get("prompt") or params.get("input"))[0]["text"]))
                elif method == "turn/interrupt":
                    self._step(self._conversation.interrupt())
            case {"method": "session/cancel"}:
                self._step(self._conversation.interrupt())
            case {"id": identity, "result": result}:
                self._answered(str(identity), result)
            case _:
                pass

    def _said(self, words: str) -> None:
        self._prompts += 1
        if self._prompts > 1:
            self._step(self._conversation.say(words))

    def _answered(self, key: str, result: dict[str, Any]) -> None:
        request = self._requests.get(key)
        if request is None:
            return
        chosen = result.get("decision") or result.get("outcome", {}).get("optionId")
        option = next(option for option in request.options if option.id == chosen)
        self._step(self._conversation.answer(key, Answer(kind=option.kind, option=option.id)))

    def _step(self, step: Step) -> None:
        self._played.entries += step.entries
        self._played.turns_over += step.turn_over
        for entry in step.entries:
            if isinstance(entry, PermissionRequest | Question):
                self._requests[entry.id] = entry
        self._wrote(step.send)

    def _wrote(self, data: bytes) -> None:
        for line in data.splitlines():
            message = decode(line)
            assert message is not None
            self._played.sent.append(message)
            if "method" in message and "id" in message:
                if _family(message) in self._methods:
                    self._open.setdefault(_family(message), []).append(message["id"])
                else:
                    self._feed(encode({"id": message["id"], "result": {}}))


def _family(message: dict[str, Any]) -> str:
    """Methods that open a session are one: the recorded client may have chosen another than ours."""
    method = str(message.get("method", ""))
    return "opening" if method in {"session/new", "session/load", "session/resume"} else method
