"""The prompt exactly as it is sent: composed in one place, so that a preview cannot differ from the truth."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.domain.role import Role

ERROR_CHARS: Final = 2_000
EARLIER_SHOWN: Final = 5
CONFLICTS_SHOWN: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Earlier:
    """An attempt that did not end well."""

    number: int
    code: str
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Beginning:
    """A task whose work the working copy begins with; `conflicts` are files with conflict markers of it.

    `found` False: it left no work in this repository.
    """

    task: str
    found: bool = True
    conflicts: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PromptParts:
    """What a prompt is made of."""

    title: str
    description: str = ""
    prompt: str = ""
    role: Role | None = None
    instructions: str = ""
    """The task's own addition to the system prompt."""
    queue_instructions: str = ""
    context: str = ""
    """What the task's work session carries."""
    beginnings: Sequence[Beginning] = ()
    earlier: Sequence[Earlier] = ()
    owns: Sequence[str] = ()
    required_files: Sequence[str] = ()
    acceptance_command: str = ""
    output_schema: Mapping[str, Any] | None = None
    review: str = ""
    """What a person who reviewed the work so far wants changed."""
    resumed: bool = False
    """The agent's own session goes on: it knows all but the review."""
    skills: Sequence[str] = field(default_factory=tuple[str, ...])
    """Skill files of the repository (SKILL.md), by path: agents that do not find them by themselves are told."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """`system` is appended to the agent's own system prompt, `user` is its first message."""

    system: str
    user: str


@dataclass(frozen=True, slots=True)
class PromptSection:
    """A part of a prompt with what it is; `system`: which of the two texts it is in."""

    name: str
    system: bool
    text: str


def compose(parts: PromptParts) -> Prompt:
    """The prompt of an attempt."""
    sections = sections_of(parts)
    return Prompt(
        *(
            "\n\n".join(section.text for section in sections if section.system is system)
            for system in (True, False)
        )
    )


def sections_of(parts: PromptParts) -> list[PromptSection]:
    """What the prompt consists of, in its order; what is empty is left out."""
    return [
        PromptSection(name, system, text.strip())
        for system, texts in ((True, _system_texts(parts)), (False, _user_texts(parts)))
        for name, text in texts
        if text.strip()
    ]


def _system_texts(parts: PromptParts) -> list[tuple[str, str]]:
    role = parts.role
    return [
        ("role", "" if role is None else role.system_prompt),
        ("instructions of the role", "" if role is None else role.instructions),
        ("instructions of the task", parts.instructions),
        (
            "instructions of the queue",
            _section("Standing instructions of the queue", parts.queue_instructions),
        ),
        ("work session", _section("What is known in this work session", parts.context)),
    ]


def _user_texts(parts: PromptParts) -> list[tuple[str, str]]:
    if parts.review and parts.resumed:
        return [("review", parts.review)]
    return [
        ("task", parts.prompt or parts.description or parts.title),
        ("description", parts.description if parts.prompt else ""),
        ("work it begins with", _section("Work that yours begins with", _begun(parts.beginnings))),
        ("files", _section("Files you may change", _list(parts.owns))),
        (
            "required files",
            _section("Files that must be there when you are done", _list(parts.required_files)),
        ),
        ("check", _acceptance(parts.acceptance_command)),
        ("answer", _schema(parts.output_schema)),
        (
            "skills",
            _section("Skills of this repository; read one before you do what it is for", _list(parts.skills)),
        ),
        ("earlier attempts", _section("What was tried before", _told(parts.earlier))),
        ("review", _section("What to change in the work that is there", parts.review)),
    ]


BYTES_OF_TOKEN: Final = 4


def about_tokens(text: str) -> int:
    """About how many tokens a text is: every model cuts text in its own way, four bytes to a token is near all of them."""
    return -(-len(text.encode("utf-8", "surrogatepass")) // BYTES_OF_TOKEN)


def check_failed(command: str, output: str) -> str:
    """What an agent is told when the acceptance command failed and it may try again (SQ-9)."""
    return (
        f"The check `{command}` failed. Its output:\n\n```\n{output.strip()}\n```\n\n"
        "Mend what is wrong and say what it was."
    )


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text.strip()}" if text.strip() else ""


def _list(entries: Sequence[str]) -> str:
    return "\n".join(f"- `{entry}`" for entry in entries)


def _acceptance(command: str) -> str:
    if not command:
        return ""
    return f"## How it is checked\n\nThis command must succeed afterwards: `{command}`"


def _schema(schema: Mapping[str, Any] | None) -> str:
    if schema is None:
        return ""
    text = json.dumps(schema, ensure_ascii=False, indent=2)
    return (
        "## Your answer\n\nEnd with your result as one JSON object on a line of its own, as this schema wants it:\n\n"
        f"```json\n{text}\n```"
    )


def _begun(beginnings: Sequence[Beginning]) -> str:
    return "\n".join(_beginning(entry) for entry in beginnings)


def _beginning(entry: Beginning) -> str:
    if not entry.found:
        return f"- Task `{entry.task}` left no work in this repository."
    if not entry.conflicts:
        return f"- The work of task `{entry.task}` is merged in."
    shown = ", ".join(f"`{name}`" for name in entry.conflicts[:CONFLICTS_SHOWN])
    more = len(entry.conflicts) - CONFLICTS_SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return f"- The work of task `{entry.task}` is merged in with conflict markers in {shown}{rest}: resolve them first."


def _told(earlier: Sequence[Earlier]) -> str:
    lines = [
        f"- Attempt {attempt.number} ended with `{attempt.code}`: {attempt.error.strip()[:ERROR_CHARS]}"
        for attempt in earlier[-EARLIER_SHOWN:]
    ]
    return "\n".join(lines)
