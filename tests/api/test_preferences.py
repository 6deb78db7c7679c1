"""Preferences over the API (OD-21)."""

from __future__ import annotations

from tests.api.asgi import Api

PATH = "/api/v1/preferences"


async def test_preferences_are_empty_until_somebody_sets_some(api: Api) -> None:
    answer = await api.get(PATH)
    assert (answer.status, answer.json) == (200, {"version": 0, "values": {}, "updated_at": None})


async def test_what_is_put_is_read_again(api: Api) -> None:
    """OD-21"""
    values = {
        "theme": "dark",
        "keys": {"help": ["h"]},
        "views.tasks": [{"name": "Mine", "search": "state=failed"}],
    }
    put = await api.put(PATH, {"version": 0, "values": values})
    assert (put.status, put.json["version"], put.json["values"]) == (200, 1, values)
    assert (await api.get(PATH)).json == put.json


async def test_a_window_that_read_earlier_is_refused_and_told_of_the_present_version(api: Api) -> None:
    """OD-21: two windows"""
    await api.put(PATH, {"version": 0, "values": {"theme": "dark"}})
    late = await api.put(PATH, {"version": 0, "values": {"theme": "light"}})
    assert (late.status, late.json["code"], late.json["details"]["version"]) == (409, "conflict", 1)


async def test_too_much_and_badly_named_is_refused(api: Api) -> None:
    large = await api.put(PATH, {"version": 0, "values": {"views": "x" * 40_000}})
    assert (large.status, large.json["code"]) == (413, "too_large")
    named = await api.put(PATH, {"version": 0, "values": {"No name": 1}})
    assert (named.status, named.json["code"]) == (422, "invalid_input")
    assert (await api.get(PATH)).json["version"] == 0
