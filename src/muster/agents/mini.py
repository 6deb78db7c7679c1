"""mini-swe-agent: a model and a shell. Its trajectory is told by a program of ours that runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from muster.agents.adapter import AgentCommand, AgentSpec, BadAgentSpec, Permissions, Profile
from muster.agents.failures import failure_of, status_in
from muster.agents.litellm import DIALECTS, KEY_VARIABLES, OFFLINE, model_name, way_to_models
from muster.agents.oneshot import JsonOneShot, check_options, environment, prompt_argument, refuse
from muster.agents.scripted import shipped
from muster.agents.wire import amount, count, number, obj, objs, text
from muster.domain.transcript import (
    Entry,
    Message,
    Problem,
    ToolCall,
    ToolKind,
    ToolResult,
    TurnEnded,
    UsageReport,
)
from muster.domain.usage import TokenUsage

PROFILE: Final = Profile(
    name="mini",
    title="mini-swe-agent",
    driver="command",
    programs=("mini",),
    version=("--help",),
    dialects=DIALECTS,
    key_variables=KEY_VARIABLES,
)
_OWN: Final = {
    **OFFLINE,
    "MSWEA_CONFIGURED": "true",
    "MSWEA_COST_TRACKING": "ignore_errors",
    "MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT": "4",
    "MSWEA_SILENT_STARTUP": "1",
}
_SUBMIT: Final = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"


class Mini:
    """The adapter of mini-swe-agent. It runs what its model says, so that only `full` can be promised."""

    profile = PROFILE

    def command(self, spec: AgentSpec) -> AgentCommand:
        """What to start for an attempt."""
        check_options(spec, ())
        refuse(spec, "mini-swe-agent", "fork", "max_turns", "mcp", "session", "tools")
        if spec.permissions is not Permissions.FULL:
            problem = "must be full: mini-swe-agent runs what its model says and nobody can be asked"
            raise BadAgentSpec(field="payload.permissions", problem=problem)
        trajectory = str(spec.home / "mini.traj.json")
        argv = [*shipped(spec, "mini").argv, trajectory, *spec.program, "--yolo", "--exit-immediately"]
        argv += [f"--model={model_name(spec)}", f"--output={trajectory}", f"--task={prompt_argument(spec)}"]
        own = {"PYTHONPATH": shipped(spec, "mini").env["PYTHONPATH"]}
        return AgentCommand(argv=argv, env=environment(spec, _OWN, {**way_to_models(spec), **own}))

    def converse(self, spec: AgentSpec) -> MiniConversation:
        """A new conversation."""
        return MiniConversation()


class MiniConversation(JsonOneShot):
    """One run: a message of the trajectory a line, what is known at the end on the last."""

    agent = "mini"

    def __init__(self) -> None:
        super().__init__()
        self._submitting = ""
        self._prompts = 0

    def entries_in(self, message: Mapping[str, Any]) -> list[Entry] | None:
        """What a line says."""
        if "info" in message:
            return []
        told = obj(message.get("message"))
        match told.get("role"):
            case "system" | "user":
                # The first two are the prompt within its own instructions; later ones say what was wrong with an answer.
                self._prompts += 1
                return [Message(text(told.get("content")), role="system")] if self._prompts > 2 else []
            case "assistant":
                return self._assistant(told)
            case "tool":
                return self._result(told)
            case "exit":
                return self._exit(text(told.get("content")), obj(told.get("extra")))
            case _:
                return None

    def _assistant(self, told: Mapping[str, Any]) -> list[Entry]:
        extra, words = obj(told.get("extra")), text(told.get("content"))
        entries: list[Entry] = [Message(words)] if words else []
        for action in objs(extra.get("actions")):
            call, command = text(action.get("tool_call_id")), text(action.get("command"))
            if _SUBMIT in command:
                self._submitting = call
                continue
            entries.append(
                ToolCall(
                    id=call,
                    name="bash",
                    title=command,
                    tool=ToolKind.EXECUTE,
                    input={"command": command},
                    command=command,
                )
            )
        usage = _usage(obj(extra.get("usage")))
        cost = amount(extra.get("cost")) or None
        return [*entries, UsageReport(usage=usage, cost_usd=cost, context_used=usage.context)]

    def _result(self, told: Mapping[str, Any]) -> list[Entry]:
        extra, call = obj(told.get("extra")), text(told.get("tool_call_id"))
        if call == self._submitting:
            return []
        code, problem = number(extra.get("returncode")), text(extra.get("exception_info"))
        output = text(extra.get("raw_output")) + (f"\n{problem}" if problem else "")
        failed = code != 0 or problem
        return [
            ToolResult(id=call, status="failed" if failed else "completed", output=output, exit_code=code)
        ]

    def _exit(self, said: str, extra: Mapping[str, Any]) -> list[Entry]:
        reason = text(extra.get("exit_status"))
        if reason == "Submitted":
            final = text(extra.get("submission")).strip() or self.signs.text
            return [TurnEnded(ok=True, text=final, reason=reason)]
        words = f"{reason}: {said}" if said != reason else reason
        status = status_in(words)
        code = "budget_exceeded" if reason == "LimitsExceeded" else failure_of(words, status)
        return [Problem(code=code, message=words, status=status), TurnEnded(ok=False, reason=reason)]


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    given, read = count(usage.get("prompt_tokens")), obj(usage.get("prompt_tokens_details"))
    cached = min(count(read.get("cached_tokens")), given)
    return TokenUsage(
        input=given - cached,
        output=count(usage.get("completion_tokens")),
        cache_read=cached,
        reasoning=count(obj(usage.get("completion_tokens_details")).get("reasoning_tokens")),
    )
