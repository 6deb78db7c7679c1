"""The conversation with Claude Code: its stream of JSON lines, with the control protocol on the same pipes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import Answer, Ended, Step, Verdict
from muster.agents.claude_asking import Asked, Requests
from muster.agents.claude_entries import Blocks, result_entries, session_of
from muster.agents.failures import failure_of, reset_in
from muster.agents.jsonl import Lines, decode, encode, shown
from muster.agents.verdict import Signs
from muster.agents.wire import number, obj, text
from muster.domain.transcript import Problem, SessionStarted, Unknown

_QUIET: Final = frozenset(
    {
        "compact_boundary",
        "hook_progress",
        "hook_response",
        "hook_started",
        "permission_denied",
        "status",
        "thinking_tokens",
    }
)
"""System lines that say nothing that another line does not say."""


class ClaudeConversation:
    """One run of `claude -p --input-format stream-json --output-format stream-json`."""

    def __init__(self, prompt: str) -> None:
        self._prompt = prompt
        self._lines = Lines()
        self._signs = Signs()
        self._blocks = Blocks()
        self._requests = Requests()
        self._session: SessionStarted | None = None
        self._sent = 0
        self._unread = 0
        self._echoes = False
        """It repeats what was said when it takes it up: at once, between two tools, or for a turn of its own."""

    def start(self) -> bytes:
        """The handshake and the prompt."""
        self._signs.begin()
        self._unread += 1
        return self._control({"subtype": "initialize", "hooks": None}) + _user(self._prompt)

    def feed(self, data: bytes) -> Step:
        """Standard output."""
        return self._read(self._lines.feed(data))

    def feed_error(self, data: bytes) -> Step:
        """Standard error says nothing in this protocol; its end is judged."""
        return Step()

    def answer(self, request: str, answer: Answer) -> Step:
        """Answer a permission request or a question."""
        reply = self._requests.answer(request, answer)
        return Step() if reply is None else Step(send=_reply(*reply))

    def say(self, text: str) -> Step:
        """A follow-up; while a turn runs it is queued by the agent."""
        if self._signs.turn is not None:
            self._signs.begin()
        self._unread += 1
        return Step(send=_user(text))

    def interrupt(self) -> Step:
        """Stop the turn; the session goes on."""
        return Step(send=self._control({"subtype": "interrupt"}))

    def finish(self, ended: Ended) -> tuple[Step, Verdict]:
        """The rest, and the judgement."""
        step = self._read(self._lines.flush())
        return step, self._signs.judge(ended)

    def _control(self, request: Mapping[str, Any]) -> bytes:
        self._sent += 1
        return encode({"type": "control_request", "request_id": f"muster-{self._sent}", "request": request})

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
            if message is not None and message.get("type") == "result":
                step.turn_over = not (self._echoes and self._unread)
                if not step.turn_over:
                    self._signs.begin()
        return step

    def _take(self, message: Mapping[str, Any], step: Step) -> bool:
        """Read one message; False when this version does not know it."""
        match message.get("type"):
            case "assistant":
                step.entries += self._blocks.assistant(message)
            case "user" if message.get("isReplay"):
                self._echoes, self._unread = True, max(self._unread - 1, 0)
            case "user":
                step.entries += self._blocks.user(message)
            case "stream_event":
                step.entries += self._blocks.partial(message)
            case "result":
                step.entries += result_entries(message)
            case "system":
                return self._system(message, step)
            case "rate_limit_event":
                step.entries += _rate_limit(obj(message.get("rate_limit_info")))
            case _:
                return self._control_line(message, step)
        return True

    def _control_line(self, message: Mapping[str, Any], step: Step) -> bool:
        match message.get("type"):
            case "control_request":
                self._asked(message, step)
            case "control_cancel_request":
                self._requests.withdraw(text(message.get("request_id")))
            case "control_response":
                self._answered(message, step)
            case "keep_alive":
                pass
            case _:
                return False
        return True

    def _system(self, message: Mapping[str, Any], step: Step) -> bool:
        match message.get("subtype"):
            case "init":
                session = session_of(message)
                if session != self._session:
                    self._session = session
                    step.entries.append(session)
            case "api_retry":
                step.entries.append(_retry(message))
            case subtype:
                return text(subtype) in _QUIET
        return True

    def _asked(self, message: Mapping[str, Any], step: Step) -> None:
        match self._requests.take(text(message.get("request_id")), obj(message.get("request"))):
            case Asked(entries=entries):
                step.entries += entries
            case refusal:
                step.send += _reply(refusal, None)

    def _answered(self, message: Mapping[str, Any], step: Step) -> None:
        response = obj(message.get("response"))
        if response.get("subtype") == "error":
            said = text(response.get("error"))
            step.entries.append(Problem(code=failure_of(said), message=said, retrying=True))


def _user(words: str) -> bytes:
    return encode(
        {
            "type": "user",
            "message": {"role": "user", "content": words},
            "parent_tool_use_id": None,
            "session_id": "",
        }
    )


def _reply(request: str, response: Mapping[str, Any] | None) -> bytes:
    """The answer to a control request; None: it is not one that we serve."""
    body: dict[str, Any] = {"subtype": "success", "request_id": request, "response": response}
    if response is None:
        body = {"subtype": "error", "request_id": request, "error": "muster does not serve this request"}
    return encode({"type": "control_response", "response": body})


def _retry(message: Mapping[str, Any]) -> Problem:
    said, status = text(message.get("error")), number(message.get("error_status"))
    attempt, most = number(message.get("attempt")), number(message.get("max_retries"))
    # Without a status the call never came through: a dropped line, or silence.
    code = failure_of(said, status, otherwise="provider_unavailable")
    return Problem(
        code=code,
        message=f"{said or 'the call failed'}, retry {attempt} of {most}",
        retrying=True,
        status=status,
    )


def _rate_limit(info: Mapping[str, Any]) -> list[Problem]:
    if info.get("status") != "rejected" or info.get("isUsingOverage"):
        return []
    window = text(info.get("rateLimitType")).replace("_", " ") or "usage"
    resets_at = number(info.get("resetsAt"))
    return [
        Problem(
            code="quota_exhausted",
            message=f"the {window} limit is used up",
            retrying=True,
            resets_at=float(resets_at) if resets_at else reset_in(str(info)),
        )
    ]
