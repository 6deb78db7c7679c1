"""Scripts and commands as agents: from a task's payload to a program. Pure; nothing is read or started here."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from muster.domain.agent_task import read_hosts
from muster.domain.errors import MusterError
from muster.domain.task import TaskKind

MAX_VALUE_BYTES: Final = 128 * 1024 - 256
"""The kernel takes no longer argument or environment string."""
LIMITS: Final = ("memory_mb", "cpu_seconds", "processes", "file_mb", "output_mb")
KNOWN: Final = frozenset(
    {"script", "path", "args", "argv", "env", "inputs", "stdin", "limits", "allow_hosts"}
)
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}\Z")


class BadPayload(MusterError):
    """{field}: {problem}. Change the task and requeue it."""

    code = "bad_payload"


class ScriptMissing(MusterError):
    """The script {path} {problem}. Mend it and requeue the task."""

    code = "script_missing"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptPlace:
    """Where a script runs and where it may come from. `folder` is private to the attempt; all paths are absolute."""

    working_dir: Path
    folder: Path
    script_dirs: Sequence[Path] = ()
    python: str = "python3"


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptCommand:
    """What to start. `write` is to be written, `script` to be there, before; `limits` and `allow_hosts` are the task's."""

    argv: Sequence[str]
    env: Mapping[str, str]
    stdin: bytes = b""
    write: Mapping[Path, str] = field(default_factory=dict[Path, str])
    script: Path | None = None
    limits: Mapping[str, int] = field(default_factory=dict[str, int])
    allow_hosts: Sequence[str] = ()


def script_command(kind: str, payload: Mapping[str, Any], place: ScriptPlace) -> ScriptCommand:
    """The program of a bash, python or command task. BadPayload, ScriptMissing or InvalidInput when there is none."""
    unknown = sorted(set(payload) - KNOWN)
    if unknown:
        raise BadPayload(
            field=f"payload.{unknown[0]}", problem=f"is not known; a {kind} task has {_words(kind)}"
        )
    env = _environment(payload) | _inputs(payload)
    stdin = _text(payload, "stdin", "").encode("utf-8", "replace")
    limits = _limits(payload)
    match kind:
        case TaskKind.BASH | TaskKind.PYTHON:
            interpreter = ["bash"] if kind == TaskKind.BASH else [place.python]
            write, script = _script(kind, payload, place)
            argv = [*interpreter, str(script), *_texts(payload, "args")]
        case TaskKind.COMMAND:
            write, script = dict[Path, str](), None
            argv = _texts(payload, "argv")
            if not argv or not argv[0]:
                raise BadPayload(field="payload.argv", problem="must name a program")
        case _:
            raise BadPayload(field="kind", problem=f"{kind} is not run as a script")
    return ScriptCommand(
        argv=argv,
        env=env,
        stdin=stdin,
        write=write,
        script=None if write else script,
        limits=limits,
        allow_hosts=read_hosts("payload.allow_hosts", payload.get("allow_hosts") or []),
    )


def _words(kind: str) -> str:
    own = "argv" if kind == TaskKind.COMMAND else "script or path, args"
    return f"{own}, env, inputs, stdin, limits, allow_hosts"


def _script(kind: str, payload: Mapping[str, Any], place: ScriptPlace) -> tuple[Mapping[Path, str], Path]:
    has_text, has_path = "script" in payload, "path" in payload
    if has_text == has_path:
        raise BadPayload(field="payload", problem=f"a {kind} task needs either script (text) or path")
    if has_text:
        file = place.folder / ("script.sh" if kind == TaskKind.BASH else "script.py")
        return {file: _text(payload, "script", "")}, file
    return {}, _resolved(_text(payload, "path", ""), place)


def _resolved(text: str, place: ScriptPlace) -> Path:
    """The path of a script inside the working directory or one of the script folders."""
    if not text:
        raise BadPayload(field="payload.path", problem="must name a script")
    path = Path(text)
    candidates = [path] if path.is_absolute() else [place.working_dir / path]
    roots = (place.working_dir, *place.script_dirs)
    for candidate in candidates:
        if ".." not in candidate.parts and any(candidate.is_relative_to(root) for root in roots):
            return candidate
    raise ScriptMissing(path=text, problem="is neither in the working directory nor in a script folder")


def _text(payload: Mapping[str, Any], name: str, default: str) -> str:
    value = payload.get(name, default)
    if not isinstance(value, str):
        raise BadPayload(field=f"payload.{name}", problem="must be text")
    if "\0" in value and name != "stdin":
        raise BadPayload(field=f"payload.{name}", problem="holds a NUL byte")
    return value


def _texts(payload: Mapping[str, Any], name: str) -> list[str]:
    value: Any = payload.get(name, [])
    if not isinstance(value, list):
        raise BadPayload(field=f"payload.{name}", problem="must be a list of texts")
    return [
        _passable(f"payload.{name}[{index}]", entry) for index, entry in enumerate(cast(list[Any], value))
    ]


def _passable(name: str, value: Any) -> str:
    """Text that can be an argument or an environment value."""
    if not isinstance(value, str):
        raise BadPayload(field=name, problem="must be text")
    if "\0" in value:
        raise BadPayload(field=name, problem="holds a NUL byte")
    if len(value.encode("utf-8", "replace")) > MAX_VALUE_BYTES:
        raise BadPayload(field=name, problem="is longer than 128 KiB; put it in a file or in stdin")
    return value.encode("utf-8", "replace").decode()


def _mapping(payload: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value: Any = payload.get(name) or {}
    if not isinstance(value, dict):
        raise BadPayload(field=f"payload.{name}", problem="must be an object")
    return cast(dict[str, Any], value)


def _environment(payload: Mapping[str, Any]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in _mapping(payload, "env").items():
        if not _NAME.match(name):
            raise BadPayload(field="payload.env", problem=f"{name[:60]!r} cannot be the name of a variable")
        found[name] = _passable(f"payload.env.{name}", value)
    return found


def _inputs(payload: Mapping[str, Any]) -> dict[str, str]:
    """`MUSTER_INPUT_NAME` for every input; what is not text is passed as JSON."""
    found: dict[str, str] = {}
    for name, value in _mapping(payload, "inputs").items():
        variable = "MUSTER_INPUT_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        if not _NAME.match(variable) or variable in found:
            raise BadPayload(field="payload.inputs", problem=f"{name[:60]!r} gives no variable of its own")
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        found[variable] = _passable(f"payload.inputs.{name}", text)
    return found


def _limits(payload: Mapping[str, Any]) -> dict[str, int]:
    found: dict[str, int] = {}
    for name, value in _mapping(payload, "limits").items():
        if name not in LIMITS:
            raise BadPayload(field=f"payload.limits.{name}", problem=f"is none of {', '.join(LIMITS)}")
        if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= 10_000_000:
            raise BadPayload(field=f"payload.limits.{name}", problem="must be a whole number of at least 1")
        found[name] = value
    return found
