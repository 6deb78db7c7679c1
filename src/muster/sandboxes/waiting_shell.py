"""The words by which a shell that waits in a sandbox becomes a task's program."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

SHELL: Final = "/bin/sh"
_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_OWN: Final = re.compile(
    r"(BASH.*|CDPATH|DIRSTACK|ENV|EUID|FUNCNAME|GROUPS|HISTCMD|IFS|LINENO|OPTARG|OPTIND|PPID|PS[0-9]|RANDOM|SECONDS"
    r"|SHELLOPTS|UID|_)\Z"
)
"""Variables that mean something to a shell, or that it does not let anybody set."""


def waiting(documents: int) -> tuple[Sequence[str], str]:
    """The program that waits, for a launch with so many documents, and its first words: it says that it is there."""
    script, ready = 4 + documents, 5 + documents
    return [SHELL, f"/proc/self/fd/{script}"], f"echo >&{ready}\nexec {script}<&- {ready}>&-\n"


def words(cwd: str, env: Mapping[str, str], argv: Sequence[str]) -> str:
    """Further words: go there, take that environment and nothing else, and become that program.

    One that is not there ends like in any shell: status 127 and a line on standard error.
    """
    plain = {name: value for name, value in env.items() if _NAME.match(name) and not _OWN.match(name)}
    odd = [f"{name}={value}" for name, value in env.items() if name not in plain]
    lines = [f"cd {quoted(cwd)} || exit 126", "unset OLDPWD"]
    lines += [f"export {name}={quoted(value)}" for name, value in plain.items()]
    program = [*(["/usr/bin/env", *odd] if odd else []), *argv]
    return "\n".join([*lines, f"set -- {' '.join(map(quoted, program))}", 'exec "$@"', ""])


def quoted(text: str) -> str:
    """As one word of a shell, whatever is in it."""
    return "'" + text.replace("'", "'\\''") + "'"
