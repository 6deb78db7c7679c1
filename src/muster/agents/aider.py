"""aider as a one-shot: `aider --message PROMPT`. It edits files and runs nothing; what it says is text for people."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final, cast

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Ended, Permissions, Profile
from muster.agents.failures import failure_of, status_in
from muster.agents.litellm import DIALECTS, KEY_VARIABLES, OFFLINE, model_name, way_to_models
from muster.agents.oneshot import OneShot, check_options, environment, plain_text, prompt_argument, refuse
from muster.agents.wire import texts
from muster.domain.transcript import (
    ChangeKind,
    Entry,
    FileChange,
    Message,
    Problem,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="aider",
    title="aider",
    driver="command",
    programs=("aider",),
    dialects=DIALECTS,
    key_variables=KEY_VARIABLES,
)
_QUIET: Final = (
    "--yes-always",
    "--no-check-update",
    "--analytics-disable",
    "--no-show-model-warnings",
    "--no-show-release-notes",
    "--no-gitignore",
    "--no-auto-commits",
    "--no-dirty-commits",
    "--no-suggest-shell-commands",
    "--no-detect-urls",
    "--no-pretty",
    "--no-fancy-input",
)
_TIDY: Final = (
    '"$@"; status=$?; rm -rf "$(git rev-parse --show-toplevel 2>/dev/null || pwd)"/.aider.tags.cache.v*; '
    "exit $status"
)
"""Its cache of what is defined where lies in the repository and is no part of the work."""
_TOKENS: Final = re.compile(
    r"Tokens: ([\d.]+[kM]?) sent(?:, ([\d.]+[kM]?) cache write)?(?:, ([\d.]+[kM]?) cache hit)?, ([\d.]+[kM]?) received\."
    r"(?: Cost: \$([\d.]+) message)?"
)
_APPLIED: Final = re.compile(r"Applied edit to (.+)")
_HEAD: Final = re.compile(
    r"Aider v\d|(?:Main |Weak |Editor )?[Mm]odel: |Git repo: |Repo-map: |Added .+ to the chat|Analytics have been|Detected dumb|"
    r"Update git (?:name|email) |Commit [0-9a-f]{7,} |https://aider\.chat/|Retrying in |You can skip this check|Initial repo scan"
)
_FAILED: Final = re.compile(
    r"litellm\.\w*(?:Error|Exception)|The API provider|Model \S+ has hit a token limit|Can't initialize|Unexpected error"
)
_RETRY: Final = "Retrying in "
_SCALE: Final = {"k": 1_000, "M": 1_000_000}


class Aider:
    """The adapter of aider. `agent_options`: `files`, those it may change from the start, and `edit_format`."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt. muster commits; histories of the chat stay out of the repository."""
        check_options(spec, ("files", "edit_format"))
        refuse(spec, "aider", "fork", "max_turns", "mcp", "session", "tools")
        argv = ["sh", "-c", _TIDY, "sh", *spec.program, *_QUIET, f"--model={model_name(spec)}"]
        argv += [f"--{what}-history-file={spec.home / f'aider.{what}.history'}" for what in ("chat", "input")]
        if spec.permissions in {Permissions.READ, Permissions.ASK}:
            argv.append("--chat-mode=ask")
        elif "edit_format" in spec.options:
            argv.append(f"--edit-format={spec.options['edit_format']}")
        argv += [f"--message={prompt_argument(spec)}", "--", *_files(spec)]
        own = {**OFFLINE, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": "4000"}
        return AgentCommand(argv=argv, env=environment(spec, own, way_to_models(spec)))

    def converse(self, spec: AgentSpec) -> AiderConversation:
        """A new conversation."""
        return AiderConversation()


class AiderConversation(OneShot):
    """One run of `aider --message`."""

    agent = "aider"
    blank_lines = True

    def __init__(self) -> None:
        super().__init__()
        self._begun = False
        self._speaking = False
        self._answered = False
        """The model's answer is there in full: the count of its tokens follows."""
        self._failure: Problem | None = None
        """What a call failed with; forgotten when it is made again."""

    def entries_of(self, line: bytes) -> list[Entry]:
        """What a line says: of the program itself where it is known by its beginning, else the model's words."""
        words = plain_text(line)
        if tokens := _TOKENS.match(words):
            self._answered = True
            return [*self._hush(), _used(tokens)]
        if applied := _APPLIED.fullmatch(words):
            return [*self._hush(), FileChange(path=applied[1], change=ChangeKind.MODIFIED)]
        if _FAILED.match(words):
            return [*self._hush(), self._fail(words)]
        if not words.strip() and not self._speaking:
            return []
        self._begun = self._begun or words.startswith("Aider v")
        if not self._begun or _HEAD.match(words) or (self._failure is not None and not self._speaking):
            if words.startswith(_RETRY):
                self._failure = None
            return [*self._hush(), Message(words, role="system")]
        self._speaking, self._answered = True, False
        return [Message(f"{words}\n", more=True)]

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """It ends with status 0 whatever became of it: an answer that came is what counts."""
        entries = self._hush()
        if ended.stopped or ended.code != 0:
            return entries
        if self._answered:
            return [*entries, TurnEnded(ok=True, text=self.signs.said.strip(), reason="ended")]
        failure = self._failure or Problem(
            code="agent_error", message="it ended without an answer of the model"
        )
        return [*entries, replace(failure, retrying=False), TurnEnded(ok=False, reason="failed")]

    def _fail(self, words: str) -> Problem:
        """Of what is said of a failure the first line with a known reason stands."""
        status = status_in(words)
        problem = Problem(code=failure_of(words, status), message=words, retrying=True, status=status)
        self._answered = False
        if self._failure is None or self._failure.code == "agent_error":
            self._failure = problem
        return problem

    def _hush(self) -> list[Entry]:
        """The model's message is over."""
        if not self._speaking:
            return []
        self._speaking = False
        return [Message("")]


def _used(tokens: re.Match[str]) -> UsageReport:
    """In round numbers, as it tells them."""
    sent, written, read, received = (_number(tokens[at]) for at in range(1, 5))
    usage = TokenUsage(
        input=max(sent - read - written, 0), output=received, cache_read=read, cache_write=written
    )
    return UsageReport(usage=usage, cost_usd=float(tokens[5]) if tokens[5] else None, context_used=sent)


def _number(words: str | None) -> int:
    if not words:
        return 0
    scale = _SCALE.get(words[-1], 1)
    return round(float(words.rstrip("kM")) * scale)


def _files(spec: AgentSpec) -> list[str]:
    value = spec.options.get("files", [])
    files = texts(value)
    if not isinstance(value, list) or len(files) != len(cast(list[Any], value)):
        raise BadAgentSpec(field="payload.agent_options.files", problem="must be a list of paths")
    return files
