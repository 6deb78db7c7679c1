"""Lists of dialects without pages: whole, quickly written, and honest about their bound."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from starlette.responses import Response


def whole_list(items: Sequence[msgspec.Struct], *, more: bool) -> Any:
    """The answer of an endpoint that declares a list of models of the same fields: thousands of them are
    written by msgspec in a fraction of the time. `more`: the bound cut the list."""
    headers = {"X-Has-More": "true"} if more else None
    return cast(Any, Response(msgspec.json.encode(items), headers=headers, media_type="application/json"))
