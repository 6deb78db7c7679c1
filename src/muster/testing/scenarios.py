"""What the scripted model does: scenarios of steps, and the ready-made ones."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from muster.agents.wire import amount, count, obj, objs, text
from muster.domain.errors import MusterError
from muster.testing.conversation import Json

CALLS: Final = frozenset({"read", "write", "edit", "shell", "plan", "mcp", "tool"})
FIELDS: Final = frozenset(
    {"think", "say", "calls", "final", "error", "hang", "stall", "drop", "slow", "stop"}
)


class BadScenario(MusterError):
    """{problem}. A scenario is a JSON list of steps; see docs/how-to/model-server.md."""

    code = "bad_scenario"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An error in place of an answer, `times` times; None for always."""

    status: int
    times: int | None = 1
    kind: str = "api_error"
    message: str = "a scripted error"
    retry_after: float | None = None
    resets_after: float | None = None
    """Seconds until a used-up quota opens again; the message then says when that is."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A call in words of no agent: `read`, `write`, `edit`, `shell`, `plan`, `mcp`, or `tool` for one by its own name."""

    kind: str
    fields: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One answer of the model. Durations are seconds.

    `hang`: silence before the answer; `stall`: silence in its middle; `drop`: the connection breaks in its middle;
    `slow`: a pause before each piece of the stream.
    """

    think: str = ""
    say: str = ""
    calls: Sequence[ToolCall] = ()
    final: str | None = None
    error: Failure | None = None
    hang: float = 0
    stall: float = 0
    drop: bool = False
    slow: float = 0
    stop: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A name and its turns in order; the last one is given again and again."""

    name: str
    turns: Sequence[Turn] = field(default_factory=tuple[Turn, ...])


def read_scenario(name: str, given: Any) -> Scenario:
    """From JSON. BadScenario when it is none."""
    if not isinstance(given, list) or not given:
        raise BadScenario(problem=f"scenario {name}: it must be a list with at least one step")
    return Scenario(name=name, turns=[_turn(name, step) for step in given])  # pyright: ignore[reportUnknownVariableType]


def _turn(name: str, step: Any) -> Turn:
    fields = obj(step)
    unknown = sorted(set(fields) - FIELDS)
    if unknown or not fields:
        what = f"{unknown[0]!r} is not known" if unknown else "a step is an object"
        raise BadScenario(problem=f"scenario {name}: {what}; a step has {', '.join(sorted(FIELDS))}")
    return Turn(
        think=text(fields.get("think")),
        say=text(fields.get("say")),
        calls=[_call(name, call) for call in objs(fields.get("calls"))],
        final=text(fields["final"]) if "final" in fields else None,
        error=_failure(name, fields["error"]) if "error" in fields else None,
        hang=amount(fields.get("hang")) or 0,
        stall=amount(fields.get("stall")) or 0,
        drop=bool(fields.get("drop")),
        slow=amount(fields.get("slow")) or 0,
        stop=text(fields.get("stop")),
    )


def _call(name: str, call: Json) -> ToolCall:
    if len(call) != 1 or next(iter(call)) not in CALLS:
        raise BadScenario(problem=f"scenario {name}: a call is one of {', '.join(sorted(CALLS))}, not {call}")
    ((kind, fields),) = call.items()
    return ToolCall(kind, obj(fields))


def _failure(name: str, given: Any) -> Failure:
    fields = obj(given)
    status = count(fields.get("status"))
    if not 400 <= status <= 599:
        raise BadScenario(problem=f"scenario {name}: an error needs a status from 400 to 599")
    usual = _USUAL.get(status, ("api_error", "a scripted error"))
    return Failure(
        status=status,
        times=None if fields.get("times", 1) is None else count(fields.get("times", 1)),
        kind=text(fields.get("kind")) or usual[0],
        message=text(fields.get("message")) or usual[1],
        retry_after=amount(fields.get("retry_after")),
        resets_after=amount(fields.get("resets_after")),
    )


_USUAL: Final[Mapping[int, tuple[str, str]]] = {
    400: ("invalid_request_error", "the request is not valid"),
    401: ("authentication_error", "invalid api key"),
    403: ("permission_error", "this key may not do that"),
    429: ("rate_limit_error", "rate limit reached"),
    500: ("api_error", "Internal server error"),
    503: ("api_error", "Service unavailable"),
    529: ("overloaded_error", "Overloaded"),
}
_READ: Final = {"read": {"path": "hello.py"}}
_SLEEP: Final = "echo started > started.txt; sleep 300; echo ended > ended.txt"
_SCENARIOS: Final[Mapping[str, Any]] = {
    "edit": [
        {"say": "I read hello.py first.", "calls": [_READ]},
        {
            "say": "Now I edit it.",
            "calls": [{"edit": {"path": "hello.py", "old": "'hello'", "new": "'hello, fleet'"}}],
        },
        {"say": "I run it.", "calls": [{"shell": {"command": "python3 hello.py && echo RAN-OK"}}]},
        {"final": "Done: it says 'hello, fleet' and it ran."},
    ],
    "say": [{"final": "Hello from the scripted model."}],
    "think": [
        {
            "think": "The user wants a change. I look at the file first. " * 3,
            "say": "Reading.",
            "calls": [_READ],
        },
        {"think": "I know the file now.", "final": "I thought about it and I am done."},
    ],
    "shell": [
        {"calls": [{"shell": {"command": "echo hello-from-shell; pwd; id -u"}}]},
        {"final": "The command ran."},
    ],
    "shell-fails": [
        {"calls": [{"shell": {"command": "echo to-stderr >&2; exit 3"}}]},
        {"final": "The command failed with exit code 3."},
    ],
    "permission": [
        {
            "say": "I must run a command.",
            "calls": [{"shell": {"command": "touch asked.txt", "outside": True}}],
        },
        {"final": "It was answered."},
    ],
    "plan": [
        {"calls": [{"plan": {"items": ["read hello.py", "edit hello.py", "run hello.py"], "done": 0}}]},
        {"calls": [_READ]},
        {"calls": [{"plan": {"items": ["read hello.py", "edit hello.py", "run hello.py"], "done": 1}}]},
        {"final": "The plan was shown."},
    ],
    "parallel": [
        {"say": "A read and a command at once.", "calls": [_READ, {"shell": {"command": "ls"}}]},
        {"final": "Two results at once."},
    ],
    "long": [{"calls": [{"shell": {"command": _SLEEP}}]}, {"final": "Slept."}],
    "huge": [{"final": ("0123456789abcdef" * 16 + "\n") * 4000}],
    "huge-tool": [{"calls": [{"shell": {"command": "seq 1 200000"}}]}, {"final": "A large output was seen."}],
    "fail-429": [{"error": {"status": 429, "times": 2, "retry_after": 1}, "final": "Recovered after 429."}],
    "fail-500": [{"error": {"status": 500, "times": 2}, "final": "Recovered after 500."}],
    "fail-529": [{"error": {"status": 529, "times": 2}, "final": "Recovered after 529."}],
    "limited": [{"error": {"status": 429, "times": None}, "final": "never"}],
    "down": [{"error": {"status": 500, "times": None}, "final": "never"}],
    "overloaded": [{"error": {"status": 529, "times": None}, "final": "never"}],
    "quota": [
        {
            "error": {
                "status": 429,
                "kind": "insufficient_quota",
                "message": "You exceeded your current quota",
                "times": None,
                "resets_after": 60,
            },
            "final": "never",
        }
    ],
    "refused-key": [{"error": {"status": 401, "times": None}, "final": "never"}],
    "too-long": [
        {
            "error": {
                "status": 400,
                "times": None,
                "message": "prompt is too long: 250000 tokens > 200000 maximum",
            },
            "final": "never",
        }
    ],
    "hang": [{"hang": 3600, "final": "never"}],
    "stall": [{"stall": 3600, "final": "I stalled in the middle of this sentence and never went on."}],
    "drop": [{"drop": True, "final": "This answer is cut in the middle of the stream."}],
    "slow": [{"slow": 0.2, "final": "one two three four five six seven eight nine ten eleven twelve"}],
    "max-tokens": [{"final": "This answer was cut by the token lim", "stop": "max_tokens"}],
    "loop": [{"calls": [{"shell": {"command": "echo again"}}]}],
}
SCENARIOS: Final[Mapping[str, Scenario]] = {
    name: read_scenario(name, steps) for name, steps in _SCENARIOS.items()
}


def read_scenarios(given: str) -> dict[str, Scenario]:
    """The ready-made scenarios and those of a JSON text `{name: [steps]}`. BadScenario when it is not that."""
    try:
        found = json.loads(given)
    except ValueError as error:
        raise BadScenario(problem=f"the scenarios are not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadScenario(problem="the scenarios must be an object of names and steps")
    return {**SCENARIOS, **{str(name): read_scenario(str(name), steps) for name, steps in obj(found).items()}}
