"""Reviews of results: what a person says of work that is done, bound to the commit that was looked at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import Final

from muster.domain.checks import check_choice, check_count, check_name, check_text
from muster.domain.errors import Conflict, InvalidInput
from muster.domain.task import TaskState

MAX_COMMENT: Final = 10_000
MAX_PATH: Final = 4_096
MAX_HUNK: Final = 8_000
MAX_LINE: Final = 10_000_000
MAX_DRAFTS: Final = 200
MAX_MESSAGE: Final = 200_000
"""Characters of what an agent is told at once: comments, the lines they are about, and the words with them."""
SHORT: Final = 8


class ReviewState(IntEnum):
    """How a task's present result stands with people. The numbers are stored."""

    NONE = 0
    PENDING = 1
    APPROVED = 2
    CHANGES_REQUESTED = 3
    REJECTED = 4
    UNSEEN = 5
    """It left commits that nobody merged, decided on or set aside yet. Nothing waits for that."""

    @property
    def label(self) -> str:
        """The word used outside: `pending`, `changes_requested`, ..."""
        return self.name.lower()


REVIEW_STATES: Final = {state.label: state for state in ReviewState}


class Approval(StrEnum):
    """Whether every result of a queue needs a person's verdict (SQ-12)."""

    RELAXED = "relaxed"
    STRICT = "strict"


class Verdict(StrEnum):
    """What a person says of a result."""

    APPROVE = "approve"
    REQUEST_CHANGES = "request_changes"
    REJECT = "reject"


AFTER: Final = {
    Verdict.APPROVE: ReviewState.APPROVED,
    Verdict.REQUEST_CHANGES: ReviewState.CHANGES_REQUESTED,
    Verdict.REJECT: ReviewState.REJECTED,
}


class Side(StrEnum):
    """The file as it is now, or as it was before the work."""

    NEW = "new"
    OLD = "old"


class WorkMoved(Conflict):
    """The work is at {now} by now, not at {seen}, which was reviewed: look at it again."""

    code = "work_moved"


class NotReviewed(Conflict):
    """The work of {task} is not merged before it is approved at exactly this commit: {problem}"""

    code = "not_reviewed"


class NothingSaid(Conflict):
    """Nothing says what to change: write a note, or comment on lines."""

    code = "nothing_said"


_BLANK: Final = " \t\r\n"


def satisfied(state: TaskState, review: ReviewState) -> bool:
    """Whether those that depend on a task need not wait for it."""
    return state is TaskState.SUCCEEDED and review in (
        ReviewState.NONE,
        ReviewState.UNSEEN,
        ReviewState.APPROVED,
    )


def after_success(*, strict: bool, left: bool) -> ReviewState:
    """How a result stands at first. `left`: it left commits on a branch of its own."""
    if strict:
        return ReviewState.PENDING
    return ReviewState.UNSEEN if left else ReviewState.NONE


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What is said of some lines of a file: `first` to `last`, counted from 1, of the file at `commit`.

    `hunk` is how these lines read then.
    """

    path: str
    text: str
    commit: str
    side: str = Side.NEW
    first: int = 1
    last: int = 1
    hunk: str = ""

    def __post_init__(self) -> None:
        check_name("path", self.path, MAX_PATH, blank=True)
        check_comment(self.text)
        check_choice("side", self.side, Side)
        check_count("line", self.first, 1, MAX_LINE)
        check_count("end_line", self.last, self.first, MAX_LINE)
        check_text("hunk", self.hunk, MAX_HUNK)

    @property
    def place(self) -> str:
        """In words: `src/a.py line 18`."""
        lines = f"line {self.first}" if self.first == self.last else f"lines {self.first} to {self.last}"
        return f"{self.path} {lines}{' (before the change)' if self.side == Side.OLD else ''}"


def check_comment(text: str) -> None:
    """The words of a comment: InvalidInput without any, or with too many."""
    if not text.strip(_BLANK):
        raise InvalidInput(field="text", problem="must say something")
    check_text("text", text, MAX_COMMENT)


def check_verdict(verdict: Verdict, note: str, comments: Sequence[Comment]) -> None:
    """Whether a verdict says enough: InvalidInput, NothingSaid."""
    check_text("note", note)
    if verdict is Verdict.REJECT and not note.strip(_BLANK):
        raise InvalidInput(field="note", problem="must say why it is rejected")
    if verdict is Verdict.REQUEST_CHANGES and not note.strip(_BLANK) and not comments:
        raise NothingSaid


def message_for(commit: str, note: str, comments: Sequence[Comment]) -> str:
    """All of a review as the one message its agent gets. InvalidInput when it is too long."""
    seen = f" (commit {commit[:SHORT]})" if commit else ""
    parts = [f"A person reviewed your work{seen} and asks for changes."]
    if note.strip():
        parts.append(note.strip())
    parts += [_told(comment) for comment in comments]
    message = "\n\n".join(parts)
    if len(message) > MAX_MESSAGE:
        raise InvalidInput(
            field="comments", problem=f"come to more than {MAX_MESSAGE} characters: send fewer"
        )
    return message


def _told(comment: Comment) -> str:
    quoted = "".join(f"> {line}\n" for line in comment.hunk.splitlines())
    return f"## {comment.place}\n\n{quoted}{chr(10) if quoted else ''}{comment.text.strip()}"


_SAID: Final = {
    ReviewState.APPROVED: "Approved",
    ReviewState.CHANGES_REQUESTED: "Changes requested",
    ReviewState.REJECTED: "Rejected",
}


def standing_words(
    state: ReviewState,
    *,
    last: ReviewState | None = None,
    commit: str = "",
    void: bool = False,
    new_commits: int | None = None,
) -> str:
    """How a result stands, in a sentence. `last` is the last verdict, given at `commit`; `void`: on other work than is
    there now."""
    if last is None or last is ReviewState.NONE:
        return "Waits for a verdict" if state is ReviewState.PENDING else "Not reviewed"
    said = _SAID.get(last, "Not reviewed") + (f" at {commit[:SHORT]}" if commit else "")
    if not void:
        return said
    if not new_commits:
        return f"{said}. The work is another one since: review again"
    return f"{said}. {new_commits} new commit{'' if new_commits == 1 else 's'} since: review again"


_HUNK: Final = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")


def follow(diff: str, first: int, last: int) -> tuple[int, int] | None:
    """Where lines of a file are after a unified diff of it; None when one of them was changed, or they were parted."""
    places = [_followed(diff, first)] if first == last else [_followed(diff, n) for n in (first, last)]
    start, end = places[0], places[-1]
    if start is None or end is None or end - start != last - first:
        return None
    return None if _touched(diff, first, last) else (start, end)


def _followed(diff: str, line: int) -> int | None:
    """The new number of an unchanged line."""
    shift = 0
    for old, new, kind in _steps(diff):
        if kind == " " and old == line:
            return new
        if kind == "-" and old == line:
            return None
        if old > line:
            break
        if kind in "+-":
            shift += 1 if kind == "+" else -1
    return line + shift


def _touched(diff: str, first: int, last: int) -> bool:
    """Whether a line in between was taken away."""
    return any(kind == "-" and first <= old <= last for old, _, kind in _steps(diff))


def _steps(diff: str) -> list[tuple[int, int, str]]:
    """Each line of a diff: its number before and after, and what became of it. For an addition the number before is
    that of the line it stands in front of."""
    steps: list[tuple[int, int, str]] = []
    old = new = left_old = left_new = 0
    for text in diff.split("\n"):
        header = _HUNK.match(text) if left_old <= 0 and left_new <= 0 else None
        if header is not None:
            left_old, left_new = int(header[2] or 1), int(header[4] or 1)
            # A hunk without lines on a side names the line before it.
            old = int(header[1]) + (0 if left_old else 1)
            new = int(header[3]) + (0 if left_new else 1)
        elif (left_old > 0 or left_new > 0) and text[:1] in {" ", "+", "-"}:
            kind = text[0]
            steps.append((old, new, kind))
            old, left_old = (old, left_old) if kind == "+" else (old + 1, left_old - 1)
            new, left_new = (new, left_new) if kind == "-" else (new + 1, left_new - 1)
    return steps
