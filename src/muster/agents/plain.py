"""Any command line as an agent: what it prints is what it says, its exit status is the verdict."""

from __future__ import annotations

from typing import Final

from muster.agents.adapter import AgentCommand, AgentSpec, Dialect, Ended, Profile
from muster.agents.oneshot import OneShot, check_options, environment, fitting, plain_text, refuse
from muster.agents.scripted import access_variables, program_of
from muster.domain.transcript import Entry, Message, TurnEnded

PROFILE: Final = Profile(
    name="plain", title="Any command line, by what it prints", driver="command", dialects=tuple(Dialect)
)
_PROMPT_FILE: Final = "prompt.txt"


class Plain:
    """The adapter. `agent_options.program` is the command line.

    `{prompt}`, `{prompt_file}`, `{system}` and `{model}` are filled in; without `{system}` the instructions are before
    the prompt.
    """

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """The command line it is given."""
        check_options(spec, ("program",))
        refuse(spec, "a plain command line", "fork", "max_turns", "mcp", "session", "tools")
        place, program = spec.home / _PROMPT_FILE, program_of(spec)
        apart = any("{system}" in word for word in program) or not spec.system_prompt
        prompt = spec.prompt if apart else f"{spec.system_prompt}\n\n{spec.prompt}"
        words = {
            "{prompt}": prompt,
            "{prompt_file}": str(place),
            "{system}": spec.system_prompt,
            "{model}": spec.model or "",
        }
        return AgentCommand(
            argv=[_filled(word, words) for word in program],
            env=environment(spec, {}, {"HOME": str(spec.home), **access_variables(spec)}),
            files={place: prompt},
        )

    def converse(self, spec: AgentSpec) -> PlainConversation:
        """A new conversation."""
        return PlainConversation()


class PlainConversation(OneShot):
    """One run: standard output is one message, told line by line."""

    agent = "plain"
    blank_lines = True

    def entries_of(self, line: bytes) -> list[Entry]:
        """A line."""
        return [Message(f"{plain_text(line)}\n", more=True)]

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """With status 0 it is well."""
        if ended.code != 0 or ended.stopped:
            return [Message("")]
        return [Message(""), TurnEnded(ok=True, text=self.signs.said.strip(), reason="ended")]


def _filled(word: str, words: dict[str, str]) -> str:
    """A word of the command line with what belongs there; what is filled in is not filled in again."""
    for name, value in words.items():
        head, found, tail = word.partition(name)
        if found:
            return f"{_filled(head, words)}{fitting(value)}{_filled(tail, words)}"
    return word
