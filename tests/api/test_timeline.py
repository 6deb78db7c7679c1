"""Who worked on what when, over the API."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from muster.domain.retry import RetryPolicy
from muster.store.database import Store
from tests.api.asgi import Api
from tests.api.test_claims import claim, end, submit

LONG_AGO = "2026-01-01T00:00:00Z"


async def timeline(api: Api, since: str = LONG_AGO, more: str = "") -> dict[str, Any]:
    reply = await api.get(f"/api/v1/timeline?since={quote(since)}{more}")
    assert reply.status == 200, reply.json
    return reply.json


async def test_every_attempt_has_a_bar_and_every_wait_a_line(api: Api, store: Store) -> None:
    """OD-6"""
    again = RetryPolicy(max_attempts=2, base_seconds=0, jitter=0)
    first = await submit(store, "first", spec={"retry": again})
    second = await submit(store, "second", depends_on=(first,))
    (one,) = await claim(api)
    await end(api, one, "fail", code="exit_nonzero", message="no")
    (two,) = await claim(api, "bob", wait_seconds=5)
    await end(api, two)
    (three,) = await claim(api)
    found = await timeline(api)
    assert [(bar["title"], bar["number"], bar["state"], bar["agent_id"]) for bar in found["bars"]] == [
        ("first", 1, "failed", "ann"),
        ("first", 2, "succeeded", "bob"),
        ("second", 1, "running", "ann"),
    ]
    assert found["bars"][2]["ended_at"] is None
    assert found["bars"][2]["attempt_id"] == three["attempt_id"]
    assert (found["waits"], found["more"]) == ([{"before": first, "after": second}], False)


async def test_what_ended_before_is_left_out_and_so_are_other_projects(api: Api, store: Store) -> None:
    """OD-6"""
    await submit(store, "over")
    (over,) = await claim(api)
    await end(api, over)
    ended = (await timeline(api))["bars"][0]["ended_at"]
    assert (await timeline(api, "2099-01-01T00:00:00Z"))["bars"] == []
    assert len((await timeline(api, ended))["bars"]) == 1
    assert len((await timeline(api, LONG_AGO, "&project=default"))["bars"]) == 1
    assert (await api.get(f"/api/v1/timeline?since={LONG_AGO}&project=nowhere")).status == 404
    assert (await api.get("/api/v1/timeline")).status == 422
