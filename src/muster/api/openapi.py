"""The one OpenAPI document: the router's routes and the hot ones."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from fastapi import FastAPI

from muster.api.hot import HotRoute
from muster.api.routing import REASONS, error_statuses
from muster.api.schemas.runs import SAME_AS
from muster.api.schemas.shape import Error

_TEMPLATE: Final = "#/components/schemas/{name}"
_MODEL_TEMPLATE: Final = "#/components/schemas/{model}"
TAGS: Final = (
    ("claims", "Taking tasks and reporting on them: what workers and agents do."),
    ("tasks", "Wanted work, its attempts, output and history."),
    ("runs", "What agents at work say, call, change and cost."),
    ("approvals", "What agents ask of people, and what is allowed without asking."),
    ("queues", "Where tasks wait."),
    ("projects", "What tasks belong to, and the money for them."),
    ("sessions", "Named work sessions that group tasks."),
    ("agents", "Who does the work."),
    ("roles", "Who an agent can be, and the prompts that are made of it."),
    ("workers", "Processes that claim and run."),
    ("sandboxes", "What is open on which machine, and what it uses."),
    ("consoles", "Shells that people open in sandboxes, beside what runs there."),
    ("providers", "Who answers calls to models, and who fails to."),
    ("directories", "Folders to choose from when a task is queued."),
    ("activities", "What happened, in words."),
    ("scripts", "Scripts that can be queued by name."),
    ("reference", "Lists of classes and codes."),
    ("preferences", "What somebody set for themselves in the web interface."),
    ("events", "What happens, as it happens."),
    ("server", "Health, status, metrics, and what the pages of the web interface open with."),
    ("mission control", "The dialect of Mission Control's agents."),
    ("swarm", "The dialect of Swarm's workers and tools."),
    (
        "sparkq",
        "The dialect of SparkQ's tools. All of it is answered below /api too; /api/tasks itself belongs to Mission "
        "Control, unless the request names a `queue_id` or accepts application/vnd.sparkq+json.",
    ),
)


def build_document(
    app: FastAPI, hot: Sequence[HotRoute[Any, Any]], *, secured: bool = True
) -> dict[str, Any]:
    """The document of everything this app answers under its native prefix and beside it."""
    # FastAPI keeps what it gave out.
    document: dict[str, Any] = copy.deepcopy(app.openapi())
    document["tags"] = [{"name": name, "description": words} for name, words in TAGS]
    components: dict[str, Any] = document.setdefault("components", {}).setdefault("schemas", {})
    for unused in ("HTTPValidationError", "ValidationError"):
        components.pop(unused, None)
    components[Error.__name__] = Error.model_json_schema(mode="serialization", ref_template=_MODEL_TEMPLATE)
    kinds = sorted(
        {kind for route in hot for kind in (route.request, route.answer)}, key=lambda k: k.__name__
    )
    _, wire = msgspec.json.schema_components(kinds, ref_template=_TEMPLATE)
    for name, schema in wire.items():
        if name in components:
            raise ValueError(f"two shapes are named {name}")
        components[name] = _plain(schema)
    for methods in document["paths"].values():
        for operation in methods.values():
            _json_errors(operation["responses"])
    _fill_in(components)
    for route in hot:
        document["paths"].setdefault(route.path, {})[route.method.lower()] = _operation(route)
    if secured:
        document["components"]["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        document["security"] = [{}, {"token": []}]
    document["paths"] = dict(sorted(document["paths"].items()))
    document["components"]["schemas"] = dict(sorted(components.items()))
    return document


def _fill_in(components: dict[str, Any]) -> None:
    """Fields that hold what the wire's structs describe get those structs' schemas."""
    for component in components.values():
        for name, schema in component.get("properties", {}).items():
            same_as = schema.pop(SAME_AS, None)
            if same_as is not None:
                struct, _, field = same_as.partition(".")
                wanted = components[struct]["properties"][field]["items"]
                component["properties"][name] = {
                    key: schema[key] for key in ("title",) if key in schema
                } | wanted


def _json_errors(responses: dict[str, Any]) -> None:
    """Errors are JSON whatever the answer would have been."""
    for status, response in responses.items():
        if status.startswith(("4", "5")) and "application/json" not in response.get("content", {}):
            response["content"] = {"application/json": {"schema": {"$ref": _TEMPLATE.format(name="Error")}}}


def _operation(route: HotRoute[Any, Any]) -> dict[str, Any]:
    answer = {"$ref": _TEMPLATE.format(name=route.answer.__name__)}
    responses: dict[str, Any] = {
        "200": {"description": "Done.", "content": {"application/json": {"schema": answer}}}
    }
    if route.empty_answer:
        responses["204"] = {"description": "Nothing."}
    for status in error_statuses(route.method, route.errors):
        responses[str(status)] = {
            "description": REASONS[status],
            "content": {"application/json": {"schema": {"$ref": _TEMPLATE.format(name="Error")}}},
        }
    body = {
        "schema": {"$ref": _TEMPLATE.format(name=route.request.__name__)},
        "example": dict(route.example),
    }
    operation: dict[str, Any] = {
        "tags": [route.tag],
        "summary": route.summary,
        "operationId": route.operation_id,
        "requestBody": {"required": True, "content": {"application/json": body}},
        "responses": responses,
    }
    if route.description:
        operation["description"] = route.description
    if "{" in route.path:
        operation["parameters"] = [_path_parameter(route.path)]
    return operation


def _path_parameter(path: str) -> dict[str, Any]:
    name = path.partition("{")[2].partition("}")[0]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "schema": {"type": "string", "minLength": 1, "maxLength": 200},
    }


def _plain(schema: Mapping[str, Any]) -> dict[str, Any]:
    """msgspec leaves the type out of string enums; code generators want it."""
    done: dict[str, Any] = {}
    for key, value in schema.items():
        if isinstance(value, dict):
            done[key] = _plain(value)  # pyright: ignore[reportUnknownArgumentType]
        elif isinstance(value, list):
            done[key] = [_plain(item) if isinstance(item, dict) else item for item in value]  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        else:
            done[key] = value
    if "enum" in done and "type" not in done and isinstance(done["enum"], list):
        done["type"] = "string"
    return done
