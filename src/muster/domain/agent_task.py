"""What a prompt task wants of an agent: the payload of kinds `prompt` and `llm`, checked and typed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, cast

from muster.domain.checks import check_choice, check_name, check_text
from muster.domain.egress import parse_rule
from muster.domain.errors import InvalidInput
from muster.domain.pull_request import DEFAULT_REMOTE, PullRequest, read_pull_request
from muster.domain.task import TaskKind

PERMISSIONS: Final = ("read", "ask", "edit", "full")
WORKSPACES: Final = ("worktree", "in_place")
MODEL_AGENT: Final = "model"
AGENT_LABEL: Final = "agent:"
SANDBOX_LABEL: Final = "sandbox:"
NETWORK_LABEL: Final = "network:"
ALLOW_LIST: Final = f"{NETWORK_LABEL}allow-list"
"""Offered by a worker that can hold a task to the hosts it names."""
LIST_LIMIT: Final = 200
TEXT_LIMIT: Final = 262_144
MOST_DOLLARS: Final = 1_000_000


OWN_SERVER: Final = "muster"
"""The name of the server that needs neither URL nor command line: muster's own tools."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolServer:
    """An MCP server of the task's: by `url`, or by command line; muster's own by its name alone."""

    name: str
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    argv: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def own(self) -> bool:
        """Whether muster's own tools are meant."""
        return self.name == OWN_SERVER and not self.url and not self.argv


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallback:
    """Another agent, or another model of the same one."""

    agent: str | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentTask:
    """A prompt and everything about how its agent works on it. What is None is the role's or the worker's to say."""

    agent: str | None = None
    prompt: str = ""
    role: str | None = None
    model: str | None = None
    fallbacks: tuple[Fallback, ...] = ()
    """Taken in turn, at once, when the quota of the one before is used up; after the last the task waits and the first
    is next."""
    instructions: str = ""
    """Added to the system prompt."""
    permissions: str | None = None
    tools: tuple[str, ...] | None = None
    mcp: tuple[ToolServer, ...] = ()
    resume: str | None = None
    """A task (`tsk_...`) whose agent's last session is gone on with."""
    fork: bool = False
    base: str | None = None
    """The commit, tag or branch the work starts from."""
    integrate: bool = False
    """It starts from `base` with the work of the tasks it depends on merged in."""
    workspace: Literal["worktree", "in_place"] = "worktree"
    setup: str = ""
    cleanup: str = ""
    owns: tuple[str, ...] = ()
    """Globs of the files it may change; empty: all."""
    commit: bool = True
    push: str | None = None
    """The remote its branch is pushed to."""
    pull_request: PullRequest | None = None
    """Opened for the pushed branch; without `push` the branch goes to `origin`."""
    sandbox: str | None = None
    """The isolation level it demands."""
    allow_hosts: tuple[str, ...] = ()
    """All that it may reach beside the models, e.g. `pypi.org` or `*.example.org`; empty: what its task class says."""
    max_turns: int | None = None
    max_cost_usd: float | None = None
    answer_seconds: float | None = None
    """How long its requests wait for a person; None: as long as it takes."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    agent_options: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def labels(self) -> tuple[str, ...]:
        """What its worker must offer."""
        agents = dict.fromkeys([self.agent, *(fallback.agent for fallback in self.fallbacks)])
        found = [f"{AGENT_LABEL}{agent}" for agent in agents if agent is not None]
        found += [] if self.sandbox is None else [f"{SANDBOX_LABEL}{self.sandbox}"]
        return (*found, *([ALLOW_LIST] if self.allow_hosts else []))

    def turn(self, spent: int, failing: Collection[str] = ()) -> AgentTask:
        """Who does it after that many attempts met a used-up quota; `fallbacks` are those that are left. Agents that are
        `failing` are passed over, as long as one is left that is not.

        Another agent knows nothing of a session that was to be gone on with.
        """
        place = spent % (len(self.fallbacks) + 1)
        turns = [self.agent, *(fallback.agent or self.agent for fallback in self.fallbacks)]
        place = next((later for later in range(place, len(turns)) if turns[later] not in failing), place)
        if place == 0:
            return self
        chosen = self.fallbacks[place - 1]
        other = chosen.agent not in {None, self.agent}
        return replace(
            self,
            agent=chosen.agent or self.agent,
            model=chosen.model,
            resume=None if other else self.resume,
            fallbacks=self.fallbacks[place:],
        )

    @property
    def remote(self) -> str | None:
        """Where its branch is pushed to; None: nowhere."""
        return self.push or (DEFAULT_REMOTE if self.pull_request is not None else None)


def is_agent_task(kind: str, payload: Mapping[str, Any]) -> bool:
    """Whether muster runs the agent itself: a prompt that names one (or a role), or a call of a model."""
    named = isinstance(payload.get("agent"), str) or isinstance(payload.get("role"), str)
    return kind == TaskKind.LLM or (kind == TaskKind.PROMPT and named)


def read_agent_task(kind: str, payload: Mapping[str, Any]) -> AgentTask:
    """The typed payload. InvalidInput names the field that is not as it must be."""
    unknown = sorted(set(payload) - set(_READERS))
    if unknown:
        known = ", ".join(sorted(_READERS))
        raise InvalidInput(
            field=f"payload.{unknown[0]}", problem=f"is not known; an agent's task has {known}"
        )
    values = {
        name: _READERS[name](f"payload.{name}", value) for name, value in payload.items() if value is not None
    }
    if kind == TaskKind.LLM:
        values.setdefault("agent", MODEL_AGENT)
    task = AgentTask(**values)
    if task.remote is not None and not (task.commit and task.workspace == "worktree"):
        raise InvalidInput(field="payload.push", problem="needs a worktree and its commit")
    if task.integrate and task.workspace != "worktree":
        raise InvalidInput(field="payload.integrate", problem="needs a worktree")
    return task


def _text(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InvalidInput(field=name, problem="must be text")
    check_text(name, value, TEXT_LIMIT)
    return value


def read_hosts(name: str, value: Any) -> tuple[str, ...]:
    """The hosts that a payload's field allows, each a rule (`HostRule`). InvalidInput."""
    for text in _texts(name, value):
        parse_rule(text)
    return _texts(name, value)


def _name(name: str, value: Any) -> str:
    check_name(name, _text(name, value))
    return value


def _flag(name: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise InvalidInput(field=name, problem="must be true or false")
    return value


def _choice(words: tuple[str, ...]) -> Callable[[str, Any], str]:
    def read(name: str, value: Any) -> str:
        check_choice(name, _text(name, value), words)
        return value

    return read


def _number(low: float, high: float) -> Callable[[str, Any], float]:
    def read(name: str, value: Any) -> float:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
            raise InvalidInput(field=name, problem=f"must be a number from {low:g} to {high:g}")
        return value

    return read


def _count(low: int, high: int) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InvalidInput(field=name, problem=f"must be a whole number from {low} to {high}")
        return value

    return read


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list):
        raise InvalidInput(field=name, problem="must be a list of texts")
    entries = cast(list[Any], value)
    if len(entries) > LIST_LIMIT:
        raise InvalidInput(field=name, problem=f"must have at most {LIST_LIMIT} entries")
    return tuple(_name(f"{name}[{index}]", entry) for index, entry in enumerate(entries))


def _object(name: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInput(field=name, problem="must be an object")
    return cast(dict[str, Any], value)


def _pairs(name: str, value: Any) -> Mapping[str, str]:
    return {_name(name, key): _text(f"{name}.{key}", entry) for key, entry in _object(name, value).items()}


def _limits(name: str, value: Any) -> Mapping[str, int]:
    read = _count(1, 10_000_000)
    return {key: read(f"{name}.{key}", entry) for key, entry in _object(name, value).items()}


def _servers(name: str, value: Any) -> tuple[ToolServer, ...]:
    if not isinstance(value, list) or len(cast(list[Any], value)) > LIST_LIMIT:
        raise InvalidInput(field=name, problem=f"must be a list of at most {LIST_LIMIT} servers")
    return tuple(_server(f"{name}[{index}]", entry) for index, entry in enumerate(cast(list[Any], value)))


def _server(name: str, value: Any) -> ToolServer:
    entries = _object(name, value)
    unknown = sorted(set(entries) - set(_SERVER))
    if unknown:
        raise InvalidInput(field=f"{name}.{unknown[0]}", problem=f"is none of {', '.join(_SERVER)}")
    read = {key: _SERVER[key](f"{name}.{key}", entry) for key, entry in entries.items()}
    own = read.get("name") == OWN_SERVER and len(read) == 1
    if not own and (not read.get("name") or bool(read.get("url")) == bool(read.get("argv"))):
        raise InvalidInput(
            field=name,
            problem=f'needs a name, and either url or argv; muster\'s own is {{"name": "{OWN_SERVER}"}}',
        )
    return ToolServer(**read)


def _fallbacks(name: str, value: Any) -> tuple[Fallback, ...]:
    if not isinstance(value, list) or len(cast(list[Any], value)) > LIST_LIMIT:
        raise InvalidInput(field=name, problem=f"must be a list of at most {LIST_LIMIT} agents or models")
    return tuple(_fallback(f"{name}[{index}]", entry) for index, entry in enumerate(cast(list[Any], value)))


def _fallback(name: str, value: Any) -> Fallback:
    entries = _object(name, value)
    if not entries or set(entries) - {"agent", "model"}:
        raise InvalidInput(field=name, problem="must have an agent, a model, or both")
    return Fallback(**{key: _name(f"{name}.{key}", entry) for key, entry in entries.items()})


_SERVER: Final[dict[str, Callable[[str, Any], Any]]] = {
    "name": _name,
    "url": _text,
    "headers": _pairs,
    "argv": _texts,
    "env": _pairs,
}
_READERS: Final[dict[str, Callable[[str, Any], Any]]] = {
    "agent": _name,
    "prompt": _text,
    "role": _name,
    "model": _name,
    "fallbacks": _fallbacks,
    "instructions": _text,
    "permissions": _choice(PERMISSIONS),
    "tools": _texts,
    "mcp": _servers,
    "resume": _name,
    "fork": _flag,
    "base": _name,
    "integrate": _flag,
    "workspace": _choice(WORKSPACES),
    "setup": _text,
    "cleanup": _text,
    "owns": _texts,
    "commit": _flag,
    "push": _name,
    "pull_request": read_pull_request,
    "sandbox": _name,
    "allow_hosts": read_hosts,
    "max_turns": _count(1, 10_000),
    "max_cost_usd": _number(0, MOST_DOLLARS),
    "answer_seconds": _number(0.001, 31_536_000),
    "env": _pairs,
    "limits": _limits,
    "agent_options": _object,
}
