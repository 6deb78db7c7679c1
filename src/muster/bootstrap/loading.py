"""Settings from `muster.yml`, the environment and flags; the later of these wins, key by key."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast, get_args, get_origin

import yaml
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from muster.bootstrap.paths import find_config, home_of, user_data_dir
from muster.bootstrap.settings import PATTERNS, Section, Settings
from muster.domain.errors import InvalidInput

PREFIX: Final = "MUSTER_"
SHORT_NAMES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "MUSTER_HOST": "server.host",
        "MUSTER_PORT": "server.port",
        "MUSTER_TOKEN": "server.token",
        "MUSTER_URL": "server.url",
    }
)
_EMPTY: Final[Mapping[str, Any]] = MappingProxyType({})


class InvalidSettings(InvalidInput):
    """The settings cannot be used."""

    code = "invalid_settings"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems), problems=problems)


@dataclass(slots=True)
class _Layers:
    """Values gathered so far as nested mappings, and where each came from."""

    values: dict[str, Any] = field(default_factory=dict[str, Any])
    origins: dict[str, str] = field(default_factory=dict[str, str])
    problems: list[str] = field(default_factory=list[str])

    def put(self, key: str, value: object, origin: str) -> None:
        """Set a dotted key."""
        *parents, leaf = key.split(".")
        at = self.values
        for parent in parents:
            inner = at.setdefault(parent, {})
            if not isinstance(inner, dict):
                at[parent] = inner = {}
            at = cast(dict[str, Any], inner)
        if isinstance(value, dict) and isinstance(at.get(leaf), dict):
            at[leaf] = {**at[leaf], **value}
        else:
            at[leaf] = value
        self.origins[key] = origin


def known_settings(model: type[Section] = Settings, prefix: str = "") -> dict[str, FieldInfo]:
    """Every setting that is a value, by dotted key, in the order of the model."""
    found: dict[str, FieldInfo] = {}
    for name, info in model.model_fields.items():
        if info.exclude:
            continue
        if isinstance(info.annotation, type) and issubclass(info.annotation, Section):
            found |= known_settings(info.annotation, f"{prefix}{name}.")
        else:
            found[prefix + name] = info
    return found


def variable_names() -> dict[str, str]:
    """The environment variable of every setting, and the short names: variable -> dotted key."""
    long_names = {PREFIX + key.upper().replace(".", "_"): key for key in known_settings()}
    return {**SHORT_NAMES, **long_names}


def load_settings(
    *,
    flags: Mapping[str, Any] = _EMPTY,
    environ: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    config: Path | None = None,
) -> Settings:
    """The settings in force. `flags` maps dotted keys to values; `config` names the file instead of MUSTER_CONFIG.

    Relative paths of the file start at the file's folder, those of the environment and of flags
    at `cwd`. InvalidSettings names every problem and where the value came from.
    """
    environ = os.environ if environ is None else environ
    cwd = Path.cwd() if cwd is None else cwd
    path = find_config(environ, cwd, config)
    layers = _Layers()
    known = known_settings()
    if path is not None:
        _add_file(layers, path, known)
    for variable, key in variable_names().items():
        if environ.get(variable):
            layers.put(key, _absolute(key, _parsed(environ[variable], known[key]), cwd), variable)
    for key, value in flags.items():
        if key in known:
            parsed = _parsed(value, known[key]) if isinstance(value, str) else value
            layers.put(key, _absolute(key, parsed, cwd), f"flag for {key}")
        else:
            layers.problems.append(_unknown(key, "a flag", known))
    base = path.parent if path is not None else None
    _add_defaults(layers, base, cwd, environ)
    return _validated(layers, path)


def _add_defaults(layers: _Layers, base: Path | None, cwd: Path, environ: Mapping[str, str]) -> None:
    if "data_dir" not in layers.values:
        layers.put("data_dir", base / ".muster" if base else user_data_dir(environ), "default")
    if "scripts.folders" not in layers.origins:
        layers.put("scripts.folders", [(base or cwd) / "scripts"], "default")
    if "directories.roots" not in layers.origins:
        layers.put("directories.roots", [home_of(environ)], "default")


def _add_file(layers: _Layers, path: Path, known: Mapping[str, FieldInfo]) -> None:
    document = read_yaml(path)
    for key, value in _leaves(document, known):
        if key not in known:
            layers.problems.append(_unknown(key, path.name, known))
        elif value is not None:
            layers.put(key, _absolute(key, value, path.parent), str(path))


def _leaves(
    document: Mapping[str, Any], known: Mapping[str, FieldInfo], prefix: str = ""
) -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        key = f"{prefix}{name}"
        is_section = any(other.startswith(f"{key}.") for other in known)
        if not is_section or not (value is None or isinstance(value, dict)):
            yield key, value
        elif isinstance(value, dict):
            yield from _leaves(cast(dict[str, Any], value), known, f"{key}.")


def _unknown(key: str, place: str, known: Mapping[str, FieldInfo]) -> str:
    if any(other.startswith(f"{key}.") for other in known):
        return f"{key} in {place} is a group of settings and needs keys below it"
    leaf = key.rpartition(".")[2]
    same_leaf = [other for other in known if other.rpartition(".")[2] == leaf]
    sections = {other.rpartition(".")[0] for other in known} - {""}
    close = same_leaf or get_close_matches(key, [*known, *sections], n=1, cutoff=0.6)
    hint = f"; did you mean {close[0]}?" if close else f"; settings are: {', '.join(known)}"
    return f"{place} has an unknown setting {key[:80]}{hint}"


def _parsed(text: str, info: FieldInfo) -> Any:
    """A text of the environment or the command line as the setting's type; lists may be separated by commas."""
    kind = get_origin(info.annotation) or info.annotation
    if kind not in (list, dict):
        return text
    if text.lstrip().startswith(("[", "{")):
        try:
            return yaml.safe_load(text)
        except yaml.YAMLError:
            return text
    return [part.strip() for part in text.split(",") if part.strip()] if kind is list else text


def _absolute(key: str, value: Any, base: Path) -> Any:
    """Paths made absolute from `base`; everything else as it is."""
    match key, value:
        case "data_dir", str() | Path():
            return _below(base, value)
        case "scripts.folders" | "directories.roots", list():
            return [
                _below(base, item) if isinstance(item, (str, Path)) else item
                for item in cast(list[Any], value)
            ]
        case "database.url", str() if value.startswith("sqlite:///"):
            return f"sqlite:///{_below(base, value.removeprefix('sqlite:///'))}"
        case _:
            return value


def _below(base: Path, path: str | Path) -> Path:
    return Path(os.path.normpath(base / Path(path).expanduser()))


def _validated(layers: _Layers, path: Path | None) -> Settings:
    problems = list(layers.problems)
    try:
        settings = Settings.model_validate({**layers.values, "config_file": path, "origins": layers.origins})
    except ValidationError as error:
        raise InvalidSettings(
            problems + [_problem(dict(item), layers.origins) for item in error.errors()]
        ) from error
    if problems:
        raise InvalidSettings(problems)
    return settings


def _problem(item: dict[str, Any], origins: Mapping[str, str]) -> str:
    location = [str(part) for part in item["loc"]]
    key = ".".join(location)
    origin = next(
        (origins[k] for k in (".".join(location[:n]) for n in range(len(location), 0, -1)) if k in origins),
        "",
    )
    context = cast(dict[str, Any], item.get("ctx") or {})
    message = PATTERNS.get(str(context.get("pattern"))) or str(item["msg"]).removeprefix("Value error, ")
    return f"{key}{f' (from {origin})' if origin else ''}: {message[:1].lower()}{message[1:]}"


class _StrictLoader(yaml.SafeLoader):
    """YAML whose mappings name each key once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen: set[str] = set()
        for key_node, _ in node.value:
            name = str(key_node.value)
            if name in seen:
                raise yaml.MarkedYAMLError(problem=f"{name} is set twice", problem_mark=key_node.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, {} when it is empty; InvalidSettings with the line when it is not one."""
    try:
        document: object = yaml.load(path.read_text(encoding="utf-8"), _StrictLoader)  # noqa: S506 - a SafeLoader
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings([f"{path} cannot be read: {error}"]) from error
    except yaml.MarkedYAMLError as error:
        line = f" line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise InvalidSettings([f"{path}{line}: {error.problem or error.context}"]) from error
    except yaml.YAMLError as error:
        raise InvalidSettings([f"{path}: {error}"]) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise InvalidSettings([f"{path} must hold settings (name: value), not a {type(document).__name__}"])
    return {str(key): value for key, value in cast(dict[Any, Any], document).items()}


def misspelt_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Warnings for MUSTER_ variables that look like a setting's name but are not one."""
    environ = os.environ if environ is None else environ
    names = [*variable_names(), "MUSTER_CONFIG"]
    warnings: list[str] = []
    for variable in sorted(environ):
        if variable.startswith(PREFIX) and variable not in names:
            close = get_close_matches(variable, names, n=1, cutoff=0.85)
            if close:
                warnings.append(f"{variable} is not a setting and was ignored; did you mean {close[0]}?")
    return warnings


def describe_settings() -> list[dict[str, str]]:
    """For the reference: key, variable, type, default and meaning of every setting."""
    by_key: dict[str, list[str]] = {}
    for variable, key in variable_names().items():
        by_key.setdefault(key, []).append(variable)
    rows: list[dict[str, str]] = []
    for key, info in known_settings().items():
        default = "" if info.is_required() or info.default_factory else _scalar(info.default)
        rows.append(
            {
                "key": key,
                "variables": ", ".join(by_key[key]),
                "type": _type_name(info.annotation),
                "default": "" if default in ("None", "PydanticUndefined") else default,
                "description": info.description or "",
            }
        )
    return rows


def _scalar(value: object) -> str:
    """A default as it would stand in the file."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _type_name(annotation: Any) -> str:
    arguments = [item for item in get_args(annotation) if item is not type(None)]
    origin = get_origin(annotation)
    if origin is None:
        names = {"Path": "path", "str": "text", "int": "integer", "float": "number", "bool": "true or false"}
        name = str(getattr(annotation, "__name__", annotation))
        return names.get(name, "secret text" if name == "SecretStr" else name)
    if origin is list:
        return f"list of {_type_name(arguments[0])}s"
    if origin is dict:
        return "map of name to timeout"
    if all(isinstance(item, str) for item in arguments):
        return " or ".join(arguments)
    return " or ".join(_type_name(item) for item in arguments)


def nested(values: Mapping[str, str], checked: Settings) -> dict[str, Any]:
    """Flags as the document of a file: `checked` gives them their types; paths stay as they were typed."""
    document = _Layers()
    typed = checked.model_dump(mode="json")
    known = known_settings()
    for key, text in values.items():
        value: Any = typed
        for part in key.split("."):
            value = value[part]
        as_typed = key in ("data_dir", "scripts.folders", "database.url", "server.token")
        document.put(key, _parsed(text, known[key]) if as_typed else value, "setup")
    return document.values
