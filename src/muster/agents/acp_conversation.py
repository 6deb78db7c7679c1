"""The conversation with any agent that speaks the Agent Client Protocol, protocol 1, as its client."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any, Final

from muster.agents.acp_asking import Permits
from muster.agents.acp_updates import Updates, turn_usage
from muster.agents.adapter import Answer, Ended, Permissions, Step, Verdict
from muster.agents.failures import failure_of, status_in
from muster.agents.jsonl import Lines, decode, encode, shown
from muster.agents.rpc import METHOD_NOT_FOUND, Calls
from muster.agents.verdict import Signs
from muster.agents.wire import number, obj, objs, text
from muster.domain.transcript import Message, Problem, SessionStarted, TurnEnded, Unknown

PROTOCOL: Final = 1
_OPENING: Final = frozenset(
    {"initialize", "session/new", "session/load", "session/resume", "session/fork", "session/prompt"}
)
"""Requests without whose answer nothing goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AcpPlan:
    """What a conversation is to do, whatever the agent."""

    prompt: str
    cwd: str
    permissions: Permissions
    servers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    session: str | None = None
    fork: bool = False
    model: str = ""
    """Chosen in the session, where the agent offers it; empty when it is chosen in another way."""
    mode: str = ""
    meta: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """`_meta` of a new session."""


class AcpConversation:
    """One run of an ACP agent with one session."""

    def __init__(self, plan: AcpPlan) -> None:
        self._plan = plan
        self._rpc = Calls({"jsonrpc": "2.0"})
        self._lines = Lines()
        self._signs = Signs()
        self._updates = Updates()
        self._permits = Permits(plan.permissions, PurePosixPath(plan.cwd))
        self._session = ""
        self._version = ""
        self._capabilities: dict[str, Any] = {}
        self._todo: list[tuple[str, dict[str, Any]]] = []
        self._running = False
        self._turns = 0
        self._queued: list[str] = []

    def start(self) -> bytes:
        """The handshake. No file system and no terminal is offered: the agent has those of its sandbox."""
        self._signs.begin()
        return self._rpc.call(
            "initialize",
            {
                "protocolVersion": PROTOCOL,
                "clientCapabilities": {
                    "fs": {"readTextFile": False, "writeTextFile": False},
                    "terminal": False,
                },
                "clientInfo": {"name": "muster", "version": "1"},
            },
        )

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error: logs."""
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """Answer a permission request."""
        settled = self._permits.answer(request, answer)
        if settled is None:
            return Step()
        if not settled.allowed:
            self._updates.denied.add(settled.tool_call)
        return Step(send=self._rpc.result(settled.identity, settled.result))

    def say(self, text: str) -> Step:
        """A follow-up: the next turn, once the one that runs is over."""
        if self._running or not self._session:
            self._queued.append(text)
            return Step()
        return Step(send=self._prompt(text))

    def interrupt(self) -> Step:
        """Cancel the turn; the session goes on."""
        if not self._running:
            return Step()
        self._updates.cancelled = True
        send = self._rpc.notify("session/cancel", {"sessionId": self._session})
        for identity in self._permits.withdraw():
            send += self._rpc.result(identity, {"outcome": {"outcome": "cancelled"}})
        return Step(send=send)

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The rest, and the judgement."""
        step = self._read(self._lines.flush())
        step.entries += self._updates.settle()
        return step, self._signs.judge(ended)

    def _prompt(self, words: str) -> bytes:
        self._signs.begin()
        self._running = True
        self._turns += 1
        self._updates.cancelled = self._updates.failed = False
        self._updates.last = ""
        prompt = [{"type": "text", "text": words}]
        return self._rpc.call("session/prompt", {"sessionId": self._session, "prompt": prompt})

    def _read(self, lines: list[bytes]) -> Step:
        step = Step()
        entries, before = step.entries, 0
        for line in lines:
            message = decode(line)
            if message is None or not self._take(message, step):
                entries.append(Unknown(line=shown(line)))
            if len(entries) > before:
                self._signs.see(entries[before:] if before else entries)
                before = len(entries)
            if step.turn_over and self._queued and self._session:
                step.turn_over = False
                step.send += self._prompt(self._queued.pop(0))
        return step

    def _take(self, message: Mapping[str, Any], step: Step) -> bool:
        method = text(message.get("method"))
        if method == "session/update":
            return self._updated(obj(obj(message.get("params")).get("update")), step)
        identity = message.get("id")
        match method:
            case "":
                return self._settled(self._rpc.settled(identity), message, step)
            case "session/request_permission":
                self._asked(identity, obj(message.get("params")), step)
                return True
            case _ if identity is None:
                return method.startswith("_")
            case _:
                step.send += self._rpc.error(identity, METHOD_NOT_FOUND, f"muster does not serve {method}")
                return True

    def _updated(self, update: Mapping[str, Any], step: Step) -> bool:
        if not self._running:
            # A loaded session tells its whole past again.
            return True
        entries = self._updates.take(update)
        step.entries += entries or []
        return entries is not None

    def _asked(self, identity: Any, params: Mapping[str, Any], step: Step) -> None:
        call = obj(params.get("toolCall"))
        step.entries += self._updates.close() + self._updates.call({**call, "status": ""})
        asked, settled = self._permits.take(identity, params)
        if asked is not None:
            step.entries.append(asked)
        if settled is not None:
            if not settled.allowed:
                self._updates.denied.add(settled.tool_call)
            step.send += self._rpc.result(settled.identity, settled.result)

    def _settled(self, method: str, message: Mapping[str, Any], step: Step) -> bool:
        """An answer to one of our requests."""
        if not method:
            return False
        if "error" in message:
            self._refused(method, obj(message.get("error")), step)
            return True
        result = obj(message.get("result"))
        match method:
            case "initialize":
                self._capabilities = obj(result.get("agentCapabilities"))
                self._version = text(obj(result.get("agentInfo")).get("version"))
                self._open(step)
            case "session/new" | "session/load" | "session/resume" | "session/fork":
                self._opened(result, step)
            case "session/prompt":
                self._turn_ended(result, step)
            case _:
                self._next(step)
        return True

    def _open(self, step: Step) -> None:
        """A new session, or an old one by the best way the agent has."""
        plan, sessions = self._plan, obj(self._capabilities.get("sessionCapabilities"))
        params: dict[str, Any] = {"cwd": plan.cwd, "mcpServers": plan.servers}
        if plan.meta:
            params["_meta"] = plan.meta
        if plan.session is None:
            step.send += self._rpc.call("session/new", params)
            return
        params["sessionId"] = plan.session
        if plan.fork and "fork" in sessions:
            step.send += self._rpc.call("session/fork", params)
        elif not plan.fork and "resume" in sessions:
            step.send += self._rpc.call("session/resume", params)
        elif not plan.fork and self._capabilities.get("loadSession"):
            step.send += self._rpc.call("session/load", params)
        else:
            what = "fork" if plan.fork else "resume"
            self._failed(Problem(code="agent_error", message=f"it cannot {what} a session"), what, step)

    def _opened(self, result: Mapping[str, Any], step: Step) -> None:
        self._session = text(result.get("sessionId")) or self._plan.session or ""
        modes = obj(result.get("modes"))
        options = objs(result.get("configOptions"))
        offered = {text(mode.get("id")) for mode in objs(modes.get("availableModes"))}
        mode = text(modes.get("currentModeId"))
        if self._plan.mode in offered and self._plan.mode != mode:
            mode = self._plan.mode
            self._todo.append(("session/set_mode", {"modeId": mode}))
        models = [option for option in options if option.get("category") == "model"]
        current = models[0] if models else dict[str, Any]()
        model = text(current.get("currentValue"))
        if self._plan.model and self._plan.model != model:
            if self._plan.model in _values(current):
                model = self._plan.model
                change = {"configId": text(current.get("id")), "value": model}
                self._todo.append(("session/set_config_option", change))
            else:
                said = f"The agent does not offer the model {self._plan.model}; it uses {model or 'its own'}."
                step.entries.append(Message(said, role="system"))
        step.entries.append(
            SessionStarted(session=self._session, model=model, version=self._version, mode=mode)
        )
        self._next(step)

    def _next(self, step: Step) -> None:
        """What is still to be set, then the prompt."""
        if self._todo:
            method, params = self._todo.pop(0)
            step.send += self._rpc.call(method, {"sessionId": self._session, **params})
        elif not self._turns:
            step.send += self._prompt(self._plan.prompt)

    def _turn_ended(self, result: Mapping[str, Any], step: Step) -> None:
        step.entries += self._updates.settle()
        if (report := turn_usage(result)) is not None:
            step.entries.append(report)
        reason = text(result.get("stopReason"))
        if self._updates.failed:
            said = self._updates.last or "the agent's session is broken"
            self._failed(Problem(code=failure_of(said), message=said, status=status_in(said)), reason, step)
            return
        if reason == "refusal":
            step.entries.append(Problem(code="refused", message="the model refused"))
        last = self._updates.last
        step.entries.append(TurnEnded(ok=reason == "end_turn", text=last, reason=reason, turns=self._turns))
        step.turn_over, self._running = True, False

    def _refused(self, method: str, error: Mapping[str, Any], step: Step) -> None:
        code, said = number(error.get("code")), text(error.get("message"))
        if method not in _OPENING:
            step.entries.append(Message(f"The agent refused {method}: {said}", role="system"))
            self._next(step)
            return
        step.entries += self._updates.settle()
        data = error.get("data")
        told = f"{said} {encode(data).decode().strip() if data else ''}"
        status = code if code is not None and 400 <= code < 600 else status_in(told)
        problem = Problem(code=failure_of(told, status), message=said, status=status)
        self._failed(problem, f"{method} failed", step)

    def _failed(self, problem: Problem, reason: str, step: Step) -> None:
        step.entries += [problem, TurnEnded(ok=False, reason=reason, turns=self._turns or None)]
        step.turn_over, self._running = True, False


def _values(option: Mapping[str, Any]) -> set[str]:
    """Values of a choice, which may be in groups."""
    found: set[str] = set()
    for value in objs(option.get("options")):
        found |= {text(value.get("value"))} | {text(item.get("value")) for item in objs(value.get("options"))}
    return found - {""}
