"""Work sessions: what they carry to their tasks."""

from __future__ import annotations

from muster.commands.sessions import create_session, edit_session
from muster.domain.session import Session
from muster.store.database import Store
from tests.store.working import Place


async def test_a_claim_brings_along_what_the_session_carries_by_then(store: Store) -> None:
    """SQ-2"""
    place = await Place.at(store)
    session = await store.execute(create_session(Session(name="s", context="early")))
    await place.submit(session_id=session)
    await place.submit()
    await store.execute(edit_session(session, {"context": "Jitter comes last."}))
    claimed = [await place.claim() for _ in range(2)]
    assert [one.context for one in claimed if one] == ["Jitter comes last.", ""]
