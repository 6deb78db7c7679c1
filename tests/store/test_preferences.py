"""Preferences: written whole, and never over what another window wrote meanwhile."""

from __future__ import annotations

import asyncio

import pytest

from muster.commands.preferences import set_preferences
from muster.domain.errors import Conflict, InvalidInput
from muster.domain.preferences import LOCAL
from muster.projections.preferences import get_preferences
from muster.store.database import Store
from tests.store.events import log_of


async def test_preferences_are_kept_by_owner_and_counted(store: Store) -> None:
    """OD-21"""
    assert (await get_preferences(store, LOCAL)).version == 0
    await store.execute(set_preferences(LOCAL, 0, {"theme": "dark"}))
    second = await store.execute(set_preferences(LOCAL, 1, {"theme": "dark", "rail": True}))
    await store.execute(set_preferences("ada", 0, {"theme": "light"}))
    mine = await get_preferences(store, LOCAL)
    assert (mine.version, mine.values) == (2, {"theme": "dark", "rail": True})
    assert mine.updated_at == second.updated_at is not None
    assert (await get_preferences(store, "ada")).values == {"theme": "light"}


async def test_the_log_tells_the_names_and_not_the_values(store: Store) -> None:
    await store.execute(set_preferences(LOCAL, 0, {"theme": "dark"}))
    (told,) = await log_of(store, "preferences.set")
    assert told.data == '{"owner":"local","version":1,"names":["theme"]}'


async def test_an_older_version_does_not_overwrite_a_newer_one(store: Store) -> None:
    """OD-21: two windows"""
    await store.execute(set_preferences(LOCAL, 0, {"theme": "dark"}))
    with pytest.raises(Conflict, match="at version 1, not 0"):
        await store.execute(set_preferences(LOCAL, 0, {"theme": "light"}))
    assert (await get_preferences(store, LOCAL)).values == {"theme": "dark"}


async def test_of_two_that_write_at_once_one_is_refused(store: Store) -> None:
    """OD-21: two windows"""
    values = [{"theme": "dark"}, {"theme": "light"}]
    answers = await asyncio.gather(
        *(store.execute(set_preferences(LOCAL, 0, value)) for value in values), return_exceptions=True
    )
    assert sorted(isinstance(answer, Conflict) for answer in answers) == [False, True]


async def test_writing_the_same_again_changes_nothing(store: Store) -> None:
    await store.execute(set_preferences(LOCAL, 0, {"theme": "dark"}))
    again = await store.execute(set_preferences(LOCAL, 0, {"theme": "dark"}))
    assert again.version == 1
    assert len(await log_of(store, "preferences.set")) == 1


async def test_a_bad_name_is_refused_and_nothing_is_written(store: Store) -> None:
    with pytest.raises(InvalidInput):
        await store.execute(set_preferences(LOCAL, 0, {"No Name": 1}))
    assert (await get_preferences(store, LOCAL)).version == 0
