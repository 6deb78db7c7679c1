"""What an agent asks of people: leave to use a tool, or an answer. Nothing of it is ever lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from muster.domain.errors import Conflict, InvalidInput
from muster.domain.transcript import OptionKind


class ApprovalKind(StrEnum):
    """What is asked for."""

    PERMISSION = "permission"
    QUESTION = "question"


class ApprovalState(StrEnum):
    """Where a request stands. All but `pending` are ends."""

    PENDING = "pending"
    ANSWERED = "answered"
    EXPIRED = "expired"
    """Nobody answered in time. The agent is told so; nobody rejected it."""
    WITHDRAWN = "withdrawn"
    """The attempt ended, or the agent went on by itself."""


TRANSITIONS: Final[Mapping[ApprovalState, frozenset[ApprovalState]]] = {
    ApprovalState.PENDING: frozenset(
        {ApprovalState.ANSWERED, ApprovalState.EXPIRED, ApprovalState.WITHDRAWN}
    ),
    ApprovalState.ANSWERED: frozenset(),
    ApprovalState.EXPIRED: frozenset(),
    ApprovalState.WITHDRAWN: frozenset(),
}


class Scope(StrEnum):
    """How far an allowance reaches; beyond `once` it holds for exactly the same use of the same tool."""

    ONCE = "once"
    TASK = "task"
    PROJECT = "project"
    EVERYWHERE = "everywhere"


LONGEST_US: Final = 7 * 24 * 3_600_000_000
"""How long after it was made a request may still be kept waiting, by whoever puts its end off."""
ASK_AGAIN_WORDS: Final = (
    "Nobody answered this request of yours in time, but people are here now. Ask again if you still need it: "
)
EXPIRED_WORDS: Final = (
    "Nobody answered in time, so the request expired. Go on without it, or say what you could not do."
)
CLARIFY_WORDS: Final = "Before this is decided, people want to know: "
"""How words begin by which people ask back instead of deciding; the agent may ask again."""
ALLOWING: Final = frozenset({OptionKind.ALLOW_ONCE, OptionKind.ALLOW_ALWAYS})


class AlreadySettled(Conflict):
    """Request {id} is {state} already{by}."""

    code = "already_settled"


class NoLonger(Conflict):
    """Request {id} cannot wait longer: {problem}"""

    code = "cannot_wait_longer"


class NotWhatWasSeen(Conflict):
    """Request {id} is not what was shown: look at it again before you answer."""

    code = "not_what_was_seen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """An answer as it is kept and handed to the agent."""

    kind: str
    option: str | None = None
    text: str = ""
    scope: str = Scope.ONCE

    @property
    def allows(self) -> bool:
        """Whether it gives leave."""
        return self.kind in ALLOWING


EXPIRY: Final = Choice(kind=OptionKind.REJECT_ONCE, text=EXPIRED_WORDS)


def subject_of(document: Mapping[str, Any]) -> str:
    """The exact use of a tool that is asked for: the command line, else its input in one fixed form."""
    command = document.get("command")
    if command:
        return str(command)
    given = document.get("input") or document.get("text") or document.get("title") or ""
    return json.dumps(given, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest_of(tool: str, subject: str) -> str:
    """What a request is recognised by: another command, or the same of another tool, has another one."""
    return hashlib.sha256(f"{tool}\0{subject}".encode("utf-8", "replace")).hexdigest()


def word_for(state: str, answer: Mapping[str, Any] | None) -> str:
    """How it ended, in a word: approved, rejected, asked back, answered, expired or withdrawn."""
    if state != ApprovalState.ANSWERED or answer is None:
        return state
    if str(answer.get("kind")) in ALLOWING:
        return "approved"
    if asked_back(answer) is not None:
        return "asked back"
    return "rejected" if str(answer.get("kind")).startswith("reject") else "answered"


def answer_in_words(state: str, document: Mapping[str, Any], answer: Mapping[str, Any] | None) -> str:
    """The very answer people gave: the words of the option they chose and their own; "" where they gave none."""
    if state != ApprovalState.ANSWERED or answer is None:
        return ""
    question = asked_back(answer)
    if question is not None:
        return question
    text = str(answer.get("text") or "")
    if word_for(state, answer) != "answered" or answer.get("option") is None:
        return text
    options: Sequence[Mapping[str, Any]] = document.get("options", ())
    labels = [entry.get("label") for entry in options if entry.get("id") == answer["option"]]
    label = str((labels and labels[0]) or answer["option"])
    return f"{label}: {text}" if text else label


def later(ident: str, *, created_at: int, expires_at: int | None, now: int, by_us: int) -> int:
    """When a request expires that is given `by_us` more (microseconds), as far as it goes. NoLonger when it does not."""
    if expires_at is None:
        raise NoLonger(id=ident, problem="it waits as long as it takes anyway.")
    latest = created_at + LONGEST_US
    if expires_at >= latest or now >= latest:
        raise NoLonger(id=ident, problem="it was asked a week ago. Let its agent ask again.")
    return min(max(expires_at, now) + by_us, latest)


def asked_back(answer: Mapping[str, Any] | None) -> str | None:
    """What people wanted to know instead of deciding; None when the answer is none of that sort."""
    given = "" if answer is None else str(answer.get("text") or "")
    return given.removeprefix(CLARIFY_WORDS) if given.startswith(CLARIFY_WORDS) else None


def choose(
    kind: str,
    options: Sequence[Mapping[str, Any]],
    *,
    verdict: OptionKind | None,
    option: str | None,
    text: str,
    scope: Scope,
) -> Choice:
    """The answer that is meant: by option, by verdict, or in words. InvalidInput when it does not fit the request."""
    if option is not None:
        picked = next((entry for entry in options if entry.get("id") == option), None)
        if picked is None:
            offered = ", ".join(str(entry.get("id")) for entry in options) or "none"
            raise InvalidInput(field="option", problem=f"{option!r} was not offered ({offered})")
        # Whoever asks over the API need not say what kind an option is; one that does not say allows nothing.
        return Choice(kind=str(picked.get("kind", OptionKind.CHOICE)), option=option, text=text, scope=scope)
    if verdict is not None:
        picked = next((entry for entry in options if entry.get("kind") == verdict), None)
        return Choice(
            kind=verdict, option=None if picked is None else str(picked.get("id")), text=text, scope=scope
        )
    if kind == ApprovalKind.PERMISSION or not text:
        raise InvalidInput(field="answer", problem="say allow or deny, name an option, or answer in words")
    return Choice(kind=OptionKind.CHOICE, text=text, scope=scope)
