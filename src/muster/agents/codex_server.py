"""The conversation with `codex app-server`: JSON-RPC on its pipes, version 2 of its protocol."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import Answer, Ended, Step, Verdict
from muster.agents.codex_asking import Approvals
from muster.agents.codex_items import Items, usage_of
from muster.agents.failures import failure_of, status_in
from muster.agents.jsonl import Lines, decode, shown
from muster.agents.rpc import METHOD_NOT_FOUND, Calls
from muster.agents.streamed import Streamed
from muster.agents.verdict import Signs
from muster.agents.wire import count, number, obj, objs, text
from muster.domain.transcript import (
    Entry,
    Message,
    Plan,
    PlanItem,
    Problem,
    SessionStarted,
    Thinking,
    TurnEnded,
    Unknown,
    UsageReport,
)

_DELTAS: Final = (
    "item/agentMessage/delta",
    "item/reasoning/summaryTextDelta",
    "item/reasoning/textDelta",
    "item/commandExecution/outputDelta",
    "item/fileChange/outputDelta",
    "item/plan/delta",
)
_QUIET: Final = (
    "account/",
    "app/",
    "autoApprovalReview/",
    "fs/changed",
    "hook/",
    "item/",
    "mcpServer/",
    "model/",
    "modelProvider/",
    "process/",
    "project/",
    "remoteControl/",
    "serverRequest/",
    "skills/",
    "thread/",
    "turn/diff/",
    "turn/moderationMetadata",
    "turn/started",
)
"""Beginnings of notifications that say nothing that another message does not say."""
_NOTICES: Final = ("configWarning", "deprecationNotice", "guardianWarning", "warning")
_INFO: Final = {
    "contextWindowExceeded": "context_overflow",
    "cyberPolicy": "refused",
    "flexUnavailable": "provider_unavailable",
    "internalServerError": "provider_unavailable",
    "misalignmentPolicyViolation": "refused",
    "policyCapacityUnavailable": "provider_unavailable",
    "rateLimitExceeded": "rate_limited",
    "serverOverloaded": "provider_unavailable",
    "sessionBudgetExceeded": "budget_exceeded",
    "unauthorized": "auth_failed",
    "usageLimitExceeded": "quota_exhausted",
}
"""Codex's own names of failures."""


class CodexConversation:
    """One run of the server with one thread."""

    def __init__(
        self,
        *,
        prompt: str,
        thread: Mapping[str, Any],
        session: str | None = None,
        fork: bool = False,
        partial: bool = False,
    ) -> None:
        self._prompt = prompt
        self._settings = thread
        self._resume, self._fork, self._partial = session, fork, partial
        self._rpc = Calls()
        self._lines = Lines()
        self._signs = Signs()
        self._items = Items()
        self._approvals = Approvals()
        self._streamed = Streamed()
        self._thread = ""
        self._turn = ""
        self._running = False
        self._turns = 0
        self._queued: list[str] = []
        self._resets_at: float | None = None

    def start(self) -> bytes:
        """The handshake."""
        self._signs.begin()
        unwanted = [] if self._partial else list(_DELTAS)
        return self._rpc.call(
            "initialize",
            {
                "clientInfo": {"name": "muster", "title": "muster", "version": "1"},
                "capabilities": {"experimentalApi": True, "optOutNotificationMethods": unwanted},
            },
        )

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error: logs."""
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """Answer an approval or a question."""
        reply = self._approvals.answer(request, answer)
        return Step() if reply is None else Step(send=self._rpc.result(*reply))

    def say(self, text: str) -> Step:
        """A follow-up: it steers the turn that runs, or begins the next one."""
        if self._running and self._turn:
            steer = {"threadId": self._thread, "input": _input(text), "expectedTurnId": self._turn}
            self._queued.append(text)
            return Step(send=self._rpc.call("turn/steer", steer))
        if not self._thread or self._running:
            self._queued.append(text)
            return Step()
        return Step(send=self._begin(text))

    def interrupt(self) -> Step:
        """Stop the turn; the thread goes on."""
        if not self._running or not self._turn:
            return Step()
        return Step(send=self._rpc.call("turn/interrupt", {"threadId": self._thread, "turnId": self._turn}))

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The rest, and the judgement."""
        step = self._read(self._lines.flush())
        return step, self._signs.judge(ended)

    def _begin(self, words: str) -> bytes:
        self._signs.begin()
        self._running, self._turn = True, ""
        self._turns += 1
        return self._rpc.call("turn/start", {"threadId": self._thread, "input": _input(words)})

    def _read(self, lines: list[bytes]) -> Step:
        step = Step()
        for line in lines:
            before = len(step.entries)
            message = decode(line)
            if message is None or not self._take(message, step):
                step.entries.append(Unknown(line=shown(line)))
            if len(step.entries) > before:
                self._signs.see(step.entries[before:])
            if step.turn_over and self._queued and self._thread:
                step.turn_over = False
                step.send += self._begin(self._queued.pop(0))
        return step

    def _take(self, message: Mapping[str, Any], step: Step) -> bool:
        method, identity = text(message.get("method")), message.get("id")
        if not method:
            return self._settled(self._rpc.settled(identity), message, step)
        params = obj(message.get("params"))
        if identity is None:
            return self._told(method, params, step)
        entries = self._approvals.take(identity, method, params)
        if entries is None:
            step.send += self._rpc.error(identity, METHOD_NOT_FOUND, f"muster does not serve {method}")
            return False
        step.entries += entries
        return True

    def _settled(self, method: str, message: Mapping[str, Any], step: Step) -> bool:
        """An answer to one of our requests."""
        if "error" in message:
            return self._refused(method, text(obj(message.get("error")).get("message")), step)
        result = obj(message.get("result"))
        match method:
            case "initialize":
                step.send += self._rpc.notify("initialized") + self._open()
            case "thread/start" | "thread/resume" | "thread/fork":
                self._thread = text(obj(result.get("thread")).get("id"))
                step.entries.append(_session(result))
                step.send += self._begin(self._prompt)
            case "turn/start":
                self._turn = self._turn or text(obj(result.get("turn")).get("id"))
            case "turn/steer":
                del self._queued[:1]
            case "turn/interrupt":
                pass
            case _:
                return False
        return True

    def _open(self) -> bytes:
        if self._resume is None:
            return self._rpc.call("thread/start", self._settings)
        method = "thread/fork" if self._fork else "thread/resume"
        return self._rpc.call(method, {**self._settings, "threadId": self._resume, "excludeTurns": True})

    def _refused(self, method: str, said: str, step: Step) -> bool:
        if method in {"turn/steer", "turn/interrupt"}:
            # The turn was over before: what was said begins the next one.
            return True
        step.entries += [
            Problem(code=failure_of(said), message=said),
            TurnEnded(ok=False, reason=f"{method or 'a request'} failed"),
        ]
        step.turn_over, self._running = True, False
        return True

    def _told(self, method: str, params: Mapping[str, Any], step: Step) -> bool:
        """A notification."""
        parent = self._parent(params)
        match method:
            case "item/started":
                self._approvals.begin(obj(params.get("item")))
                step.entries += self._items.started(obj(params.get("item")), parent)
            case "item/completed":
                return self._completed(obj(params.get("item")), parent, step)
            case "item/agentMessage/delta" | "item/reasoning/textDelta" | "item/reasoning/summaryTextDelta":
                step.entries += self._piece(method, params, parent)
            case "turn/completed" if not parent:
                self._turn_completed(obj(params.get("turn")), step)
            case "turn/plan/updated" if not parent:
                step.entries.append(Plan([_step(item) for item in objs(params.get("plan"))]))
            case "thread/tokenUsage/updated":
                step.entries += self._used(params, parent)
            case "error":
                step.entries.append(self._problem(obj(params.get("error")), bool(params.get("willRetry"))))
            case _:
                return self._noted(method, params, step)
        return True

    def _noted(self, method: str, params: Mapping[str, Any], step: Step) -> bool:
        match method:
            case "turn/started" if not self._parent(params):
                self._turn = text(obj(params.get("turn")).get("id")) or self._turn
            case "account/rateLimits/updated":
                self._limits(obj(params.get("rateLimits")))
            case "serverRequest/resolved":
                self._approvals.withdraw(params.get("requestId"))
            case _ if method in _NOTICES:
                said = text(params.get("message")) or text(params.get("summary"))
                step.entries.append(Message(said, role="system"))
            case _:
                return method.startswith(_QUIET)
        return True

    def _parent(self, params: Mapping[str, Any]) -> str:
        """The thread of a sub-agent; empty for our own."""
        thread = text(params.get("threadId"))
        return "" if thread == self._thread else thread

    def _completed(self, item: Mapping[str, Any], parent: str, step: Step) -> bool:
        entries = self._items.completed(item, parent)
        for entry in entries or ():
            if isinstance(entry, Message | Thinking):
                key = text(item.get("id"))
                entries = [type(entry)(rest, parent=parent) for rest in self._streamed.rest(key, entry.text)]
        step.entries += entries or []
        self._approvals.note(item)
        return entries is not None

    def _piece(self, method: str, params: Mapping[str, Any], parent: str) -> list[Entry]:
        piece = text(params.get("delta"))
        self._streamed.piece(text(params.get("itemId")), piece)
        if method == "item/agentMessage/delta":
            return [Message(piece, more=True, parent=parent)] if piece else []
        return [Thinking(piece, more=True, parent=parent)] if piece else []

    def _turn_completed(self, turn: Mapping[str, Any], step: Step) -> None:
        status, error = text(turn.get("status")), obj(turn.get("error"))
        if status == "failed":
            problem = self._problem(error, retrying=False)
            step.entries += [] if problem == self._signs.problem else [problem]
        if status != "completed":
            step.entries += self._items.interrupted()
        said = [
            text(item.get("text")) for item in objs(turn.get("items")) if item.get("type") == "agentMessage"
        ]
        last = said[-1] if said else ""
        step.entries.append(TurnEnded(ok=status == "completed", text=last, reason=status, turns=self._turns))
        step.turn_over, self._running = True, False

    def _used(self, params: Mapping[str, Any], parent: str) -> list[Entry]:
        """Tokens of the last call. After a resume the last call of the turn before is told again: that is left out."""
        if not parent and text(params.get("turnId")) != self._turn:
            return []
        told = obj(params.get("tokenUsage"))
        last = usage_of(obj(told.get("last")))
        if parent:
            return [UsageReport(usage=last)]
        window = number(told.get("modelContextWindow"))
        return [UsageReport(usage=last, context_used=last.total, context_window=window)]

    def _problem(self, error: Mapping[str, Any], retrying: bool) -> Problem:
        said, info = text(error.get("message")), error.get("codexErrorInfo")
        detail = next(iter(obj(info).values()), None)
        status = number(obj(detail).get("httpStatusCode")) or status_in(said)
        if details := text(error.get("additionalDetails")):
            said = f"{said} ({details})"
        code = _INFO.get(text(info)) or failure_of(said, status)
        resets_at = self._resets_at if code == "quota_exhausted" else None
        return Problem(code=code, message=said, retrying=retrying, status=status, resets_at=resets_at)

    def _limits(self, limits: Mapping[str, Any]) -> None:
        windows = [obj(limits.get("primary")), obj(limits.get("secondary"))]
        used_up = [
            count(window.get("resetsAt")) for window in windows if count(window.get("usedPercent")) >= 100
        ]
        self._resets_at = float(max(used_up)) if used_up and max(used_up) else self._resets_at


def _input(words: str) -> list[dict[str, Any]]:
    return [{"type": "text", "text": words}]


def _session(result: Mapping[str, Any]) -> SessionStarted:
    thread = obj(result.get("thread"))
    policy = text(result.get("approvalPolicy"))
    return SessionStarted(
        session=text(thread.get("id")),
        model=text(result.get("model")) or text(thread.get("model")),
        version=text(thread.get("cliVersion")),
        mode=f"{text(obj(result.get('sandbox')).get('type'))} {policy}".strip(),
    )


def _step(item: Mapping[str, Any]) -> PlanItem:
    match text(item.get("status")):
        case "inProgress":
            return PlanItem(text=text(item.get("step")), status="in_progress")
        case "completed":
            return PlanItem(text=text(item.get("step")), status="completed")
        case _:
            return PlanItem(text=text(item.get("step")))
