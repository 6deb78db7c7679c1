"""Preferences of whoever asks. Nobody signs in yet: everybody whom the server lets in shares `local`."""

from __future__ import annotations

from typing import Final

from muster.api.routing import Route
from muster.api.schemas import preferences as shapes
from muster.api.services import ServicesHere
from muster.api.times import iso
from muster.commands.preferences import set_preferences
from muster.domain.preferences import LOCAL, Preferences
from muster.projections.preferences import get_preferences as load_preferences


def _shape(found: Preferences) -> shapes.Preferences:
    changed = None if found.updated_at is None else iso(found.updated_at)
    return shapes.Preferences(version=found.version, values=dict(found.values), updated_at=changed)


async def get_preferences(services: ServicesHere) -> shapes.Preferences:
    """What you set for yourself in the web interface.

    Column widths, density, theme, keys, notifications, saved views. The server keeps them and does not look into them.
    """
    return _shape(await load_preferences(services.store, LOCAL))


async def put_preferences(services: ServicesHere, body: shapes.PreferencesFields) -> shapes.Preferences:
    """Put other preferences in their place.

    Refused when they were changed since the `version` that was read; read them anew and change what is there then.
    """
    return _shape(await services.store.execute(set_preferences(LOCAL, body.version, body.values)))


ROUTES: Final = (
    Route("GET", "/preferences", get_preferences),
    Route("PUT", "/preferences", put_preferences, (409,)),
)
