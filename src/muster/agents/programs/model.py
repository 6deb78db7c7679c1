"""A plain call of a model with its tools off: the prompt goes out, the answer is told while it comes."""

from __future__ import annotations

import json
import secrets
import sys
import threading
import time
from collections.abc import Iterator
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Final, cast
from urllib.parse import urlsplit

from muster.agents.failures import failure_of
from muster.agents.programs.dialects import DIALECTS, Heard
from muster.agents.programs.dialogue import END, Dialogue, Interrupted, Json

SILENCE_SECONDS: Final = 600
TELL_SECONDS: Final = 0.1
TELL_CHARS: Final = 2_000
ERROR_BYTES: Final = 64 * 1024
CUT: Final = frozenset({"max_tokens", "length", "MAX_TOKENS"})
WELL: Final = frozenset({"end_turn", "stop_sequence", "stop", "STOP", "pause_turn"})


class Failure(Exception):
    """The call came to nothing: failure code, message, HTTP status, when to try again."""

    def __init__(self, code: str, message: str, status: int | None = None, resets_at: float | None = None):
        super().__init__(message)
        self.code, self.message, self.status, self.resets_at = code, message, status, resets_at


class Session:
    """The conversation so far, kept in HOME so that a later run can go on with it."""

    def __init__(self, prompt: Json) -> None:
        resumed = str(prompt.get("session") or "")
        self.name = resumed if resumed and not prompt.get("fork") else secrets.token_hex(8)
        before = self._file(resumed)
        self.messages: list[Json] = json.loads(before.read_text()) if resumed and before.exists() else []

    def keep(self) -> None:
        """Write it down."""
        path = self._file(self.name)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        path.write_text(json.dumps(self.messages))

    @staticmethod
    def _file(name: str) -> Path:
        return Path.home() / ".muster-model" / f"{name.replace('/', '_')}.json"


class Speech:
    """Words and thoughts, told in pieces of a size that is worth an entry."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._kind = "message"
        self._pieces: list[str] = []
        self._due = 0.0
        self.text = ""

    def hear(self, kind: str, piece: str) -> None:
        """A piece came."""
        if kind != self._kind:
            self.end()
            self._kind = kind
        self.text += piece if kind == "message" else ""
        self._pieces.append(piece)
        if time.monotonic() >= self._due or sum(map(len, self._pieces)) >= TELL_CHARS:
            self._tell(more=True)

    def end(self) -> None:
        """What is said is said."""
        if self._pieces or self._due:
            self._tell(more=False)
        self._due = 0.0

    def _tell(self, *, more: bool) -> None:
        self._dialogue.tell(self._kind, text="".join(self._pieces), more=more)
        self._pieces.clear()
        self._due = time.monotonic() + TELL_SECONDS


class Agent:
    """One process: a session and its turns."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue

    def work(self) -> int:
        """Turn after turn until standard input ends; the exit status."""
        word = first = self._dialogue.next()
        if first is END:
            return 0
        session = Session(first)
        self._dialogue.tell("session", session=session.name, model=str(first["model"]))
        status = 0
        while word is not END:
            status = self._turn(first, session, str(word.get("text", "")))
            word = self._dialogue.next()
        return status

    def _turn(self, first: Json, session: Session, text: str) -> int:
        session.messages.append({"role": "user", "text": text})
        heard = Heard()
        speech = Speech(self._dialogue)
        try:
            self._call(first, session.messages, heard, speech)
            _judge(heard, speech.text)
        except Interrupted:
            self._dialogue.tell("result", ok=False, text=speech.text, reason="cancelled")
            session.messages.pop()
            return 0
        except Failure as failure:
            session.messages.pop()
            known = {"status": failure.status, "resets_at": failure.resets_at}
            self._dialogue.tell("error", code=failure.code, message=failure.message, **known)
            self._dialogue.tell("result", ok=False, text="", reason=heard.stop or failure.code)
            return 1
        session.messages.append({"role": "assistant", "text": speech.text})
        session.keep()
        self._dialogue.tell("result", ok=True, text=speech.text, reason=heard.stop)
        return 0

    def _call(self, first: Json, messages: list[Json], heard: Heard, speech: Speech) -> None:
        try:
            for kind, piece in self._pieces(first, messages, heard):
                speech.hear(kind, piece)
        except (OSError, HTTPException) as error:
            if self._dialogue.interrupted.is_set():
                raise Interrupted from error
            words = f"the connection to the model failed: {type(error).__name__}: {error}"
            raise Failure("provider_unavailable", words) from error
        finally:
            speech.end()
            if heard.usage:
                self._dialogue.tell("usage", usage=heard.usage, model=heard.model or str(first["model"]))
        if self._dialogue.interrupted.is_set():
            raise Interrupted

    def _pieces(self, first: Json, messages: list[Json], heard: Heard) -> Iterator[tuple[str, str]]:
        dialect = DIALECTS[str(first["dialect"])]
        url, headers, body = dialect.request(first, messages)
        if not url:
            raise Failure("auth_failed", "there is no way to a model: set a key where the worker runs")
        connection = _connect(url)
        over = threading.Event()
        threading.Thread(target=self._watch, args=(connection, over), daemon=True).start()
        try:
            parts = urlsplit(url)
            path = f"{parts.path}?{parts.query}" if parts.query else parts.path
            connection.request("POST", path, json.dumps(body).encode(), headers)
            for event in _events(connection.getresponse()):
                yield from dialect.read(event, heard)
        finally:
            over.set()
            connection.close()

    def _watch(self, connection: HTTPConnection, over: threading.Event) -> None:
        """An interrupt ends the call, which may just be silent."""
        while not over.wait(0.05):
            if self._dialogue.interrupted.is_set() and connection.sock is not None:
                connection.sock.shutdown(2)
                return


def _connect(url: str) -> HTTPConnection:
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    return kind(str(parts.hostname), parts.port, timeout=SILENCE_SECONDS)


def _events(answer: HTTPResponse) -> Iterator[Json]:
    """The events of a stream, or the one answer where the server does not stream."""
    if answer.status != 200:
        raise _refused(answer)
    if "event-stream" not in answer.headers.get("content-type", ""):
        yield _object(answer.read())
        return
    for line in answer:
        if line.startswith(b"data:") and (data := line[5:].strip()) not in (b"", b"[DONE]"):
            yield _object(data)


def _object(data: bytes) -> Json:
    try:
        found: Json = json.loads(data)
    except ValueError as error:
        words = f"the model's answer cannot be read: {data[:200].decode(errors='replace')}"
        raise Failure("provider_unavailable", words) from error
    if found.get("error"):
        raise _failed(found["error"], None)
    return found


def _refused(answer: HTTPResponse) -> Failure:
    body = answer.read(ERROR_BYTES).decode(errors="replace")
    error: Any = body.strip() or answer.reason
    try:
        found: Any = json.loads(body)
        error = (cast(list[Any], found)[0] if isinstance(found, list) else found)["error"]
    except (ValueError, LookupError, TypeError):
        pass
    failure = _failed(error, answer.status)
    wait = answer.headers.get("retry-after", "")
    if wait.isdigit():
        failure.resets_at = time.time_ns() / 1e9 + int(wait)
    return failure


def _failed(error: Any, status: int | None) -> Failure:
    fields = cast(Json, error) if isinstance(error, dict) else {"message": str(error)}
    kind = " ".join(str(fields[name]) for name in ("type", "code", "status") if fields.get(name))
    words = str(fields.get("message", ""))[:2_000]
    shown = f"the model answered {status}: {words}" if status else f"the model failed: {words}"
    if "budget_exceeded" in kind:
        return Failure("budget_exceeded", words, status)
    return Failure(failure_of(f"{kind} {words}", status), shown, status)


def _judge(heard: Heard, text: str) -> None:
    if not heard.stop:
        raise Failure("provider_unavailable", "the model's answer broke off")
    if heard.stop in CUT:
        raise Failure("agent_error", "the answer was cut at the limit of tokens")
    if heard.stop not in WELL:
        raise Failure("refused", f"the model ended with {heard.stop}")
    if not text.strip():
        raise Failure("agent_error", "the model said nothing")


if __name__ == "__main__":
    sys.exit(Agent(Dialogue()).work())
