"""Exit codes, and how an error becomes one line and a code."""

from __future__ import annotations

import json
import sys
from enum import IntEnum
from types import MappingProxyType
from typing import Any, Final, cast

from muster.client.errors import ApiError, Unreachable
from muster.domain.errors import Category, MusterError


class ExitCode(IntEnum):
    """What the shell gets. `muster run` ends with the task's own exit code instead."""

    OK = 0
    FAILED = 1
    USAGE = 2
    UNREACHABLE = 3
    NOT_FOUND = 4
    CONFLICT = 5
    INVALID = 6
    FORBIDDEN = 7
    UNAVAILABLE = 8
    TIMED_OUT = 124
    INTERRUPTED = 130


MEANINGS: Final = MappingProxyType(
    {
        ExitCode.OK: "done",
        ExitCode.FAILED: "failed: the task failed, a check found something, or something unexpected happened",
        ExitCode.USAGE: "the command line is wrong",
        ExitCode.UNREACHABLE: "no server answers",
        ExitCode.NOT_FOUND: "there is no such thing, or nothing to claim",
        ExitCode.CONFLICT: "does not fit the present state (somebody else has it, it is finished, it exists already)",
        ExitCode.INVALID: "the server or the settings refuse a value",
        ExitCode.FORBIDDEN: "the token is missing or wrong",
        ExitCode.UNAVAILABLE: "the server cannot take it now; try again",
        ExitCode.TIMED_OUT: "the task that was run timed out",
        ExitCode.INTERRUPTED: "interrupted with Ctrl-C",
    }
)
_CATEGORIES: Final = MappingProxyType(
    {
        Category.INVALID: ExitCode.INVALID,
        Category.TOO_LARGE: ExitCode.INVALID,
        Category.NOT_FOUND: ExitCode.NOT_FOUND,
        Category.CONFLICT: ExitCode.CONFLICT,
        Category.FORBIDDEN: ExitCode.FORBIDDEN,
        Category.UNAUTHENTICATED: ExitCode.FORBIDDEN,
        Category.LIMITED: ExitCode.UNAVAILABLE,
        Category.UNAVAILABLE: ExitCode.UNAVAILABLE,
    }
)


_LISTS: Final = MappingProxyType(
    {
        "queue": "muster queue list",
        "project": "muster project list",
        "session": "muster session list",
        "agent": "muster agents",
    }
)


class CommandFailed(MusterError):
    """The command could not do what it was asked to."""

    code = "failed"


class ServerUnreachable(Unreachable):
    """No muster server answers at {url} ({problem}). {advice}"""


def exit_code(error: MusterError) -> ExitCode:
    """The code of an error."""
    if isinstance(error, Unreachable):
        return ExitCode.UNREACHABLE
    if isinstance(error, CommandFailed) or (isinstance(error, ApiError) and error.status == 500):
        return ExitCode.FAILED
    return _CATEGORIES[error.category]


def _in_full(error: MusterError) -> str:
    """The message; a refusal by the server with every wrong field, and with where to look for what is not there."""
    if not isinstance(error, ApiError):
        return error.message
    problems = error.details.get("errors")
    if isinstance(problems, list):
        fields = cast(list[dict[str, Any]], problems)
        return "; ".join(f"{item.get('field')}: {item.get('problem')}" for item in fields) or error.message
    listing = _LISTS.get(str(error.details.get("noun"))) if error.code == "not_found" else None
    return f"{error.message} '{listing}' shows them." if listing else error.message


def report(error: MusterError, *, as_json: bool) -> ExitCode:
    """Write the error to stderr, one line (or a JSON object), and give its exit code."""
    if as_json:
        details = {name: str(value) for name, value in error.details.items()}
        text = json.dumps({"code": error.code, "message": error.message, "details": details})
    else:
        text = f"muster: {' '.join(_in_full(error).split())}"
    sys.stderr.write(text + "\n")
    return exit_code(error)
