"""An HTTP operation: a request, polls until it is done where that takes time, and the answer as the result."""

from __future__ import annotations

import json
import os
import re
import sys
import time
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any, Final, cast
from urllib.parse import urljoin, urlsplit

from muster.agents.programs.dialogue import END, Dialogue, Interrupted, Json

MOST_BYTES: Final = 1024 * 1024
SHOWN: Final = 20_000
_CODES: Final = {401: "auth_failed", 403: "auth_failed", 429: "rate_limited"}
_VARIABLE: Final = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_VALUE: Final = re.compile(r"\{(/[^}]*)\}")
_NOTHING: Final = object()


class Failure(Exception):
    """The operation failed: failure code, message, HTTP status, when to try again."""

    def __init__(self, code: str, message: str, status: int | None = None, resets_at: float | None = None):
        super().__init__(message)
        self.code, self.message, self.status, self.resets_at = code, message, status, resets_at


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    text: str
    url: str
    location: str
    wait: str

    @property
    def value(self) -> Any:
        """The body as JSON, or nothing."""
        try:
            return json.loads(self.text)
        except ValueError:
            return _NOTHING


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Followed at the same place only: headers may hold secrets."""

    def redirect_request(
        self, req: urllib.request.Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        if _origin(newurl) != _origin(req.full_url):
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


class Operation:
    """One request and what follows from it."""

    def __init__(self, dialogue: Dialogue, request: Json, prompt: str) -> None:
        self._dialogue = dialogue
        self._request = request
        self._prompt = prompt
        self._calls = 0
        # Only these: the usual opener would read files too. The proxy is the way to allowed hosts.
        self._opener = urllib.request.OpenerDirector()
        for handler in (
            urllib.request.ProxyHandler,
            urllib.request.HTTPHandler,
            urllib.request.HTTPSHandler,
            _Redirects,
            urllib.request.HTTPDefaultErrorHandler,
            urllib.request.HTTPErrorProcessor,
        ):
            self._opener.add_handler(handler())

    def run(self) -> str:
        """From the request to the result."""
        request = self._request
        answer = self._send(request["method"], request["url"], _filled(request["body"], self._prompt))
        if (poll := request["poll"]) is not None:
            answer = self._poll(poll, answer)
        return _result(answer, request["result"])

    def _poll(self, poll: Json, first: Answer) -> Answer:
        url = _poll_url(poll["url"], first)
        answer = first
        while not _is_done(poll, answer):
            self._dialogue.pause(poll["every_seconds"])
            answer = self._send("GET", url, None)
        return answer

    def _send(self, method: str, url: str, body: Any) -> Answer:
        self._calls += 1
        ident = f"http-{self._calls}"
        given: dict[str, str] = self._request["headers"]
        headers = given if _origin(url) == _origin(self._request["url"]) else {}
        shown = {"method": method, "url": url, "headers": sorted(headers)}
        self._dialogue.tell(
            "tool_call",
            id=ident,
            name="http",
            tool="fetch",
            title=f"{method} {url}",
            input=shown if body is None else {**shown, "body": body},
        )
        try:
            answer = self._exchange(
                method, url, body, {name: _secret(words) for name, words in headers.items()}
            )
        except Failure as failure:
            self._dialogue.tell("tool_result", id=ident, status="failed", output=failure.message)
            raise
        well = answer.status in self._request["expect"] or (
            not self._request["expect"] and 200 <= answer.status < 300
        )
        output = f"{answer.status}\n{answer.text[:SHOWN]}"
        self._dialogue.tell("tool_result", id=ident, status="completed" if well else "failed", output=output)
        if not well:
            raise _unexpected(method, url, answer)
        return answer

    def _exchange(self, method: str, url: str, body: Any, headers: dict[str, str]) -> Answer:
        if urlsplit(url).scheme not in {"http", "https"}:
            raise Failure("agent_error", f"{url[:200]} is no http or https URL")
        data = None if body is None else body.encode() if isinstance(body, str) else json.dumps(body).encode()
        kind = {} if body is None or isinstance(body, str) else {"Content-Type": "application/json"}
        request = urllib.request.Request(url, data, {**kind, **headers}, method=method)
        try:
            with self._opener.open(request, timeout=self._request["seconds"]) as answer:
                return _read(answer, url)
        except urllib.error.HTTPError as error:
            with error:
                return _read(error, url)
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            words = f"{method} {url}: {reason}. A task reaches only what allow_hosts or network: true lets it"
            raise Failure("agent_error", words) from error


def work(dialogue: Dialogue) -> int:
    """The exit status."""
    first = dialogue.next()
    if first is END:
        return 0
    try:
        text = Operation(dialogue, first["request"], str(first.get("text", ""))).run()
    except Interrupted:
        dialogue.tell("result", ok=False, text="", reason="cancelled")
        return 0
    except Failure as failure:
        known = {"status": failure.status, "resets_at": failure.resets_at}
        dialogue.tell("error", code=failure.code, message=failure.message, **known)
        dialogue.tell("result", ok=False, text="", reason=failure.code)
        return 1
    dialogue.tell("message", text=text)
    dialogue.tell("result", ok=True, text=text, reason="done")
    return 0


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc


def _read(answer: Any, url: str) -> Answer:
    text = answer.read(MOST_BYTES).decode(errors="replace")
    headers = answer.headers
    return Answer(answer.status, text, url, headers.get("location") or "", headers.get("retry-after") or "")


def _unexpected(method: str, url: str, answer: Answer) -> Failure:
    words = f"{method} {url} answered {answer.status}: {answer.text.strip()[:1_000]}"
    resets_at = time.time_ns() / 1e9 + int(answer.wait) if answer.wait.isdigit() else None
    return Failure(_CODES.get(answer.status, "agent_error"), words, answer.status, resets_at)


def _poll_url(template: str, first: Answer) -> str:
    """Where to look: `{/pointer}` of the first answer filled in; without one, where that answer says it is."""
    if not template:
        return urljoin(first.url, first.location)
    return urljoin(first.url, _VALUE.sub(lambda found: _shown(_at(first.value, found[1])), template))


def _is_done(poll: Json, answer: Answer) -> bool:
    """By the state in the answer, else by its status: 202 says that it still runs."""
    if not poll["field"]:
        return answer.status != 202
    state = _at(answer.value, poll["field"])
    if state in poll["failed"]:
        raise Failure("agent_error", f"the operation ended with {_shown(state)}: {answer.text[:1_000]}")
    return state in poll["done"] if poll["done"] else state not in (None, _NOTHING, False)


def _result(answer: Answer, pointer: str) -> str:
    if not pointer:
        return answer.text
    value = _at(answer.value, pointer)
    if value is _NOTHING:
        raise Failure("agent_error", f"the answer has no {pointer}: {answer.text[:1_000]}")
    return _shown(value)


def _at(value: Any, pointer: str) -> Any:
    """What a JSON pointer points at, or nothing."""
    for word in pointer.split("/")[1:]:
        name = word.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = cast(Json, value)[name]
        elif isinstance(value, list) and name.isdigit() and int(name) < len(cast(list[Any], value)):
            value = cast(list[Any], value)[int(name)]
        else:
            return _NOTHING
    return value


def _shown(value: Any) -> str:
    if value is _NOTHING:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _filled(value: Any, prompt: str) -> Any:
    """The body with the prompt where it belongs."""
    if isinstance(value, str):
        return value.replace("{prompt}", prompt)
    if isinstance(value, dict):
        return {name: _filled(item, prompt) for name, item in cast(Json, value).items()}
    return [_filled(item, prompt) for item in cast(list[Any], value)] if isinstance(value, list) else value


def _secret(words: str) -> str:
    return _VARIABLE.sub(lambda found: os.environ.get(found[1], ""), words)


if __name__ == "__main__":
    sys.exit(work(Dialogue()))
