"""Versions of roles keep to the log, on both databases."""

from __future__ import annotations

from muster.commands.defaults import ensure_defaults
from muster.commands.roles import RoleEdit, delete_role, restore_role, set_role
from muster.domain.role import BUILT_IN, Role
from muster.projections.roles import get_version, list_roles, list_versions
from muster.store.database import Store
from tests.store.trust import tamper, verified

MENDER = Role(name="mender", system_prompt="You mend.", tools=("Read",))


async def test_versions_are_what_the_log_says(store: Store, database: str) -> None:
    """OD-5, OD-2"""
    await store.execute(ensure_defaults([]))
    assert await store.execute(set_role(MENDER, RoleEdit(by="ann"))) is True
    assert await store.execute(set_role(Role(name="mender"), RoleEdit(if_version=1))) is False
    await store.execute(restore_role("mender", 1))
    await store.execute(delete_role("mender"))
    assert await store.execute(restore_role("mender", 2, RoleEdit(by="bob", if_version=0))) is True
    page = await list_versions(store, "mender")
    assert [(entry.version.number, entry.words, entry.version.by) for entry in page.items] == [
        (4, "version 2 restored", "bob"),
        (3, "version 1 restored", ""),
        (2, "system prompt removed, tools", ""),
        (1, "made", "ann"),
    ]
    assert (await get_version(store, "mender", 1)).role == MENDER
    now = {version.role.name: version.number for version in await list_roles(store)}
    assert now == {role.name: 1 for role in BUILT_IN} | {"mender": 4}
    assert (await verified(database)).problems == []


async def test_a_version_that_says_something_else_than_the_log_is_found(store: Store, database: str) -> None:
    """OD-5, OD-2"""
    await store.execute(set_role(MENDER))
    await tamper(database, "UPDATE role_versions SET description = 'forged'")
    (problem,) = (await verified(database)).problems
    assert "version of a role mender 1: description is 'forged'" in problem
    await tamper(database, "DELETE FROM role_versions")
    (problem,) = (await verified(database)).problems
    assert "version of a role mender 1 is in the log, but has no row" in problem
