"""The result of a script: where it is, and whether it is what the task wants."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, cast

import msgspec
from jsonschema import Draft202012Validator
from jsonschema import exceptions as schema_exceptions
from jsonschema.exceptions import SchemaError, ValidationError
from msgspec import Meta
from referencing import Registry
from referencing.exceptions import Unresolvable

from muster.client.wire import Dollars, Usage

MAX_RESULT_BYTES: Final = 1024 * 1024
MAX_OUTPUT_CHARS: Final = 65_536
MAX_MESSAGE_CHARS: Final = 1_000


class ResultFile(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """What a script may leave in `$MUSTER_RESULT_FILE`. Everything may be left out."""

    output: Annotated[str, Meta(max_length=262_144)] | None = None
    """Text for people, instead of the end of stdout."""
    result: dict[str, Any] | None = None
    """Structured output, instead of the last line of stdout."""
    cost_usd: Dollars = 0
    tokens: Usage | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a result: a failure code and a message."""

    code: str
    message: str


def read_result_file(path: Path) -> ResultFile | Problem:
    """The result file a script left; an empty one when it left none. The file is not trusted: it may be a link or a pipe."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return ResultFile()
    except OSError as error:
        return Problem("schema_mismatch", f"the result file cannot be read: {error.strerror}")
    with os.fdopen(fd, "rb") as file:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return Problem("schema_mismatch", "the result file is not a file")
        text = file.read(MAX_RESULT_BYTES + 1)
    if len(text) > MAX_RESULT_BYTES:
        return Problem("schema_mismatch", "the result file is larger than 1 MiB")
    if not text.strip():
        return ResultFile()
    try:
        return msgspec.json.decode(text, type=ResultFile)
    except (msgspec.DecodeError, RecursionError) as error:
        return Problem("schema_mismatch", f"the result file is not what is documented: {error}")


def structured(file: ResultFile, stdout: str, schema: dict[str, Any]) -> dict[str, Any] | Problem:
    """The result that fits `schema`: from the result file, else from the last line of stdout."""
    value: Any = file.result
    if value is None:
        lines = [line for line in stdout.splitlines() if line.strip()]
        if not lines:
            return Problem("schema_mismatch", "there is no output; its last line must be the result as JSON")
        try:
            value = msgspec.json.decode(lines[-1])
        except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
            return Problem("schema_mismatch", f"the last line of output is not JSON: {error}")
    if not isinstance(value, dict):
        return Problem("schema_mismatch", f"the result must be a JSON object, and is {_kind(value)}")
    problem = _mismatch(cast(dict[str, Any], value), schema)
    return cast(dict[str, Any], value) if problem is None else Problem("schema_mismatch", problem)


def _mismatch(value: dict[str, Any], schema: dict[str, Any]) -> str | None:
    """What does not fit. References to other documents are not fetched."""
    try:
        Draft202012Validator.check_schema(schema)
        validator = cast(Any, Draft202012Validator(schema, registry=Registry()))
        error = cast(
            "ValidationError | None", cast(Any, schema_exceptions).best_match(validator.iter_errors(value))
        )
    except SchemaError as problem:
        return f"the task's output_schema is no JSON schema: {problem.message[:MAX_MESSAGE_CHARS]}"
    except (Unresolvable, RecursionError) as problem:
        return f"the task's output_schema cannot be used: {str(problem)[:MAX_MESSAGE_CHARS]}"
    if error is None:
        return None
    return f"result{error.json_path.removeprefix('$')}: {error.message[:MAX_MESSAGE_CHARS]}"


def _kind(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "a flag"
        case str():
            return "text"
        case list():
            return "a list"
        case _:
            return "a number"


def missing_files(required: Sequence[str], working_dir: Path) -> list[str]:
    """Which required files are not there; one outside the working directory never is."""
    root = working_dir.resolve()
    return [name for name in required if not _there(root, name)]


def _there(root: Path, name: str) -> bool:
    try:
        path = (root / name).resolve()
        return path.is_relative_to(root) and path.exists()
    except (OSError, ValueError, RuntimeError):
        return False
