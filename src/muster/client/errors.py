"""What can go wrong with a call, as the caller sees it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from muster.domain.errors import Category, MusterError


class Unreachable(MusterError):
    """No muster server answers at {address}: {problem}. Start one with 'muster up', or name another with --url."""

    code = "unreachable"
    category = Category.UNAVAILABLE


class BadAnswer(MusterError):
    """{address} answered with something that is not muster's: {problem}"""

    code = "bad_answer"
    category = Category.UNAVAILABLE


class ApiError(MusterError):
    """The server refused a call: HTTP `status`, muster's `code`, its message and details, and the request's id."""

    def __init__(
        self, status: int, code: str, message: str, details: Mapping[str, Any], request_id: str | None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details = details
        self.request_id = request_id
        self.category = _category(status)

    @property
    def fenced(self) -> bool:
        """The lease is not the caller's any more: nothing was changed and nothing will be."""
        return self.status in {404, 409, 410}


def _category(status: int) -> Category:
    match status:
        case 401:
            return Category.UNAUTHENTICATED
        case 403:
            return Category.FORBIDDEN
        case 404 | 410:
            return Category.NOT_FOUND
        case 409:
            return Category.CONFLICT
        case 413:
            return Category.TOO_LARGE
        case 429:
            return Category.LIMITED
        case _:
            return Category.UNAVAILABLE if status >= 500 else Category.INVALID
