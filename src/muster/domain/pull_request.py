"""Pull requests: what a task asks for, and the words made from the task where it says none itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

from muster.domain.changes import Change, summary
from muster.domain.checks import check_name, check_text
from muster.domain.errors import InvalidInput

TITLE_LIMIT: Final = 200
BODY_LIMIT: Final = 60_000
DESCRIPTION_LIMIT: Final = 4_000
FILES_LISTED: Final = 30
DEFAULT_REMOTE: Final = "origin"
_FIELDS: Final = ("base", "draft", "title", "body")


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequest:
    """The request a task wants opened for its branch. `base` is the branch it is to go into; None: where the work started."""

    base: str | None = None
    draft: bool = True
    title: str = ""
    body: str = ""


def read_pull_request(name: str, value: Any) -> PullRequest | None:
    """`true`, or an object; None for `false`. InvalidInput names the field that is not as it must be."""
    if isinstance(value, bool):
        return PullRequest() if value else None
    if not isinstance(value, dict):
        raise InvalidInput(field=name, problem="must be true, or an object")
    entries = cast(dict[str, Any], value)
    unknown = sorted(set(entries) - set(_FIELDS))
    if unknown:
        raise InvalidInput(field=f"{name}.{unknown[0]}", problem=f"is none of {', '.join(_FIELDS)}")
    draft = entries.get("draft", True)
    if not isinstance(draft, bool):
        raise InvalidInput(field=f"{name}.draft", problem="must be true or false")
    base = entries.get("base")
    if base is not None:
        check_name(f"{name}.base", _text(f"{name}.base", base, TITLE_LIMIT))
    return PullRequest(
        base=base,
        draft=draft,
        title=_text(f"{name}.title", entries.get("title", ""), TITLE_LIMIT),
        body=_text(f"{name}.body", entries.get("body", ""), BODY_LIMIT),
    )


def _text(name: str, value: Any, most: int) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field=name, problem="must be text")
    check_text(name, value, most)
    return value


def request_title(title: str) -> str:
    """The task's title on one line."""
    return " ".join(title.split())[:TITLE_LIMIT] or "Work of an agent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What a request's body is made from."""

    description: str
    task: str
    attempt: str
    agent: str
    model: str
    checked_by: str
    changes: Sequence[Change]


def request_body(done: Done) -> str:
    """What was asked, what changed, how it was checked, and where it comes from, in Markdown."""
    asked = done.description.strip()[:DESCRIPTION_LIMIT]
    listed = [f"- `{change.path}` ({change.change.value}{_lines(change)})" for change in done.changes]
    if len(listed) > FILES_LISTED:
        listed = [*listed[:FILES_LISTED], f"- and {len(listed) - FILES_LISTED} more"]
    by = " ".join(filter(None, (done.agent, f"({done.model})" if done.model else "")))
    checked = "".join(f"\n    {line}" for line in done.checked_by.strip().splitlines())
    parts = [
        asked,
        f"### Changes\n\n{summary(list(done.changes))}\n\n" + "\n".join(listed),
        f"### Checked by\n{checked}" if checked else "",
        f"Made by {by} with muster.\n\nMuster-Task: {done.task}\nMuster-Attempt: {done.attempt}",
    ]
    return "\n\n".join(part for part in parts if part)[:BODY_LIMIT]


def _lines(change: Change) -> str:
    return "" if change.binary else f", +{change.additions} -{change.deletions}"
