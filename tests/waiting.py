"""Waiting for what a test cannot be told of: another process ending, a file appearing."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(
    check: Callable[[], T | Awaitable[T]], *, timeout: float = 10.0, step: float = 0.01
) -> T:
    """The first truthy answer of `check` (sync or async); AssertionError after `timeout` seconds."""
    deadline = time.monotonic() + timeout
    while True:
        answer = check()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {timeout} s: {getattr(check, '__name__', check)}; last answer {answer!r}"
            )
        await asyncio.sleep(step)


def eventually_sync(check: Callable[[], T], *, timeout: float = 10.0, step: float = 0.01) -> T:
    """As `eventually`, for a test without an event loop."""
    deadline = time.monotonic() + timeout
    never = threading.Event()
    while not (answer := check()):
        if time.monotonic() > deadline:
            raise AssertionError(
                f"not within {timeout} s: {getattr(check, '__name__', check)}; last answer {answer!r}"
            )
        never.wait(step)
    return answer
