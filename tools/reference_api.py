"""docs/reference/openapi.json, api.md and errors.md: from the API and the errors themselves."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, cast

from muster.api.errors import HttpRefusal, status_of
from muster.api.native import create_native_app
from muster.api.services import ApiSettings, Services
from muster.domain import errors
from muster.domain.admission import WAITING_REASONS
from muster.domain.failure import FAILURES
from muster.store.database import Store
from muster.store.feed import Feed
from muster.store.notify import Signals

VERSION = "1"


class NoStore:
    """The document needs no database."""

    name = "none"

    def __init__(self) -> None:
        self.feed = Feed()
        self.signals = Signals()

    def now(self) -> int:
        return 0


def openapi_document() -> dict[str, Any]:
    """The API's document, made without a database."""

    services = Services(store=cast(Store, NoStore()), settings=ApiSettings(version=VERSION))
    return create_native_app(services).document()


ANSWERED = ("muster.domain.", "muster.commands.", "muster.api.routes.", "muster.vcs.merging")
"""Where errors are defined that calls are answered with; those of elsewhere are failure codes of attempts."""


def openapi_json() -> str:
    """docs/reference/openapi.json"""
    return json.dumps(openapi_document(), indent=1, ensure_ascii=False) + "\n"


def api_page() -> str:
    """docs/reference/api.md: every call in a line."""
    document = openapi_document()
    lines = [
        "# The native API",
        "",
        "Written by `make gen` from [openapi.json](openapi.json), which has every field, limit and example.",
        "How to call it, what errors mean: [errors.md](errors.md).",
        "",
    ]
    by_tag: dict[str, list[str]] = {}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            row = f"| `{method.upper()} {path}` | {operation['summary']} | {_answers(operation)} |"
            by_tag.setdefault(operation["tags"][0], []).append(row)
    for tag in document["tags"]:
        rows = by_tag.pop(tag["name"])
        lines += [f"## {tag['name']}", "", tag["description"], "", "| call | what it does | answers |"]
        lines += ["|---|---|---|", *rows, ""]
    if by_tag:
        raise ValueError(f"without a description in the document: {', '.join(by_tag)}")
    return "\n".join(lines)


def _answers(operation: Mapping[str, Any]) -> str:
    always = {"400", "401", "403", "413", "415", "422", "429", "500", "503"}
    return ", ".join(status for status in operation["responses"] if status not in always)


def errors_page() -> str:
    """docs/reference/errors.md: the shape of errors, and all codes."""

    rows = sorted(
        {
            (status_of(kind()), kind.code, " ".join((kind.__doc__ or "").split()))
            for kind in [*_subclasses(errors.MusterError, *ANSWERED), *_subclasses(HttpRefusal)]
            if kind not in (HttpRefusal, errors.MusterError)
        }
        | {(500, "internal_error", "Something went wrong in the server. The request id finds it in its log.")}
    )
    return "\n".join(
        [
            *_ERRORS_HEAD,
            *(f"| {status} | `{code}` | {_cell(words)} |" for status, code, words in rows),
            "",
            "## Failure codes",
            "",
            "Why an attempt failed, and what happens to its task. Also at `GET /api/v1/failure-codes`.",
            "",
            "| code | meaning | what happens next | counts |",
            "|---|---|---|---|",
            *(
                f"| `{entry.code}` | {_cell(entry.meaning)} | {_cell(entry.next_step)} | {'yes' if entry.counts else 'no'} |"
                for entry in FAILURES.values()
            ),
            "",
            "## Why tasks wait",
            "",
            "`waiting.code` of a task that is not running. Also at `GET /api/v1/waiting-reasons`.",
            "",
            "| code | meaning |",
            "|---|---|",
            *(f"| `{code}` | {_cell(words)} |" for code, words in WAITING_REASONS.items()),
            "",
        ]
    )


_ERRORS_HEAD = (
    "# Errors",
    "",
    "Written by `make gen`.",
    "",
    "Every refusal, of every dialect, has one shape:",
    "",
    "```json",
    '{"code": "lease_lost", "message": "Attempt att_... is not yours: ...", "details": {"attempt": "att_..."},',
    ' "request_id": "req_5f2a9c000017", "timestamp": "2026-01-31T09:30:00.000Z"}',
    "```",
    "",
    "`code` is for programs, `message` for people. A caller's own `X-Request-Id` is taken over when it is plain text",
    "of at most 128 characters; it is in every answer's header and in the server's log lines.",
    "",
    "- **400** the request cannot be read; **422** it can, but fields are missing, unknown, wrong or too many:",
    "  `details.errors` is a list of `{field, problem}` (or `details` itself has `field` and `problem`).",
    "- **404** there is no such thing. An id that cannot be one (wrong prefix, wrong length) is an unknown id: 404, not 422.",
    "- **409** the change does not fit the present state. Nothing was changed.",
    "- **429** and **503** come with `Retry-After`; the same request may be sent again.",
    "- A NUL character, a lone surrogate, NaN, Infinity, an integer beyond 64 bits, an unknown field, an unknown query",
    "  parameter or one given twice is refused everywhere. Bodies: 1 MiB (bulk and output 16 MiB), nesting 32.",
    "",
    "In the messages below `{...}` stands for a value.",
    "",
    "| status | code | message |",
    "|---|---|---|",
)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _subclasses(kind: type[Any], *places: str) -> list[type[Any]]:
    """Of modules whose names begin with one of the places; without any, of all."""
    found: list[type[Any]] = []
    for sub in kind.__subclasses__():
        if not places or sub.__module__.startswith(places):
            found.append(sub)
        found += _subclasses(sub, *places)
    return found
