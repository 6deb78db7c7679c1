"""OpenClaw as a one-shot, `openclaw agent --local --json`: it is silent while it works and ends with one JSON document."""

from __future__ import annotations

import json
import secrets
from typing import Any, Final

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Dialect, Ended, Permissions, Profile
from muster.agents.failures import failure_of
from muster.agents.jsonl import decode
from muster.agents.oneshot import OneShot, check_options, environment, prompt_argument, refuse
from muster.agents.wire import amount, count, obj, objs, text
from muster.domain.transcript import Entry, Message, Problem, SessionStarted, TurnEnded, UsageReport
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="openclaw",
    title="OpenClaw, one-shot",
    driver="command",
    programs=("openclaw",),
    dialects=(Dialect.OPENAI,),
    resumes=True,
)
TOKEN: Final = "MUSTER_MODEL_TOKEN"
_FLAGS: Final = ("agent", "--local", "--json", "--timeout=86400")
_COUNTS: Final = {
    "input": "input",
    "output": "output",
    "cache_read": "cacheRead",
    "cache_write": "cacheWrite",
}


class OpenClaw:
    """The adapter of OpenClaw's embedded agent. It runs what its model says, so that only `full` can be promised."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt. Its settings are a file, which names the variable with the token."""
        check_options(spec, ())
        refuse(spec, "OpenClaw", "fork", "max_turns", "mcp", "tools")
        if spec.permissions is not Permissions.FULL or not spec.model or spec.access is None:
            raise BadAgentSpec(field="payload", problem="needs a model and permissions full for OpenClaw")
        session = spec.session or secrets.token_hex(8)
        argv = [*spec.program, *_FLAGS, f"--session-id={session}", f"--message={prompt_argument(spec)}"]
        url, model = spec.access.urls[Dialect.OPENAI], {"id": spec.model, "name": spec.model}
        key = {"apiKey": f"${{{TOKEN}}}", "api": "openai-completions"}
        provider = {"baseUrl": url, **key, "models": [model]}
        own = {"workspace": str(spec.working_dir), "model": {"primary": f"muster/{spec.model}"}}
        defaults = {"defaults": {**own, "skipBootstrap": True}}
        settings = {"models": {"providers": {"muster": provider}}, "agents": defaults}
        files = {spec.home / ".openclaw" / "openclaw.json": json.dumps(settings)}
        return AgentCommand(argv=argv, env=environment(spec, {}, {TOKEN: spec.access.token}), files=files)

    def converse(self, spec: AgentSpec) -> OpenClawConversation:
        """A new conversation."""
        return OpenClawConversation()


class OpenClawConversation(OneShot):
    """One run: the document is read when it is whole."""

    agent = "openclaw"

    def __init__(self) -> None:
        super().__init__()
        self._document = bytearray()

    def entries_of(self, line: bytes) -> list[Entry]:
        """A line of the document."""
        self._document += line
        return []

    def entries_at_end(self, ended: Ended) -> list[Entry]:
        """All of it: session, words, usage, and whether it was well."""
        document = decode(bytes(self._document)) or {}
        meta, words = (
            obj(document.get("meta")),
            [text(part.get("text")) for part in objs(document.get("payloads"))],
        )
        agent, error = obj(meta.get("agentMeta")), obj(document.get("error")) or obj(meta.get("error"))
        problem = text(error.get("message")) or ("it was stopped" if meta.get("aborted") else "")
        problems = [Problem(code=failure_of(problem), message=problem)] if problem else []
        if not agent:
            return list[Entry](problems)
        ok = not problem and ended.code == 0
        started = SessionStarted(session=text(agent.get("sessionId")), model=text(agent.get("model")))
        final = TurnEnded(ok=ok, text="\n".join(words) if ok else "", reason="ended")
        return [started, *map(Message, words), _used(obj(agent.get("usage"))), *problems, final]


def _used(usage: dict[str, Any]) -> UsageReport:
    tokens = TokenUsage(**{name: count(usage.get(theirs)) for name, theirs in _COUNTS.items()})
    return UsageReport(usage=tokens, cost_usd=amount(obj(usage.get("cost")).get("total")) or None)
