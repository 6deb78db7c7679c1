"""Reads a script's comment header. Text in, script or problems out; no file is touched here.

A header is a block of comment lines near the top:

    # name: backup
    # description: Dump a database
    # inputs:
    #   target: string required
    #   level: int default=3
    #   mode: choice(fast, full) default=fast
    # outputs:
    #   file: string
    # tags: db, nightly
    # timeout: 2m
    # task_class: FAST_SCRIPT
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, Final, cast

import yaml

from muster.domain.errors import InvalidInput
from muster.domain.script import InputType, InputValue, Script, ScriptInput, ScriptOutput
from muster.domain.task import TaskKind

KEYS: Final = ("name", "description", "inputs", "outputs", "tags", "timeout", "task_class")
_FIELD: Final = re.compile(r"^([A-Za-z][A-Za-z_-]{1,30}):(?:\s+(.*)|)$")
_SCRIPT_NAME: Final = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")
_INPUT_NAME: Final = re.compile(r"^[A-Za-z_][A-Za-z0-9_]{0,63}$")
_CLASS_NAME: Final = re.compile(r"^[A-Za-z][A-Za-z0-9_-]{0,63}$")
_DURATION: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*(s|sec|seconds?|m|min|minutes?|h|hours?)?$")
_SHORT_INPUT: Final = re.compile(
    r"^(?P<type>[A-Za-z]+)\s*(?:[(\[](?P<choices>[^)\]]*)[)\]])?"
    r"(?P<required>\s+(?:required|optional))?(?:\s+(?:default\s*=?\s*)?(?P<default>.+))?$"
)
_UNITS: Final = MappingProxyType({"s": 1, "m": 60, "h": 3600})
_TYPES: Final = MappingProxyType(
    {
        "string": InputType.STRING,
        "str": InputType.STRING,
        "text": InputType.STRING,
        "path": InputType.STRING,
        "int": InputType.INT,
        "integer": InputType.INT,
        "float": InputType.FLOAT,
        "number": InputType.FLOAT,
        "bool": InputType.BOOL,
        "boolean": InputType.BOOL,
        "choice": InputType.CHOICE,
        "enum": InputType.CHOICE,
    }
)
_MAX_TIMEOUT: Final = 7 * 24 * 3600


class BadHeader(InvalidInput):
    """The header is wrong at line {line}: {problem}"""

    code = "bad_header"

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem, line=line)
        self.line = line


@dataclass(slots=True)
class _Field:
    """One key of a header with its text; continuation lines keep their indentation."""

    line: int
    first: str
    rest: list[str] = field(default_factory=list[str])

    @property
    def text(self) -> str:
        return " ".join(part.strip() for part in [self.first, *self.rest] if part.strip())

    @property
    def block(self) -> str:
        return "\n".join([self.first, *self.rest])


def parse_header(text: str, *, path: str, kind: TaskKind) -> tuple[Script | None, list[tuple[int, str]]]:
    """The script a file's text describes, None without a header, and warnings as (line, message).

    BadHeader when there is a header and it cannot be used.
    """
    fields, warnings = _fields(text)
    if not fields:
        return None, warnings
    script = Script(
        name=_name(fields),
        path=path,
        kind=kind,
        description=fields["description"].text if "description" in fields else "",
        inputs=tuple(_inputs(fields["inputs"])) if "inputs" in fields else (),
        outputs=tuple(_outputs(fields["outputs"])) if "outputs" in fields else (),
        tags=tuple(_tags(fields["tags"])) if "tags" in fields else (),
        timeout_seconds=_timeout(fields["timeout"]) if "timeout" in fields else None,
        task_class=_task_class(fields["task_class"]) if "task_class" in fields else None,
    )
    return script, warnings


def _comment_lines(text: str) -> Iterator[tuple[int, str]]:
    """Lines of the first comment block, without their `#`; the shebang and blank lines before it are passed over."""
    begun = False
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith("#!") and number == 1:
            continue
        if stripped.startswith("#"):
            begun = True
            yield number, stripped[1:].removeprefix(" ").rstrip()
        elif begun or stripped:
            return


def _fields(text: str) -> tuple[dict[str, _Field], list[tuple[int, str]]]:
    fields: dict[str, _Field] = {}
    warnings: list[tuple[int, str]] = []
    current: _Field | None = None
    for number, line in _comment_lines(text):
        match = _FIELD.match(line)
        if match is None:
            if current is not None and (not line or line.startswith((" ", "\t", "- "))):
                current.rest.append(line.replace("\t", "  "))
            else:
                current = None
            continue
        key = match[1].lower().replace("-", "_")
        current = None
        if key in KEYS:
            if key in fields:
                raise BadHeader(number, f"{key} is given twice, first at line {fields[key].line}")
            current = fields[key] = _Field(number, match[2] or "")
        elif close := get_close_matches(key, KEYS, n=1, cutoff=0.8):
            warnings.append((number, f"{match[1]} is not a key of a header; did you mean {close[0]}?"))
    return fields, warnings


def _name(fields: Mapping[str, _Field]) -> str:
    if "name" not in fields:
        line = min(item.line for item in fields.values())
        raise BadHeader(line, "the header has no name; add a line '# name: ...'")
    name = fields["name"].text
    if not _SCRIPT_NAME.match(name):
        raise BadHeader(
            fields["name"].line,
            f"name {name[:60]!r} may hold letters, digits, '.', '_' and '-' only, 100 at most",
        )
    return name


def _tags(item: _Field) -> list[str]:
    text = item.text.strip()
    if text.startswith("["):
        text = text.strip("[]")
    parts = [part.strip().strip("'\"") for part in re.split(r"[,\n]|(?:^|\s)-\s", text)]
    tags = list(dict.fromkeys(part for part in parts if part))
    if any(len(tag) > 100 for tag in tags):
        raise BadHeader(item.line, "a tag is longer than 100 characters")
    return tags


def _timeout(item: _Field) -> float:
    match = _DURATION.match(item.text.lower())
    seconds = float(match[1]) * _UNITS[(match[2] or "s")[0]] if match else 0
    if not 0 < seconds <= _MAX_TIMEOUT:
        raise BadHeader(
            item.line,
            f"timeout {item.text[:40]!r} must be seconds, or like 90s, 5m or 1h, at most seven days",
        )
    return seconds


def _task_class(item: _Field) -> str:
    if not _CLASS_NAME.match(item.text):
        raise BadHeader(item.line, f"task_class {item.text[:60]!r} is not a name like FAST_SCRIPT")
    return item.text


def _inputs(item: _Field) -> Iterator[ScriptInput]:
    seen: set[str] = set()
    for name, spec in _entries(item):
        if not _INPUT_NAME.match(name):
            raise BadHeader(item.line, f"input {name[:60]!r} may hold letters, digits and '_' only")
        if name in seen:
            raise BadHeader(item.line, f"input {name} is given twice")
        seen.add(name)
        fields = _short_input(item, name, spec) if isinstance(spec, str) else spec
        yield _input(item, name, fields)


def _entries(item: _Field) -> Iterator[tuple[str, str | dict[str, Any]]]:
    """Names with their specification: the block is a YAML mapping or list; a name alone is a string input."""
    document = _yaml(item)
    if document is None:
        return
    if isinstance(document, str):
        document = [part.strip() for part in document.split(",")]
    if isinstance(document, dict):
        for name, spec in cast(dict[Any, Any], document).items():
            yield str(name), _spec(item, str(name), spec)
        return
    if not isinstance(document, list):
        raise BadHeader(item.line, "inputs and outputs are lines like 'name: type required'")
    for entry in cast(list[Any], document):
        match entry:
            case str():
                yield entry, ""
            case {"name": name, **rest}:
                yield str(name), cast(dict[str, Any], rest)
            case dict() if len(cast(dict[Any, Any], entry)) == 1:
                name, spec = next(iter(cast(dict[Any, Any], entry).items()))
                yield str(name), _spec(item, str(name), spec)
            case _:
                raise BadHeader(item.line, f"an entry of a list needs a name: {str(entry)[:60]}")


def _spec(item: _Field, name: str, spec: object) -> str | dict[str, Any]:
    match spec:
        case None:
            return ""
        case str():
            return spec
        case dict():
            return cast(dict[str, Any], spec)
        case _:
            raise BadHeader(item.line, f"{name}: {str(spec)[:60]} is not a type")


def _yaml(item: _Field) -> object:
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(item.block, yaml.SafeLoader)):
            raise BadHeader(item.line, "a header cannot use YAML aliases")
        return yaml.safe_load(item.block)
    except yaml.MarkedYAMLError as error:
        offset = error.problem_mark.line if error.problem_mark else 0
        raise BadHeader(item.line + offset, f"not readable: {error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BadHeader(item.line, f"not readable: {error}") from error


def _short_input(item: _Field, name: str, spec: str) -> dict[str, Any]:
    """`type [required] [default]` as fields."""
    if not spec.strip():
        return {}
    match = _SHORT_INPUT.match(spec.strip())
    if match is None:
        raise BadHeader(
            item.line, f"input {name}: {spec[:60]!r} is not like 'int required' or 'string default=x'"
        )
    fields: dict[str, Any] = {
        "type": match["type"],
        "required": (match["required"] or "").strip() == "required",
    }
    if match["choices"] is not None:
        fields["choices"] = [part.strip() for part in re.split(r"[,|]", match["choices"])]
    if match["default"]:
        fields["default"] = match["default"].strip().strip("'\"")
    return fields


def _input(item: _Field, name: str, fields: Mapping[str, Any]) -> ScriptInput:
    allowed = ("type", "required", "default", "choices", "description")
    for key in fields:
        if key not in allowed:
            raise BadHeader(
                item.line, f"input {name} has an unknown key {str(key)[:40]}; there are {', '.join(allowed)}"
            )
    kind = _TYPES.get(str(fields.get("type", "choice" if fields.get("choices") else "string")).lower())
    if kind is None:
        raise BadHeader(
            item.line, f"input {name}: type {str(fields['type'])[:40]} is none of {', '.join(InputType)}"
        )
    given: object = fields.get("choices") or []
    if not isinstance(given, list):
        raise BadHeader(item.line, f"input {name}: choices must be a list")
    choices = cast(list[Any], given)
    if (kind is InputType.CHOICE) != bool(choices):
        raise BadHeader(
            item.line, f"input {name}: a choice, and only a choice, needs choices, like choice(fast, full)"
        )
    described = ScriptInput(
        name=name,
        type=kind,
        required=fields.get("required") is True,
        choices=tuple(str(choice) for choice in choices),
        description=str(fields.get("description") or ""),
    )
    return _with_default(item, described, fields.get("default"))


def _with_default(item: _Field, described: ScriptInput, default: object) -> ScriptInput:
    if default is None:
        return described
    try:
        value: InputValue = described.checked(default)
    except InvalidInput as error:
        raise BadHeader(
            item.line, f"input {described.name}: its default {error.details['problem']}"
        ) from error
    return ScriptInput(
        name=described.name,
        type=described.type,
        required=described.required,
        default=value,
        choices=described.choices,
        description=described.description,
    )


def _outputs(item: _Field) -> Iterator[ScriptOutput]:
    for name, spec in _entries(item):
        if isinstance(spec, str):
            kind, _, description = spec.partition(" ")
            yield ScriptOutput(name=name, type=kind or "string", description=description.strip())
        else:
            yield ScriptOutput(
                name=name,
                type=str(spec.get("type", "string")),
                description=str(spec.get("description") or ""),
            )
